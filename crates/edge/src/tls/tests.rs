use super::*;
use crate::fakes::pki::maker::Key;
use crate::fakes::pki::{self, Identity};
use countersign_core::route::HostPattern;
use rustls_pki_types::CertificateDer;
use std::sync::Arc;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

mod client;
mod hello;

/// Hosts by these names, each with a certificate that names the first of them.
fn hosts(names: &[&[&str]]) -> (Vec<Identity>, TlsHosts) {
    let identities = names
        .iter()
        .zip(1..)
        .map(|(names, key)| pki::identity(names, Key(key)));
    let identities = identities.collect::<Vec<_>>();
    let hosts = identities.iter().zip(names).map(|(identity, names)| {
        let names = names.iter().map(|name| HostPattern::parse(name).unwrap());
        (names.collect(), identity.host(Protocols::Both))
    });
    let hosts = TlsHosts::new(hosts).unwrap();
    (identities, hosts)
}

/// The certificate that is shown to a client that asks for `name`.
async fn shown(hosts: &TlsHosts, name: Option<&str>) -> CertificateDer<'static> {
    let (ours, theirs) = tokio::io::duplex(64 * 1024);
    let mut config = pki::client(&[]);
    config.enable_sni = name.is_some();
    let client = tokio_rustls::TlsConnector::from(Arc::new(config));
    let name = name.unwrap_or("nobody.test").to_owned().try_into().unwrap();
    let (client, server) = tokio::join!(client.connect(name, theirs), accept(ours, hosts));
    drop(server.unwrap());
    let (_, connection) = client.unwrap().into_inner();
    connection.peer_certificates().unwrap()[0].clone()
}

#[tokio::test]
async fn each_name_is_shown_its_certificate_and_any_other_the_first() {
    let named: [&[&str]; 4] = [
        &["first.test"],
        &["*.wide.test", "wide.test"],
        &["exact.wide.test"],
        &["*.deep.wide.test"],
    ];
    let (identities, hosts) = hosts(&named);
    for (name, expected) in [
        (Some("first.test"), 0),
        (None, 0),
        (Some("other.test"), 0),
        (Some("test"), 0),
        (Some("evilwide.test"), 0),
        (Some("127.0.0.1"), 0),
        (Some("wide.test"), 1),
        (Some("a.wide.test"), 1),
        (Some("a.b.wide.test"), 1),
        (Some("exact.wide.test"), 2),
        (Some("EXACT.Wide.Test"), 2),
        (Some("exact.wide.test."), 2),
        (Some("deep.wide.test"), 1),
        (Some("a.deep.wide.test"), 3),
    ] {
        let shown = shown(&hosts, name).await;
        let place = identities.iter().position(|identity| identity.der() == shown);
        assert_eq!(place, Some(expected), "{name:?}");
    }
}

#[test]
fn a_session_is_begun_without_early_data_and_with_no_room_for_compressed_certificates() {
    let (_, hosts) = hosts(&[&["a.test"], &["b.test"]]);
    let (one, other) = (hosts.chosen(Some("a.test")), hosts.chosen(Some("b.test")));
    for host in [one, other] {
        assert_eq!(host.config().unwrap().max_early_data_size, 0);
        assert!(!host.config().unwrap().send_half_rtt_data);
        assert!(host.config().unwrap().cert_decompressors.is_empty());
        assert!(host.config().unwrap().cert_compressors.is_empty());
    }
    let ticket = one.config().unwrap().ticketer.encrypt(b"state").unwrap();
    assert_eq!(
        one.config().unwrap().ticketer.decrypt(&ticket).as_deref(),
        Some(b"state".as_slice())
    );
    assert_eq!(
        other.config().unwrap().ticketer.decrypt(&ticket),
        None,
        "a key of its own"
    );
}

#[test]
fn what_is_offered_is_modern_only() {
    let (_, hosts) = hosts(&[&["a.test"]]);
    let provider = Arc::clone(hosts.chosen(None).config().unwrap().crypto_provider());
    let groups = provider
        .kx_groups
        .iter()
        .map(|group| format!("{:?}", group.name()));
    assert_eq!(
        groups.collect::<Vec<_>>(),
        ["X25519MLKEM768", "X25519", "secp256r1", "secp384r1"]
    );
    for suite in &provider.cipher_suites {
        let name = format!("{:?}", suite.suite());
        let sound = name.starts_with("TLS13_") || name.starts_with("TLS_ECDHE_");
        assert!(sound && !name.contains("CBC"), "{name}");
    }
}

#[test]
fn a_signature_that_is_not_taken_is_told_in_words() {
    let fault = rustls::CertificateError::UnsupportedSignatureAlgorithmForPublicKeyContext {
        signature_algorithm_id: vec![6, 8, 0x2a],
        public_key_algorithm_id: vec![6, 7],
    };
    let told = Failure::Refused(rustls::Error::InvalidCertificate(fault)).to_string();
    assert!(told.starts_with("the client's signature does not hold"), "{told}");
}

#[tokio::test]
async fn of_the_suites_that_both_have_the_servers_first_is_spoken() {
    let (_, hosts) = hosts(&[&["a.test"]]);
    for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
        let mut suites = Vec::new();
        for turned in [false, true] {
            let (ours, theirs) = tokio::io::duplex(64 * 1024);
            let config = pki::client_of_suites(version, turned);
            let client = tokio_rustls::TlsConnector::from(Arc::new(config));
            let name = "a.test".try_into().unwrap();
            let (client, server) = tokio::join!(client.connect(name, theirs), accept(ours, &hosts));
            drop(server.unwrap());
            let (_, connection) = client.unwrap().into_inner();
            suites.push(connection.negotiated_cipher_suite().unwrap().suite());
        }
        assert_eq!(suites[0], suites[1], "whatever the client likes best");
        let name = format!("{:?}", suites[0]);
        assert!(name.ends_with("AES_128_GCM_SHA256"), "{name}");
    }
}

#[test]
fn a_file_that_is_no_chain_says_what_it_is() {
    let identity = pki::identity(&["a.test"], Key(1));
    let (certificate, key) = (identity.certificate_pem(), identity.key_pem());
    let chain = |text: &str| ServerCertificate::chain(text.as_bytes()).map(|chain| chain.len());
    assert_eq!(chain(&certificate), Ok(1));
    assert_eq!(chain(&format!("{key}{certificate}")), Ok(1), "both in one file");
    assert_eq!(chain(&certificate.repeat(10)), Ok(10));
    assert_eq!(chain(&certificate.repeat(11)), Err(ChainFault::TooMany));
    assert_eq!(chain(""), Err(ChainFault::NotPem));
    assert_eq!(chain("nonsense"), Err(ChainFault::NotPem));
    assert_eq!(chain(&key), Err(ChainFault::Key));
    let half = &certificate[..certificate.len() / 2];
    assert_eq!(chain(half), Err(ChainFault::NotPem));
    let hollow = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    assert_eq!(chain(hollow), Err(ChainFault::NotACertificate));
    let other = "-----BEGIN DH PARAMETERS-----\nAAAA\n-----END DH PARAMETERS-----\n";
    assert_eq!(chain(other), Err(ChainFault::Empty));
}

#[test]
fn a_file_that_is_not_the_key_says_what_it_is() {
    let (identity, stranger) = (
        pki::identity(&["a.test"], Key(1)),
        pki::identity(&["b.test"], Key(2)),
    );
    let certificate = identity.certificate_pem();
    let judged = |text: &str| {
        let chain = ServerCertificate::chain(certificate.as_bytes()).unwrap();
        ServerCertificate::new(chain, text.as_bytes()).map(|_| ())
    };
    let key = identity.key_pem();
    assert_eq!(judged(&key), Ok(()));
    assert_eq!(judged(&format!("{certificate}{key}")), Ok(()), "both in one file");
    assert_eq!(judged(&stranger.key_pem()), Err(KeyFault::Mismatch));
    assert_eq!(judged(&certificate), Err(KeyFault::Certificate));
    assert_eq!(judged(&key.repeat(2)), Err(KeyFault::TooMany));
    assert_eq!(judged(""), Err(KeyFault::NotPem));
    assert_eq!(judged(&key[..key.len() / 2]), Err(KeyFault::NotPem));
    let encrypted = key.replace("PRIVATE", "ENCRYPTED PRIVATE");
    assert_eq!(judged(&encrypted), Err(KeyFault::Encrypted));
    let hollow = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";
    assert_eq!(judged(hollow), Err(KeyFault::Kind));
}

#[test]
fn a_certificate_is_for_the_names_it_holds() {
    let certificate = pki::identity(&["app.test", "*.wide.test", "127.0.0.1", "::1"], Key(1)).certificate();
    for (name, expected) in [
        ("app.test", true),
        ("a.app.test", false),
        ("*.app.test", false),
        ("*.wide.test", true),
        ("a.wide.test", true),
        ("wide.test", false),
        ("127.0.0.1", true),
        ("127.0.0.2", false),
        ("[::1]", true),
    ] {
        assert_eq!(certificate.is_for(name), expected, "{name}");
    }
}

#[tokio::test]
async fn what_is_no_handshake_fails_under_a_word() {
    let (_, hosts) = hosts(&[&["a.test"]]);
    for (bytes, word) in [
        (b"".as_slice(), "closed"),
        (b"GET / HTTP/1.1\r\n\r\n", "not_tls"),
        (b"\x16\x03\x01", "closed"),
        (b"\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00", "protocol"),
        (b"\x15\x03\x03\x00\x02\x02\x28", "protocol"),
    ] {
        let (ours, mut theirs) = tokio::io::duplex(1024);
        theirs.write_all(bytes).await.unwrap();
        theirs.shutdown().await.unwrap();
        let failure = accept(ours, &hosts).await.unwrap_err();
        assert_eq!(failure.word(), word, "{bytes:?}: {failure}");
        drop(theirs.read(&mut [0; 16]).await);
    }
}
