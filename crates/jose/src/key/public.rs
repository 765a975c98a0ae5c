//! Public keys from their numbers: judged once, parsed once for each algorithm they may verify.

use super::{KeyError, shown};
use crate::algorithm::{Algorithm, Curve, KeyFamily};
use crate::der::{rsa_key_of_spki, rsa_numbers};
use aws_lc_rs::signature::{self, ParsedPublicKey, RsaPublicKeyComponents};
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;

/// A key for each algorithm it may verify, and its canonical form (RFC 7638 section 3).
pub(super) type Public = (Box<[(Algorithm, ParsedPublicKey)]>, Vec<u8>);

/// Primes modulo which the keys of CVE-2017-15361 (ROCA) are powers of 65537, and other keys usually are not.
const ROCA_PRIMES: [u32; 17] = [
    11, 13, 17, 19, 37, 53, 61, 71, 73, 79, 97, 103, 107, 109, 127, 151, 157,
];

/// An RSA key (RFC 7518 section 6.3.1) of 2048 to 8192 bits, both numbers without leading zeros.
pub(super) fn rsa(n: &[u8], e: &[u8], wanted: Option<&str>) -> Result<Public, KeyError> {
    let leading_zeros = n.first().map_or(0, |byte| byte.leading_zeros() as usize);
    if leading_zeros == 8 {
        return Err(KeyError::Member("n"));
    }
    if e.first() == Some(&0) {
        return Err(KeyError::Member("e"));
    }
    let odd = |number: &[u8]| number.last().is_some_and(|byte| byte % 2 == 1);
    // With an exponent of 1 anybody can write a signature. The library takes none above 33 bits.
    let sound = (2048..=8192).contains(&(n.len() * 8 - leading_zeros))
        && odd(n)
        && odd(e)
        && *e != [1]
        && e.len() <= 4;
    if !sound {
        return Err(KeyError::Unusable);
    }
    if is_roca(n) {
        return Err(KeyError::Weak("its numbers are those of CVE-2017-15361 (ROCA)"));
    }
    let components = RsaPublicKeyComponents { n, e };
    let parse = |algorithm: Algorithm| {
        let (parameters, _) = algorithm.rsa().ok_or(KeyError::Unusable)?;
        components
            .to_parsed_public_key(parameters)
            .map(|key| (algorithm, key))
            .map_err(|_| KeyError::Unusable)
    };
    let algorithms = allowed(wanted, |algorithm| algorithm.family() == KeyFamily::Rsa)?;
    let keys = algorithms.into_iter().map(parse).collect::<Result<_, _>>()?;
    let canonical = format!(r#"{{"e":"{}","kty":"RSA","n":"{}"}}"#, encode(e), encode(n));
    Ok((keys, canonical.into_bytes()))
}

/// A point on `curve` (RFC 7518 section 6.2.1). The library refuses one that is not on it.
pub(super) fn ec(curve: Curve, x: &[u8], y: &[u8], wanted: Option<&str>) -> Result<Public, KeyError> {
    for (name, coordinate) in [("x", x), ("y", y)] {
        if coordinate.len() != curve.coordinate_bytes() {
            return Err(KeyError::Member(name));
        }
    }
    // ES512 goes with P-521, and is written ES521 so often that Wycheproof's own keys have it.
    let misspelt = curve == Curve::P521 && wanted == Some("ES521");
    let wanted = wanted.filter(|_| !misspelt);
    allowed(wanted, |algorithm| algorithm == curve.algorithm())?;
    let point = [&[4], x, y].concat();
    let key = ParsedPublicKey::new(curve.verification(), point).map_err(|_| KeyError::Unusable)?;
    let canonical = format!(
        r#"{{"crv":"{}","kty":"EC","x":"{}","y":"{}"}}"#,
        curve.name(),
        encode(x),
        encode(y)
    );
    Ok((Box::new([(curve.algorithm(), key)]), canonical.into_bytes()))
}

/// An Ed25519 key (RFC 8037 section 2).
pub(super) fn ed25519(x: &[u8], wanted: Option<&str>) -> Result<Public, KeyError> {
    if x.len() != 32 {
        return Err(KeyError::Member("x"));
    }
    allowed(wanted, |algorithm| algorithm == Algorithm::EdDsa)?;
    let key = ParsedPublicKey::new(&signature::ED25519, x).map_err(|_| KeyError::Unusable)?;
    let canonical = format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{}"}}"#, encode(x));
    Ok((Box::new([(Algorithm::EdDsa, key)]), canonical.into_bytes()))
}

/// A `SubjectPublicKeyInfo` (RFC 5280 section 4.1.2.7), for every algorithm that fits it. The canonical form of a curve's
/// key is then the DER itself.
pub(super) fn spki(der: &[u8]) -> Result<Public, KeyError> {
    if let Some(key) = rsa_key_of_spki(der) {
        let (n, e) = rsa_numbers(key).ok_or(KeyError::Unusable)?;
        return rsa(n, e, None);
    }
    let parse = |algorithm: Algorithm| -> Option<(Algorithm, ParsedPublicKey)> {
        let verification: &'static dyn signature::VerificationAlgorithm = match algorithm.family() {
            KeyFamily::Ec(curve) => curve.verification(),
            KeyFamily::Ed25519 => &signature::ED25519,
            KeyFamily::Rsa | KeyFamily::Hmac => return None,
        };
        Some((algorithm, ParsedPublicKey::new(verification, der).ok()?))
    };
    let keys = Algorithm::ALL.into_iter().filter_map(parse).collect::<Box<[_]>>();
    if keys.is_empty() {
        return Err(KeyError::Unusable);
    }
    Ok((keys, der.to_vec()))
}

/// The algorithms of one family that `wanted`, a JWK's `alg`, leaves.
pub(super) fn allowed(
    wanted: Option<&str>,
    fits: impl Fn(Algorithm) -> bool,
) -> Result<Vec<Algorithm>, KeyError> {
    let all = Algorithm::ALL.into_iter().filter(|algorithm| fits(*algorithm));
    let Some(name) = wanted else {
        return Ok(all.collect());
    };
    let one = Algorithm::parse(name).filter(|algorithm| fits(*algorithm));
    one.map(|algorithm| vec![algorithm])
        .ok_or_else(|| KeyError::Algorithm(shown(name)))
}

/// Whether a modulus was made by the generator of CVE-2017-15361, whose keys can be factored.
fn is_roca(n: &[u8]) -> bool {
    ROCA_PRIMES.into_iter().all(|prime| {
        let rest = n
            .iter()
            .fold(0, |rest, byte| (rest * 256 + u32::from(*byte)) % prime);
        let powers = std::iter::successors(Some(1), |power| Some(power * 65_537 % prime));
        powers.take(prime as usize).any(|power| power == rest)
    })
}

fn encode(bytes: &[u8]) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}
