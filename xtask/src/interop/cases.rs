//! One list of tokens, good and bad, put to everybody.

mod bytes;

use super::Case;
use super::judges::AUDIENCE;
use crate::Failure;
use crate::tokens::{EcKey, ISSUER, Keys, Signed};
use serde_json::{Value, json};
use std::time::{SystemTime, UNIX_EPOCH};

/// Headers, each over good claims, signed with RS256.
const HEADERS: [(&str, bool, &str); 15] = [
    ("no key id", true, r#"{"alg":"RS256"}"#),
    ("an unknown key id", false, r#"{"alg":"RS256","kid":"other"}"#),
    (
        "the key id of the other key",
        false,
        r#"{"alg":"RS256","kid":"ES256"}"#,
    ),
    ("a key id that is a number", false, r#"{"alg":"RS256","kid":7}"#),
    (
        "the address of keys in the header",
        false,
        r#"{"alg":"RS256","kid":"RS256","jku":"https://elsewhere.test/"}"#,
    ),
    (
        "a certificate in the header",
        false,
        r#"{"alg":"RS256","kid":"RS256","x5c":["MIIB"]}"#,
    ),
    (
        "an unknown critical member",
        false,
        r#"{"alg":"RS256","kid":"RS256","crit":["x"],"x":1}"#,
    ),
    (
        "an empty list of critical members",
        false,
        r#"{"alg":"RS256","kid":"RS256","crit":[]}"#,
    ),
    (
        "an unencoded payload promised",
        false,
        r#"{"alg":"RS256","kid":"RS256","b64":false,"crit":["b64"]}"#,
    ),
    (
        "another algorithm than was signed with",
        false,
        r#"{"alg":"RS512","kid":"RS256"}"#,
    ),
    (
        "the algorithm in small letters",
        false,
        r#"{"alg":"rs256","kid":"RS256"}"#,
    ),
    (
        "the algorithm twice",
        false,
        r#"{"alg":"none","alg":"RS256","kid":"RS256"}"#,
    ),
    ("no algorithm", false, r#"{"kid":"RS256"}"#),
    (
        "an ID Token's type",
        true,
        r#"{"alg":"RS256","kid":"RS256","typ":"JWT"}"#,
    ),
    (
        "a type that is no JWT",
        false,
        r#"{"alg":"RS256","kid":"RS256","typ":"dpop+jwt"}"#,
    ),
];

/// Makes the tokens.
struct Maker<'k> {
    keys: &'k Keys,
    now: u64,
    cases: Vec<Case>,
}

/// The whole list, signed with `keys`.
pub(crate) fn all(keys: &Keys) -> Result<Vec<Case>, Failure> {
    let mut maker = Maker {
        keys,
        now: SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs(),
        cases: Vec::new(),
    };
    maker.claims()?;
    maker.times()?;
    maker.headers()?;
    maker.payloads()?;
    maker.signatures()?;
    maker.spellings()?;
    Ok(maker.cases)
}

impl Maker<'_> {
    fn good(&self) -> Value {
        let now = self.now;
        json!({ "iss": ISSUER, "sub": "ann", "aud": AUDIENCE, "iat": now - 5, "exp": now + 600 })
    }

    /// The good claims with one changed; `null` takes it out.
    fn changed(&self, claim: &str, value: &Value) -> String {
        let mut claims = self.good();
        if let Some(claims) = claims.as_object_mut() {
            if value.is_null() {
                claims.remove(claim);
            } else {
                claims.insert(claim.to_owned(), value.clone());
            }
        }
        claims.to_string()
    }

    fn add(&mut self, name: &str, accepted: bool, token: String) {
        self.cases.push(Case {
            name: name.to_owned(),
            token,
            accepted,
        });
    }

    fn say(&mut self, name: &str, accepted: bool, payload: &str) -> Result<(), Failure> {
        let token = self.keys.sign(Signed::Rs256, payload)?;
        self.add(name, accepted, token);
        Ok(())
    }

    fn head(&mut self, name: &str, accepted: bool, header: &str) -> Result<(), Failure> {
        let payload = self.good().to_string();
        let token = self.keys.sign_parts(Signed::Rs256, header, payload.as_bytes())?;
        self.add(name, accepted, token);
        Ok(())
    }

    fn claims(&mut self) -> Result<(), Failure> {
        let payload = self.good().to_string();
        self.say("good, RS256", true, &payload)?;
        let token = self.keys.sign(Signed::Es256, &payload)?;
        self.add("good, ES256", true, token);
        for (name, accepted, claim, value) in [
            ("another issuer", false, "iss", json!("https://elsewhere.test")),
            (
                "the issuer with a slash more",
                false,
                "iss",
                json!(format!("{ISSUER}/")),
            ),
            ("the issuer as a list", false, "iss", json!([ISSUER])),
            ("no issuer", false, "iss", Value::Null),
            ("another audience", false, "aud", json!("other")),
            ("the audience in another case", false, "aud", json!("API")),
            ("no audience", false, "aud", Value::Null),
            (
                "two audiences, ours the second",
                true,
                "aud",
                json!(["other", AUDIENCE]),
            ),
            (
                "two audiences, neither ours",
                false,
                "aud",
                json!(["other", "third"]),
            ),
            ("an empty list of audiences", false, "aud", json!([])),
            ("no subject", false, "sub", Value::Null),
            ("an empty subject", false, "sub", json!("")),
            ("a subject that is a number", false, "sub", json!(7)),
            (
                "bound to a key that is not shown",
                false,
                "cnf",
                json!({ "jkt": "x" }),
            ),
        ] {
            let payload = self.changed(claim, &value);
            self.say(name, accepted, &payload)?;
        }
        Ok(())
    }

    fn times(&mut self) -> Result<(), Failure> {
        let now = self.now;
        for (name, accepted, claim, value) in [
            ("expired an hour ago", false, "exp", json!(now - 3600)),
            ("expired half a minute ago", true, "exp", json!(now - 30)),
            ("no end", false, "exp", Value::Null),
            (
                "an end that is a text",
                false,
                "exp",
                json!((now + 600).to_string()),
            ),
            (
                "an end with a fraction",
                true,
                "exp",
                json!(600.5 + f64::from(u32::try_from(now)?)),
            ),
            ("an end in the year 5138", true, "exp", json!(99_999_999_999_u64)),
            ("an end of 1e300", false, "exp", json!(1e300)),
            ("an end before 1970", false, "exp", json!(-1)),
            ("not before an hour from now", false, "nbf", json!(now + 3600)),
            ("not before half a minute from now", true, "nbf", json!(now + 30)),
            ("not before, as a text", false, "nbf", json!("soon")),
            ("issued an hour from now", false, "iat", json!(now + 3600)),
            ("issued, as a text", false, "iat", json!("today")),
        ] {
            let payload = self.changed(claim, &value);
            self.say(name, accepted, &payload)?;
        }
        Ok(())
    }

    fn headers(&mut self) -> Result<(), Failure> {
        for (name, accepted, header) in HEADERS {
            self.head(name, accepted, header)?;
        }
        let jwk = EcKey::generate()?.jwk("x")?;
        let header = format!(r#"{{"alg":"RS256","kid":"RS256","jwk":{jwk}}}"#);
        self.head("a key in the header", false, &header)
    }
}
