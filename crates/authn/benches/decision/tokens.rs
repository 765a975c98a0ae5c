//! From a token's text to a principal, against nothing but the verification of the same signature over the same bytes:
//! the same library, the key parsed beforehand by both.

use crate::clock::microseconds;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256};
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use countersign_authn::bearer_jwt::BearerJwt;
use countersign_authn::keys::StaticKeys;
use countersign_authn::token_cache::{CacheLimits, TokenCache};
use countersign_core::authn::Outcome;
use countersign_core::entropy::Entropy;
use countersign_core::time::{Monotonic, Now, Timestamp};
use countersign_jose::algorithm::Algorithm;
use countersign_jose::claims::Expectation;
use countersign_jose::jwks::KeySet;
use countersign_jose::sign::SigningKey;
use std::hint::black_box;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

const ISSUER: &str = "https://op.bench.test/realms/home";
const NOW: Now = Now {
    wall: Timestamp::from_seconds(1_900_000_000),
    monotonic: Monotonic::from_milliseconds(0),
};
/// How many different tokens are judged in turn.
const TOKENS: usize = 256;

#[derive(Debug)]
struct NoEntropy;

impl Entropy for NoEntropy {
    fn fill(&self, bytes: &mut [u8]) {
        bytes.fill(7);
    }
}

/// Prints, for each algorithm and round, the microseconds of the whole path and of the bare verification.
pub(crate) fn measure(rounds: u32) {
    // Some 300 ms for each figure.
    let algorithms = [(Algorithm::Rs256, 40), (Algorithm::Es256, 16)];
    let subjects = algorithms.map(|(algorithm, times)| (Subject::new(algorithm), times));
    for _ in 0..rounds {
        for (subject, times) in &subjects {
            let whole = microseconds(*times, || subject.judge_all()) / 256.0;
            let bare = microseconds(*times, || subject.verify_all()) / 256.0;
            println!("tokens\t{}\t{whole:.3}\t{bare:.3}", subject.algorithm.name());
        }
    }
}

struct Subject {
    algorithm: Algorithm,
    judge: BearerJwt,
    key: ParsedPublicKey,
    tokens: Vec<Token>,
}

struct Token {
    text: String,
    signed: usize,
    signature: Vec<u8>,
}

impl Subject {
    fn new(algorithm: Algorithm) -> Self {
        let signer = SigningKey::generate(algorithm).unwrap();
        let jwk = signer.public_jwk("k").unwrap();
        let set = format!(r#"{{"keys":[{jwk}]}}"#);
        let (keys, _) = KeySet::parse(set.as_bytes()).unwrap();
        let audiences = vec!["api".into()];
        let expectation = Expectation::new(ISSUER.into(), audiences, vec![algorithm]).unwrap();
        let none = CacheLimits {
            entries: 0,
            ..CacheLimits::default()
        };
        let cache = Arc::new(TokenCache::new(none, &NoEntropy));
        let judge = BearerJwt::with_keys("token.bench", Arc::new(StaticKeys::new(keys)), expectation, cache);
        Self {
            algorithm,
            judge,
            key: public_key(algorithm, &jwk),
            tokens: (0..TOKENS).map(|number| Token::new(&signer, number)).collect(),
        }
    }

    /// The gateway's own path, the cache off.
    fn judge_all(&self) {
        for token in &self.tokens {
            let judged = pin!(self.judge.judge_token(black_box(&token.text), NOW));
            match judged.poll(&mut Context::from_waker(Waker::noop())) {
                Poll::Ready(Outcome::Authenticated(principal, _)) => drop(black_box(principal)),
                other @ (Poll::Ready(_) | Poll::Pending) => panic!("a good token is let in, not {other:?}"),
            }
        }
    }

    fn verify_all(&self) {
        for token in &self.tokens {
            let signed = black_box(token.text.as_bytes().get(..token.signed).unwrap());
            self.key.verify_sig(signed, &token.signature).unwrap();
        }
    }
}

impl Token {
    /// 850 bytes with an RSA signature, as the side-by-side measurements send them.
    fn new(signer: &SigningKey, number: usize) -> Self {
        let now = NOW.wall.seconds();
        let payload = format!(
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
        );
        let text = signer
            .sign(r#""typ":"at+jwt","kid":"k""#, payload.as_bytes())
            .unwrap();
        let signed = text.rfind('.').unwrap();
        let signature = text.get(signed + 1..).unwrap();
        let signature = BASE64_URL_SAFE_NO_PAD.decode(signature).unwrap();
        Self {
            text,
            signed,
            signature,
        }
    }
}

/// The key as the signature library takes it.
fn public_key(algorithm: Algorithm, jwk: &str) -> ParsedPublicKey {
    let jwk = serde_json::from_str::<serde_json::Value>(jwk).unwrap();
    let bytes = |member: &str| {
        let text = jwk.get(member).and_then(serde_json::Value::as_str).unwrap();
        BASE64_URL_SAFE_NO_PAD.decode(text).unwrap()
    };
    if algorithm == Algorithm::Es256 {
        let point = [vec![4], bytes("x"), bytes("y")].concat();
        return ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).unwrap();
    }
    let (modulus, exponent) = (integer(&bytes("n")), integer(&bytes("e")));
    let der = tagged(0x30, &[modulus, exponent].concat());
    ParsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, der).unwrap()
}

/// A DER INTEGER that is not negative.
fn integer(number: &[u8]) -> Vec<u8> {
    let sign = number.first().is_some_and(|byte| *byte >= 0x80);
    tagged(0x02, &[vec![0; usize::from(sign)], number.to_vec()].concat())
}

fn tagged(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut length = content.len().to_be_bytes().to_vec();
    length.drain(..length.iter().position(|byte| *byte != 0).unwrap_or(0));
    if content.len() >= 0x80 {
        length.insert(0, 0x80 | u8::try_from(length.len()).unwrap());
    }
    [vec![tag], length, content.to_vec()].concat()
}
