//! Being asked for a logout, and telling of one.

use super::*;
use crate::issuer::IssuerRule;
use crate::logout::LogoutTokenExpectation;
use crate::signed::{at, signed};
use serde_json::{Value as Json, json};

const ISSUER: &str = "https://sso.test";

#[test]
fn a_logout_is_asked_for_with_what_is_there() {
    let asked = EndSession::read(
        b"id_token_hint=a.b.c&client_id=grafana&post_logout_redirect_uri=https%3A%2F%2Fapp.test%2F&state=x%26y&ui_locales=de",
    )
    .unwrap();
    assert_eq!(asked.id_token_hint.as_ref().unwrap().expose(), "a.b.c");
    assert!(!asked.clicked);
    assert_eq!(
        asked.fields(Some("grafana"), None, Some("s-1")),
        [
            ("client_id", "grafana"),
            ("state", "x&y"),
            ("countersign_session", "s-1"),
            ("countersign_click", "1")
        ]
    );
    assert_eq!(
        asked.location("https://app.test/?a=b").as_deref(),
        Some("https://app.test/?a=b&state=x%26y")
    );
    let bare = EndSession::read(b"client_id=&countersign_click=1").unwrap();
    assert_eq!((bare.client_id.as_deref(), bare.clicked), (None, true));
    assert_eq!(
        bare.location("https://app.test/").as_deref(),
        Some("https://app.test/")
    );
    for bad in ["client_id=a&client_id=b", "state=%zz", &"a".repeat(33_000)] {
        assert!(EndSession::read(bad.as_bytes()).is_err(), "{bad:.20}");
    }
}

fn hint(header: &str, changes: &Json) -> Option<Hint> {
    let usual = json!({"iss": ISSUER, "aud": "grafana", "sub": "ann", "sid": "s-1", "exp": 1});
    Hint::read(&signed(header, &usual, changes), ISSUER)
}

#[test]
fn a_hint_is_an_id_token_of_ours_however_old() {
    let read = hint("", &json!({})).unwrap();
    assert_eq!(
        (&*read.client_id, &*read.subject, &*read.sid),
        ("grafana", "ann", "s-1")
    );
    for changes in [
        json!({"iss": "https://other.test"}),
        json!({"aud": ["grafana", "app"]}),
        json!({"sid": null}),
        json!({"sub": 1}),
        json!({"events": {}}),
    ] {
        assert_eq!(hint("", &changes), None, "{changes}");
    }
    assert_eq!(hint(r#""typ":"at+jwt""#, &json!({})), None);
}

#[test]
fn what_we_tell_is_what_our_own_relying_party_takes() {
    let issued = at(0);
    let told = LogoutTold {
        issuer: ISSUER,
        client_id: "https://app.test",
        subject: "ann",
        sid: "s-1",
        jti: "j-1",
        issued,
    };
    let payload: Json = serde_json::from_str(&told.payload()).unwrap();
    let signed = signed(r#""typ":"logout+jwt""#, &payload, &json!({}));
    let expectation = LogoutTokenExpectation {
        issuer: &IssuerRule::exact(ISSUER),
        client_id: "https://app.test",
        leeway: Duration::ZERO,
    };
    let taken = expectation.check(&signed, issued).unwrap();
    assert_eq!(
        (taken.sid.as_deref(), taken.subject.as_deref()),
        (Some("s-1"), Some("ann"))
    );
    let uri = Url::parse("https://app.test/.countersign/backchannel-logout").unwrap();
    let request = request(&uri, &Secret::new("a.b.c".to_owned())).unwrap();
    assert_eq!(request.method(), "POST");
    assert_eq!(request.body(), "logout_token=a.b.c");
}
