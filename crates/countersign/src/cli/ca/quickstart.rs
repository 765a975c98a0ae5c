//! All at once: an authority, a server, a client with its bundle, and how to try them.

use super::folder::Folder;
use super::init;
use super::written::{PUBLIC, SECRET};
use super::{Place, day, now};
use crate::ca::{Party, Quick, Quickstart, Role};
use crate::output::Output;
use countersign_edge::system::OsEntropy;
use serde_json::json;
use std::path::PathBuf;

/// What to make.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Args {
    #[command(flatten)]
    place: Place,
    /// What the authority is called.
    #[arg(long, default_value = "Countersign")]
    name: String,
    /// What clients call the server by; as often as needed.
    #[arg(long, value_name = "NAME", default_values = ["localhost", "127.0.0.1", "::1"])]
    server: Vec<String>,
    /// The client: an e-mail address, a URI, or a name in words.
    #[arg(long, value_name = "NAME", default_value = "me")]
    client: String,
    /// One JSON object: the files, the password of the bundle, and the lines to try.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &Args, out: &mut Output) -> Result<(), String> {
    let folder = Folder(args.place.folder.clone());
    init::refuse_another(&folder)?;
    let wish = Quick {
        name: &args.name,
        server: &args.server,
        client: std::slice::from_ref(&args.client),
    };
    let made = Quickstart::make(&wish, now(), &OsEntropy::new());
    let mut made = made.map_err(|error| error.to_string())?;
    let file = |party: &Party, ending: &str| {
        folder
            .issued()
            .join(format!("{}.{ending}", party.issued.record.file))
    };
    let keys = [made.server.key.to_pem(), made.client.key.to_pem()];
    let [server_key, client_key] = keys.each_ref().map(|key| key.expose().as_bytes());
    let further = [
        (file(&made.server, "key"), server_key, SECRET),
        (
            file(&made.server, "crt"),
            made.server.issued.chain.as_bytes(),
            PUBLIC,
        ),
        (file(&made.client, "key"), client_key, SECRET),
        (
            file(&made.client, "crt"),
            made.client.issued.chain.as_bytes(),
            PUBLIC,
        ),
        (file(&made.client, "p12"), made.bundle.as_slice(), SECRET),
    ];
    let written = init::put(&folder, &mut made.authority, None, &further)?;
    let lines = Lines::new(&folder, &made);
    if args.json {
        let written = written.iter().map(|path| path.display().to_string());
        let report = json!({
            "written": written.collect::<Vec<_>>(),
            "password": made.password.expose(),
            "server": lines.server,
            "curl": lines.curl,
            "curl_without": lines.without,
        });
        out.line(&report.to_string());
    } else {
        tell(&made, &written, &lines, out);
    }
    Ok(())
}

/// What to try.
struct Lines {
    server: String,
    curl: String,
    without: String,
}

impl Lines {
    fn new(folder: &Folder, made: &Quickstart) -> Self {
        let word = |path: PathBuf| super::quoted(&path.display().to_string());
        let file = |party: &Party, ending: &str| {
            word(
                folder
                    .issued()
                    .join(format!("{}.{ending}", party.issued.record.file)),
            )
        };
        let (server, client) = (&made.server, &made.client);
        let name = server
            .issued
            .record
            .names
            .first()
            .map_or("localhost", String::as_str);
        let address = format!("https://{name}:8443/");
        // Elsewhere than on this machine nobody knows the name yet.
        let resolve = match name {
            "localhost" | "127.0.0.1" => String::new(),
            other => format!(" --connect-to {other}:8443:127.0.0.1:8443"),
        };
        let root = word(folder.certificate(Role::Root));
        let curl = format!("curl --cacert {root}{resolve}");
        Self {
            server: format!(
                "openssl s_server -accept 127.0.0.1:8443 -www -cert {} -key {} -cert_chain {} -CAfile {} -Verify 2 \
                 -verify_return_error",
                file(server, "crt"),
                file(server, "key"),
                word(folder.certificate(Role::Intermediate)),
                word(folder.authorities()),
            ),
            without: format!("{curl} {address}"),
            curl: format!(
                "{curl} --cert {} --key {} {address}",
                file(client, "crt"),
                file(client, "key")
            ),
        }
    }
}

fn tell(made: &Quickstart, written: &[PathBuf], lines: &Lines, out: &mut Output) {
    for role in [Role::Root, Role::Intermediate] {
        let until = made
            .authority
            .index
            .current(role)
            .map_or(0, |record| record.not_after);
        out.line(&format!("{}, until {}", made.authority.subject(role), day(until)));
    }
    for party in [&made.server, &made.client] {
        let record = &party.issued.record;
        let (kind, names) = (record.kind.word(), record.names.join(", "));
        out.line(&format!("{kind} {names}, until {}", day(record.not_after)));
    }
    for path in written {
        out.line(&format!("written: {}", path.display()));
    }
    out.line(&format!(
        "password of the .p12, shown this once: {}",
        made.password.expose()
    ));
    out.line("");
    out.line("Try it with OpenSSL's server in one terminal,");
    out.line(&format!("  {}", lines.server));
    out.line("and in another, first with the client's certificate, then without:");
    out.line(&format!("  {}", lines.curl));
    out.line(&format!("  {}", lines.without));
}
