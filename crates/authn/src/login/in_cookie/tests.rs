//! Sessions in cookies: what a cookie is worth, where, and for how long.

use super::super::build;
use super::*;
use crate::kinds::{Parts, offline};
use crate::login::cookies::{SessionCookie, session_value};
use crate::login::shared::SharedDomain;
use crate::session::SessionId;
use crate::session::fake::FakeSessions;
use countersign_core::authn::{Authenticator as _, Outcome};
use countersign_core::certificate::ClientCertificate;
use countersign_core::gate::{Host, Scheme, Target};
use countersign_core::options::{OptionValue, Values};
use countersign_core::request::{Forwarder, RequestId};
use countersign_core::secret::Secret;
use countersign_core::time::Monotonic;
use http::{HeaderMap, Method};

const WALL: i64 = 1_893_456_000;
const CLAIMS: &str = r#"{"iss":"https://op.test","sub":"ann","aud":"app","exp":1893456300,"iat":1893456000,"nonce":"n","at_hash":"h","sid":"s","auth_time":1893455990,"groups":["staff","a\"b"]}"#;

/// A login, and the keys of its gateway.
struct Made {
    name: &'static str,
    issuer: &'static str,
    client: &'static str,
    share: Option<&'static str>,
    keys: &'static [u8],
    in_cookies: bool,
}

impl Default for Made {
    fn default() -> Self {
        Self {
            name: "home",
            issuer: "https://op.test",
            client: "app",
            share: None,
            keys: &[1],
            in_cookies: true,
        }
    }
}

impl Made {
    fn login(self) -> Arc<Login> {
        let text = |text: &str| OptionValue::Text(text.to_owned());
        let mut values = Values::default();
        for (name, value) in [
            ("issuer", self.issuer),
            ("client_id", self.client),
            ("subject_claim", "sub"),
            ("groups_claim", "groups"),
        ] {
            values.insert(name, text(value));
        }
        values.insert("scopes", OptionValue::List(vec![text("openid")]));
        let parts = Parts {
            sessions: FakeSessions::new(self.keys),
            cookie: SessionCookie {
                share: self.share.map(|domain| SharedDomain::parse(domain).unwrap()),
                holds_session: self.in_cookies.then_some(Duration::from_hours(24)),
                ..SessionCookie::default()
            },
            ..offline()
        };
        build(self.name, &values, &parts).unwrap().login.unwrap()
    }
}

fn login() -> Arc<Login> {
    Made::default().login()
}

pub(in crate::login) fn at(seconds: i64) -> Now {
    Now {
        wall: Timestamp::from_seconds(WALL + seconds),
        monotonic: Monotonic::from_milliseconds(0),
    }
}

pub(in crate::login) fn on(host: &str, cookie: Option<&str>) -> OriginalRequest {
    let mut headers = HeaderMap::new();
    if let Some(cookie) = cookie {
        headers.insert("cookie", cookie.parse().unwrap());
    }
    OriginalRequest {
        id: RequestId(1),
        method: Method::GET,
        scheme: Scheme::Https,
        host: Host::judge(host).unwrap(),
        target: Target::judge("/").unwrap(),
        client: None,
        headers,
        forwarder: Forwarder::Us,
        certificate: ClientCertificate::default(),
    }
}

pub(in crate::login) fn record(claims: &str) -> SessionRecord {
    SessionRecord {
        login: "login.home".into(),
        issuer: "https://op.test".into(),
        client_id: "app".into(),
        host: "app.test".into(),
        began: at(0).wall,
        ends: at(24 * 3600).wall,
        idle: Duration::MAX,
        remember: true,
        claims: claims.into(),
        sid: Some("s".into()),
        id_token: Some(Secret::new("id-token".to_owned())),
        access_token: Some(Secret::new("access-token".to_owned())),
        access_ends: None,
        refresh_token: Some(Secret::new("refresh-token".to_owned())),
        renewed: at(0).wall,
    }
}

/// The value of a cookie that `login` gives for a session on `host`.
fn value(login: &Login, host: &str) -> String {
    let request = on(host, None);
    login.sealed(&request, &record(CLAIMS), at(0)).unwrap()
}

fn outcome(login: &Login, host: &str, value: &str, seconds: i64) -> Outcome {
    let name = login.party().cookies().session(&Host::judge(host).unwrap());
    let request = on(host, Some(&format!("{name}={value}")));
    login.try_now(&request, at(seconds)).unwrap()
}

/// Who the cookie proves on `host`, so many seconds later.
fn who(login: &Login, host: &str, value: &str, seconds: i64) -> Option<String> {
    let Outcome::Authenticated(principal, _) = outcome(login, host, value, seconds) else {
        return None;
    };
    Some(principal.subject().to_owned())
}

/// The value that a browser is told to keep.
fn value_in(cookie: &HeaderValue) -> String {
    let value = cookie.to_str().unwrap().split_once('=').unwrap().1;
    value.split(';').next().unwrap().to_owned()
}

#[test]
fn a_cookie_is_the_session_without_its_tokens() {
    let login = login();
    let value = value(&login, "app.test");
    assert!(value.len() < 400, "{} bytes", value.len());
    let opened = login.opened(&on("app.test", None), &value).unwrap().into_record();
    assert_eq!(
        &*opened.claims,
        r#"{"iss":"https://op.test","sub":"ann","aud":"app","auth_time":1893455990,"groups":["staff","a\"b"]}"#
    );
    assert!(opened.remember && opened.ends == at(24 * 3600).wall && opened.began == at(0).wall);
    let tokens = [&opened.id_token, &opened.access_token, &opened.refresh_token];
    assert!(tokens.iter().all(|token| token.is_none()));
    assert_eq!(who(&login, "app.test", &value, 0).as_deref(), Some("ann"));
}

#[test]
fn a_seal_lives_five_minutes_and_a_new_one_no_longer_than_the_session() {
    let login = login();
    let first = value(&login, "app.test");
    assert!(who(&login, "app.test", &first, 299).is_some());
    assert!(who(&login, "app.test", &first, 300).is_none());
    let opened = |value: &str| login.opened(&on("app.test", None), value).unwrap();
    assert!(opened(&first).is_resting(at(300).wall));
    let (found, cookie) = login.sealed_anew(&on("app.test", None), opened(&first), at(290));
    assert!(matches!(found, Found::Live(session) if session.idle_ends == at(590).wall));
    let cookie = cookie.unwrap();
    assert!(cookie.to_str().unwrap().ends_with("Max-Age=86110"), "{cookie:?}");
    let second = value_in(&cookie);
    assert!(who(&login, "app.test", &second, 589).is_some());
    // A seal that has ended is not renewed, nor is a session that is over.
    let (found, cookie) = login.sealed_anew(&on("app.test", None), opened(&first), at(300));
    assert!(matches!(found, Found::Gone(Gone::Idle)) && cookie.is_none());
    let late = SessionRecord {
        ends: at(100).wall,
        ..record(CLAIMS)
    };
    let late = login.sealed(&on("app.test", None), &late, at(0)).unwrap();
    assert!(who(&login, "app.test", &late, 99).is_some());
    assert!(matches!(
        login.found_in_cookie(opened(&late), at(100)),
        Found::Gone(Gone::Over)
    ));
}

#[test]
fn a_cookie_is_worth_nothing_anywhere_else() {
    let login = login();
    let value = value(&login, "app.test");
    assert!(who(&login, "other.test", &value, 0).is_none(), "another host");
    let made = Made::default;
    let other_key = Made { keys: &[2], ..made() }.login();
    assert!(who(&other_key, "app.test", &value, 0).is_none(), "another key");
    // Another client's, or issuer's, has another tag; with ours before it, it does not open.
    let client = Made {
        client: "other",
        ..made()
    };
    let issuer = Made {
        issuer: "https://other.test",
        ..made()
    };
    for other in [client.login(), issuer.login()] {
        let others = self::value(&other, "app.test");
        let tagged = format!("{}.{}", login.party().tag, others.split_once('.').unwrap().1);
        for value in [others, tagged] {
            assert!(who(&login, "app.test", &value, 0).is_none());
        }
    }
    // What is sealed for something else is no session, nor is a record of a store.
    let scope = login.party().scope(&on("app.test", None).host);
    for purpose in [
        Purpose::State,
        Purpose::ReturnTo,
        Purpose::Handoff,
        Purpose::Session,
    ] {
        let sealed = login.party().sessions.seal(purpose, scope.as_bytes(), b"{}");
        let value = tagged(&login.party().tag, &BASE64_URL_SAFE_NO_PAD.encode(sealed));
        assert!(
            login.opened(&on("app.test", None), &value).is_none(),
            "{purpose:?}"
        );
    }
    // A host's own is nothing to the domain that shares sessions, and the other way round.
    let shared = Made {
        share: Some("home.test"),
        ..made()
    }
    .login();
    let of_the_domain = self::value(&shared, "app.home.test");
    assert!(who(&shared, "wiki.home.test", &of_the_domain, 0).is_some());
    assert!(who(&login, "app.home.test", &of_the_domain, 0).is_none());
    assert!(who(&shared, "app.home.test", &self::value(&login, "app.home.test"), 0).is_none());
}

#[test]
fn two_logins_of_one_client_have_sessions_of_their_own_and_leave_each_others_alone() {
    let (home, staff) = (
        login(),
        Made {
            name: "staff",
            ..Made::default()
        }
        .login(),
    );
    assert_ne!(home.party().tag, staff.party().tag);
    let value = value(&home, "app.test");
    assert!(who(&home, "app.test", &value, 0).is_some());
    // Nor is it staff's with the tag of staff's before it.
    let tagged = value.replace(&*home.party().tag, &staff.party().tag);
    for value in [value, tagged] {
        let Outcome::Absent(effects) = outcome(&staff, "app.test", &value, 0) else {
            panic!("it is another's")
        };
        assert!(effects.cookies.is_empty());
        let name = home.party().cookies().session(&Host::judge("app.test").unwrap());
        assert!(!staff.is_of(&on("app.test", Some(&format!("{name}={value}")))));
    }
}

#[test]
fn another_key_in_front_takes_the_sessions_along_and_one_that_goes_ends_its_own() {
    let old = value(&login(), "app.test");
    let both = Made {
        keys: &[2, 1],
        ..Made::default()
    }
    .login();
    assert!(who(&both, "app.test", &old, 0).is_some());
    let request = on("app.test", None);
    let (_, cookie) = both.sealed_anew(&request, both.opened(&request, &old).unwrap(), at(60));
    let new = value_in(&cookie.unwrap());
    let alone = Made {
        keys: &[2],
        ..Made::default()
    }
    .login();
    assert!(who(&alone, "app.test", &new, 60).is_some());
    assert!(who(&alone, "app.test", &old, 60).is_none());
}

#[test]
fn a_clock_that_is_set_back_keeps_no_seal_alive() {
    let login = login();
    let value = value(&login, "app.test");
    // Another gateway's clock may be a little behind.
    assert!(who(&login, "app.test", &value, -60).is_some());
    assert!(who(&login, "app.test", &value, -61).is_none());
    let opened = login.opened(&on("app.test", None), &value).unwrap();
    assert!(opened.is_resting(at(-3600).wall), "the provider is asked");
}

#[test]
fn a_cookie_of_the_other_way_to_keep_sessions_is_forgotten() {
    let (in_cookies, in_store) = (
        login(),
        Made {
            in_cookies: false,
            ..Made::default()
        }
        .login(),
    );
    let whole = value(&in_cookies, "app.test");
    let id = session_value(&in_store.party().tag, &SessionId::parse(&"A".repeat(43)).unwrap());
    for (login, value) in [(&in_cookies, &id), (&in_store, &whole)] {
        let Outcome::Absent(effects) = outcome(login, "app.test", value, 0) else {
            panic!("it is none")
        };
        assert_eq!(effects.cookies.len(), 1);
    }
}

#[test]
fn a_cookie_with_any_character_changed_or_lost_does_not_open() {
    let login = login();
    let value = value(&login, "app.test");
    for place in 0..value.len() {
        let mut changed = value.clone().into_bytes();
        changed[place] = if changed[place] == b'A' { b'B' } else { b'A' };
        let changed = String::from_utf8(changed).unwrap();
        assert!(who(&login, "app.test", &changed, 0).is_none(), "{place}");
        assert!(who(&login, "app.test", &value[..place], 0).is_none(), "{place}");
    }
    for more in ["A", "=", ".", "AAAA"] {
        assert!(who(&login, "app.test", &format!("{value}{more}"), 0).is_none());
    }
}

#[test]
fn what_does_not_fit_into_a_cookie_is_not_begun() {
    let login = login();
    let request = on("app.test", None);
    let of = |length: usize| {
        let claims = format!(r#"{{"iss":"https://op.test","sub":"{}"}}"#, "a".repeat(length));
        login.sealed(&request, &record(&claims), at(0))
    };
    let others = r#"{"iss":"https://op.test","sub":""}"#.len();
    let longest = of(MAX_CLAIMS_BYTES - others).unwrap();
    assert!(longest.len() <= MAX_VALUE_BYTES, "{} bytes", longest.len());
    assert!(login.opened(&request, &longest).is_some());
    assert!(of(MAX_CLAIMS_BYTES - others + 1).is_none());
    // Neither is one opened that is too long for us to have made it.
    let long = format!("{longest}{}", "A".repeat(MAX_VALUE_BYTES));
    assert!(login.opened(&request, &long).is_none());
    for wrong in ["", "[]", "{", "{\"a\":1,\"a\":2}"] {
        assert!(login.sealed(&request, &record(wrong), at(0)).is_none(), "{wrong}");
    }
}
