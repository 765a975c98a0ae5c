//! Which certificates of clients can be held in a handshake at all.

use super::super::client::{AnyCertificate, Unheld};
use super::*;
use crate::fakes::judge::FakeJudge;
use crate::fakes::pki::maker::{bit_string, common, element, extension, oid, sequence};
use countersign_core::certificate::CertificateJudge;
use rustls::server::danger::ClientCertVerifier as _;
use rustls_pki_types::UnixTime;
use std::time::Duration;

/// A certificate with this version, key and extensions, which nobody signed.
fn certificate(version: u8, spki: Vec<u8>, extensions: &[Vec<u8>]) -> CertificateDer<'static> {
    let algorithm = sequence(&[oid("1.2.840.10045.4.3.2")]);
    let validity = sequence(&[element(0x17, b"250101000000Z"), element(0x17, b"350101000000Z")]);
    let mut signed = Vec::new();
    // The first version is the one that is not written.
    if version > 1 {
        signed.push(element(0xa0, &element(2, &[version - 1])));
    }
    signed.extend([
        element(2, &[1]),
        algorithm.clone(),
        common("Root"),
        validity,
        common("joe"),
        spki,
    ]);
    if !extensions.is_empty() {
        signed.push(element(0xa3, &sequence(extensions)));
    }
    sequence(&[sequence(&signed), algorithm, bit_string(0, &[0; 8])]).into()
}

/// An RSA key whose modulus has so many bits.
fn rsa(bits: usize) -> Vec<u8> {
    // A whole number below zero would begin with a bit that is set.
    let modulus = [vec![0, 0x80], vec![1; bits / 8 - 1]].concat();
    let numbers = sequence(&[element(2, &modulus), element(2, &[1, 0, 1])]);
    let algorithm = sequence(&[oid("1.2.840.113549.1.1.1"), element(5, &[])]);
    sequence(&[algorithm, bit_string(0, &numbers)])
}

fn asking(judges: &[Arc<FakeJudge>]) -> AnyCertificate {
    let judges = judges
        .iter()
        .map(|judge| Arc::clone(judge) as Arc<dyn CertificateJudge>);
    AnyCertificate::of(&ClientPolicy::new(Mode::Ask, judges.collect()))
}

fn judged(leaf: &CertificateDer<'_>, others: &[CertificateDer<'_>]) -> Result<(), Unheld> {
    let now = UnixTime::since_unix_epoch(Duration::from_hours(525_960));
    match asking(&[]).verify_client_cert(leaf, others, now) {
        Ok(_) => Ok(()),
        Err(error) => Err(Unheld::of(&error).unwrap().clone()),
    }
}

#[test]
fn what_cannot_be_held_is_named() {
    let key = || Key(1).spki();
    let usual = [extension("2.5.29.15", true, &bit_string(7, &[0x80]))];
    let good = certificate(3, key(), &usual);
    assert_eq!(judged(&good, &[]), Ok(()));
    assert_eq!(judged(&certificate(1, key(), &[]), &[]), Err(Unheld::Version(1)));
    let critical = [extension("1.2.3.4", true, &[5, 0])];
    let critical = judged(&certificate(3, key(), &critical), &[]);
    assert_eq!(critical, Err(Unheld::Critical("1.2.3.4".into())));
    for (bits, held) in [
        (512, false),
        (1024, false),
        (2040, false),
        (2048, true),
        (8192, true),
        (8200, false),
        (16384, false),
    ] {
        let expected = if held { Ok(()) } else { Err(Unheld::Rsa(bits)) };
        assert_eq!(
            judged(&certificate(3, rsa(bits), &usual), &[]),
            expected,
            "{bits}"
        );
    }
    // secp256k1, brainpoolP256r1, P-224 and Ed448.
    for kind in [
        "1.3.132.0.10",
        "1.3.36.3.3.2.8.1.1.7",
        "1.3.132.0.33",
        "1.3.101.113",
    ] {
        let algorithm = if kind == "1.3.101.113" {
            sequence(&[oid(kind)])
        } else {
            sequence(&[oid("1.2.840.10045.2.1"), oid(kind)])
        };
        let spki = sequence(&[algorithm, bit_string(0, &[4; 65])]);
        assert_eq!(
            judged(&certificate(3, spki, &usual), &[]),
            Err(Unheld::Key(kind.into()))
        );
    }
    assert_eq!(judged(&vec![0x30, 0].into(), &[]), Err(Unheld::Malformed));
    let twice = [usual[0].clone(), usual[0].clone()];
    assert_eq!(
        judged(&certificate(3, key(), &twice), &[]),
        Err(Unheld::Malformed)
    );
    assert_eq!(judged(&good, &vec![good.clone(); 15]), Ok(()));
    assert_eq!(judged(&good, &vec![good.clone(); 16]), Err(Unheld::Chain));
    let large = [extension("1.2.3.5", false, &vec![0; 33 * 1024])];
    assert_eq!(judged(&certificate(3, key(), &large), &[]), Err(Unheld::Chain));
}

#[test]
fn clients_are_told_whose_certificates_are_wanted() {
    let judges = [
        FakeJudge::new("certificate.one"),
        FakeJudge::new("certificate.other"),
    ];
    let asking = asking(&judges);
    let hints = asking
        .root_hint_subjects()
        .iter()
        .map(|name| name.as_ref().to_vec());
    assert_eq!(
        hints.collect::<Vec<_>>(),
        [common("certificate.one"), common("certificate.other")]
    );
    assert!(asking.offer_client_auth() && !asking.client_auth_mandatory());
    let many = (0..1000).map(|number| FakeJudge::new(&format!("certificate.number-{number}")));
    let many = self::asking(&many.collect::<Vec<_>>());
    assert!(
        many.root_hint_subjects().is_empty(),
        "a client then offers what it has"
    );
}
