//! Tokens whose bytes are odd: payloads, signatures, spellings.

use super::Maker;
use crate::Failure;
use crate::tokens::{Keys, Signed, signing_input};
use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD_NO_PAD, BASE64_URL_SAFE_NO_PAD};

impl Maker<'_> {
    pub(super) fn payloads(&mut self) -> Result<(), Failure> {
        let good = self.good().to_string();
        let twice = good.replacen('{', r#"{"aud":"other","#, 1);
        self.say("a claim twice", false, &twice)?;
        let inner = good.replacen('{', r#"{"x":{"y":1,"y":2},"#, 1);
        self.say("a member twice, deep inside", false, &inner)?;
        self.say("text after the payload", false, &format!("{good}x"))?;
        self.say(
            "a byte order mark before the payload",
            false,
            &format!("\u{feff}{good}"),
        )?;
        self.say("spaces around the payload", true, &format!(" {good}\n"))?;
        self.say("a payload that is a list", false, &format!("[{good}]"))?;
        self.say("an empty payload", false, "")?;
        let long = good.replacen('{', &format!("{{\"x\":\"{}\",", "x".repeat(16_000)), 1);
        self.say("21 KB", false, &long)?;
        let nested = format!("{}{}", "[".repeat(200), "]".repeat(200));
        let deep = good.replacen('{', &format!("{{\"x\":{nested},"), 1);
        self.say("200 lists in each other", false, &deep)
    }

    pub(super) fn signatures(&mut self) -> Result<(), Failure> {
        let payload = self.good().to_string();
        let stranger = Keys::generate()?;
        let encode = |bytes: &[u8]| BASE64_URL_SAFE_NO_PAD.encode(bytes);
        for signed in [Signed::Rs256, Signed::Es256] {
            let name = signed.name();
            self.add(
                &format!("a stranger's signature, {name}"),
                false,
                stranger.sign(signed, &payload)?,
            );
            let header = format!(r#"{{"alg":"{name}","kid":"{name}"}}"#);
            let text = signing_input(&header, payload.as_bytes());
            self.add(&format!("no signature, {name}"), false, format!("{text}."));
            let mut signature = self.keys.signature(signed, text.as_bytes())?;
            if let Some(last) = signature.last_mut() {
                *last ^= 1;
            }
            self.add(
                &format!("one bit of the signature changed, {name}"),
                false,
                format!("{text}.{}", encode(&signature)),
            );
        }
        let es256 = r#"{"alg":"ES256","kid":"ES256"}"#;
        let text = signing_input(es256, payload.as_bytes());
        self.add(
            "a signature of zeroes, ES256",
            false,
            format!("{text}.{}", encode(&[0; 64])),
        );
        let flat = self.keys.signature(Signed::Es256, text.as_bytes())?;
        self.add(
            "a signature in DER, ES256",
            false,
            format!("{text}.{}", encode(&der(&flat))),
        );
        for alg in ["none", "None", "NONE"] {
            let text = signing_input(&format!(r#"{{"alg":"{alg}"}}"#), payload.as_bytes());
            self.add(&format!("alg {alg}, nothing signed"), false, format!("{text}."));
        }
        let confused = signing_input(r#"{"alg":"HS256","kid":"RS256"}"#, payload.as_bytes());
        let pem = self.keys.pem(Signed::Rs256)?;
        let secret = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, pem.as_bytes());
        let tag = aws_lc_rs::hmac::sign(&secret, confused.as_bytes());
        self.add(
            "the public key taken for a secret",
            false,
            format!("{confused}.{}", encode(tag.as_ref())),
        );
        Ok(())
    }

    pub(super) fn spellings(&mut self) -> Result<(), Failure> {
        let good = self.keys.sign(Signed::Rs256, &self.good().to_string())?;
        self.add("a part too many", false, format!("{good}.x"));
        self.add(
            "a part too few",
            false,
            good.rsplit_once('.').map_or("", |(two, _)| two).to_owned(),
        );
        self.add("five parts", false, format!("{good}.e30.e30"));
        self.add("padding after the signature", false, format!("{good}=="));
        self.add("a full stop at the end", false, format!("{good}."));
        // 256 bytes leave four bits unused in the last letter.
        let (before, last) = good.split_at(good.len() - 1);
        let next = last.bytes().next().map_or('B', |byte| char::from(byte + 1));
        self.add(
            "unused bits set in the last letter",
            false,
            format!("{before}{next}"),
        );
        // Letters in which the two alphabets differ, for certain.
        let claims = self.good().to_string().replacen('{', r#"{"x":"???>>>~~~","#, 1);
        let header = r#"{"alg":"RS256","kid":"RS256"}"#;
        let parts = [header, &claims].map(|part| BASE64_STANDARD_NO_PAD.encode(part));
        let text = parts.join(".");
        let signature = self.keys.signature(Signed::Rs256, text.as_bytes())?;
        let signature = BASE64_URL_SAFE_NO_PAD.encode(signature);
        self.add(
            "the other alphabet of base64",
            false,
            format!("{text}.{signature}"),
        );
        Ok(())
    }
}

/// An ECDSA signature as others write it (RFC 3279 section 2.2.3).
fn der(flat: &[u8]) -> Vec<u8> {
    let integer = |number: &[u8]| {
        let start = number.iter().position(|byte| *byte != 0).unwrap_or(0);
        let number = number.get(start..).unwrap_or_default();
        let sign = number.first().is_some_and(|byte| *byte >= 0x80);
        let length = number.len() + usize::from(sign);
        let head = [0x02, u8::try_from(length).unwrap_or(0)];
        [&head[..], &vec![0; usize::from(sign)], number].concat()
    };
    let (r, s) = flat.split_at(flat.len() / 2);
    let both = [integer(r), integer(s)].concat();
    [&[0x30, u8::try_from(both.len()).unwrap_or(0)][..], &both].concat()
}
