//! Shapes to meaning: core types, built once. Everything that can be wrong is told, each at its place.

use super::certificates;
use super::diagnostic::Diagnostic;
use super::identity::{self, tokens};
use super::lacking;
use super::listen::{self, Listen, StatusListen};
use super::login::{Beside, mix_up};
use super::pages;
use super::public_ports::public_ports;
use super::route::{self, Surroundings};
use super::session::{self, SessionPlan};
use super::shape::Document;
use super::source::Environment;
use super::sso;
use countersign_authn::anonymous::Anonymous;
use countersign_authn::keys::Offline;
use countersign_authn::kinds::{KINDS, Parts};
use countersign_authn::login::cookies::Cookies;
use countersign_authn::login::{self, Login, Logins, site};
use countersign_authn::provider as own_provider;
use countersign_authn::token_cache::{CacheLimits, TokenCache};
use countersign_core::authn::Authenticator;
use countersign_core::certificate::CertificateJudge;
use countersign_core::credential_place::CredentialPlace;
use countersign_core::options::{Fault, Values};
use countersign_core::route::RouteTable;
use countersign_edge::gateway::{Faces, Gateway};
use countersign_edge::listen::Limits;
use countersign_edge::log::Format;
use countersign_edge::rate::{RateLimits, Rates};
use countersign_edge::revocation_lists::RevocationLists;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

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
    /// The rules. Their faces come with the sockets.
    pub gateway: Gateway,
    /// The sockets.
    pub listeners: Vec<Listen>,
    /// The status listener.
    pub status: Option<StatusListen>,
    /// The log.
    pub log: LogSettings,
    /// What connections may cost.
    pub limits: Limits,
    /// Where its tokens are remembered.
    pub tokens: Arc<TokenCache>,
    /// Everybody who judges client certificates.
    pub judges: Vec<Arc<dyn CertificateJudge>>,
    /// How sessions are kept.
    pub session: SessionPlan,
    /// What the operator should know.
    pub warnings: Vec<Diagnostic>,
}

/// An authenticator that was declared; `None` when its own table has faults.
pub(super) type Declared = Vec<(Arc<str>, Option<Arc<dyn Authenticator>>)>;

/// Checks the meaning of `document`. Errors and warnings come in one list, `warnings`; with an error in it this is no
/// configuration.
pub(crate) fn check(document: &Document, environment: &Environment, parts: &Parts) -> Loaded {
    let mut told = Vec::new();
    let parts = Parts {
        cookie: session::cookie(&document.values),
        sends_tokens: !tokens::sent(&document.values).is_empty(),
        public_ports: public_ports(document, &mut told),
        ..parts.clone()
    };
    let mut logins = Vec::new();
    let declared = authenticators(document, &parts, &mut logins, &mut told);
    let judges = certificates::all_judges(document, &declared, &mut told);
    let listeners = listen::listeners(document, &declared, &mut told);
    let identity = identity::collect(document, &listeners, &declared, &mut told);
    let own_cookies = own_cookies(document);
    let surroundings = Surroundings {
        document,
        declared: &declared,
        identity: &identity,
        listeners: &listeners,
        own_cookies: &own_cookies,
    };
    let routes = route::build(&surroundings, &mut told);
    mix_up::remark(document, &logins, &routes, &mut told);
    let built = routes
        .iter()
        .map(|(_, route)| Arc::clone(route))
        .collect::<Vec<_>>();
    let table = RouteTable::new(&built)
        .map_err(|equals| told.extend(equals.iter().map(|equal| route::equal(document, &routes, equal))));
    let table = table.ok();
    let beside = Beside {
        document,
        logins: &logins,
        routes: &routes,
        table: table
            .as_ref()
            .filter(|_| routes.len() == document.values.tables("route").len()),
    };
    told.extend(beside.told());
    let provider = super::provider::provider(document, &declared, &parts, &mut told);
    let ports = &parts.public_ports;
    told.extend(sso::told(document, &logins, &routes, provider.as_deref(), ports));
    let mut table = table.unwrap_or_default();
    if let Some(own) = &provider {
        table = table.with_provider(own.host(), own.mtls_host());
    }
    let status = listen::status(document, &listeners, &mut told);
    let session = session::plan(document, environment, &mut told);
    let (log, limits) = (log(&document.values), limits(&document.values));
    let pages = pages::pages(document, environment, &mut told);
    let gateway = Gateway {
        routes: table,
        provider,
        pages,
        rates: rates(&document.values),
        identity: Arc::clone(&identity.set),
        logins: Logins::new(logins),
        faces: Faces::default(),
        generation: 0,
    };
    Loaded {
        gateway,
        listeners,
        status,
        log,
        limits,
        tokens: Arc::clone(&parts.tokens),
        judges,
        session,
        warnings: told,
    }
}

/// The cookies of the gateway's own, where there are logins, and those that it tells identity with.
fn own_cookies(document: &Document) -> Arc<[CredentialPlace]> {
    let mut logins = document.values.named(login::TABLE).iter();
    let over_http = logins
        .clone()
        .any(|(_, values)| values.flag("danger_cookies_over_http"));
    let names = logins.next().map(|_| [Some(false), over_http.then_some(true)]);
    let cookies = names.into_iter().flatten().flatten();
    let cookie = session::cookie(&document.values);
    let cookies = cookies.filter_map(|over_http| Cookies::new(&cookie, over_http));
    let sites = document.values.named(site::TABLE).first();
    let sites = sites.and_then(|_| Cookies::of_sites(&cookie));
    let own = cookies.chain(sites).flat_map(|cookies| cookies.places());
    let provider = document.values.table(own_provider::TABLE);
    let provider = provider.map(|_| CredentialPlace::Cookie(own_provider::COOKIE.into()));
    own.chain(provider)
        .chain(tokens::places(&document.values))
        .collect()
}

/// Faults at fields below `way`, as messages at their places.
pub(super) fn tell(document: &Document, way: &[String], faults: Vec<Fault>, told: &mut Vec<Diagnostic>) {
    for fault in faults {
        let at = way.iter().cloned().chain(fault.at).collect::<Vec<_>>();
        told.push(Diagnostic::error(document.place(&at), fault.message).maybe_help(fault.help));
    }
}

/// Of a table with a fault of shape: what is wrong with it as a whole and with the keys that are sound. The others have
/// been told about.
pub(super) fn about_what_is_sound(
    document: &Document,
    way: &[String],
    values: &Values,
    faults: Vec<Fault>,
) -> Vec<Fault> {
    let sound = |fault: &Fault| {
        let at = way
            .iter()
            .chain(&fault.at)
            .map(String::as_str)
            .collect::<Vec<_>>();
        fault
            .at
            .first()
            .is_none_or(|key| values.has(key) && !document.is_faulty(&at))
    };
    faults.into_iter().filter(sound).collect()
}

fn authenticators(
    document: &Document,
    parts: &Parts,
    logins: &mut Vec<Arc<Login>>,
    told: &mut Vec<Diagnostic>,
) -> Declared {
    let anonymous: Arc<dyn Authenticator> = Arc::new(Anonymous::new());
    let mut declared: Declared = vec![(Arc::clone(anonymous.name()), Some(anonymous))];
    // What is faulty is built to find the rest of its faults, and nothing comes of it.
    let asks_nobody = Parts {
        keys: Arc::new(Offline),
        bundles: parts.bundles.as_ref().map(|_| Arc::new(Offline) as _),
        revocations: RevocationLists::offline(),
        http: Arc::new(Offline),
        ..parts.clone()
    };
    for kind in KINDS {
        for (name, values) in document.values.named(kind.table) {
            let way = [kind.table.to_owned(), name.clone()];
            let full: Arc<str> = format!("{}.{name}", kind.table).into();
            let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
            if name.is_empty() || !name.bytes().all(plain) {
                let message = format!("`{name}` cannot name a table: letters, digits, `-` and `_` can");
                let help = format!("[{}.my-name]", kind.table);
                told.push(Diagnostic::error(document.key_place(&way), message).help(help));
            }
            if document.is_faulty(&[kind.table, name]) {
                let judge =
                    |values: &Values| (kind.build)(name, values, &asks_nobody).err().unwrap_or_default();
                let faults = lacking::independent(document, &way, kind.options, values, judge);
                tell(document, &way, faults, told);
                declared.push((full, None));
                continue;
            }
            match (kind.build)(name, values, parts) {
                Ok(built) => {
                    let warn =
                        |warning| Diagnostic::warning(document.key_place(&way), format!("{full}: {warning}"));
                    told.extend(built.warnings.into_iter().map(warn));
                    logins.extend(built.login);
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

/// How many tokens the configuration wants remembered.
pub(crate) fn cache_limits(values: &Values) -> CacheLimits {
    values
        .table("token_cache")
        .map_or_else(CacheLimits::default, CacheLimits::from_values)
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

fn rates(values: &Values) -> Rates {
    let Some(table) = values.table("limits") else {
        return Rates::default();
    };
    let standard = RateLimits::default();
    let number = |name: &str, otherwise: NonZeroU32| {
        let given = table.integer(name).and_then(|n| u32::try_from(n).ok());
        given.and_then(NonZeroU32::new).unwrap_or(otherwise)
    };
    Rates::new(RateLimits {
        address_rate: number("address_rate", standard.address_rate),
        address_burst: number("address_burst", standard.address_burst),
        total_rate: number("total_rate", standard.total_rate),
    })
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
