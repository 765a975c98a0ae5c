//! Binding: TCP, unix sockets, and sockets that systemd hands over.

use super::Address;
use super::unix::{SocketFile, UnixAccess, bind_unix};
use countersign_core::peer::Peer;
use listenfd::ListenFd;
use socket2::{Domain, SockRef, Socket, Type};
use std::collections::HashMap;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};

/// How many connections may wait to be accepted, where the system allows as many: a proxy opens hundreds at once.
pub(super) const WAITING: i32 = 4096;

/// A socket that accepts.
#[derive(Debug)]
pub enum Listener {
    /// TCP.
    Tcp(TcpListener),
    /// A unix socket; a file of our own making goes away with it.
    Unix(UnixListener, Option<SocketFile>),
}

#[derive(Debug)]
pub(crate) enum Stream {
    Tcp(TcpStream),
    Unix(UnixStream),
}

/// The sockets systemd handed over, by name. One that is listened on stays here too, so that a later configuration
/// finds it again.
#[derive(Default)]
pub struct SystemdSockets {
    places: HashMap<String, usize>,
    sockets: Option<ListenFd>,
    taken: HashMap<String, Taken>,
}

/// A socket that was listened on once.
enum Taken {
    Tcp(std::net::TcpListener),
    Unix(std::os::unix::net::UnixListener),
}

impl Taken {
    fn listener(&self) -> io::Result<Listener> {
        match self {
            Self::Tcp(socket) => {
                let socket = socket.try_clone()?;
                socket.set_nonblocking(true)?;
                Ok(Listener::Tcp(TcpListener::from_std(socket)?))
            }
            Self::Unix(socket) => {
                let socket = socket.try_clone()?;
                socket.set_nonblocking(true)?;
                Ok(Listener::Unix(UnixListener::from_std(socket)?, None))
            }
        }
    }
}

impl fmt::Debug for SystemdSockets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SystemdSockets({:?})", self.places)
    }
}

impl SystemdSockets {
    /// Takes the sockets of the environment; `names` is `$LISTEN_FDNAMES`. To be called before threads start.
    pub fn take(names: &str) -> Self {
        let places = names
            .split(':')
            .enumerate()
            .map(|(place, name)| (name.to_owned(), place))
            .collect();
        Self {
            places,
            sockets: Some(ListenFd::from_env()),
            taken: HashMap::new(),
        }
    }

    fn listener(&mut self, name: &str) -> io::Result<Listener> {
        if let Some(taken) = self.taken.get(name) {
            return taken.listener();
        }
        let missing = || {
            io::Error::new(
                io::ErrorKind::NotFound,
                "systemd handed over no socket of this name",
            )
        };
        let place = *self.places.get(name).ok_or_else(missing)?;
        let sockets = self.sockets.as_mut().ok_or_else(missing)?;
        let taken = match sockets.take_tcp_listener(place) {
            Ok(Some(socket)) => Taken::Tcp(socket),
            Ok(None) | Err(_) => Taken::Unix(sockets.take_unix_listener(place)?.ok_or_else(missing)?),
        };
        let listener = taken.listener();
        drop(self.taken.insert(name.to_owned(), taken));
        listener
    }
}

impl Listener {
    /// Listens on `address`. Needs a runtime around it. A socket of `leaving` whose addresses and these overlap
    /// (`127.0.0.1:80` and `0.0.0.0:80`) is not in the way: it is about to be closed.
    pub fn bind(
        address: &Address,
        access: &UnixAccess,
        systemd: &mut SystemdSockets,
        leaving: &[&Self],
    ) -> io::Result<Self> {
        match address {
            Address::Tcp(address) => bind_beside(*address, leaving).map(Self::Tcp),
            Address::Unix(path) => {
                let (listener, file) = bind_unix(path, access)?;
                Ok(Self::Unix(listener, Some(file)))
            }
            Address::Systemd(name) => systemd.listener(name),
        }
    }

    /// The TCP address that was bound, with the port that was chosen for port 0.
    pub fn tcp_address(&self) -> Option<SocketAddr> {
        match self {
            Self::Tcp(listener) => listener.local_addr().ok(),
            Self::Unix(..) => None,
        }
    }

    /// Whether whoever connects to its address still finds this socket: the file of a unix socket can be removed.
    pub fn is_there(&self) -> bool {
        match self {
            Self::Tcp(_) | Self::Unix(_, None) => true,
            Self::Unix(_, Some(file)) => file.is_there(),
        }
    }

    /// Gives a unix socket of our own making another mode and owner, where it stands.
    pub fn give(&self, access: &UnixAccess) -> io::Result<()> {
        match self {
            Self::Tcp(_) | Self::Unix(_, None) => Ok(()),
            Self::Unix(_, Some(file)) => file.give(access),
        }
    }

    pub(super) async fn accept(&self) -> io::Result<(Stream, Peer)> {
        match self {
            Self::Tcp(listener) => {
                let (stream, address) = listener.accept().await?;
                Ok((Stream::Tcp(stream), Peer::at(address.ip())))
            }
            Self::Unix(listener, _) => {
                let (stream, _) = listener.accept().await?;
                Ok((Stream::Unix(stream), Peer::unix()))
            }
        }
    }
}

/// Listens on `address`, also beside those of `leaving` that hold its port: for a moment they let it be shared.
fn bind_beside(address: SocketAddr, leaving: &[&Listener]) -> io::Result<TcpListener> {
    let holders = leaving.iter().filter_map(|listener| match listener {
        Listener::Tcp(held) => Some(held),
        Listener::Unix(..) => None,
    });
    let same_port = |held: &&TcpListener| held.local_addr().is_ok_and(|at| at.port() == address.port());
    let holders = holders.filter(same_port).collect::<Vec<_>>();
    for held in &holders {
        SockRef::from(*held).set_reuse_port(true)?;
    }
    let bound = bind_tcp(address, !holders.is_empty());
    for held in &holders {
        // It has been set a moment ago.
        drop(SockRef::from(*held).set_reuse_port(false));
    }
    bound
}

fn bind_tcp(address: SocketAddr, shared: bool) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
    socket.set_nonblocking(true)?;
    // So that a restart need not wait for the connections of the process before to be forgotten.
    socket.set_reuse_address(true)?;
    if shared {
        socket.set_reuse_port(true)?;
    }
    if address.is_ipv6() && address.ip().is_unspecified() {
        // Every address, also IPv4's, whatever the system's setting.
        socket.set_only_v6(false)?;
    }
    socket.bind(&address.into())?;
    socket.listen(WAITING)?;
    if shared {
        socket.set_reuse_port(false)?;
    }
    TcpListener::from_std(socket.into())
}

#[cfg(test)]
mod tests;
