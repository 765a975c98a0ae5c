//! `[session]`, read: how sessions are kept, and by which keys.

use super::diagnostic::{Diagnostic, Place};
use super::lacking;
use super::scalar::show_duration;
use super::shape::Document;
use super::source::Environment;
use super::spec::SESSION;
use countersign_authn::login::cookies::{Cookies, DEFAULT_NAME, SessionCookie};
use countersign_authn::login::shared::SharedDomain;
use countersign_authn::login::{self, site};
use countersign_authn::session::seal::{KeyError, MIN_KEY_BYTES, Sealer};
use countersign_core::options::{Fault, OptionValue, Values};
use countersign_edge::sessions::SessionSettings;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

mod in_cookies;
mod redis;
mod remark;
#[cfg(test)]
mod tests;

pub use redis::RedisPlan;

/// The keys of one store alone.
const OF_ONE: [(&str, &[&str]); 7] = [
    ("path", &["file"]),
    ("url", &["redis"]),
    ("username", &["redis"]),
    ("password", &["redis"]),
    ("database", &["redis"]),
    ("authorities", &["redis"]),
    ("max_sessions", &["memory"]),
];

/// How sessions are kept.
#[derive(Clone, Debug)]
pub struct SessionPlan {
    /// Whether there is a login that needs them: otherwise no store is opened and no key made.
    pub needed: bool,
    /// Times and bounds.
    pub settings: SessionSettings,
    /// Where.
    pub store: StorePlan,
    /// By which keys; `None` when one is to be made.
    pub sealer: Option<Arc<Sealer>>,
    /// Where the store is named.
    pub place: Option<Place>,
}

/// A store that a configuration wants.
#[derive(Clone, Debug)]
pub enum StorePlan {
    /// In this process.
    Memory {
        /// How many records at most.
        max_sessions: usize,
    },
    /// In a file.
    File {
        /// The file; `None` for the one in the state folder.
        path: Option<PathBuf>,
    },
    /// In Redis.
    Redis(RedisPlan),
    /// Nowhere: each in its cookie.
    Cookie {
        /// Whether our own provider keeps its codes in this process, since there is no other place.
        provides: bool,
    },
}

/// Which store it is: equal for two that are one.
impl fmt::Display for StorePlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Memory { max_sessions } => write!(f, "memory, {max_sessions} sessions"),
            Self::File { path: Some(path) } => write!(f, "{}", path.display()),
            Self::File { path: None } => f.write_str("a file in the state folder"),
            Self::Redis(plan) => write!(f, "{}, database {}", plan.address, plan.database),
            Self::Cookie { provides: false } => f.write_str("cookies"),
            Self::Cookie { provides: true } => f.write_str("cookies, and codes in memory"),
        }
    }
}

impl Default for StorePlan {
    fn default() -> Self {
        Self::Memory {
            max_sessions: 100_000,
        }
    }
}

/// Reads `[session]`; what can be wrong about it is told, and what is to be known of it.
pub(super) fn plan(
    document: &Document,
    environment: &Environment,
    told: &mut Vec<Diagnostic>,
) -> SessionPlan {
    let way = ["session".to_owned()];
    let needed = !document.values.named(login::TABLE).is_empty()
        || !document.values.named(site::TABLE).is_empty()
        || document.values.has(countersign_authn::provider::TABLE);
    let empty = Values::default();
    let values = document.values.table("session").unwrap_or(&empty);
    let (mut read, mut faults) = read(values);
    if let StorePlan::Cookie { provides } = &mut read.store {
        *provides = document.values.has(countersign_authn::provider::TABLE);
    }
    if document.is_faulty(&["session"]) {
        faults = lacking::independent(document, &way, &SESSION, values, |values| self::read(values).1);
    }
    let in_cookies = matches!(read.store, StorePlan::Cookie { .. });
    if in_cookies {
        faults.extend(in_cookies::needless(document));
    }
    for fault in &mut faults {
        at_what_is_written(document, fault);
    }
    let sound = faults.is_empty();
    super::check::tell(document, &way, faults, told);
    if needed && in_cookies {
        told.extend(in_cookies::tokens_asked_for(document));
    }
    if needed && sound {
        told.extend(remark::remarks(document, environment, &read));
    }
    SessionPlan {
        needed,
        settings: read.settings,
        store: read.store,
        sealer: read.sealer,
        place: document.place(&[way.as_slice(), &["store".to_owned()]].concat()),
    }
}

/// What the table says.
struct Read {
    settings: SessionSettings,
    store: StorePlan,
    sealer: Option<Arc<Sealer>>,
    share: Option<SharedDomain>,
}

/// The same, and all that is wrong about it.
fn read(values: &Values) -> (Read, Vec<Fault>) {
    let mut faults = Vec::new();
    let settings = settings(values);
    let store = store(values, &mut faults);
    if !matches!(store, StorePlan::Cookie { .. }) {
        faults.extend(rests_too_long(settings));
    }
    let sealer = sealer(values, &mut faults);
    if Cookies::new(&cookie_of(Some(values)), false).is_none() {
        let message = "a cookie is named by 1 to 40 letters, digits, `-` and `_`";
        let help = "cookie_name = \"my-app\"; the prefix `__Host-` comes before it by itself";
        faults.push(Fault::new("cookie_name", message).help(help));
    }
    let share = values.text("share").map(SharedDomain::parse);
    if let Some(Err(error)) = &share {
        let help = "share = \"home.example\": a domain of your own, without a dot before it";
        faults.push(Fault::new("share", error.to_string()).help(help));
    }
    let read = Read {
        settings,
        store,
        sealer,
        share: share.and_then(Result::ok),
    };
    (read, faults)
}

/// How the session's cookie is configured, as far as that is sound.
pub(super) fn cookie(values: &Values) -> SessionCookie {
    cookie_of(values.table("session"))
}

fn cookie_of(session: Option<&Values>) -> SessionCookie {
    let text = |name: &str| session.and_then(|session| session.text(name));
    SessionCookie {
        name: text("cookie_name").unwrap_or(DEFAULT_NAME).into(),
        share: text("share").and_then(|domain| SharedDomain::parse(domain).ok()),
        holds_session: (text("store") == Some("cookie")).then(|| lasts(session)),
    }
}

/// How long a session lasts at most.
pub(super) fn lasts(session: Option<&Values>) -> Duration {
    let said = session.and_then(|session| session.duration("absolute"));
    said.unwrap_or(SessionSettings::default().absolute)
}

fn settings(values: &Values) -> SessionSettings {
    let standard = SessionSettings::default();
    let duration = |name: &str, otherwise| values.duration(name).unwrap_or(otherwise);
    SessionSettings {
        idle: duration("idle", standard.idle),
        absolute: duration("absolute", standard.absolute),
        recheck: duration("recheck", standard.recheck),
        grace: duration("grace", standard.grace),
        per_subject: whole(values, "per_user").unwrap_or(standard.per_subject),
        cache_bytes: whole(values, "cached").unwrap_or(standard.cache_bytes),
    }
}

fn rests_too_long(settings: SessionSettings) -> Option<Fault> {
    (settings.idle > settings.absolute).then(|| {
        let message = "a session cannot rest longer than it lasts";
        let (idle, absolute) = (shown(settings.idle), shown(settings.absolute));
        let help = format!("`idle` is {idle}, `absolute` {absolute}: lower the one, or raise the other");
        Fault::new("idle", message).help(help)
    })
}

/// Where only the end is written, that is what is too short.
fn at_what_is_written(document: &Document, fault: &mut Fault) {
    let way = ["session".to_owned()];
    let written = |key: &str| document.is_written(&way, key);
    if fault.at == ["idle"] && !written("idle") && written("absolute") {
        fault.at = vec!["absolute".to_owned()];
    }
}

pub(super) fn shown(duration: Duration) -> String {
    show_duration(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX))
}

fn whole<T: TryFrom<i64>>(values: &Values, name: &str) -> Option<T> {
    values.integer(name).and_then(|number| T::try_from(number).ok())
}

fn store(values: &Values, faults: &mut Vec<Fault>) -> StorePlan {
    let word = values.text("store").unwrap_or("memory");
    for (key, stores) in OF_ONE {
        // What has a default is there always.
        let meant = values.has(key) && key != "max_sessions";
        if meant && !stores.contains(&word) {
            let message = format!(
                "`{key}` is for the store \"{}\", and this one is \"{word}\"",
                stores.join("\" or \"")
            );
            let help = format!("leave it out, or store = \"{}\"", stores.join("\" or \""));
            faults.push(Fault::new(key, message).help(help));
        }
    }
    let max_sessions = whole(values, "max_sessions").unwrap_or(100_000);
    match word {
        "file" => StorePlan::File {
            path: values.text("path").map(PathBuf::from),
        },
        "redis" => redis::plan(values, faults),
        "cookie" => StorePlan::Cookie { provides: false },
        _ => StorePlan::Memory { max_sessions },
    }
}

fn sealer(values: &Values, faults: &mut Vec<Fault>) -> Option<Arc<Sealer>> {
    let Some(OptionValue::List(list)) = values.value("sealing_keys") else {
        return None;
    };
    let keys = list.iter().filter_map(|value| {
        if let OptionValue::Secret(secret) = value {
            Some(secret.clone())
        } else {
            None
        }
    });
    let at = |at: usize, message: String| Fault {
        at: vec!["sealing_keys".to_owned(), at.to_string()],
        message,
        help: Some("`openssl rand -base64 48` makes one".to_owned()),
    };
    match Sealer::new(keys.collect()) {
        Ok(sealer) => return Some(Arc::new(sealer)),
        Err(KeyError::None) => {
            let message = "an empty list of keys seals nothing";
            faults.push(Fault::new("sealing_keys", message).help("leave it out, or name a key"));
        }
        Err(KeyError::Short(index)) => {
            let message = format!("a key has at least {MIN_KEY_BYTES} bytes, and nobody can guess it");
            faults.push(at(index, message));
        }
        Err(KeyError::Twice(index)) => faults.push(at(index, "this key is there twice".to_owned())),
    }
    None
}
