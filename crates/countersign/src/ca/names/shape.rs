//! What is a name of its kind, and what is none.

use super::{Name, NameError};
use countersign_core::spiffe::SpiffeId;
use countersign_x509::name::is_invisible;
use std::net::IpAddr;
use url::{Host, Url};

/// The longest DNS name, in characters (RFC 1035, section 3.1, without the root).
const MAX_DNS: usize = 253;
const MAX_LABEL: usize = 63;
/// The longest part before the `@` (RFC 5321, section 4.5.3.1.1).
const MAX_LOCAL_PART: usize = 64;
/// The longest URI, as SPIFFE bounds its own.
const MAX_URI: usize = 2048;

/// Controls, and what turns or hides other characters: in no name that a person is to read.
pub(super) fn is_unseen(character: char) -> bool {
    character.is_control() || is_invisible(character)
}

pub(super) fn host(text: &str) -> Result<Name, NameError> {
    if let Ok(address) = text.trim_matches(['[', ']']).parse::<IpAddr>() {
        let everybody = address.is_unspecified() || address.is_multicast();
        return if everybody {
            Err(NameError::AnyAddress(address))
        } else {
            Ok(Name::Ip(address))
        };
    }
    let name = text.to_ascii_lowercase();
    let Some(domain) = name.strip_prefix("*.") else {
        return dns(&name).map(|()| Name::Dns(name));
    };
    if domain.contains('*') || !domain.contains('.') {
        return Err(NameError::Wildcard(text.to_owned()));
    }
    dns(domain).map(|()| Name::Dns(name))
}

/// Whether `name`, in lower case, is a DNS name of a host.
fn dns(name: &str) -> Result<(), NameError> {
    let told = |why| Err(NameError::Dns(name.to_owned(), why));
    if name.contains('*') {
        return Err(NameError::Wildcard(name.to_owned()));
    }
    if !name.is_ascii() {
        let punycode = match Host::parse(name) {
            Ok(Host::Domain(punycode)) => format!(": write {punycode}"),
            Ok(Host::Ipv4(_) | Host::Ipv6(_)) | Err(_) => String::new(),
        };
        return Err(NameError::NotAscii(name.to_owned(), punycode));
    }
    if name.contains("://") || name.contains('/') {
        return told("it is written without scheme and path");
    }
    if name.contains('@') {
        return told("it looks like an e-mail address, and those are clients'");
    }
    if name.contains(':') {
        return told("it is written without a port");
    }
    if name.len() > MAX_DNS {
        return told("it is longer than 253 characters");
    }
    for label in name.split('.') {
        if label.is_empty() {
            return told("a label between its dots is empty");
        }
        if label.len() > MAX_LABEL {
            return told("a label is longer than 63 characters");
        }
        let inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        if !label.bytes().all(inner) {
            return told("only letters, digits and `-` stand in it");
        }
        if label.starts_with('-') || label.ends_with('-') {
            return told("a label begins or ends with `-`");
        }
    }
    let last = name.rsplit('.').next().unwrap_or("");
    if last.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(NameError::NoAddress(name.to_owned()));
    }
    Ok(())
}

pub(super) fn email(text: &str) -> Result<Name, NameError> {
    let told = |why| Err(NameError::Email(text.to_owned(), why));
    let Some((local, domain)) = text.rsplit_once('@') else {
        return told("it has no `@`");
    };
    let atoms = local
        .split('.')
        .all(|atom| !atom.is_empty() && atom.bytes().all(is_atom));
    if !atoms || local.len() > MAX_LOCAL_PART {
        return told(
            "what stands before the `@` is not made of letters, digits and !#$%&'*+-/=?^_`{|}~ between dots",
        );
    }
    let domain = domain.to_ascii_lowercase();
    if dns(&domain).is_err() {
        return told("what stands behind the `@` is no DNS name");
    }
    Ok(Name::Email(format!("{local}@{domain}")))
}

/// Whether an e-mail address may have it before the `@`, unquoted (RFC 5322, section 3.2.3).
const fn is_atom(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(byte, b'!' | b'#'..=b'\'' | b'*' | b'+' | b'-' | b'/' | b'=' | b'?' | b'^'..=b'`' | b'{'..=b'~')
}

pub(super) fn uri(text: &str) -> Result<Name, NameError> {
    let told = |why| Err(NameError::Uri(text.to_owned(), why));
    if text.len() > MAX_URI {
        return told("it is longer than 2048 characters");
    }
    if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return told("it has other characters than the printable ones of ASCII; write those as %XX");
    }
    match text.parse::<Url>() {
        Ok(url) if !url.username().is_empty() || url.password().is_some() => {
            told("it has a user or password in it")
        }
        Ok(url) if url.host_str().is_none_or(str::is_empty) => told("it names no host"),
        Ok(_) => Ok(Name::Uri(text.to_owned())),
        Err(_) => told("it cannot be read"),
    }
}

/// A workload's SPIFFE ID has a path (X.509-SVID, section 4.1).
pub(super) fn spiffe(text: &str) -> Result<Name, NameError> {
    match SpiffeId::parse(text) {
        Err(why) => Err(NameError::Spiffe(text.to_owned(), why)),
        Ok(id) if id.path().is_empty() => Err(NameError::TrustDomain(text.to_owned())),
        Ok(_) => Ok(Name::Uri(text.to_owned())),
    }
}
