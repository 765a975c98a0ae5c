//! jwtauthrequest's JSON becomes our TOML, with a word on every option: kept, bettered or dropped.
//!
//! `theirs` reads the JSON as their program does, `client` writes one of its clients as `[token.NAME]` and `[[route]]`,
//! `keys` says where that table's keys come from. Nothing here touches files: what is to be written is handed back.

use countersign_core::secret::Secret;
pub use remark::{Remark, Verdict};
use std::collections::{BTreeMap, BTreeSet};
use std::net::{Ipv4Addr, SocketAddr};
use text::quoted;
use theirs::{Client, Theirs};
use url::Url;

mod client;
mod keys;
mod remark;
mod text;
mod theirs;

/// Where theirs listens when nothing is said, as in the sample of its own documentation.
const PORT: &str = ":8081";

/// What is different for every client, whatever its options say.
const FOR_ALL: [(Verdict, &str); 6] = [
    (
        Verdict::Kept,
        "answers are 200 or 403 and nothing else (`challenge = \"403\"`); for 401 with WWW-Authenticate, which lets nginx and \
         clients ask for a login, write `challenge = \"401\"` into the routes",
    ),
    (
        Verdict::Bettered,
        "tokens without `exp` are refused from now on: theirs took them for ever where `exp` was not required",
    ),
    (
        Verdict::Bettered,
        "tokens without a subject (`sub`) are refused from now on",
    ),
    (
        Verdict::Bettered,
        "claims of the wrong type (`exp` as a string, `aud` as a number) are refused from now on; `aud` may be an array",
    ),
    (
        Verdict::Bettered,
        "60 s of clock skew are allowed (`leeway`); theirs had none",
    ),
    (
        Verdict::Bettered,
        "a 200 carries identity headers (X-Auth-Subject and others), which nginx passes on with auth_request_set",
    ),
];

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
    pub report: Vec<Remark>,
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
    /// The issuers whose tokens are judged by the keys of --jwks.
    jwks_issuers: BTreeSet<String>,
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
    for unknown in theirs.unknown {
        let to_do = Remark {
            what: "find out what it does there; it is not in this configuration".to_owned(),
            ..unknown.clone()
        };
        import.leave_to_do(&to_do.to_string());
        import.done.report.push(unknown);
    }
    import.listen(theirs.listen_port);
    if theirs.clients.is_empty() {
        import.leave_to_do("`clients` is empty: nobody could ever enter");
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

    /// A word on an option of all their configuration.
    fn tell(&mut self, verdict: Verdict, option: &str, what: impl Into<String>) {
        self.done.report.push(Remark {
            verdict,
            client: None,
            option: Some(option.to_owned()),
            what: what.into(),
        });
    }

    /// A word on an option of one client.
    fn tell_of(&mut self, client: &Client, verdict: Verdict, option: &str, what: impl Into<String>) {
        self.done.report.push(Remark {
            verdict,
            client: Some(client.label.clone()),
            option: Some(option.to_owned()),
            what: what.into(),
        });
    }

    /// One line: what their JSON calls a client may hold anything.
    fn leave_to_do(&mut self, what: &str) {
        self.done.missing.push(what.replace(['\n', '\r'], " "));
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
            let what = format!("it was {theirs}; this listens on {listen}, as asked");
            self.tell(Verdict::Bettered, "listen-port", what);
            return listen.clone();
        }
        let port = theirs.strip_prefix(':').and_then(|port| port.parse::<u16>().ok());
        if let Some(port) = port {
            let here = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
            let what = format!(
                "{theirs} listens on every address; this on {here} only (--listen ADDRESS says otherwise)"
            );
            self.tell(Verdict::Bettered, "listen-port", what);
            return here.to_string();
        }
        let address = theirs.replace("localhost:", "127.0.0.1:");
        if address.parse::<SocketAddr>().is_ok() {
            self.tell(Verdict::Kept, "listen-port", address.clone());
        } else {
            self.leave_to_do(&format!(
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
                "every client names its own, so neither this nor what --from-token says is needed",
            ),
            (
                "--audience",
                self.wishes.audience.is_some() && !self.used.audience,
                "every client names its own, so neither this nor what --from-token says is needed",
            ),
        ];
        for (option, is_unused, why) in unused {
            if is_unused {
                self.tell(Verdict::Dropped, option, why);
            }
        }
        if self.used.jwks_issuers.len() > 1 {
            let issuers = self
                .used
                .jwks_issuers
                .iter()
                .cloned()
                .collect::<Vec<_>>()
                .join(", ");
            self.leave_to_do(&format!(
                "--jwks: several issuers would share these keys ({issuers}), and each could sign for the others; import \
                 without it, and write `jwk_set_url` into the table whose keys they are"
            ));
        }
        for (verdict, what) in FOR_ALL {
            self.done.report.push(Remark {
                verdict,
                client: None,
                option: None,
                what: what.to_owned(),
            });
        }
    }
}
