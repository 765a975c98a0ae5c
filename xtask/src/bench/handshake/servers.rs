//! The two servers, and the client that asks them.

use crate::bench::measure::{LOAD_CORE, Server};
use crate::bench::servers::Bench;
use crate::handshakes::pki::{HOST, PATH, Pki};
use crate::{Failure, gateway, say};
use std::process::{Command, Stdio};

/// How many certificates a long list revokes.
pub(super) const REVOKED: usize = 100_000;

/// A server under measurement, and its port.
pub(super) struct Peer {
    pub(super) server: Server,
    pub(super) port: u16,
}

/// Writes what both servers need, and says which nginx and which OpenSSL it is.
pub(super) fn prepare(bench: &Bench) -> Result<Pki, Failure> {
    let pki = Pki::new();
    pki.write(&bench.folder)?;
    let told = Command::new("nginx").arg("-V").output()?.stderr;
    let told = String::from_utf8_lossy(&told).into_owned();
    for line in told
        .lines()
        .filter(|line| line.starts_with("nginx version") || line.starts_with("built with "))
    {
        say(line);
    }
    Ok(pki)
}

/// nginx: TLS with X25519, no tickets and no sessions, every client's certificate verified; `lists` where revocation is
/// checked.
pub(super) fn nginx(bench: &Bench, name: &str, port: u16, lists: Option<&str>) -> Result<Peer, Failure> {
    let folder = bench.folder.display();
    let lists = lists.map(|file| format!("    ssl_crl {folder}/{file};\n"));
    let tls = format!(
        "    server_name {HOST};\n    ssl_certificate {folder}/server.pem;\n    ssl_certificate_key {folder}/server.key;\n    \
         ssl_protocols TLSv1.2 TLSv1.3;\n    ssl_ecdh_curve X25519:prime256v1;\n    ssl_session_tickets off;\n    ssl_session_cache off;\n    \
         ssl_verify_client on;\n    ssl_verify_depth 2;\n    ssl_client_certificate {folder}/root.pem;\n{}    \
         location = {PATH} {{\n      add_header X-Auth-Subject $ssl_client_s_dn;\n      return 204;\n    }}",
        lists.unwrap_or_default()
    );
    let server = bench.nginx(name, &format!("{port} ssl"), "  keepalive_timeout 600s;", &tls)?;
    Ok(Peer { server, port })
}

/// Countersign: the same, no sessions either, as an endpoint that names the client.
pub(super) fn countersign(
    bench: &Bench,
    name: &str,
    port: u16,
    lists: Option<&str>,
) -> Result<Peer, Failure> {
    let lists = lists.map(|file| format!("crls = [\"{file}\"]\n"));
    let text = format!(
        "config = 1\n[log]\nlevel = \"events\"\n[limits]\nidle = \"10m\"\n[[listen]]\naddress = \"127.0.0.1:{port}\"\nspeak = \"check\"\n\
         [listen.tls]\nresumption = false\n[[listen.host]]\nnames = [\"{HOST}\"]\ncertificate = \"server.pem\"\nkey = {{ file = \"server.key\" }}\n\
         client_certificates = {{ mode = \"required\", by = [\"certificate.bench\"] }}\n\
         [certificate.bench]\nauthorities = [\"root.pem\"]\n{}\
         [identity_headers]\npreset = \"none\"\n[identity_headers.add]\nX-Auth-Subject = \"subject\"\n\
         [[route]]\nendpoint = [\"{PATH}\"]\naccept = [\"certificate.bench\"]\n",
        lists.unwrap_or_default()
    );
    let config = bench.write(&format!("{name}.toml"), &text)?;
    let state = bench.folder.join(format!("{name}.state"));
    std::fs::create_dir_all(&state)?;
    let command = [
        gateway::program().display().to_string(),
        "run".into(),
        "--config".into(),
        config.display().to_string(),
        "--state".into(),
        state.display().to_string(),
    ];
    let log = bench.folder.join(format!("{name}.log"));
    let server = Server::start(name, command.to_vec(), &log, port)?;
    Ok(Peer { server, port })
}

/// The client as a process on the load's core.
pub(super) fn client(words: &[&str]) -> Result<Command, Failure> {
    let mut command = Command::new("taskset");
    command.args(["-c", LOAD_CORE]).arg(std::env::current_exe()?);
    command.arg("handshakes").args(words);
    command.stdin(Stdio::null()).stdout(Stdio::piped());
    Ok(command)
}

/// What the client printed of many exchanges.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Exchanges {
    pub(super) count: f64,
    pub(super) seconds: f64,
    pub(super) p50_milliseconds: f64,
    pub(super) p99_milliseconds: f64,
    pub(super) slowest_milliseconds: f64,
}

impl Exchanges {
    /// Reads the line.
    pub(super) fn read(text: &str) -> Result<Self, Failure> {
        let figures = text.trim().split('\t').map(str::parse::<f64>);
        match figures.collect::<Result<Vec<_>, _>>()?.as_slice() {
            [count, seconds, p50, p99, slowest] if *count > 0.0 => Ok(Self {
                count: *count,
                seconds: *seconds,
                p50_milliseconds: *p50,
                p99_milliseconds: *p99,
                slowest_milliseconds: *slowest,
            }),
            _ => Err(format!("the client printed {text:?}").into()),
        }
    }

    /// Runs the client to its end.
    pub(super) fn run(words: &[&str]) -> Result<Self, Failure> {
        let output = client(words)?.output()?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        if !output.status.success() {
            return Err(format!("{}: {text}", words.join(" ")).into());
        }
        Self::read(&text)
    }
}

#[cfg(test)]
mod tests {
    use super::Exchanges;

    #[test]
    fn the_client_says_five_figures_and_some_exchanges() {
        let read = |text: &str| Exchanges::read(text).map_err(|failure| failure.to_string());
        let expected = Exchanges {
            count: 3000.0,
            seconds: 2.0,
            p50_milliseconds: 1.5,
            p99_milliseconds: 4.0,
            slowest_milliseconds: 9.0,
        };
        assert_eq!(read("3000\t2\t1.5\t4\t9\n"), Ok(expected));
        assert!(read("0\t2\tNaN\tNaN\tNaN\n").is_err());
        assert!(read("xtask: the server hung up\n").is_err());
    }
}
