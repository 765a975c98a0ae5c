//! What is one site's is no other's, of another name or another port.

use super::super::Login;
use super::super::cookies::SessionCookie;
use super::super::in_cookie::tests::{at, on, record};
use super::super::shared::SharedDomain;
use super::*;
use crate::kinds::offline;
use crate::session::SessionRecord;
use crate::session::fake::FakeSessions;
use countersign_core::authn::{Authenticator as _, Outcome};
use countersign_core::gate::{Host, PublicPorts, Scheme};
use countersign_core::options::OptionValue;

fn parts(cookie: SessionCookie) -> Parts {
    Parts {
        sessions: FakeSessions::new(&[1]),
        cookie,
        public_ports: PublicPorts::new([443, 8443]),
        ..offline()
    }
}

fn built(issuer: &str, cookie: SessionCookie) -> Result<Built, Vec<Fault>> {
    let mut values = Values::default();
    values.insert("issuer", OptionValue::Text(issuer.to_owned()));
    build("home", &values, &parts(cookie))
}

fn login(cookie: SessionCookie) -> Arc<Login> {
    built("https://sso.test", cookie).unwrap().login.unwrap()
}

fn in_cookies() -> SessionCookie {
    SessionCookie {
        holds_session: Some(Duration::from_hours(24)),
        ..SessionCookie::default()
    }
}

#[test]
fn a_site_is_known_by_its_origin_and_comes_back_to_one_place() {
    let login = login(SessionCookie::default());
    let party = login.party();
    for (host, id) in [
        ("app.test", "https://app.test"),
        ("app.test:443", "https://app.test"),
        ("my-app.test:8443", "https://my-app.test:8443"),
        ("[2001:db8::1]", "https://[2001:db8::1]"),
    ] {
        let host = Host::judge(host).unwrap();
        assert_eq!(&*party.known_as.at(&host).id, id);
        let callback = format!("{id}/.countersign/callback");
        assert_eq!(party.redirect_uri(Scheme::Https, &host), callback);
    }
    let localhost = Host::judge("localhost").unwrap();
    assert!(!party.may_log_in(Scheme::Http, &localhost));
}

#[test]
fn a_site_is_one_at_public_ports_alone() {
    let login = login(in_cookies());
    let party = login.party();
    for (host, public) in [
        ("app.test", true),
        ("app.test:443", true),
        ("app.test:8443", true),
        ("app.test:8444", false),
        ("app.test:80", false),
    ] {
        let host = Host::judge(host).unwrap();
        assert_eq!(party.is_at(&host), public, "{host}");
        assert_eq!(party.usual_origin(Scheme::Https, &host), "https://app.test");
        let kept = SessionRecord {
            login: "sso.home".into(),
            issuer: "https://sso.test".into(),
            client_id: party.known_as.at(&host).id.clone(),
            ..record(r#"{"iss":"https://sso.test","sub":"ann"}"#)
        };
        let host = host.to_string();
        let value = login.sealed(&on(&host, None), &kept, at(0)).unwrap();
        let name = login.party().cookies().session(&on(&host, None).host);
        let request = on(&host, Some(&format!("{name}={value}")));
        let outcome = login.try_now(&request, at(1)).unwrap();
        let is_in = matches!(outcome, Outcome::Authenticated(..));
        assert_eq!(is_in, public, "{host}");
    }
}

#[test]
fn a_grant_is_asked_for_where_a_store_keeps_it() {
    let scope = |cookie| login(cookie).party().asking.scope.clone();
    assert_eq!(
        &*scope(SessionCookie::default()),
        "openid email groups offline_access"
    );
    assert_eq!(&*scope(in_cookies()), "openid email groups");
}

#[test]
fn a_session_in_its_cookie_opens_at_its_own_origin_alone() {
    let login = login(in_cookies());
    let kept = SessionRecord {
        login: "sso.home".into(),
        issuer: "https://sso.test".into(),
        client_id: "https://app.test".into(),
        ..record(r#"{"iss":"https://sso.test","sub":"ann","aud":"https://app.test"}"#)
    };
    let value = login.sealed(&on("app.test", None), &kept, at(0)).unwrap();
    for (host, cookie, holds) in [
        ("app.test", "__Host-countersign", true),
        ("app.test:443", "__Host-countersign", true),
        ("app.test:8443", "__Host-countersign", false),
        ("app.test:8443", "__Host-countersign.8443", false),
        ("wiki.test", "__Host-countersign", false),
        ("app.test.evil.test", "__Host-countersign", false),
    ] {
        let request = on(host, Some(&format!("{cookie}={value}")));
        let outcome = login.try_now(&request, at(1)).unwrap();
        let is_in = matches!(outcome, Outcome::Authenticated(..));
        assert_eq!(is_in, holds, "{host} {cookie}");
    }
}

#[test]
fn a_session_in_a_store_has_another_name_and_scope_at_every_origin() {
    let login = login(SessionCookie::default());
    let scope = |host: &str| login.party().scope(&Host::judge(host).unwrap());
    assert_eq!(scope("app.test"), scope("app.test:443"));
    let mut seen = Vec::new();
    for host in ["app.test", "app.test:8443", "app.test:8444", "wiki.test"] {
        assert!(!seen.contains(&scope(host)), "{host}");
        seen.push(scope(host));
        let place = Host::judge(host).unwrap();
        assert_eq!(login.party().place(&place), host);
    }
}

#[test]
fn what_cannot_be_a_site_is_said() {
    let faults = |issuer, cookie| {
        let faults = built(issuer, cookie).unwrap_err();
        faults
            .iter()
            .map(|fault| fault.message.clone())
            .collect::<Vec<_>>()
    };
    for issuer in [
        "http://sso.test",
        "https://sso.test/",
        "https://sso.test/realm",
        "",
    ] {
        let told = faults(issuer, SessionCookie::default());
        assert!(told[0].starts_with("an issuer here is `https://`"), "{issuer}");
    }
    let shared = SessionCookie {
        share: Some(SharedDomain::parse("home.test").unwrap()),
        ..SessionCookie::default()
    };
    let told = faults("https://sso.test", shared);
    assert!(told[0].starts_with("`session.share` is one session for many hosts"));
}
