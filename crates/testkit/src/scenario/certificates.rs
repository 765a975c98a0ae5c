//! The certificates of pages: three authorities that are always there, and clients' certificates as a page describes them.

use super::question::Face;
use crate::pki::{Authority, Key, Revocations, San, Template, element, pem, relatives};
use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::IpAddr;

/// Clients' chains by name, leaf first.
pub(super) type Certificates = BTreeMap<String, Vec<Vec<u8>>>;

/// `home` is a root, `issuing` stands under it and may have no other under itself, `deeper` stands there all the same;
/// `other` is another root.
fn authority(name: &str) -> Option<Authority> {
    let home = || Authority::root("home", Key(1));
    Some(match name {
        "home" => home(),
        "issuing" => {
            let template = Template::new("issuing", Key(2))
                .basic_constraints(true, Some(0))
                .key_usage(0x06);
            Authority {
                certificate: home().issue(&template),
                ..home().under("issuing", Key(2))
            }
        }
        "deeper" => authority("issuing")?.under("deeper", Key(5)),
        "other" => Authority::root("other", Key(3)),
        _ => return None,
    })
}

/// `text` with `<home.pem>` and the like replaced by that authority's certificate (`<home.x5c>`: in base64 alone), and `<crl home 0a 0b until=TIME>` by
/// its revocation list of these serial numbers.
pub(super) fn fill_in(text: &str) -> Result<String, String> {
    let mut whole = text.to_owned();
    for name in ["home", "issuing", "deeper", "other"] {
        let own = authority(name).ok_or("no such authority")?;
        whole = whole.replace(&format!("<{name}.pem>"), own.pem().trim_end());
        whole = whole.replace(&format!("<{name}.x5c>"), &STANDARD.encode(&own.certificate));
    }
    while let Some(start) = whole.find("<crl ") {
        let length = whole[start..].find('>').ok_or("a `<crl` that does not end")?;
        let list = list(&whole[start + 5..start + length])?;
        whole.replace_range(start..=start + length, list.trim_end());
    }
    Ok(whole)
}

fn list(words: &str) -> Result<String, String> {
    let mut words = words.split_whitespace();
    let name = words.next().ok_or("a list of nobody")?;
    let authority = authority(name).ok_or(format!("there is no authority `{name}`"))?;
    let (mut serials, mut from, mut until) = (Vec::new(), "20291231000000Z", "20300201000000Z");
    let mut scope = None;
    for word in words {
        match word.split_once('=') {
            Some(("from", time)) => from = time,
            Some(("until", time)) => until = time,
            Some(("only", "users")) => scope = Some(0x81),
            Some(("only", "authorities")) => scope = Some(0x82),
            Some(_) => return Err(format!("a list has no `{word}`")),
            None => serials.push(hexadecimal(word)?),
        }
    }
    let serials = serials.iter().map(Vec::as_slice).collect::<Vec<_>>();
    let list = Revocations::of(&serials).updated(from, Some(until));
    let list = match scope {
        Some(tag) => list.scope(&[element(tag, &[0xff])]),
        None => list,
    };
    Ok(pem("X509 CRL", &authority.revoke(&list)))
}

/// The chain that a JSON object describes: `cn`, `ou`, `san` (`"uri:…"`, `dns:`, `email:`, `upn:`, `ip:`), `issuer` (`home` unless
/// told otherwise; `self` for nobody), `serial`, `valid` (two times), `usage` (the bits of the key usage), `eku` (`client`,
/// `server`, `none`), `ca`, `chain` (with the issuer's certificate), `broken` (`signature`, `bytes`).
pub(super) fn client(text: &str) -> Result<Vec<Vec<u8>>, String> {
    let spec: Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
    let known = [
        "cn", "ou", "san", "issuer", "serial", "valid", "usage", "eku", "ca", "chain", "email", "broken",
    ];
    let members = spec.as_object().ok_or("a certificate is an object")?;
    if let Some(odd) = members.keys().find(|name| !known.contains(&name.as_str())) {
        return Err(format!("a certificate has no `{odd}`"));
    }
    let texts = |name: &str| match &spec[name] {
        Value::String(one) => vec![one.as_str()],
        Value::Array(many) => many.iter().filter_map(Value::as_str).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => Vec::new(),
    };
    let mut names = texts("ou")
        .into_iter()
        .map(|unit| ("2.5.4.11", 0x0c_u8, unit))
        .collect::<Vec<_>>();
    names.extend(texts("cn").into_iter().map(|name| ("2.5.4.3", 0x0c, name)));
    names.extend(
        texts("email")
            .into_iter()
            .map(|name| ("1.2.840.113549.1.9.1", 0x16, name)),
    );
    let sets = names
        .iter()
        .map(|(kind, tag, text)| [(*kind, *tag, text.as_bytes())])
        .collect::<Vec<_>>();
    let sets = sets.iter().map(|set| &set[..]).collect::<Vec<_>>();
    let mut template = Template::new("", Key(4))
        .subject(relatives(&sets))
        .serial(&hexadecimal(spec["serial"].as_str().unwrap_or("0a"))?)
        .basic_constraints(spec["ca"] == true, None)
        .key_usage(
            spec["usage"]
                .as_u64()
                .and_then(|bits| u8::try_from(bits).ok())
                .unwrap_or(0x80),
        );
    if let [from, until] = texts("valid")[..] {
        template = template.valid(from, until);
    }
    template = match spec["eku"].as_str() {
        None | Some("client") => template.extended_key_usages(&["1.3.6.1.5.5.7.3.2"]),
        Some("server") => template.extended_key_usages(&["1.3.6.1.5.5.7.3.1"]),
        Some(_) => template,
    };
    let addresses = texts("san")
        .into_iter()
        .map(address)
        .collect::<Result<Vec<_>, _>>()?;
    let sans = texts("san")
        .into_iter()
        .zip(&addresses)
        .map(|(text, address)| san(text, address))
        .collect::<Result<Vec<_>, _>>()?;
    if !sans.is_empty() {
        template = template.names(&sans);
    }
    signed(&template, &spec)
}

/// The chain: signed by whom the description says, and broken as it says.
fn signed(template: &Template, spec: &Value) -> Result<Vec<Vec<u8>>, String> {
    let issuer = spec["issuer"].as_str().unwrap_or("home");
    if issuer == "self" {
        return Ok(vec![template.self_signed()]);
    }
    let issuer = authority(issuer).ok_or(format!("there is no authority `{issuer}`"))?;
    let mut leaf = issuer.issue(template);
    match (spec["broken"].as_str(), leaf.last_mut()) {
        (Some("signature"), Some(last)) => *last ^= 1,
        // A sequence, and no certificate.
        (Some("bytes"), _) => leaf = vec![0x30, 3, 2, 1, 1],
        _ => {}
    }
    let mut chain = vec![leaf];
    if spec["chain"] == true {
        chain.push(issuer.certificate);
    }
    Ok(chain)
}

/// The bytes of an IP address that `ip:…` names; none for other kinds.
fn address(text: &str) -> Result<Vec<u8>, String> {
    match text.strip_prefix("ip:").map(str::parse) {
        None => Ok(Vec::new()),
        Some(Ok(IpAddr::V4(address))) => Ok(address.octets().to_vec()),
        Some(Ok(IpAddr::V6(address))) => Ok(address.octets().to_vec()),
        Some(Err(_)) => Err(format!("`{text}` is no address")),
    }
}

fn san<'t>(text: &'t str, address: &'t [u8]) -> Result<San<'t>, String> {
    match text.split_once(':') {
        Some(("uri", name)) => Ok(San::Uri(name)),
        Some(("dns", name)) => Ok(San::Dns(name)),
        Some(("email", name)) => Ok(San::Email(name)),
        Some(("upn", name)) => Ok(San::Upn(name)),
        Some(("dn", name)) => Ok(San::DirectoryName(name)),
        Some(("ip", _)) => Ok(San::Ip(address)),
        Some(_) | None => Err(format!("`{text}` does not say its kind")),
    }
}

fn hexadecimal(text: &str) -> Result<Vec<u8>, String> {
    let digits = text.as_bytes().as_chunks::<2>().0;
    let byte = |pair: &[u8; 2]| {
        let pair = std::str::from_utf8(pair).ok()?;
        u8::from_str_radix(pair, 16).ok()
    };
    let bytes = digits.iter().map(byte).collect::<Option<Vec<_>>>();
    bytes
        .filter(|bytes| !bytes.is_empty() && text.len().is_multiple_of(2))
        .ok_or(format!("`{text}` is no number in pairs of hexadecimal digits"))
}

/// `text` with `<x5t ann>` replaced by the thumbprint of that certificate (RFC 8705 section 3.1).
pub(super) fn thumbprints(text: &str, certificates: &Certificates) -> String {
    certificates.iter().fold(text.to_owned(), |text, (name, chain)| {
        let hash = digest(&SHA256, chain.first().map_or(&[], Vec::as_slice));
        text.replace(&format!("<x5t {name}>"), &URL_SAFE_NO_PAD.encode(hash))
    })
}

/// As nginx's `$ssl_client_escaped_cert` has it: the leaf alone.
pub(super) fn escaped_pem(chain: &[Vec<u8>]) -> String {
    let Some(leaf) = chain.first() else {
        return String::new();
    };
    let mut escaped = String::new();
    for byte in pem("CERTIFICATE", leaf).bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            escaped.push(char::from(byte));
        } else {
            let _: std::fmt::Result = write!(escaped, "%{byte:02X}");
        }
    }
    escaped
}

/// As Traefik passes it on: base64 of each, joined with commas.
pub(super) fn base64_der(chain: &[Vec<u8>]) -> String {
    let all = chain.iter().map(|der| STANDARD.encode(der));
    all.collect::<Vec<_>>().join(",")
}

/// As RFC 9440 has it: the leaf, and what came with it.
pub(super) fn rfc9440(chain: &[Vec<u8>]) -> (String, String) {
    let sequences = chain.iter().map(|der| format!(":{}:", STANDARD.encode(der)));
    let mut sequences = sequences.collect::<Vec<_>>();
    let rest = sequences.split_off(sequences.len().min(1));
    (sequences.concat(), rest.join(", "))
}

/// How the proxy in front passes the client's certificate on: judged by every table there is.
pub(super) fn passed_on(text: &str, face: Face) -> String {
    let tables = text.lines().filter_map(|line| {
        let name = line.trim().strip_prefix("[certificate.")?.strip_suffix(']')?;
        (!name.contains('.')).then(|| format!("\"certificate.{name}\""))
    });
    let by = tables.collect::<Vec<_>>().join(", ");
    let format = match face {
        _ if by.is_empty() => return String::new(),
        Face::AuthRequest => "escaped-pem",
        Face::ForwardAuth => "base64-der",
        Face::ReverseProxy => "rfc9440",
        Face::Check => return String::new(),
    };
    format!("forwarded_certificate = {{ format = \"{format}\", by = [{by}] }}\n")
}
