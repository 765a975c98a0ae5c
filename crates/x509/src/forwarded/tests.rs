use super::*;
use crate::certificate::{Certificate, hexadecimal};
use crate::pki::{Authority, Key, Template, pem};
use ForwardedError as E;

fn leaf() -> Vec<u8> {
    Authority::root("Root", Key(1)).issue(&Template::client("joe", Key(3)))
}

fn other() -> Vec<u8> {
    Authority::root("Root", Key(1)).issue(&Template::client("victim", Key(4)))
}

/// As nginx escapes a part of a URL.
fn escaped(text: &str) -> String {
    text.bytes()
        .map(|byte| {
            if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
                char::from(byte).to_string()
            } else {
                format!("%{byte:02X}")
            }
        })
        .collect()
}

fn certificate(der: &[u8]) -> String {
    pem("CERTIFICATE", der)
}

fn base64(der: &[u8]) -> String {
    STANDARD.encode(der)
}

#[test]
fn nginx_sends_one_certificate_escaped() {
    let leaf = leaf();
    let good = escaped(&certificate(&leaf));
    assert!(good.starts_with("-----BEGIN%20CERTIFICATE-----%0A"));
    assert_eq!(escaped_pem(&good), Ok(vec![leaf.clone()]));
    assert_eq!(
        escaped_pem(&good.to_lowercase().replace("certificate", "CERTIFICATE")),
        Err(E::Pem)
    );
    assert_eq!(
        escaped_pem(&good.replace("%0A", "%0D%0A")),
        Ok(vec![leaf.clone()])
    );
    for (bad, error) in [
        (String::new(), E::Empty),
        (certificate(&leaf), E::Escape),
        (good.replace("%20", " "), E::Escape),
        (good.replace("%20", "+"), E::Escape),
        (good.replace("%2B", "+"), E::Escape),
        (format!("{good}%"), E::Escape),
        (format!("{good}%4"), E::Escape),
        (format!("{good}%zz"), E::Escape),
        (format!("{good}{good}"), E::Several),
        (
            escaped(&(certificate(&leaf) + &certificate(&other()))),
            E::Several,
        ),
        (format!("{good}x"), E::Pem),
        (format!("x{good}"), E::Pem),
        (format!("%0A{good}"), E::Pem),
        (good.replace("-----END", "-----ENT"), E::Pem),
        (
            good.replace(
                "-----BEGIN%20CERTIFICATE-----%0A",
                "-----BEGIN%20CERTIFICATE-----",
            ),
            E::Pem,
        ),
        (good.replace("CERTIFICATE", "TRUSTED%20CERTIFICATE"), E::Pem),
        (good.replace("MII", "M%00II"), E::Base64),
        (good.replace("MII", "M!II").replace('!', "%21"), E::Base64),
        (escaped(&certificate(&[&leaf[..], &[0]].concat())), E::Der),
        (escaped(&certificate(&[&leaf[..], &other()].concat())), E::Der),
        (escaped(&certificate(b"")), E::Der),
        ("%41".repeat(MAX_HEADER_BYTES), E::TooLarge),
    ] {
        // `MII` is how certificates of that length begin; a replacement that changed nothing would prove nothing.
        assert_ne!(bad, good);
        assert_eq!(escaped_pem(&bad), Err(error), "{bad:.90}");
    }
    let large = [&[0x30, 0x82, 0x80, 0][..], &vec![0; 0x8000]].concat();
    assert_eq!(escaped_pem(&escaped(&certificate(&large))), Err(E::TooLarge));
}

#[test]
fn caddy_sends_pem_whose_lines_ended() {
    let leaf = leaf();
    for end in [" ", "\t", "  "] {
        let value = certificate(&leaf).replace('\n', end);
        assert_eq!(spaced_pem(&value), Ok(vec![leaf.clone()]), "{end:?}");
        assert_eq!(spaced_pem(value.trim_end()), Ok(vec![leaf.clone()]));
        assert_eq!(spaced_pem(&value.repeat(2)), Err(E::Several));
        assert_eq!(spaced_pem(&format!("{value}x")), Err(E::Pem));
    }
    assert_eq!(
        spaced_pem(&certificate(&leaf)),
        Err(E::Pem),
        "a header has no line ends"
    );
    assert_eq!(spaced_pem(&base64(&leaf)), Err(E::Pem));
    let nothing = "-----BEGIN CERTIFICATE----- -----END CERTIFICATE----- ";
    assert_eq!(spaced_pem(nothing), Err(E::Empty), "there is no certificate");
    assert_eq!(base64_der(&base64(&leaf)), Ok(vec![leaf]));
}

#[test]
fn traefik_sends_base64_joined_by_commas_escaped_or_not() {
    let (leaf, other) = (leaf(), other());
    let joined = format!("{},{}", base64(&leaf), base64(&other));
    let both = Ok(vec![leaf.clone(), other]);
    assert_eq!(base64_der(&joined), both);
    assert_eq!(base64_der(&escaped(&joined)), both);
    let one = base64(&leaf);
    for (bad, error) in [
        (String::new(), E::Empty),
        (format!("{one},"), E::Der),
        (format!(",{one}"), E::Der),
        (format!("{one}, {one}"), E::Base64),
        (one.trim_end_matches('=').to_owned() + "*", E::Base64),
        (one.replace('M', "%4D") + "+", E::Escape),
        (certificate(&leaf).replace('\n', ""), E::Base64),
        (vec![one.clone(); MAX_CHAIN + 1].join(","), E::TooLarge),
        (base64(&[&leaf[..], &leaf].concat()), E::Der),
        (base64(b"x"), E::Der),
    ] {
        assert_eq!(base64_der(&bad), Err(error), "{bad:.90}");
    }
    assert_eq!(
        base64_der(&vec![one; MAX_CHAIN].join(",")).map(|chain| chain.len()),
        Ok(MAX_CHAIN)
    );
}

#[test]
fn rfc_9440_sends_byte_sequences() {
    let (leaf, other) = (leaf(), other());
    let sequence = |der: &[u8]| format!(":{}:", base64(der));
    let (first, second) = (sequence(&leaf), sequence(&other));
    assert_eq!(rfc9440(&first, &[]), Ok(vec![leaf.clone()]));
    let listed = format!("{second},\t{second} , {second}");
    assert_eq!(rfc9440(&first, &[&listed]).map(|chain| chain.len()), Ok(4));
    assert_eq!(
        rfc9440(&first, &[&second, &second]),
        Ok(vec![leaf.clone(), other.clone(), other])
    );
    for (bad, error) in [
        (String::new(), E::Empty),
        (base64(&leaf), E::StructuredField),
        (format!(":{}", base64(&leaf)), E::StructuredField),
        (format!("{first};a=1"), E::StructuredField),
        (format!("{first}, {second}"), E::Base64),
        (format!("{first}{second}"), E::Base64),
        (
            format!(":{}:", base64(&leaf).trim_end_matches('=').to_owned() + " "),
            E::Base64,
        ),
        ("::".to_owned(), E::Der),
        (":".to_owned(), E::StructuredField),
        (sequence(&[&leaf[..], &[0]].concat()), E::Der),
    ] {
        assert_eq!(rfc9440(&bad, &[]), Err(error), "{bad:.90}");
    }
    assert_eq!(rfc9440(&first, &[""]), Err(E::Empty));
    assert_eq!(rfc9440(&first, &[&format!("{second},")]), Err(E::StructuredField));
    assert_eq!(
        rfc9440(&first, &[&format!("{second};x")]),
        Err(E::StructuredField)
    );
    assert_eq!(
        rfc9440(&first, &[&vec![second; MAX_CHAIN].join(",")]),
        Err(E::TooLarge)
    );
}

#[test]
fn envoy_sends_one_element() {
    let (leaf, other) = (leaf(), other());
    let cert = format!("Cert=\"{}\"", escaped(&certificate(&leaf)));
    let certs = format!(
        "Chain=\"{}\"",
        escaped(&(certificate(&leaf) + &certificate(&other)))
    );
    let sum = hexadecimal(&Certificate::parse(&leaf).unwrap().sha256());
    let one = Ok(vec![leaf.clone()]);
    let both = Ok(vec![leaf.clone(), other.clone()]);
    let full = format!(
        "By=spiffe://example.test/gateway;Hash={sum};{cert};{certs};Subject=\"CN=a\\\"b,O=x;y\\\\\";URI=spiffe://a/b;URI=;DNS=a.b"
    );
    assert_eq!(xfcc(&full), both);
    assert_eq!(xfcc(&cert), one);
    assert_eq!(xfcc(&certs), both);
    assert_eq!(xfcc(&cert.replace("Cert", "cERT")), one);
    assert_eq!(xfcc(&format!("hash={};{cert}", sum.to_uppercase())), one);
    let victim = format!("Cert=\"{}\"", escaped(&certificate(&other)));
    for (bad, error) in [
        (String::new(), E::Empty),
        (format!("{victim},{cert}"), E::SeveralElements),
        (format!("{cert},{victim}"), E::SeveralElements),
        (format!("{cert},"), E::SeveralElements),
        (format!("{cert};{victim}"), E::Element),
        (
            format!("{victim};cert={}", escaped(&certificate(&leaf))),
            E::Element,
        ),
        (format!("Hash={};{cert}", "0".repeat(64)), E::Contradiction),
        (format!("Hash=;{cert}"), E::Contradiction),
        (format!("{victim};{certs}"), E::Contradiction),
        (format!("Hash={sum}"), E::CertificateMissing),
        ("By=x;URI=spiffe://a/b".to_owned(), E::CertificateMissing),
        ("Cert=\"\"".to_owned(), E::CertificateMissing),
        (format!("{cert};"), E::Element),
        (format!("{cert} "), E::Element),
        (format!("{cert}x"), E::Element),
        (format!(" {cert}"), E::Element),
        (format!("Subject=\"a\";=b;{cert}"), E::Element),
        (format!("Subject=a=b;{cert}"), E::Element),
        (format!("Subject=a\"b;{cert}"), E::Element),
        (cert.trim_end_matches('"').to_owned(), E::Element),
        ("Cert=\"\\".to_owned(), E::Element),
        (
            format!("Cert=\"{}\"", certificate(&leaf).replace('\n', " ")),
            E::Escape,
        ),
        (
            format!(
                "Cert=\"{}\"",
                escaped(&(certificate(&leaf) + &certificate(&other)))
            ),
            E::Several,
        ),
        (format!("Cert=\"{}x\"", escaped(&certificate(&leaf))), E::Pem),
    ] {
        assert_eq!(xfcc(&bad), Err(error), "{bad:.90}");
    }
}
