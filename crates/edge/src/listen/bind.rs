//! Binding: TCP, unix sockets with mode and owner, and sockets that systemd hands over.

use super::Address;
use countersign_core::peer::Peer;
use listenfd::ListenFd;
use std::collections::HashMap;
use std::fmt;
use std::io;
use std::os::unix::fs::{FileTypeExt as _, PermissionsExt as _, chown};
use std::path::{Path, PathBuf};
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};

/// Who may connect to a unix socket.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct UnixAccess {
    /// The file mode, as in `0o660`; by default the umask's.
    pub mode: Option<u32>,
    /// `user`, `user:group` or `:group`, by name or number.
    pub owner: Option<String>,
}

/// A socket that accepts.
#[derive(Debug)]
pub enum Listener {
    /// TCP.
    Tcp(TcpListener),
    /// A unix socket; a path of our own making goes away with it.
    Unix(UnixListener, Option<PathBuf>),
}

#[derive(Debug)]
pub(crate) enum Stream {
    Tcp(TcpStream),
    Unix(UnixStream),
}

/// The sockets systemd handed over, by name.
#[derive(Default)]
pub struct SystemdSockets {
    places: HashMap<String, usize>,
    sockets: Option<ListenFd>,
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
        }
    }

    fn listener(&mut self, name: &str) -> io::Result<Listener> {
        let missing = || {
            io::Error::new(
                io::ErrorKind::NotFound,
                "systemd handed over no socket of this name",
            )
        };
        let place = *self.places.get(name).ok_or_else(missing)?;
        let sockets = self.sockets.as_mut().ok_or_else(missing)?;
        if let Ok(Some(listener)) = sockets.take_tcp_listener(place) {
            listener.set_nonblocking(true)?;
            return Ok(Listener::Tcp(TcpListener::from_std(listener)?));
        }
        let listener = sockets.take_unix_listener(place)?.ok_or_else(missing)?;
        listener.set_nonblocking(true)?;
        Ok(Listener::Unix(UnixListener::from_std(listener)?, None))
    }
}

impl Listener {
    /// Listens on `address`. Needs a runtime around it.
    pub fn bind(address: &Address, access: &UnixAccess, systemd: &mut SystemdSockets) -> io::Result<Self> {
        match address {
            Address::Tcp(address) => {
                let listener = std::net::TcpListener::bind(address)?;
                listener.set_nonblocking(true)?;
                Ok(Self::Tcp(TcpListener::from_std(listener)?))
            }
            Address::Unix(path) => Ok(Self::Unix(bind_unix(path, access)?, Some(path.clone()))),
            Address::Systemd(name) => systemd.listener(name),
        }
    }

    /// The TCP address that was bound, with the port that was chosen for port 0.
    pub fn tcp_address(&self) -> Option<std::net::SocketAddr> {
        match self {
            Self::Tcp(listener) => listener.local_addr().ok(),
            Self::Unix(..) => None,
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

impl Drop for Listener {
    fn drop(&mut self) {
        if let Self::Unix(_, Some(path)) = self {
            // Best effort: a socket left behind is replaced at the next start.
            drop(std::fs::remove_file(path));
        }
    }
}

/// A unix socket at `path`. It is made under another name, given its mode and owner, and then renamed: nobody connects
/// before that, and a socket left behind is replaced, unless somebody listens on it.
pub(crate) fn bind_unix(path: &Path, access: &UnixAccess) -> io::Result<UnixListener> {
    if let Ok(there) = std::fs::symlink_metadata(path) {
        if !there.file_type().is_socket() {
            return Err(io::Error::new(
                io::ErrorKind::AlreadyExists,
                "a file that is no socket is in the way",
            ));
        }
        if std::os::unix::net::UnixStream::connect(path).is_ok() {
            return Err(io::Error::new(
                io::ErrorKind::AddrInUse,
                "another program listens on this socket",
            ));
        }
    }
    let temporary = path.with_extension(format!("binding.{}", std::process::id()));
    drop(std::fs::remove_file(&temporary));
    let listener = std::os::unix::net::UnixListener::bind(&temporary)?;
    let made = || {
        if let Some(owner) = &access.owner {
            let (user, group) = ids(owner)?;
            chown(&temporary, user, group)?;
        }
        if let Some(mode) = access.mode {
            std::fs::set_permissions(&temporary, std::fs::Permissions::from_mode(mode))?;
        }
        std::fs::rename(&temporary, path)
    };
    if let Err(error) = made() {
        drop(std::fs::remove_file(&temporary));
        return Err(error);
    }
    listener.set_nonblocking(true)?;
    UnixListener::from_std(listener)
}

/// The numbers of `user:group`.
fn ids(owner: &str) -> io::Result<(Option<u32>, Option<u32>)> {
    let (user, group) = owner.split_once(':').unwrap_or((owner, ""));
    let id = |name: &str, table: &str| match name {
        "" => Ok(None),
        name => name.parse().map(Some).or_else(|_| look_up(name, table).map(Some)),
    };
    Ok((id(user, "/etc/passwd")?, id(group, "/etc/group")?))
}

/// The number of `name` in a table of `name:password:number:…` lines.
fn look_up(name: &str, table: &str) -> io::Result<u32> {
    let lines = std::fs::read(table)?;
    let lines = String::from_utf8_lossy(&lines).into_owned();
    let mut fields = lines.lines().map(|line| line.split(':').collect::<Vec<_>>());
    let found = fields.find_map(|fields| match fields.as_slice() {
        [own, _, number, ..] if *own == name => number.parse().ok(),
        _ => None,
    });
    found.ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, format!("no {name:?} in {table}")))
}

#[cfg(test)]
mod tests;
