//! jwtauthrequest's JSON becomes our TOML, with a word on every option: kept, bettered or dropped.
//!
//! `theirs` reads the JSON as their program does, `client` writes one of its clients as `[token.NAME]` and `[[route]]`,
//! `keys` says where that table's keys come from. Nothing here touches files: what is to be written is handed back.

use countersign_core::secret::Secret;
use std::collections::{BTreeMap, BTreeSet};
use std::net::{Ipv4Addr, SocketAddr};
use text::quoted;
use theirs::Theirs;
use url::Url;

mod client;
mod keys;
mod text;
mod theirs;

/// Where theirs listens when nothing is said, as in the sample of its own documentation.
const PORT: &str = ":8081";

/// What the command line adds to the JSON.
#[derive(Clone, Debug, Default)]
pub struct Wishes {
    /// Where to listen, instead of the JSON's port on loopback.
    pub listen: Option<String>,
    /// Where the keys are, instead of discovery at the issuer.
    pub jwks: Option<Url>,
    /// The issuer of clients that name none.
    pub issuer: Option<String>,
    /// The audience of clients that name none.
    pub audience: Option<String>,
    /// Whether tokens in the query go on being taken.
    pub query_token: bool,
}

/// What came of it.
#[derive(Debug, Default)]
pub struct Imported {
    /// Our configuration.
    pub toml: String,
    /// HMAC secrets, each with the name of the file the configuration reads it from.
    pub secrets: Vec<(String, Secret<Vec<u8>>)>,
    /// A word on every option.
    pub report: Vec<String>,
    /// What must be mended before this can be run; empty when nothing must.
    pub missing: Vec<String>,
}

/// The work under way.
struct Import<'w> {
    wishes: &'w Wishes,
    done: Imported,
    /// The tables written so far.
    tables: BTreeSet<String>,
    /// The names of routes written so far.
    routes: BTreeSet<String>,
    /// Which client answers at which path.
    endpoints: BTreeMap<String, String>,
    /// Which wishes were of use.
    used: Used,
}

#[derive(Default)]
struct Used {
    jwks: bool,
    issuer: bool,
    audience: bool,
}

/// Imports the JSON text `json`. Fails when it is no such configuration at all.
pub fn import(json: &[u8], wishes: &Wishes) -> Result<Imported, String> {
    let theirs = Theirs::read(json)?;
    let mut import = Import {
        wishes,
        done: Imported::default(),
        tables: BTreeSet::new(),
        routes: BTreeSet::new(),
        endpoints: BTreeMap::new(),
        used: Used::default(),
    };
    import.write("# Written by `countersign import jwtauthrequest`.");
    import.write("config = 1");
    import.done.missing.extend(theirs.faults);
    for name in theirs.unknown {
        import.tell(
            "unknown",
            &format!("{name} is no option known here; it was left out"),
        );
        import.leave_to_do(format!(
            "{name}: find out what it does there; it is not in this configuration"
        ));
    }
    import.listen(theirs.listen_port);
    if theirs.clients.is_empty() {
        import.leave_to_do("`clients` is empty: nobody could ever enter".to_owned());
    }
    for client in &theirs.clients {
        import.client(client);
    }
    import.close();
    Ok(import.done)
}

impl Import<'_> {
    fn write(&mut self, line: &str) {
        self.done.toml.push_str(line);
        self.done.toml.push('\n');
    }

    fn tell(&mut self, verdict: &str, what: &str) {
        self.done.report.push(format!("{verdict}: {what}"));
    }

    fn leave_to_do(&mut self, what: String) {
        self.done.missing.push(what);
    }

    fn listen(&mut self, port: Option<String>) {
        let address = self.address(port);
        self.write("\n[[listen]]");
        self.write(&format!("address = {}", quoted(&address)));
        self.write("speak   = \"check\"");
    }

    fn address(&mut self, port: Option<String>) -> String {
        let theirs = port.unwrap_or_else(|| PORT.to_owned());
        if let Some(listen) = &self.wishes.listen {
            self.tell(
                "bettered",
                &format!("`listen-port` {theirs}: listens on {listen}, as asked"),
            );
            return listen.clone();
        }
        let port = theirs.strip_prefix(':').and_then(|port| port.parse::<u16>().ok());
        if let Some(port) = port {
            let here = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
            self.tell(
                "bettered",
                &format!("`listen-port` {theirs} listens on every address; this on {here} only (--listen ADDRESS says otherwise)"),
            );
            return here.to_string();
        }
        let address = theirs.replace("localhost:", "127.0.0.1:");
        if address.parse::<SocketAddr>().is_ok() {
            self.tell("kept", &format!("`listen-port` {address}"));
        } else {
            self.leave_to_do(format!(
                "`listen-port` {theirs:?} is no address here; give --listen 127.0.0.1:8081"
            ));
        }
        address
    }

    /// What is true of all clients.
    fn close(&mut self) {
        let unused = [
            (
                "--jwks",
                self.wishes.jwks.is_some() && !self.used.jwks,
                "no client takes keys from a URL",
            ),
            (
                "--issuer",
                self.wishes.issuer.is_some() && !self.used.issuer,
                "every client names its own",
            ),
            (
                "--audience",
                self.wishes.audience.is_some() && !self.used.audience,
                "every client names its own",
            ),
        ];
        for (option, is_unused, why) in unused {
            if is_unused {
                self.tell("dropped", &format!("{option}: {why}"));
            }
        }
        for (verdict, what) in [
            (
                "kept",
                "answers are 200 or 403 and nothing else (`challenge = \"403\"`); for 401 with WWW-Authenticate, which lets \
                 nginx and clients ask for a login, write `challenge = \"401\"` into the routes",
            ),
            (
                "bettered",
                "tokens without `exp` are refused from now on: theirs took them for ever where `exp` was not required",
            ),
            (
                "bettered",
                "tokens without a subject (`sub`) are refused from now on",
            ),
            (
                "bettered",
                "claims of the wrong type (`exp` as a string, `aud` as a number) are refused from now on; `aud` may be an array",
            ),
            (
                "bettered",
                "60 s of clock skew are allowed (`leeway`); theirs had none",
            ),
            (
                "bettered",
                "a 200 carries identity headers (X-Auth-Subject and others), which nginx passes on with auth_request_set",
            ),
        ] {
            self.tell(verdict, what);
        }
    }
}
