//! Where the documentation is followed: what the page tells the reader to have, on addresses that are free.

use super::session::Place;
use crate::fronts::{Kind, configured_issuer, copy, tls_port};
use crate::issuer::{API, Issuer};
use crate::process::{Folder, Process, free_addresses, repository, until_open};
use crate::provider::{Provider, SECRET};
use crate::upstream::Upstream;
use serde_json::json;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A section that is followed.
#[derive(Debug)]
pub(super) struct Followed {
    pub(super) page: &'static str,
    pub(super) heading: &'static str,
    pub(super) place: fn() -> Place,
}

/// All of them.
pub(super) const FOLLOWED: [Followed; 11] = [
    Followed {
        page: "README.md",
        heading: "Five minutes to a protected page",
        place: beside_nginx,
    },
    Followed {
        page: "docs/certificates.md",
        heading: "An authority in five minutes",
        place: beside_nginx,
    },
    Followed {
        page: "examples/nginx/README.md",
        heading: "Try it here",
        place: || example(Kind::Nginx),
    },
    Followed {
        page: "examples/nginx/certificates/README.md",
        heading: "Try it here",
        place: || certificates("nginx/certificates"),
    },
    Followed {
        page: "examples/nginx/login/README.md",
        heading: "Try it here",
        place: || logins("nginx/login"),
    },
    Followed {
        page: "examples/sso/README.md",
        heading: "Beside nginx",
        place: || certificates("sso/nginx"),
    },
    Followed {
        page: "examples/standalone/README.md",
        heading: "With certificates",
        place: || certificates("standalone"),
    },
    Followed {
        page: "examples/standalone/README.md",
        heading: "People who log in",
        place: || logins("standalone"),
    },
    Followed {
        page: "examples/caddy/README.md",
        heading: "Try it here",
        place: || example(Kind::Caddy),
    },
    Followed {
        page: "examples/traefik/README.md",
        heading: "Try it here",
        place: || example(Kind::Traefik),
    },
    Followed {
        page: "examples/standalone/README.md",
        heading: "Standing alone",
        place: || example(Kind::Standalone),
    },
];

/// What nginx's package comes with, as far as it matters: a main file that takes in conf.d, and relative paths that
/// begin at its folder.
const NGINX: &str = "error_log stderr;\npid nginx.pid;\nevents {}\nhttp {\n    access_log off;\n    include conf.d/*.conf;\n}\n";

/// An application, and free addresses in place of those that the pages name.
fn place() -> Place {
    let folder = Folder::new();
    let [front, secure, asked] = free_addresses();
    let application = Upstream::start().address;
    let port = |there: u16, here: u16| (format!(":{there}"), format!(":{here}"));
    let state = folder.0.join("state").display().to_string();
    let place = Place {
        replace: vec![
            port(8080, front.port()),
            port(8443, secure.port()),
            ("[8443]".to_owned(), format!("[{}]", secure.port())),
            port(9180, asked.port()),
            port(9000, application.port()),
            tls_port(secure),
            ("/tmp/countersign".to_owned(), state),
        ],
        variables: Vec::new(),
        running: Vec::new(),
        folder,
    };
    let program = env!("CARGO_BIN_EXE_countersign");
    place.program("countersign", &format!("exec {program} \"$@\""));
    place
}

/// A machine with nginx running by its own configuration, an application, and this repository.
fn beside_nginx() -> Place {
    let mut place = place();
    let folder = place.folder.0.clone();
    let nginx = folder.join("etc/nginx");
    place
        .replace
        .push(("/etc/nginx".to_owned(), nginx.display().to_string()));
    std::os::unix::fs::symlink(repository().join("examples"), folder.join("examples")).unwrap();
    place.write("/etc/nginx/nginx.conf", NGINX);
    // Something has to listen before the reader comes, so that it is seen when nginx runs.
    let [own] = free_addresses();
    place.write(
        "/etc/nginx/conf.d/own.conf",
        &format!("server {{ listen {own}; }}\n"),
    );
    let script = format!(
        "exec {} -p {} -c nginx.conf \"$@\"",
        found("nginx").display(),
        nginx.display()
    );
    place.program("nginx", &script);
    let mut command = Command::new("nginx");
    command
        .arg("-p")
        .arg(&nginx)
        .args(["-c", "nginx.conf", "-g", "daemon off;"]);
    let mut process = Process::start("nginx", &mut command);
    until_open(&mut process, own);
    place.running.push(process);
    place
}

/// The folder of an example, and a token that its issuer gave.
fn example(kind: Kind) -> Place {
    let mut place = place();
    let issuer = Issuer::shared();
    let replaced = place.replace.iter();
    let mut replace = replaced
        .map(|(there, here)| (there.as_str(), here.clone()))
        .collect::<Vec<_>>();
    replace.push(("issuer     = \"https://op.example\"", configured_issuer(issuer)));
    let from = repository().join("examples").join(kind.folder());
    copy(&from, &place.folder.0, &replace);
    for name in ["caddy", "traefik"] {
        let tool = repository().join(".tools/bin").join(name);
        place.program(name, &format!("exec {} \"$@\"", tool.display()));
    }
    let home = place.folder.0.display().to_string();
    // Caddy keeps its own files below these.
    for name in ["HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME"] {
        place.variables.push((name, home.clone()));
    }
    place.variables.push(("TOKEN", issuer.token("ann", API)));
    place
}

/// The folder of an example for certificates, and no certificate yet.
fn certificates(folder: &str) -> Place {
    let place = place();
    let replaced = place.replace.iter();
    let replace = replaced
        .map(|(there, here)| (there.as_str(), here.clone()))
        .collect::<Vec<_>>();
    let from = repository().join("examples").join(folder);
    copy(&from, &place.folder.0, &replace);
    place
}

/// The folder of an example for logins, a provider, and the secret of the client there.
fn logins(folder: &str) -> Place {
    let mut place = place();
    let provider = Provider::start(&place.here("https://app.test:8443"), &json!({}));
    let replaced = place.replace.iter();
    let mut replace = replaced
        .map(|(there, here)| (there.as_str(), here.clone()))
        .collect::<Vec<_>>();
    replace.push((
        "issuer        = \"https://op.example\"",
        format!("issuer = \"{}\"\ndanger_allow_http = true", provider.url),
    ));
    let from = repository().join("examples").join(folder);
    copy(&from, &place.folder.0, &replace);
    place.variables.push(("SECRET", SECRET.to_owned()));
    place.running.push(provider.process);
    place
}

/// Where a program of the machine is.
fn found(program: &str) -> PathBuf {
    let path = std::env::var_os("PATH").unwrap();
    let mut paths = std::env::split_paths(&path).map(|folder| folder.join(program));
    paths
        .find(|path| Path::is_file(path))
        .unwrap_or_else(|| panic!("{program} is missing: run `cargo xtask tools`"))
}
