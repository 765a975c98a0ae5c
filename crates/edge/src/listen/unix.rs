//! Unix sockets: made under another name, given mode and owner, and put in place whole; given others where they stand.

use socket2::{Domain, SockAddr, Socket, Type};
use std::fs::Metadata;
use std::io;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, PermissionsExt as _, chown};
use std::path::{Path, PathBuf};
use tokio::net::UnixListener;

/// Who may connect to a unix socket.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct UnixAccess {
    /// The file mode, as in `0o660`; by default the umask's.
    pub mode: Option<u32>,
    /// `user`, `user:group` or `:group`, by name or number.
    pub owner: Option<String>,
}

/// The file of a socket of our own making. It goes away with this, unless another has taken its place.
#[derive(Debug)]
pub struct SocketFile {
    path: PathBuf,
    /// As it was made, before it got mode and owner.
    made: Metadata,
}

impl SocketFile {
    /// Whether the file at the path is still this one.
    pub(super) fn is_there(&self) -> bool {
        let there = std::fs::symlink_metadata(&self.path);
        there.is_ok_and(|there| (there.dev(), there.ino()) == (self.made.dev(), self.made.ino()))
    }

    /// Whose the program is, as far as files tell.
    pub(crate) fn maker(&self) -> u32 {
        self.made.uid()
    }

    /// Gives it the mode and owner that it would have been made with.
    pub(super) fn give(&self, access: &UnixAccess) -> io::Result<()> {
        if !self.is_there() {
            return Err(io::Error::new(
                io::ErrorKind::NotFound,
                "the socket is not there any more",
            ));
        }
        give(&self.path, &self.made, access)
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        if self.is_there() {
            // Best effort: a socket left behind is replaced by whoever listens there next.
            drop(std::fs::remove_file(&self.path));
        }
    }
}

/// A unix socket at `path`. It is made under another name, given its mode and owner, and then renamed: nobody connects
/// before that, and a socket left behind is replaced, unless somebody listens on it.
pub(crate) fn bind_unix(path: &Path, access: &UnixAccess) -> io::Result<(UnixListener, SocketFile)> {
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
                "somebody listens on this socket",
            ));
        }
    }
    let temporary = path.with_extension(format!("binding.{}", std::process::id()));
    drop(std::fs::remove_file(&temporary));
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    socket.set_nonblocking(true)?;
    socket.bind(&SockAddr::unix(&temporary)?)?;
    let made = || {
        let made = std::fs::symlink_metadata(&temporary)?;
        give(&temporary, &made, access)?;
        socket.listen(super::bind::WAITING)?;
        std::fs::rename(&temporary, path)?;
        Ok(made)
    };
    let made = made().inspect_err(|_: &io::Error| drop(std::fs::remove_file(&temporary)))?;
    let file = SocketFile {
        path: path.to_owned(),
        made,
    };
    Ok((UnixListener::from_std(socket.into())?, file))
}

/// Gives the file at `path` mode and owner; where `access` says nothing, those of `made`.
fn give(path: &Path, made: &Metadata, access: &UnixAccess) -> io::Result<()> {
    let (user, group) = access.owner.as_deref().map_or(Ok((None, None)), ids)?;
    let told = |what: &str, error: &io::Error| io::Error::new(error.kind(), format!("{what}: {error}"));
    let (user, group) = (user.unwrap_or(made.uid()), group.unwrap_or(made.gid()));
    chown(path, Some(user), Some(group)).map_err(|error| told("its owner cannot be changed", &error))?;
    let mode = access.mode.unwrap_or(made.mode() & 0o777);
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode))
        .map_err(|error| told("its mode cannot be changed", &error))
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
