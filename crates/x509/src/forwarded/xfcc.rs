//! Envoy's `X-Forwarded-Client-Cert`.
//!
//! Its elements are of one proxy each, and the last is the nearest proxy's. With `SANITIZE_SET` there is one. With
//! `APPEND_FORWARD` those before it are what the client said; with `FORWARD_ONLY` all of it is. Where there are several,
//! nobody can tell which it was, so exactly one is taken.

use super::text::{percent_decoded, sections_alone};
use super::{ForwardedError, bounded, chain};
use aws_lc_rs::digest::{SHA256, digest};

/// The certificates of the one element: those of `Chain` if it is there, else the one of `Cert`. Where `Hash` and `Cert`
/// are there too, they must be of the same certificate. The other keys are not read.
pub fn xfcc(value: &str) -> Result<Vec<Vec<u8>>, ForwardedError> {
    bounded(value)?;
    let (mut hash, mut cert, mut certs) = (None, None, None);
    let mut rest = value;
    loop {
        let (key, after_key) = rest.split_once('=').ok_or(ForwardedError::Element)?;
        let (text, after_value) = value_of(after_key)?;
        let place = match key.to_ascii_lowercase().as_str() {
            "hash" => Some(&mut hash),
            "cert" => Some(&mut cert),
            "chain" => Some(&mut certs),
            name if !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric()) => None,
            _ => return Err(ForwardedError::Element),
        };
        if let Some(place) = place
            && place.replace(text).is_some()
        {
            return Err(ForwardedError::Element);
        }
        match after_value.split_at_checked(1) {
            None => break,
            Some((";", more)) => rest = more,
            Some((",", _)) => return Err(ForwardedError::SeveralElements),
            Some(_) => return Err(ForwardedError::Element),
        }
    }
    assembled(hash.as_deref(), cert.as_deref(), certs.as_deref())
}

/// The value that `text` begins with, its quotes and escapes undone, and what follows it.
fn value_of(text: &str) -> Result<(String, &str), ForwardedError> {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find([';', ',']).unwrap_or(text.len());
        let (value, rest) = text.split_at_checked(end).ok_or(ForwardedError::Element)?;
        let plain = !value.contains(['"', '=', '\\']);
        return plain
            .then(|| (value.to_owned(), rest))
            .ok_or(ForwardedError::Element);
    };
    let mut value = String::new();
    let mut characters = quoted.chars();
    loop {
        match characters.next() {
            Some('"') => return Ok((value, characters.as_str())),
            Some('\\') => match characters.next() {
                // Envoy escapes quotes only: a subject may hold any other backslash.
                Some('"') => value.push('"'),
                Some(other) => value.extend(['\\', other]),
                None => return Err(ForwardedError::Element),
            },
            Some(character) => value.push(character),
            None => return Err(ForwardedError::Element),
        }
    }
}

fn assembled(
    hash: Option<&str>,
    cert: Option<&str>,
    certs: Option<&str>,
) -> Result<Vec<Vec<u8>>, ForwardedError> {
    let of = |text: &str| sections_alone(&percent_decoded(text)?);
    let alone = cert.map(of).transpose()?;
    let with_others = certs.map(of).transpose()?;
    if alone.as_ref().is_some_and(|alone| alone.len() > 1) {
        return Err(ForwardedError::Several);
    }
    if let (Some(alone), Some(with_others)) = (&alone, &with_others)
        && alone.first() != with_others.first()
    {
        return Err(ForwardedError::Contradiction);
    }
    let found = with_others.or(alone).filter(|found| !found.is_empty());
    let found = chain(found.ok_or(ForwardedError::CertificateMissing)?)?;
    let leaf = found.first().map_or(&[][..], Vec::as_slice);
    let leaf_hash = crate::certificate::hexadecimal(digest(&SHA256, leaf).as_ref());
    let same = hash.is_none_or(|hash| hash.eq_ignore_ascii_case(&leaf_hash));
    same.then_some(found).ok_or(ForwardedError::Contradiction)
}
