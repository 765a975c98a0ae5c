//! Who ends TLS in the examples for logins and for certificates.

use crate::fronts::{caddy, copy, gateway, nginx, own_bodies, traefik};
use crate::process::{Folder, Process, repository, until_open};
use std::net::SocketAddr;
use std::path::PathBuf;

/// Who ends TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Nginx,
    Caddy,
    Traefik,
    /// The gateway itself.
    Standalone,
}

impl Kind {
    pub(crate) const ALL: [Self; 4] = [Self::Nginx, Self::Caddy, Self::Traefik, Self::Standalone];

    /// Copies the example for `what` (`login` or `certificates`) into `folder`, with every occurrence of each string replaced.
    pub(crate) fn copy(self, what: &str, folder: &Folder, replace: &[(&str, String)]) {
        let from = match self {
            Self::Nginx => format!("nginx/{what}"),
            Self::Caddy => format!("caddy/{what}"),
            Self::Traefik => format!("traefik/{what}"),
            Self::Standalone => "standalone".to_owned(),
        };
        copy(&repository().join("examples").join(from), &folder.0, replace);
        if self == Self::Nginx {
            own_bodies(&folder.0.join("nginx.conf"));
        }
    }

    /// The gateway's configuration in a copy of the example for `what`.
    pub(crate) fn configuration(self, what: &str, folder: &Folder) -> PathBuf {
        folder.0.join(match self {
            Self::Nginx | Self::Caddy | Self::Traefik => "countersign.toml".to_owned(),
            Self::Standalone => format!("{what}.toml"),
        })
    }

    /// The gateway of the example for `what`, which listens at `own`.
    pub(crate) fn gateway(self, what: &str, folder: &Folder, own: SocketAddr) -> Process {
        let configuration = self.configuration(what, folder);
        let mut gateway = gateway(&configuration, &folder.0.join("state"));
        until_open(&mut gateway, own);
        gateway
    }

    /// The program in front, which listens at `secure`; none where the gateway is it.
    pub(crate) fn front(self, folder: &Folder, secure: SocketAddr) -> Option<Process> {
        let (name, mut command) = match self {
            Self::Nginx => ("nginx", nginx(&folder.0, "nginx.conf")),
            Self::Caddy => ("caddy", caddy(&folder.0)),
            Self::Traefik => ("traefik", traefik()),
            Self::Standalone => return None,
        };
        let mut front = Process::start(name, command.current_dir(&folder.0));
        until_open(&mut front, secure);
        Some(front)
    }
}
