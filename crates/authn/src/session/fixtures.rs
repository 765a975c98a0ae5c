//! Sessions for the tests of this room.

use super::SessionRecord;
use countersign_core::secret::Secret;
use countersign_core::time::Timestamp;
use std::time::Duration;

/// When the sessions began.
pub(super) const BEGAN: Timestamp = Timestamp::from_seconds(1_893_456_000);

/// A login without tokens, with ten claims.
pub(crate) fn record() -> SessionRecord {
    SessionRecord {
        login: "login.home".into(),
        issuer: "https://op.home.example/realms/home".into(),
        client_id: "countersign".into(),
        host: "app.home.example".into(),
        began: BEGAN,
        ends: BEGAN.plus(Duration::from_hours(24)),
        idle: Duration::from_hours(8),
        remember: true,
        claims: r#"{"iss":"https://op.home.example/realms/home","sub":"f8f1b6a0-5d0e-4b43-9d4f-3b1f6b1c9a55","aud":"countersign","exp":1893456300,"iat":1893456000,"auth_time":1893455990,"name":"Ann Example","email":"ann@home.example","email_verified":true,"groups":["operators","staff"]}"#.into(),
        sid: Some("0b5d9a1e-3a55-4c2b".into()),
        id_token: None,
        access_token: None,
        access_ends: None,
        refresh_token: None,
        renewed: BEGAN,
    }
}

/// The same with every token.
pub(super) fn with_tokens() -> SessionRecord {
    let token = |text: &str| Some(Secret::new(text.to_owned()));
    SessionRecord {
        id_token: token("eyJ.ID.token"),
        access_token: token("an \"access\" token"),
        access_ends: Some(BEGAN.plus(Duration::from_mins(5))),
        refresh_token: token("a refresh token"),
        ..record()
    }
}
