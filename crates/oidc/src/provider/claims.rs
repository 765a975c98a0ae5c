//! What a token says about whom (OpenID Connect Core sections 2 and 5, RFC 9068).

use super::scope::{Scope, Scopes};
use countersign_core::claims::Claims;
use countersign_core::time::Timestamp;
use countersign_jose::json::{quoted, write_object};

pub use registered::RegisteredClaim;

mod registered;

/// Whom a certificate proved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// The subject.
    pub subject: Box<str>,
    /// The e-mail address: an authority that the operator named vouches for it.
    pub email: Option<Box<str>>,
    /// The groups.
    pub groups: Vec<Box<str>>,
    /// The serial number of the certificate, in hexadecimal as nginx writes it.
    pub certificate_serial: Box<str>,
}

/// Claims that every token has beside ours.
#[derive(Clone, Debug)]
pub struct StaticClaims(Claims);

impl StaticClaims {
    /// No claims.
    pub fn none() -> Self {
        Self(Claims::empty())
    }

    /// These claims; else all that are registered ones.
    pub fn new(claims: Claims) -> Result<Self, Vec<RegisteredClaim>> {
        let names = claims.root().map(|(name, _)| name);
        let registered = names.filter_map(RegisteredClaim::of).collect::<Vec<_>>();
        if registered.is_empty() {
            Ok(Self(claims))
        } else {
            Err(registered)
        }
    }
}

/// What stands in one ID Token.
#[derive(Clone, Copy, Debug)]
pub struct IdToken<'a> {
    /// Who we are.
    pub issuer: &'a str,
    /// Whom it is for.
    pub client_id: &'a str,
    /// Whom it is about.
    pub person: &'a Person,
    /// What the client asked for.
    pub scopes: Scopes,
    /// What the client sent to find in it.
    pub nonce: Option<&'a str>,
    /// The session, by our name for it (OpenID Connect Back-Channel Logout section 2.1).
    pub sid: &'a str,
    /// When the certificate was proved.
    pub auth_time: Timestamp,
    /// When it is issued.
    pub issued: Timestamp,
    /// When it ends.
    pub ends: Timestamp,
}

impl IdToken<'_> {
    /// Its payload.
    pub fn payload(&self, more: &StaticClaims) -> String {
        let mut claims = Payload::new(&more.0);
        claims.text("iss", self.issuer);
        claims.text("sub", &self.person.subject);
        claims.text("aud", self.client_id);
        claims.time("exp", self.ends);
        claims.time("iat", self.issued);
        claims.time("auth_time", self.auth_time);
        claims.text("sid", self.sid);
        if let Some(nonce) = self.nonce {
            claims.text("nonce", nonce);
        }
        about(&mut claims, self.person, self.scopes);
        claims.finish()
    }
}

/// The answer of the userinfo endpoint (OpenID Connect Core section 5.3.2).
pub fn userinfo(person: &Person, scopes: Scopes, more: &StaticClaims) -> String {
    let mut claims = Payload::new(&more.0);
    claims.text("sub", &person.subject);
    about(&mut claims, person, scopes);
    claims.finish()
}

fn about(claims: &mut Payload, person: &Person, scopes: Scopes) {
    claims.text("certificate_serial", &person.certificate_serial);
    if let Some(email) = person.email.as_deref().filter(|_| scopes.holds(Scope::Email)) {
        claims.text("email", email);
        claims.raw("email_verified", "true");
    }
    if scopes.holds(Scope::Groups) {
        let groups = person.groups.iter().map(|group| quoted(group));
        claims.raw("groups", &format!("[{}]", groups.collect::<Vec<_>>().join(",")));
    }
}

/// What stands in one access token for a machine (RFC 9068 section 2.2), bound to its certificate (RFC 8705 section 3.1).
#[derive(Clone, Copy, Debug)]
pub struct AccessToken<'a> {
    /// Who we are.
    pub issuer: &'a str,
    /// Where it is to be shown.
    pub audience: &'a str,
    /// Who asked: the client's name, or the subject where it has none.
    pub client_id: &'a str,
    /// Whom it is about.
    pub person: &'a Person,
    /// Its own name.
    pub id: &'a str,
    /// The SHA-256 of the certificate that must come with it, in base64url; `None` where the operator said so.
    pub bound_to: Option<&'a str>,
    /// When it is issued.
    pub issued: Timestamp,
    /// When it ends.
    pub ends: Timestamp,
}

impl AccessToken<'_> {
    /// Its payload.
    pub fn payload(&self, more: &StaticClaims) -> String {
        let mut claims = Payload::new(&more.0);
        claims.text("iss", self.issuer);
        claims.text("sub", &self.person.subject);
        claims.text("aud", self.audience);
        claims.text("client_id", self.client_id);
        claims.text("jti", self.id);
        claims.time("exp", self.ends);
        claims.time("iat", self.issued);
        if let Some(thumbprint) = self.bound_to {
            claims.raw("cnf", &format!(r#"{{"x5t#S256":{}}}"#, quoted(thumbprint)));
        }
        let all = Scopes::of(&[Scope::Email, Scope::Groups]);
        about(&mut claims, self.person, all);
        claims.finish()
    }
}

/// A JSON object being written: the static claims, then ours.
struct Payload(String);

impl Payload {
    fn new(more: &Claims) -> Self {
        let mut text = write_object(more);
        text.pop();
        Self(text)
    }

    fn raw(&mut self, name: &str, value: &str) {
        let comma = if self.0.ends_with('{') { "" } else { "," };
        self.0.extend([comma, "\"", name, "\":", value]);
    }

    fn text(&mut self, name: &str, value: &str) {
        self.raw(name, &quoted(value));
    }

    fn time(&mut self, name: &str, value: Timestamp) {
        self.raw(name, &value.seconds().to_string());
    }

    fn finish(mut self) -> String {
        self.0.push('}');
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use countersign_jose::json::parse_object;

    fn person() -> Person {
        Person {
            subject: "spiffe://home.example/ann \"x\"".into(),
            email: Some("ann@home.example".into()),
            groups: vec!["ops".into(), "a,\"b".into()],
            certificate_serial: "0A0B".into(),
        }
    }

    fn id_token(scopes: Scopes, more: &StaticClaims) -> String {
        let person = person();
        IdToken {
            issuer: "https://sso.test",
            client_id: "https://app.test",
            person: &person,
            scopes,
            nonce: Some("n\"1"),
            sid: "s-1",
            auth_time: Timestamp::from_seconds(90),
            issued: Timestamp::from_seconds(100),
            ends: Timestamp::from_seconds(400),
        }
        .payload(more)
    }

    #[test]
    fn an_id_token_says_what_was_asked_for() {
        let more =
            StaticClaims::new(parse_object(br#"{"tenant":"home","n":[1,{"x":null}]}"#).unwrap()).unwrap();
        let scopes = Scopes::of(&[Scope::Email, Scope::Groups]);
        let read = parse_object(id_token(scopes, &more).as_bytes()).unwrap();
        assert_eq!(
            write_object(&read),
            concat!(
                r#"{"tenant":"home","n":[1,{"x":null}],"iss":"https://sso.test","sub":"spiffe://home.example/ann \"x\"","#,
                r#""aud":"https://app.test","exp":400,"iat":100,"auth_time":90,"sid":"s-1","nonce":"n\"1","#,
                r#""certificate_serial":"0A0B","email":"ann@home.example","email_verified":true,"groups":["ops","a,\"b"]}"#
            )
        );
        let read = parse_object(id_token(Scopes::default(), &StaticClaims::none()).as_bytes()).unwrap();
        for absent in ["email", "email_verified", "groups", "tenant"] {
            assert!(read.member(absent).is_none(), "{absent}");
        }
    }

    #[test]
    fn an_access_token_is_bound_to_its_certificate() {
        let person = person();
        let token = AccessToken {
            issuer: "https://sso.test",
            audience: "https://app.test",
            client_id: "robot",
            person: &person,
            id: "j-1",
            bound_to: Some("hash"),
            issued: Timestamp::from_seconds(100),
            ends: Timestamp::from_seconds(400),
        };
        let read = parse_object(token.payload(&StaticClaims::none()).as_bytes()).unwrap();
        let bound = read
            .member("cnf")
            .and_then(countersign_core::claims::Value::as_object);
        let bound = bound
            .and_then(|cnf| cnf.member("x5t#S256"))
            .and_then(countersign_core::claims::Value::as_str);
        assert_eq!(bound, Some("hash"));
        let free = AccessToken {
            bound_to: None,
            ..token
        };
        let read = parse_object(free.payload(&StaticClaims::none()).as_bytes()).unwrap();
        assert!(read.member("cnf").is_none());
    }
}
