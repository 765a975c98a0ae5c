//! Tokens and keys for measurements and long runs: made anew each time, the same bytes for every server.

use crate::Failure;
use aws_lc_rs::encoding::{AsDer, PublicKeyX509Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{self, EcdsaKeyPair, KeyPair, RsaKeyPair};
use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use std::time::{SystemTime, UNIX_EPOCH};

/// The issuer every server expects.
pub(crate) const ISSUER: &str = "https://op.bench.test/realms/home";

/// Two key pairs and what the servers need of their public halves.
pub(crate) struct Keys {
    rsa: RsaKeyPair,
    ec: EcKey,
    random: SystemRandom,
}

/// A key pair for ES256.
pub(crate) struct EcKey {
    pair: EcdsaKeyPair,
    random: SystemRandom,
}

/// Which key signs.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Signed {
    Rs256,
    Es256,
}

impl Signed {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Rs256 => "RS256",
            Self::Es256 => "ES256",
        }
    }
}

/// What the token of that number says: 357 bytes.
pub(crate) fn payload(number: usize) -> Result<String, Failure> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
    Ok(format!(
        concat!(
            r#"{{"iss":"{}","sub":"f3a1c2d4-5b6e-4f70-8192-{:012}","aud":"api","exp":{},"iat":{},"#,
            r#""jti":"0b5e7c1e-3f5b-4d4c-9a37-6f1de2a8b9c0","preferred_username":"ann","locale":"en","#,
            r#""email":"ann@bench.test","email_verified":true,"scope":"openid profile email","#,
            r#""groups":["operators","developers","home"],"tenant":"home"}}"#
        ),
        ISSUER,
        number,
        now + 86_400,
        now - 5
    ))
}

impl Keys {
    pub(crate) fn generate() -> Result<Self, Failure> {
        let rsa = RsaKeyPair::generate(KeySize::Rsa2048).map_err(|_| "no RSA key")?;
        Ok(Self {
            rsa,
            ec: EcKey::generate()?,
            random: SystemRandom::new(),
        })
    }

    /// A token of some 850 bytes, `number` making it unlike the others.
    pub(crate) fn token(&self, signed: Signed, number: usize) -> Result<String, Failure> {
        self.sign(signed, &payload(number)?)
    }

    /// A token that says `payload`.
    pub(crate) fn sign(&self, signed: Signed, payload: &str) -> Result<String, Failure> {
        self.sign_parts(signed, &header(signed, signed.name()), payload.as_bytes())
    }

    /// A token of exactly this header and payload.
    pub(crate) fn sign_parts(&self, signed: Signed, header: &str, payload: &[u8]) -> Result<String, Failure> {
        let text = signing_input(header, payload);
        let signature = self.signature(signed, text.as_bytes())?;
        Ok(format!("{text}.{}", BASE64_URL_SAFE_NO_PAD.encode(signature)))
    }

    /// A signature over any bytes.
    pub(crate) fn signature(&self, signed: Signed, bytes: &[u8]) -> Result<Vec<u8>, Failure> {
        if signed == Signed::Es256 {
            return self.ec.signature(bytes);
        }
        let mut signature = vec![0; self.rsa.public_modulus_len()];
        self.rsa
            .sign(&signature::RSA_PKCS1_SHA256, &self.random, bytes, &mut signature)
            .map_err(|_| "not signed")?;
        Ok(signature)
    }

    /// The public keys as a JWK Set.
    pub(crate) fn jwk_set(&self) -> Result<String, Failure> {
        // RSAPublicKey (RFC 8017 appendix A.1.1) of a 2048-bit key: nine bytes of framing and sign before the modulus.
        let modulus = self
            .rsa
            .public_key()
            .as_ref()
            .get(9..265)
            .ok_or("not a 2048-bit key")?;
        Ok(format!(
            concat!(
                r#"{{"keys":[{{"kty":"RSA","kid":"RS256","use":"sig","alg":"RS256","n":"{}","e":"AQAB"}},"#,
                r#"{}]}}"#
            ),
            BASE64_URL_SAFE_NO_PAD.encode(modulus),
            self.ec.jwk("ES256")?
        ))
    }

    /// One public key as PEM.
    pub(crate) fn pem(&self, signed: Signed) -> Result<String, Failure> {
        let der = match signed {
            Signed::Rs256 => {
                AsDer::<PublicKeyX509Der<'_>>::as_der(self.rsa.public_key()).map_err(|_| "no DER")?
            }
            Signed::Es256 => {
                AsDer::<PublicKeyX509Der<'_>>::as_der(self.ec.pair.public_key()).map_err(|_| "no DER")?
            }
        };
        let text = BASE64_STANDARD.encode(der.as_ref());
        let lines = text
            .as_bytes()
            .chunks(64)
            .map(String::from_utf8_lossy)
            .collect::<Vec<_>>()
            .join("\n");
        Ok(format!(
            "-----BEGIN PUBLIC KEY-----\n{lines}\n-----END PUBLIC KEY-----\n"
        ))
    }
}

impl EcKey {
    pub(crate) fn generate() -> Result<Self, Failure> {
        let algorithm = &signature::ECDSA_P256_SHA256_FIXED_SIGNING;
        Ok(Self {
            pair: EcdsaKeyPair::generate(algorithm).map_err(|_| "no EC key")?,
            random: SystemRandom::new(),
        })
    }

    /// A token that says `payload`, under a key id.
    pub(crate) fn sign(&self, kid: &str, payload: &str) -> Result<String, Failure> {
        let text = signing_input(&header(Signed::Es256, kid), payload.as_bytes());
        let signature = self.signature(text.as_bytes())?;
        Ok(format!("{text}.{}", BASE64_URL_SAFE_NO_PAD.encode(signature)))
    }

    fn signature(&self, bytes: &[u8]) -> Result<Vec<u8>, Failure> {
        let signature = self.pair.sign(&self.random, bytes).map_err(|_| "not signed")?;
        Ok(signature.as_ref().to_vec())
    }

    /// The public half as a JWK under a key id.
    pub(crate) fn jwk(&self, kid: &str) -> Result<String, Failure> {
        let point = self.pair.public_key().as_ref();
        let (x, y) = point
            .get(1..33)
            .zip(point.get(33..65))
            .ok_or("not a P-256 point")?;
        Ok(format!(
            r#"{{"kty":"EC","kid":"{kid}","use":"sig","alg":"ES256","crv":"P-256","x":"{}","y":"{}"}}"#,
            BASE64_URL_SAFE_NO_PAD.encode(x),
            BASE64_URL_SAFE_NO_PAD.encode(y)
        ))
    }
}

fn header(signed: Signed, kid: &str) -> String {
    format!(r#"{{"alg":"{}","typ":"at+jwt","kid":"{kid}"}}"#, signed.name())
}

/// What is signed of a header and a payload.
pub(crate) fn signing_input(header: &str, payload: &[u8]) -> String {
    [header.as_bytes(), payload]
        .map(|part| BASE64_URL_SAFE_NO_PAD.encode(part))
        .join(".")
}
