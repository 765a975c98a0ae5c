//! From a configuration to sockets that are ready to be put in force: everything that can fail.

use super::{Face, Serves, Sockets};
use crate::compose::{Listen, Loaded};
use crate::config::diagnostic::{Diagnostic, Place};
use countersign_edge::listen::{Address, Listener, UnixAccess};
use std::io;
use std::sync::Arc;

/// A socket that a configuration wants.
#[derive(Debug)]
pub(super) struct Wanted {
    pub(super) address: Address,
    pub(super) access: UnixAccess,
    pub(super) serves: Serves,
    place: Option<Place>,
    access_place: Option<Place>,
}

/// Where a wanted socket comes from.
#[derive(Debug)]
pub(super) enum Source {
    /// It is open, at this place of the list.
    Open(usize),
    New(Arc<Listener>),
}

/// The sockets of a configuration, ready to be put in force. Dropped instead, it closes what was bound for it.
#[derive(Debug)]
pub(in crate::run) struct Change(pub(super) Vec<(Wanted, Source)>);

impl Sockets {
    /// Does all that can fail, and tells all that does: binds what is missing and gives unix sockets their modes and
    /// owners. After a failure everything is as it was.
    pub(in crate::run) fn prepare(&mut self, loaded: &Loaded) -> Result<Change, Vec<Diagnostic>> {
        let mut free = (0..self.open.len()).collect::<Vec<_>>();
        let wanted = self.wanted(loaded).into_iter().map(|wanted| {
            let fits = |index: &usize| {
                let open = self.open.get(*index);
                open.is_some_and(|open| open.address == wanted.address && open.listener.is_there())
            };
            let found = free.iter().position(fits);
            let found = found.map(|at| free.remove(at));
            (wanted, found)
        });
        let wanted = wanted.collect::<Vec<_>>();
        let leaving = free.iter().filter_map(|index| self.open.get(*index));
        let leaving = leaving.map(|open| &*open.listener).collect::<Vec<_>>();
        let (mut ready, mut told) = (Vec::new(), Vec::new());
        for (wanted, found) in wanted {
            let source = match found {
                Some(index) => Ok(Source::Open(index)),
                None => Listener::bind(&wanted.address, &wanted.access, &mut self.systemd, &leaving)
                    .map(|listener| Source::New(Arc::new(listener))),
            };
            match source {
                Ok(source) => ready.push((wanted, source)),
                Err(error) => told.push(cannot_listen(&wanted, &error)),
            }
        }
        if told.is_empty() {
            told.extend(self.give(&ready).err());
        }
        if told.is_empty() {
            let faces = ready.iter().filter_map(|(wanted, _)| wanted.serves.face());
            self.next = faces.map(|face| face.number + 1).fold(self.next, usize::max);
            Ok(Change(ready))
        } else {
            Err(told)
        }
    }

    /// What `loaded` wants. Each face has a number of its own, for the case that it is new.
    fn wanted(&self, loaded: &Loaded) -> Vec<Wanted> {
        let listeners = loaded.listeners.iter().zip(self.next..).map(|(listen, number)| {
            let how = listen.face();
            let Listen {
                address,
                access,
                speak,
                place,
                access_place,
                ..
            } = listen.clone();
            Wanted {
                address,
                access,
                serves: Serves::Decisions(Face {
                    number,
                    speaks: speak,
                    how,
                }),
                place,
                access_place,
            }
        });
        let status = loaded.status.iter().map(|status| Wanted {
            address: status.address.clone(),
            access: UnixAccess::default(),
            serves: Serves::Status,
            place: status.place.clone(),
            access_place: None,
        });
        listeners.chain(status).collect()
    }

    /// Gives unix sockets that stay the mode and owner that are wanted, all or none.
    fn give(&self, ready: &[(Wanted, Source)]) -> Result<(), Diagnostic> {
        let kept = ready.iter().filter_map(|(wanted, source)| match source {
            Source::Open(index) => Some((wanted, self.open.get(*index)?)),
            Source::New(_) => None,
        });
        let changed = kept
            .filter(|(wanted, open)| wanted.access != open.access)
            .collect::<Vec<_>>();
        for (done, (wanted, open)) in changed.iter().enumerate() {
            if let Err(error) = open.listener.give(&wanted.access) {
                for (_, open) in changed.iter().take(done + 1) {
                    // It had them before.
                    drop(open.listener.give(&open.access));
                }
                let place = wanted.access_place.clone().or(wanted.place.clone());
                let message = format!("{}: {error}", wanted.address);
                return Err(Diagnostic::error(place, message));
            }
        }
        Ok(())
    }
}

fn cannot_listen(wanted: &Wanted, error: &io::Error) -> Diagnostic {
    let address = &wanted.address;
    let message = format!("cannot listen on {address}: {error}");
    let help = match (address, error.kind()) {
        (Address::Systemd(name), _) => format!(
            "systemd hands sockets over at the start alone: FileDescriptorName={name} in a .socket unit, and a restart"
        ),
        (Address::Tcp(_), io::ErrorKind::AddrInUse) => {
            format!("another program has the port; `ss -ltnp` names it, or write another than {address}")
        }
        (Address::Tcp(_), io::ErrorKind::PermissionDenied) => {
            "ports below 1024 take CAP_NET_BIND_SERVICE, or let systemd make the socket: address = \"systemd:NAME\""
                .to_owned()
        }
        (Address::Tcp(_), io::ErrorKind::AddrNotAvailable) => {
            "no interface of this machine has this address; `ip address` lists them".to_owned()
        }
        (Address::Unix(_), io::ErrorKind::AddrInUse) => {
            "another program listens there; `ss -lxp` names it, or write another path".to_owned()
        }
        (Address::Tcp(_) | Address::Unix(_), _) => {
            "the folder of a unix socket must be there and writable to the gateway; a TCP address must be this machine's"
                .to_owned()
        }
    };
    Diagnostic::error(wanted.place.clone(), message).help(help)
}
