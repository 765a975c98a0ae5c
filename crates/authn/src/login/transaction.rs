//! One login under way: what must be known again when the browser comes back, sealed into the state that goes with it,
//! and tied to that browser by a cookie.

use super::cookies::BROWSER_BYTES;
use super::handoff::Wish;
use crate::session::{Purpose, SessionRecord, Sessions};
use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use countersign_core::entropy::Entropy;
use countersign_core::return_to::ReturnTo;
use countersign_core::secret::Secret;
use countersign_core::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::time::Duration;
use subtle::ConstantTimeEq as _;

/// How long a login may take, from leaving to coming back.
pub const LASTS: Duration = Duration::from_mins(10);
/// The longest state that is sent: Keycloak takes request lines of 4,096 bytes, and much else stands in one.
pub const MAX_STATE_BYTES: usize = 1200;
/// The longest state of a login that is run at another host: in the one there this one must have room, too.
pub const MAX_CARRIED_BYTES: usize = 420;
/// The longest return address that stands in the state itself.
const MAX_RETURN_IN_STATE: usize = 512;

/// A login under way. [`Self::opened`] is the only way to have one when the browser is back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transaction {
    /// The login, as the configuration names it.
    pub login: Box<str>,
    /// The host, and port if one was written, that the browser left from.
    pub host: Box<str>,
    /// What ties the ID Token to this login (OpenID Connect Core section 3.1.2.1).
    pub nonce: Box<str>,
    /// What ties the code to whoever began (RFC 7636).
    pub verifier: Box<str>,
    /// Where the browser wants to go.
    pub to: ReturnTo,
    /// Whether the return address is kept in the store, under the state's hash, for being too long.
    pub to_is_kept: bool,
    /// The origin that wants it, when it is another than this.
    pub wished_by: Option<Box<str>>,
    /// What that wants, where the state has room for it; else it is kept in the store, under the state's hash.
    pub wish: Option<Box<str>>,
    /// How often this browser was sent away for it without coming back as it should.
    pub tries: u8,
    /// The oldest login that will do, in seconds, and the ways that will.
    pub max_age: Option<u64>,
    /// See `acr_values`.
    pub acr_values: Vec<Box<str>>,
    /// Who must come back, as [`whose`] hashes it, where the provider was asked without its user; else whoever logs in.
    pub whose: Option<[u8; 32]>,
    /// When it began.
    pub began: Timestamp,
    browser: [u8; 32],
}

/// As it stands in the state: short names, for it travels in URLs.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    l: Box<str>,
    h: Box<str>,
    n: Box<str>,
    v: Box<str>,
    t: Box<str>,
    #[serde(default, skip_serializing_if = "is_false")]
    k: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    w: Option<Box<str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    x: Option<Box<str>>,
    #[serde(default, skip_serializing_if = "is_zero")]
    r: u8,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    m: Option<u64>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    a: Vec<Box<str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    s: Option<Box<str>>,
    b: i64,
    c: Box<str>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde wants it so")]
const fn is_false(value: &bool) -> bool {
    !*value
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde wants it so")]
const fn is_zero(value: &u8) -> bool {
    *value == 0
}

/// What a browser keeps while it is away.
#[derive(Clone, Debug)]
pub struct BrowserSecret(Secret<[u8; BROWSER_BYTES]>);

impl BrowserSecret {
    /// A new one.
    pub fn draw(entropy: &dyn Entropy) -> Self {
        let mut bytes = [0; BROWSER_BYTES];
        entropy.fill(&mut bytes);
        Self(Secret::new(bytes))
    }

    /// Reads it from a cookie's value.
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(text).ok()?;
        bytes.try_into().ok().map(|bytes| Self(Secret::new(bytes)))
    }

    /// As a cookie's value.
    pub fn to_text(&self) -> String {
        BASE64_URL_SAFE_NO_PAD.encode(self.0.expose())
    }

    fn hash(&self) -> [u8; 32] {
        hash(self.0.expose())
    }
}

/// What a login begins with.
#[derive(Clone, Debug)]
pub struct Beginning {
    /// The login.
    pub login: Box<str>,
    /// The host it begins at.
    pub host: Box<str>,
    /// Its nonce.
    pub nonce: Box<str>,
    /// Its code verifier.
    pub verifier: Box<str>,
    /// Where the browser wants to go.
    pub to: ReturnTo,
    /// The origin that wants it, when it is another.
    pub wished_by: Option<Box<str>>,
    /// What that wants.
    pub wish: Option<Box<str>>,
    /// How often it was tried before.
    pub tries: u8,
    /// What is asked of the login.
    pub max_age: Option<u64>,
    /// What is asked of the login.
    pub acr_values: Vec<Box<str>>,
    /// Who must come back of it.
    pub whose: Option<[u8; 32]>,
}

impl Transaction {
    /// Begins one, in the browser that gets `browser`.
    pub fn begin(beginning: Beginning, browser: &BrowserSecret, now: Timestamp) -> Self {
        Self {
            login: beginning.login,
            host: beginning.host,
            nonce: beginning.nonce,
            verifier: beginning.verifier,
            to: beginning.to,
            to_is_kept: false,
            wished_by: beginning.wished_by,
            wish: beginning.wish,
            tries: beginning.tries,
            max_age: beginning.max_age,
            acr_values: beginning.acr_values,
            whose: beginning.whose,
            began: now,
            browser: browser.hash(),
        }
    }

    /// The state: what goes to the provider and comes back, in at most so many bytes. What another host wants with which it would be
    /// too long is taken out, and then a return address is cut in it: both are to be kept elsewhere. `None` when what is asked of
    /// the login is too long already.
    pub fn seal(&mut self, most: usize, sessions: &dyn Sessions) -> Option<String> {
        if self.wish.is_some() {
            let state = self.seal_cut(most, sessions);
            if state.is_some() {
                return state;
            }
            self.wish = None;
        }
        self.seal_cut(most, sessions)
    }

    fn seal_cut(&mut self, most: usize, sessions: &dyn Sessions) -> Option<String> {
        let short = |to: &ReturnTo| to.as_str().len() <= MAX_RETURN_IN_STATE;
        let cut = [self.to.clone(), self.to.path_alone(), ReturnTo::root()];
        for to in cut.into_iter().filter(short) {
            self.to_is_kept = to != self.to;
            let state = self.sealed_with(&to, sessions);
            if state.len() <= most {
                return Some(state);
            }
        }
        None
    }

    fn sealed_with(&self, to: &ReturnTo, sessions: &dyn Sessions) -> String {
        let written = Written {
            l: self.login.clone(),
            h: self.host.clone(),
            n: self.nonce.clone(),
            v: self.verifier.clone(),
            t: to.as_str().into(),
            k: self.to_is_kept,
            w: self.wished_by.clone().filter(|_| self.wish.is_none()),
            x: self.wish.clone(),
            r: self.tries,
            m: self.max_age,
            a: self.acr_values.clone(),
            s: self
                .whose
                .map(|whose| BASE64_URL_SAFE_NO_PAD.encode(whose).into()),
            b: self.began.milliseconds(),
            c: BASE64_URL_SAFE_NO_PAD.encode(self.browser).into(),
        };
        // Strings and numbers: this cannot fail.
        let plain = serde_json::to_vec(&written).unwrap_or_default();
        BASE64_URL_SAFE_NO_PAD.encode(sessions.seal(Purpose::State, b"", &plain))
    }

    /// What was sealed; `None` when it was not sealed here.
    pub fn opened(state: &str, sessions: &dyn Sessions) -> Option<Self> {
        if state.len() > MAX_STATE_BYTES {
            return None;
        }
        let sealed = BASE64_URL_SAFE_NO_PAD.decode(state).ok()?;
        let plain = sessions.open(Purpose::State, b"", &sealed)?;
        let written = serde_json::from_slice::<Written>(&plain).ok()?;
        let began = Timestamp::from_milliseconds(written.b);
        let browser = BASE64_URL_SAFE_NO_PAD.decode(&*written.c).ok()?;
        let whose = match written
            .s
            .as_deref()
            .map(|text| BASE64_URL_SAFE_NO_PAD.decode(text))
        {
            Some(bytes) => Some(bytes.ok()?.try_into().ok()?),
            None => None,
        };
        let wish = written.x.as_deref().map(str::as_bytes);
        let wished_by = wish.and_then(Wish::from_bytes).map(|wish| wish.origin);
        Some(Self {
            login: written.l,
            host: written.h,
            nonce: written.n,
            verifier: written.v,
            to: ReturnTo::judge(&written.t)?,
            to_is_kept: written.k,
            wished_by: wished_by.or(written.w),
            wish: written.x,
            tries: written.r,
            max_age: written.m,
            acr_values: written.a,
            whose,
            began,
            browser: browser.try_into().ok()?,
        })
    }

    /// Whether it takes longer than it may.
    pub fn is_late(&self, now: Timestamp) -> bool {
        now > self.began.plus(LASTS)
    }

    /// Whether `browser` is the one that left.
    pub fn is_of(&self, browser: &BrowserSecret) -> bool {
        self.browser.ct_eq(&browser.hash()).into()
    }
}

/// What a state is called where it must be short.
pub fn state_hash(state: &str) -> [u8; 32] {
    hash(state.as_bytes())
}

/// Whose session `record` is: a subject of an issuer, where it must be short.
pub fn whose(record: &SessionRecord) -> [u8; 32] {
    let subject = record.subject().unwrap_or_default();
    // No issuer has a line break in it.
    hash(format!("{}\n{subject}", record.issuer).as_bytes())
}

fn hash(bytes: &[u8]) -> [u8; 32] {
    let mut hash = [0; 32];
    hash.copy_from_slice(digest(&SHA256, bytes).as_ref());
    hash
}
