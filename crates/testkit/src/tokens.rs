//! Tokens of every shape: good ones, and each with one thing wrong.
//!
//! A token begins as somebody's good one ([`Token::of`]) and is changed by name ([`Token::change`]), so that a page can
//! say `token=ann aud` and what differs in one line. Signatures are made here with the library alone and not with the
//! gateway's own code, which is what they test.

use crate::clock::{MIDNIGHT, span};
use crate::keys::{HMAC_SECRET, TestKey, mac};
use base64::Engine as _;
use base64::engine::general_purpose::{URL_SAFE, URL_SAFE_NO_PAD};
use serde_json::{Map, Value, json};

/// What signs a token.
#[derive(Clone, Debug)]
enum Signer {
    Key(&'static TestKey),
    /// HMAC with these bytes.
    Secret(Vec<u8>),
}

/// A token about to be made.
#[derive(Clone, Debug)]
pub struct Token {
    header: Map<String, Value>,
    claims: Map<String, Value>,
    /// Instead of `header` and `claims`, as they stand.
    header_text: Option<String>,
    payload_text: Option<String>,
    signer: Signer,
    algorithm: String,
    /// Merged into the claims once they are signed.
    after_signing: Option<Value>,
    mangled: Vec<String>,
}

/// The changes [`Token::change`] knows.
pub const CHANGES: [&str; 16] = [
    "with", "jose", "payload", "head", "key", "alg", "exp", "nbf", "iat", "aud", "iss", "sub", "typ",
    "groups", "pad", "mangle",
];

/// What `mangle` knows.
pub const MANGLES: [&str; 17] = [
    "bad-signature",
    "no-signature",
    "zero-signature",
    "short-signature",
    "two-parts",
    "four-parts",
    "five-parts",
    "detached",
    "padded",
    "trailing-bits",
    "json-flattened",
    "json-general",
    "dots",
    "space-inside",
    "upper-case-alg",
    "empty",
    "altered",
];

impl Token {
    /// The good token of `person`, valid from a minute before midnight to an hour after it, signed by the issuer
    /// `https://op.test` with its first key. `ann` is staff and an operator, with a verified address; `bob` is staff
    /// and his address is not verified; `backup` is a service, in no group; `root` is whom attackers want to be. `joe` is a
    /// workload of the trust domain `example.org`: his is a JWT-SVID, without an issuer.
    pub fn of(person: &str) -> Option<Self> {
        let facts = match person {
            "ann" => json!({
                "groups": ["staff", "operators"], "scope": "read write", "email": "ann@home.test",
                "email_verified": true, "preferred_username": "ann.doe", "name": "Ann Doe", "locale": "en",
            }),
            "bob" => json!({
                "groups": ["staff"], "scope": "read", "email": "bob@home.test", "email_verified": false,
                "preferred_username": "bob",
            }),
            "backup" => json!({ "scope": "backup", "client_id": "backup" }),
            "root" => json!({ "groups": ["admin"], "scope": "admin" }),
            "joe" => json!({ "iss": null, "sub": "spiffe://example.org/joe" }),
            _ => return None,
        };
        let mut claims = json!({
            "iss": "https://op.test", "sub": person, "aud": "api", "iat": MIDNIGHT - 60, "exp": MIDNIGHT + 3600,
        });
        merge(&mut claims, &facts);
        let Value::Object(claims) = claims else {
            return None;
        };
        let mut token = Self {
            header: Map::new(),
            claims,
            header_text: None,
            payload_text: None,
            signer: Signer::Secret(Vec::new()),
            algorithm: String::new(),
            after_signing: None,
            mangled: Vec::new(),
        };
        token.sign_with("rsa-1").ok()?;
        Some(token)
    }

    /// Changes one thing: one of [`CHANGES`]. `with` and `jose` merge JSON into claims and header (`null` removes);
    /// `payload` and `head` replace them by text as it stands; `exp`, `nbf` and `iat` are spans from midnight; `iss`
    /// is an issuer's name or URL; `groups` makes so many of them; `pad` adds a claim of so many bytes.
    pub fn change(&mut self, what: &str, value: &str) -> Result<(), String> {
        match what {
            "with" => merge_into(&mut self.claims, &object(value)?),
            "jose" => merge_into(&mut self.header, &object(value)?),
            "payload" => self.payload_text = Some(value.to_owned()),
            "head" => self.header_text = Some(value.to_owned()),
            "key" => self.sign_with(value)?,
            "alg" => {
                value.clone_into(&mut self.algorithm);
                self.header.insert("alg".into(), value.into());
            }
            "exp" | "nbf" | "iat" => {
                let at = MIDNIGHT * 1000 + span(value)?;
                let at = if at % 1000 == 0 {
                    json!(at / 1000)
                } else {
                    json!(seconds(at))
                };
                self.claims.insert(what.into(), at);
            }
            "aud" | "sub" => drop(self.claims.insert(what.into(), value.into())),
            "typ" => drop(self.header.insert("typ".into(), value.into())),
            "iss" => {
                let issuer = if value.contains([':', '/']) {
                    value.to_owned()
                } else {
                    format!("https://{value}.test")
                };
                self.claims.insert("iss".into(), issuer.into());
                if let Some(first) = crate::op::first_key(value) {
                    self.sign_with(first)?;
                }
            }
            "groups" => {
                let count = value
                    .parse::<usize>()
                    .map_err(|_| format!("`{value}` is no number"))?;
                let groups = (1..=count).map(|group| format!("op{group}")).collect::<Vec<_>>();
                self.claims.insert("groups".into(), groups.into());
            }
            "pad" => {
                let length = value
                    .parse::<usize>()
                    .map_err(|_| format!("`{value}` is no length"))?;
                self.claims.insert("pad".into(), "x".repeat(length).into());
            }
            "mangle" => {
                for word in value.split(',') {
                    if !MANGLES.contains(&word) {
                        return Err(format!("`{word}` is none of {}", MANGLES.join(", ")));
                    }
                    self.mangled.push(word.to_owned());
                }
                if value == "altered" {
                    self.after_signing = Some(json!({ "sub": "root", "groups": ["admin"], "altered": true }));
                }
            }
            _ => return Err(format!("`{what}` is none of {}", CHANGES.join(", "))),
        }
        Ok(())
    }

    /// The compact form (RFC 7515 section 7.1), mangled where it was asked for.
    pub fn compact(&self) -> String {
        let text = |text: &Option<String>, map: &Map<String, Value>| {
            text.clone()
                .unwrap_or_else(|| Value::Object(map.clone()).to_string())
        };
        let header = URL_SAFE_NO_PAD.encode(unescape(&text(&self.header_text, &self.header)));
        let payload = URL_SAFE_NO_PAD.encode(unescape(&text(&self.payload_text, &self.claims)));
        let message = format!("{header}.{payload}");
        let signature = match &self.signer {
            Signer::Key(key) => key.sign(&self.algorithm, message.as_bytes()),
            Signer::Secret(secret) => mac(&self.algorithm, secret, message.as_bytes()),
        };
        // An algorithm that nothing can sign with (`none`, or one that does not exist) leaves the part empty.
        let mut signature = signature.unwrap_or_default();
        let mut payload = payload;
        if let Some(change) = &self.after_signing {
            let mut claims = Value::Object(self.claims.clone());
            merge(&mut claims, change);
            payload = URL_SAFE_NO_PAD.encode(claims.to_string());
        }
        if self.is_mangled("bad-signature")
            && let Some(first) = signature.first_mut()
        {
            *first ^= 1;
        }
        if self.is_mangled("zero-signature") {
            signature.fill(0);
        }
        if self.is_mangled("short-signature") {
            signature.truncate(signature.len() / 2);
        }
        self.assemble(&header, &payload, &URL_SAFE_NO_PAD.encode(signature))
    }

    fn assemble(&self, header: &str, payload: &str, signature: &str) -> String {
        let last =
            self.mangled.iter().map(String::as_str).find(|word| {
                !["bad-signature", "zero-signature", "short-signature", "altered"].contains(word)
            });
        match last {
            Some("no-signature") => format!("{header}.{payload}."),
            Some("two-parts") => format!("{header}.{payload}"),
            Some("four-parts") => format!("{header}.{payload}.{signature}.x"),
            Some("five-parts") => format!("{header}.{payload}.{signature}.AAAA.AAAA"),
            Some("detached") => format!("{header}..{signature}"),
            Some("padded") => {
                let padded = URL_SAFE.encode(URL_SAFE_NO_PAD.decode(signature).unwrap_or_default());
                format!("{header}.{payload}.{padded}")
            }
            Some("trailing-bits") => {
                // The last character of a whole number of bytes has bits to spare; set one.
                let (rest, last) = signature.split_at(signature.len().saturating_sub(1));
                let next = char::from(last.bytes().next().unwrap_or(b'A') + 1);
                format!("{header}.{payload}.{rest}{next}")
            }
            Some("json-flattened") => {
                json!({ "protected": header, "payload": payload, "signature": signature }).to_string()
            }
            Some("json-general") => {
                let one = json!({ "protected": header, "signature": signature });
                json!({ "payload": payload, "signatures": [one] }).to_string()
            }
            Some("dots") => ".".repeat(10_000),
            Some("space-inside") => format!("{header}. {payload}.{signature}"),
            Some("upper-case-alg") => {
                let upper = URL_SAFE_NO_PAD
                    .decode(header)
                    .unwrap_or_default()
                    .to_ascii_uppercase();
                format!("{}.{payload}.{signature}", URL_SAFE_NO_PAD.encode(upper))
            }
            Some("empty") => String::new(),
            Some(_) | None => format!("{header}.{payload}.{signature}"),
        }
    }

    fn is_mangled(&self, word: &str) -> bool {
        self.mangled.iter().any(|own| own == word)
    }

    /// Signs with the key called `name`; with `hmac` (the shared secret), or with a public key's bytes as if they were
    /// a secret: `hmac:rsa-1.pem`, `.der`, `.jwk` or `.n`; or `hmac:` and any other text.
    fn sign_with(&mut self, name: &str) -> Result<(), String> {
        if let Some(key) = TestKey::named(name) {
            self.signer = Signer::Key(key);
            key.algorithm.clone_into(&mut self.algorithm);
            self.header.insert("kid".into(), key.name.into());
        } else {
            let secret = match name.split_once(':') {
                None if name == "hmac" => HMAC_SECRET.as_bytes().to_vec(),
                Some(("hmac", text)) => public_bytes(text).unwrap_or_else(|| text.as_bytes().to_vec()),
                Some(_) | None => return Err(format!("there is no key called `{name}`")),
            };
            self.signer = Signer::Secret(secret);
            "HS256".clone_into(&mut self.algorithm);
            if name == "hmac" {
                self.header.remove("kid");
            }
        }
        self.header.insert("alg".into(), self.algorithm.as_str().into());
        Ok(())
    }
}

fn public_bytes(text: &str) -> Option<Vec<u8>> {
    let (name, form) = text.rsplit_once('.')?;
    let key = TestKey::named(name)?;
    Some(match form {
        "pem" => key.public_pem.as_bytes().to_vec(),
        "trimmed-pem" => key.public_pem.trim_end().as_bytes().to_vec(),
        "der" => key.public_der(),
        "jwk" => Value::Object(key.jwk()).to_string().into_bytes(),
        "n" => key.jwk().get("n")?.as_str()?.as_bytes().to_vec(),
        "n-bytes" => URL_SAFE_NO_PAD.decode(key.jwk().get("n")?.as_str()?).ok()?,
        "kid" => key.name.as_bytes().to_vec(),
        _ => return None,
    })
}

/// Milliseconds as seconds with a fraction, for claims that have one.
#[expect(clippy::cast_precision_loss, reason = "instants of tests fit 52 bits")]
fn seconds(milliseconds: i64) -> f64 {
    milliseconds as f64 / 1000.0
}

fn object(text: &str) -> Result<Value, String> {
    let value =
        serde_json::from_str::<Value>(text).map_err(|error| format!("`{text}` is not JSON: {error}"))?;
    if value.is_object() {
        Ok(value)
    } else {
        Err(format!("`{text}` is not a JSON object"))
    }
}

/// Merges as RFC 7396 says: a `null` removes. A value `{"null": true}` stands for a `null` that stays.
fn merge_into(target: &mut Map<String, Value>, patch: &Value) {
    let mut value = Value::Object(std::mem::take(target));
    merge(&mut value, patch);
    if let Value::Object(map) = value {
        *target = map;
    }
}

fn merge(target: &mut Value, patch: &Value) {
    let (Value::Object(target), Value::Object(patch)) = (target, patch) else {
        return;
    };
    for (name, value) in patch {
        if value.is_null() {
            target.remove(name);
        } else if *value == json!({ "null": true }) {
            target.insert(name.clone(), Value::Null);
        } else if value.is_object() && target.get(name).is_some_and(Value::is_object) {
            if let Some(inner) = target.get_mut(name) {
                merge(inner, value);
            }
        } else {
            target.insert(name.clone(), value.clone());
        }
    }
}

/// Header and claims of a JWT, as they stand.
pub fn opened(token: &str) -> Option<String> {
    let mut parts = token.split('.');
    let mut part = || {
        let bytes = URL_SAFE_NO_PAD.decode(parts.next()?).ok()?;
        String::from_utf8(bytes).ok()
    };
    Some(format!("{} {}", part()?, part()?))
}

/// `text` as bytes, with `\xNN` read as that byte: for what no text file may hold.
pub fn unescape(text: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("\\x") {
        bytes.extend_from_slice(before.as_bytes());
        let byte = after
            .get(..2)
            .and_then(|digits| u8::from_str_radix(digits, 16).ok());
        if let Some(byte) = byte {
            bytes.push(byte);
            rest = &after[2..];
        } else {
            bytes.extend_from_slice(b"\\x");
            rest = after;
        }
    }
    bytes.extend_from_slice(rest.as_bytes());
    bytes
}

#[cfg(test)]
mod tests;
