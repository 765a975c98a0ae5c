//! Shapes to meaning: core types, built once. Everything that can be wrong is told, each at its place.

use super::diagnostic::Diagnostic;
use super::identity;
use super::route::{self, Surroundings};
use super::shape::Document;
use countersign_authn::anonymous::Anonymous;
use countersign_authn::kinds::{KINDS, Parts};
use countersign_core::authn::Authenticator;
use countersign_core::options::{Fault, Values};
use countersign_core::peer::TrustedPeers;
use countersign_core::route::RouteTable;
use countersign_edge::gateway::Gateway;
use countersign_edge::integration::{self, Integration};
use countersign_edge::listen::{Address, Limits, UnixAccess};
use countersign_edge::log::Format;
use http::HeaderName;
use std::sync::Arc;
use std::time::Duration;

/// The shortest secret that a proxy in front may share with us, in bytes.
const MIN_PEER_SECRET_BYTES: usize = 16;

/// One listener, checked.
#[derive(Clone, Debug)]
pub struct Listen {
    /// Where.
    pub address: Address,
    /// Who may connect, on a unix socket.
    pub access: UnixAccess,
    /// The dialect's name.
    pub speak: String,
    /// The dialect.
    pub integration: Arc<dyn Integration>,
}

/// How lines are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogSettings {
    /// Human or JSON.
    pub format: Format,
    /// Whether single requests have lines.
    pub decisions: bool,
}

/// A configuration, whole and checked.
#[derive(Debug)]
pub struct Loaded {
    /// The rules.
    pub gateway: Gateway,
    /// The sockets.
    pub listeners: Vec<Listen>,
    /// The status listener.
    pub status: Option<Address>,
    /// The log.
    pub log: LogSettings,
    /// What connections may cost.
    pub limits: Limits,
    /// What the operator should know.
    pub warnings: Vec<Diagnostic>,
}

/// An authenticator that was declared; `None` when its own table has faults.
pub(super) type Declared = Vec<(Arc<str>, Option<Arc<dyn Authenticator>>)>;

/// Checks the meaning of `document`. Errors and warnings come in one list, `warnings`; with an error in it this is no
/// configuration.
pub(crate) fn check(document: &Document, parts: &Parts) -> Loaded {
    let mut told = Vec::new();
    let listeners = listeners(document, &mut told);
    let declared = authenticators(document, parts, &mut told);
    let speaks = listeners
        .iter()
        .map(|listen| listen.speak.as_str())
        .collect::<Vec<_>>();
    let identity = identity::collect(document, &speaks, &mut told);
    let surroundings = Surroundings {
        document,
        declared: &declared,
        identity: &identity,
        speaks: &speaks,
    };
    let routes = route::build(&surroundings, &mut told);
    let built = routes
        .iter()
        .map(|(_, route)| Arc::clone(route))
        .collect::<Vec<_>>();
    let table = RouteTable::new(&built).unwrap_or_else(|equals| {
        for equal in equals {
            let (first, second) = equal.routes;
            let name = built.get(first).map_or("", |route| &route.name);
            let place = routes.get(second).and_then(|(way, _)| document.key_place(way));
            let message = format!(
                "no request can tell this route from `{name}`: both govern {}",
                equal.at
            );
            told.push(Diagnostic::error(place, message).help("join the two, or let their `methods` differ"));
        }
        RouteTable::default()
    });
    let status = status(document, &mut told);
    let (log, limits) = (log(&document.values), limits(&document.values));
    let faces = listeners
        .iter()
        .map(|listen| Arc::clone(&listen.integration))
        .collect();
    let gateway = Gateway {
        routes: table,
        identity: Arc::clone(&identity.set),
        faces,
        generation: 0,
    };
    Loaded {
        gateway,
        listeners,
        status,
        log,
        limits,
        warnings: told,
    }
}

/// Faults at fields below `way`, as messages at their places.
pub(super) fn tell(document: &Document, way: &[String], faults: Vec<Fault>, told: &mut Vec<Diagnostic>) {
    for fault in faults {
        let at = way.iter().cloned().chain(fault.at).collect::<Vec<_>>();
        told.push(Diagnostic {
            help: fault.help,
            ..Diagnostic::error(document.place(&at), fault.message)
        });
    }
}

/// Of a table with a fault of shape: what is wrong with the keys that are sound. The others have been told about.
pub(super) fn about_what_is_there(values: &Values, faults: Vec<Fault>) -> Vec<Fault> {
    faults
        .into_iter()
        .filter(|fault| fault.at.first().is_some_and(|key| values.has(key)))
        .collect()
}

fn authenticators(document: &Document, parts: &Parts, told: &mut Vec<Diagnostic>) -> Declared {
    let anonymous: Arc<dyn Authenticator> = Arc::new(Anonymous::new());
    let mut declared: Declared = vec![(Arc::clone(anonymous.name()), Some(anonymous))];
    for kind in KINDS {
        for (name, values) in document.values.named(kind.table) {
            let way = [kind.table.to_owned(), name.clone()];
            let full: Arc<str> = format!("{}.{name}", kind.table).into();
            let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
            if name.is_empty() || !name.bytes().all(plain) {
                let message = format!("`{name}` cannot name a table: letters, digits, `-` and `_` can");
                told.push(Diagnostic::error(document.key_place(&way), message));
            }
            let faulty = document.is_faulty(&[kind.table, name]);
            match (kind.build)(name, values, parts) {
                Ok(_) if faulty => declared.push((full, None)),
                Err(faults) if faulty => {
                    tell(document, &way, about_what_is_there(values, faults), told);
                    declared.push((full, None));
                }
                Ok(built) => {
                    let warn =
                        |warning| Diagnostic::warning(document.key_place(&way), format!("{full}: {warning}"));
                    told.extend(built.warnings.into_iter().map(warn));
                    declared.push((full, Some(built.authenticator)));
                }
                Err(faults) => {
                    tell(document, &way, faults, told);
                    declared.push((full, None));
                }
            }
        }
    }
    declared
}

fn listeners(document: &Document, told: &mut Vec<Diagnostic>) -> Vec<Listen> {
    let mut listeners: Vec<Listen> = Vec::new();
    for (index, values) in document.values.tables("listen").iter().enumerate() {
        let way = vec!["listen".to_owned(), index.to_string()];
        let faulty = document.is_faulty(&["listen", &index.to_string()]);
        match listen(values, told, document, &way) {
            Ok(_) if faulty => {}
            Err(faults) if faulty => tell(document, &way, about_what_is_there(values, faults), told),
            Ok(listen) if listeners.iter().any(|other| other.address == listen.address) => {
                let fault = Fault::new(
                    "address",
                    format!("another listener has {} already", listen.address),
                );
                tell(document, &way, vec![fault], told);
            }
            Ok(listen) => listeners.push(listen),
            Err(faults) => tell(document, &way, faults, told),
        }
    }
    listeners
}

fn listen(
    values: &Values,
    told: &mut Vec<Diagnostic>,
    document: &Document,
    way: &[String],
) -> Result<Listen, Vec<Fault>> {
    let mut faults = Vec::new();
    let speak = values.text("speak").unwrap_or("").to_owned();
    let trusted = trusted(values, &mut faults);
    let address = Address::parse(values.text("address").unwrap_or(""))
        .map_err(|error| Fault::new("address", error.to_string()));
    let access = access(values, &mut faults);
    let address = match address {
        Ok(address) => Some(address),
        Err(fault) => {
            faults.push(fault);
            None
        }
    };
    let is_unix = matches!(address, Some(Address::Unix(_)));
    for name in ["mode", "owner"] {
        if values.has(name) && address.is_some() && !is_unix {
            faults.push(Fault::new(name, format!("`{name}` is for unix sockets only")));
        }
    }
    let asked_for_another = matches!(speak.as_str(), "auth-request" | "forward-auth");
    if asked_for_another && trusted.is_empty() {
        let help = if is_unix {
            "trusted_peers = [\"unix\"]"
        } else {
            "trusted_peers = [\"127.0.0.1\"]: the proxy's own address"
        };
        let message =
            "nobody may ask here: `trusted_peers` names no peer that may tell about the original request";
        faults.push(Fault::new("trusted_peers", message).help(help));
    }
    if speak == "check" && !trusted.is_empty() {
        let message = "`check` reads no original request: `trusted_peers` has no effect here";
        told.push(Diagnostic::warning(
            document.place(&[way, &["trusted_peers".to_owned()]].concat()),
            message,
        ));
    }
    if speak == "reverse-proxy" && address.as_ref().is_some_and(|address| !address.is_local()) {
        let message =
            "a listener that forwards binds loopback only, for now: it speaks HTTP/1.1 in the clear";
        faults.push(
            Fault::new("address", message)
                .help("127.0.0.1, [::1] or unix:/path; put a proxy that speaks TLS in front"),
        );
    }
    match (address, integration::by_name(&speak, trusted)) {
        (Some(address), Some(integration)) if faults.is_empty() => Ok(Listen {
            address,
            access,
            speak,
            integration,
        }),
        _ => Err(faults),
    }
}

fn trusted(values: &Values, faults: &mut Vec<Fault>) -> TrustedPeers {
    let mut trusted = TrustedPeers::parse(values.texts("trusted_peers")).unwrap_or_else(|error| {
        faults.push(Fault::new("trusted_peers", error.to_string()));
        TrustedPeers::default()
    });
    let Some(secret) = values.table("trusted_secret") else {
        return trusted;
    };
    let at = |fault: Fault| fault.within("trusted_secret");
    let name = secret.text("header").unwrap_or("").parse::<HeaderName>();
    let value = secret.secret("value");
    match (name, value) {
        (Ok(name), Some(value)) if value.expose().len() >= MIN_PEER_SECRET_BYTES => {
            trusted = trusted.with_secret(name, value.clone());
        }
        (Err(_), _) => faults.push(at(Fault::new("header", "not a header name"))),
        (Ok(_), _) => faults.push(at(
            Fault::new("value", "shorter than 16 bytes").help("openssl rand -hex 16")
        )),
    }
    trusted
}

fn access(values: &Values, faults: &mut Vec<Fault>) -> UnixAccess {
    let mode = values.text("mode").and_then(|text| {
        let mode = u32::from_str_radix(text, 8).ok().filter(|mode| *mode <= 0o777);
        if mode.is_none() {
            faults.push(Fault::new("mode", "not a file mode in octal").help("mode = \"0660\""));
        }
        mode
    });
    UnixAccess {
        mode,
        owner: values.text("owner").map(str::to_owned),
    }
}

fn status(document: &Document, told: &mut Vec<Diagnostic>) -> Option<Address> {
    let text = document.values.table("status")?.text("address")?;
    match Address::parse(text) {
        Ok(address) => Some(address),
        Err(error) => {
            let way = ["status".to_owned(), "address".to_owned()];
            told.push(Diagnostic::error(document.place(&way), error.to_string()));
            None
        }
    }
}

fn log(values: &Values) -> LogSettings {
    let table = values.table("log");
    let is = |name: &str, word: &str| table.and_then(|table| table.text(name)) == Some(word);
    let format = if is("format", "json") {
        Format::Json
    } else {
        Format::Human
    };
    LogSettings {
        format,
        decisions: !is("level", "events"),
    }
}

fn limits(values: &Values) -> Limits {
    let standard = Limits::default();
    let Some(table) = values.table("limits") else {
        return standard;
    };
    let duration = |name: &str, otherwise: Duration| table.duration(name).unwrap_or(otherwise);
    Limits {
        connections: table
            .integer("connections")
            .and_then(|n| usize::try_from(n).ok())
            .unwrap_or(standard.connections),
        head: duration("head", standard.head),
        idle: duration("idle", standard.idle),
        drain: duration("drain", standard.drain),
    }
}
