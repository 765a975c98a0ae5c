//! PEM (RFC 7468), written; and the one block of a file, read.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use zeroize::Zeroize as _;

/// How many characters of base64 stand on a line.
const LINE: usize = 64;

/// `der` as a block of `label`.
pub(super) fn encode(label: &str, der: &[u8]) -> String {
    let mut text = BASE64_STANDARD.encode(der);
    // All at once, so that no half of a key is left where it grew.
    let mut pem = String::with_capacity(2 * text.len() + 2 * label.len() + 64);
    pem.push_str("-----BEGIN ");
    pem.push_str(label);
    pem.push_str("-----\n");
    let mut rest = text.as_str();
    while !rest.is_empty() {
        let (line, after) = rest.split_at_checked(LINE).unwrap_or((rest, ""));
        pem.push_str(line);
        pem.push('\n');
        rest = after;
    }
    pem.push_str("-----END ");
    pem.push_str(label);
    pem.push_str("-----\n");
    text.zeroize();
    pem
}

/// A certificate.
pub fn certificate(der: &[u8]) -> String {
    encode("CERTIFICATE", der)
}

/// The first certificate of `text`, as DER.
pub fn first_certificate(text: &str) -> Option<Vec<u8>> {
    certificates(text)?.into_iter().next()
}

/// The certificates of `text`, as DER. None when a block is broken.
pub fn certificates(text: &str) -> Option<Vec<Vec<u8>>> {
    let blocks = decode(text)?.into_iter();
    let certificates = blocks.filter(|(label, _)| *label == "CERTIFICATE");
    Some(certificates.map(|(_, der)| der).collect())
}

/// The blocks of `text`: label and content. None when one is broken; what stands between blocks is passed over.
pub(super) fn decode(text: &str) -> Option<Vec<(&str, Vec<u8>)>> {
    let mut blocks = Vec::new();
    let mut rest = text;
    while let Some((_, begun)) = rest.split_once("-----BEGIN ") {
        let (label, body) = begun.split_once("-----")?;
        let end = format!("-----END {label}-----");
        let (body, after) = body.split_once(&end)?;
        let digits = body.bytes().filter(|byte| !byte.is_ascii_whitespace());
        let mut digits = digits.collect::<Vec<_>>();
        let decoded = BASE64_STANDARD.decode(&digits);
        digits.zeroize();
        blocks.push((label, decoded.ok()?));
        rest = after;
    }
    Some(blocks)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_is_read_as_it_was_written() {
        for length in [0, 1, 47, 48, 49, 500] {
            let der = vec![0x5a; length];
            let pem = encode("A THING", &der);
            assert_eq!(decode(&pem), Some(vec![("A THING", der.clone())]));
            let twice = format!("before\n{}between\r\n{pem}after", pem.replace('\n', "\r\n"));
            assert_eq!(decode(&twice).unwrap().len(), 2);
        }
    }

    #[test]
    fn a_broken_block_is_none() {
        for text in [
            "-----BEGIN A-----\nQUJD\n-----END B-----\n",
            "-----BEGIN A-----\nQUJD",
            "-----BEGIN A-----\n!\n-----END A-----\n",
            "-----BEGIN A",
        ] {
            assert_eq!(decode(text), None, "{text}");
        }
        assert_eq!(decode("nothing").unwrap(), []);
    }
}
