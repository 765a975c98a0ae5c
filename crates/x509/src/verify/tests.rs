//! One check after the other.
//! Long because each check has the certificate that fails it and nothing else.

use super::*;
use crate::crl::Crl;
use crate::pki::{Authority, Key, Revocations, San, Template, common, element, oid, pem, sequence};
use countersign_core::certificate::SubjectAlternativeName::Uri;
use countersign_core::reason::RejectionReason;

/// 2030-01-01T00:00:00Z
const NOW: Timestamp = Timestamp::from_seconds(1_893_456_000);
const CLIENT: &str = "1.3.6.1.5.5.7.3.2";
const SERVER: &str = "1.3.6.1.5.5.7.3.1";

struct World {
    root: Authority,
    issuing: Authority,
    authorities: Authorities,
}

impl World {
    fn new() -> Self {
        let root = Authority::root("Root", Key(1));
        let issuing = root.under("Issuing", Key(2));
        let authorities = believe(&[&root.certificate]);
        Self {
            root,
            issuing,
            authorities,
        }
    }

    /// What becomes of a leaf of the issuing authority, presented with that authority's certificate.
    fn of(&self, leaf: &Template) -> Result<VerifiedChain, VerifyError> {
        self.chain(&[&self.issuing.issue(leaf), &self.issuing.certificate])
    }

    fn chain(&self, chain: &[&[u8]]) -> Result<VerifiedChain, VerifyError> {
        verify(
            chain.iter().copied(),
            &self.authorities,
            None,
            Checks::default(),
            NOW,
        )
    }
}

fn believe(certificates: &[&[u8]]) -> Authorities {
    let file = certificates
        .iter()
        .map(|der| pem("CERTIFICATE", der))
        .collect::<String>();
    Authorities::from_pem(&[file.as_bytes()]).unwrap()
}

fn client() -> Template {
    Template::client("joe", Key(3)).names(&[San::Uri("spiffe://example.test/joe")])
}

fn error(verified: Result<VerifiedChain, VerifyError>) -> VerifyError {
    verified.unwrap_err()
}

#[test]
fn a_path_to_an_anchor_holds_in_whatever_order_it_came() {
    let world = World::new();
    let chain = world.of(&client()).unwrap();
    assert_eq!(chain.leaf().sans(), [Uri("spiffe://example.test/joe".into())]);
    let issuers = chain.issuers().map(|issuer| issuer.subject().nginx());
    assert_eq!(issuers.collect::<Vec<_>>(), ["CN=Issuing", "CN=Root"]);
    assert_eq!(chain.anchor().unwrap().der(), world.root.certificate);
    assert_eq!(chain.holds_until(), chain.leaf().not_after());

    let second = world.issuing.under("Second", Key(4));
    let leaf = second.issue(&client());
    let stranger = Authority::root("Stranger", Key(5)).certificate;
    let all: [&[u8]; 5] = [
        &leaf,
        &stranger,
        &world.root.certificate,
        &world.issuing.certificate,
        &second.certificate,
    ];
    assert_eq!(world.chain(&all).unwrap().issuers().len(), 3);
    let direct = world.root.issue(&client());
    assert_eq!(world.chain(&[&direct]).unwrap().issuers().len(), 1);
}

#[test]
fn authorities_may_hold_what_the_client_or_its_proxy_does_not_send() {
    let world = World::new();
    let leaf = world.issuing.issue(&client());
    assert_eq!(error(world.chain(&[&leaf])), VerifyError::UnknownIssuerAlone);
    let with_issuing = believe(&[&world.root.certificate, &world.issuing.certificate]);
    let verified =
        |authorities: &Authorities| verify([leaf.as_slice()], authorities, None, Checks::default(), NOW);
    assert!(verified(&with_issuing).is_ok());
    // Another root's: the intermediate alone is not believed.
    let other = Authority::root("Other", Key(4));
    let without_root = believe(&[&other.certificate, &world.issuing.certificate]);
    assert_eq!(error(verified(&without_root)), VerifyError::UnknownIssuerAlone);
}

#[test]
fn nobody_else_vouches() {
    let world = World::new();
    let stranger = Authority::root("Stranger", Key(5));
    let between = stranger.under("Between", Key(6));
    let of_stranger = stranger.issue(&client());
    let of_between = between.issue(&client());
    assert_eq!(
        error(world.chain(&[&of_stranger])),
        VerifyError::UnknownIssuerAlone
    );
    assert_eq!(
        error(world.chain(&[&of_between, &between.certificate])),
        VerifyError::UnknownIssuer
    );
    assert_eq!(
        error(world.chain(&[&of_stranger, &stranger.certificate])),
        VerifyError::SelfSignedInChain
    );
    assert_eq!(
        error(world.chain(&[&client().self_signed()])),
        VerifyError::SelfSigned
    );
    // The root's name, and another key.
    let namesake = Authority::root("Root", Key(5)).issue(&client());
    assert_eq!(error(world.chain(&[&namesake])), VerifyError::Signature);
    assert!(matches!(error(world.chain(&[])), VerifyError::Malformed(_)));
    assert!(matches!(error(world.chain(&[b"x"])), VerifyError::Malformed(_)));
}

#[test]
fn a_byte_changed_anywhere_in_the_signed_part_breaks_it() {
    let world = World::new();
    let good = world.issuing.issue(&client());
    for at in (0..good.len()).step_by(7) {
        let mut bad = good.clone();
        bad[at] ^= 1;
        let verified = world.chain(&[&bad, &world.issuing.certificate]);
        assert!(verified.is_err(), "byte {at}");
    }
}

#[test]
fn times_are_checked_to_the_second_and_told_before_anything_else() {
    let world = World::new();
    let valid = |from, to| {
        world
            .of(&client().valid(from, to))
            .map(|chain| chain.holds_until())
    };
    assert_eq!(
        valid("20300101000000Z", "20300101000000Z"),
        Ok(NOW),
        "both ends belong to it"
    );
    assert_eq!(
        valid("20250101000000Z", "20291231235959Z"),
        Err(VerifyError::Expired)
    );
    assert_eq!(
        valid("20300101000001Z", "20350101000000Z"),
        Err(VerifyError::NotYetValid)
    );
    assert_eq!(
        valid("20350101000000Z", "20250101000000Z"),
        Err(VerifyError::Expired)
    );
    let foreign =
        Authority::root("Stranger", Key(5)).issue(&client().valid("20200101000000Z", "20210101000000Z"));
    assert_eq!(error(world.chain(&[&foreign])), VerifyError::Expired);

    let issuing = |from, to| {
        let template = Template::authority("Issuing", Key(2)).valid(from, to);
        let issuing = world.root.issue(&template);
        world.chain(&[&world.issuing.issue(&client()), &issuing])
    };
    assert_eq!(
        error(issuing("20250101000000Z", "20291231235959Z")),
        VerifyError::Expired
    );
    assert_eq!(
        error(issuing("20300101000001Z", "20350101000000Z")),
        VerifyError::NotYetValid
    );
    let sooner = issuing("20250101000000Z", "20300101000005Z").unwrap();
    assert_eq!(sooner.holds_until(), Timestamp::from_seconds(NOW.seconds() + 5));
}

/// What an anchor says of itself is told and not judged.
#[test]
fn an_anchors_own_names_usages_and_life_are_not_judged() {
    let root = Template::authority("Root", Key(1))
        .valid("20200101000000Z", "20210101000000Z")
        .extended_key_usages(&[SERVER])
        .names(&[San::Uri("spiffe://example.test/")])
        .extension("1.2.3", true, b"unknown")
        .self_signed();
    let issued = client().signed_by(&common("Root"), Key(1));
    let chain = verify(
        [issued.as_slice()],
        &believe(&[&root]),
        None,
        Checks::default(),
        NOW,
    )
    .unwrap();
    assert_eq!(chain.anchor().unwrap().sans().len(), 1);
    assert_eq!(chain.holds_until(), chain.leaf().not_after());
    let old = Template::new("Root", Key(1)).self_signed();
    assert!(
        verify(
            [issued.as_slice()],
            &believe(&[&old]),
            None,
            Checks::default(),
            NOW
        )
        .is_ok(),
        "version 1"
    );
}

#[test]
fn usages_are_those_of_a_client() {
    let world = World::new();
    let bare = || Template::new("joe", Key(3)).names(&[San::Uri("a:b")]);
    let usages = |dots: &[&str]| world.of(&bare().extended_key_usages(dots)).map(drop);
    assert_eq!(world.of(&bare()).map(drop), Ok(()), "says nothing");
    assert_eq!(usages(&[CLIENT]), Ok(()));
    assert_eq!(usages(&[SERVER, CLIENT]), Ok(()));
    assert_eq!(usages(&[SERVER]), Err(VerifyError::Purpose));
    assert_eq!(
        usages(&["2.5.29.37.0"]),
        Err(VerifyError::Purpose),
        "any is not one"
    );
    for (bits, expect) in [
        (0x80, Ok(())),
        (0x08, Ok(())),
        (0xa0, Ok(())),
        (0x20, Err(VerifyError::Purpose)),
        (0x04, Err(VerifyError::Purpose)),
    ] {
        assert_eq!(world.of(&bare().key_usage(bits)).map(drop), expect, "{bits:x}");
    }
    let between = |dots: &[&str]| {
        let issuing = world
            .root
            .issue(&Template::authority("Issuing", Key(2)).extended_key_usages(dots));
        world
            .chain(&[&world.issuing.issue(&client()), &issuing])
            .map(drop)
    };
    assert_eq!(between(&[CLIENT]), Ok(()));
    assert_eq!(between(&[SERVER]), Err(VerifyError::Purpose));
}

/// Attack 156, and SPIFFE: what signs does not authenticate, what authenticates does not sign.
#[test]
fn authorities_are_not_clients_and_clients_are_not_authorities() {
    let world = World::new();
    assert_eq!(
        error(world.chain(&[&world.root.certificate])),
        VerifyError::AuthorityAsClient
    );
    assert_eq!(
        error(world.chain(&[&world.issuing.certificate])),
        VerifyError::AuthorityAsClient
    );
    let leaf = world.issuing.issue(&Template::client("Nested", Key(3)));
    let nested = client().signed_by(&common("Nested"), Key(3));
    let chain: [&[u8]; 3] = [&nested, &leaf, &world.issuing.certificate];
    assert_eq!(error(world.chain(&chain)), VerifyError::NotAnAuthority);
    // It may help to build a path no more for being among the authorities.
    let authorities = believe(&[&world.root.certificate, &world.issuing.certificate, &leaf]);
    let verified = verify([nested.as_slice()], &authorities, None, Checks::default(), NOW);
    assert_eq!(error(verified), VerifyError::NotAnAuthority);
    let says_nothing = world
        .issuing
        .issue(&Template::new("Nested", Key(3)).names(&[San::Dns("a.b")]));
    let chain: [&[u8]; 3] = [&nested, &says_nothing, &world.issuing.certificate];
    assert_eq!(error(world.chain(&chain)), VerifyError::NotAnAuthority);
    let no_signing = world.root.issue(
        &Template::new("Issuing", Key(2))
            .basic_constraints(true, None)
            .key_usage(0x80),
    );
    let chain: [&[u8]; 2] = [&world.issuing.issue(&client()), &no_signing];
    assert_eq!(error(world.chain(&chain)), VerifyError::NotAnAuthority);
}

#[test]
fn a_certificate_believed_by_itself_vouches_for_nobody_else() {
    let pinned = Template::client("Pinned", Key(3)).self_signed();
    let authorities = believe(&[&pinned]);
    let verified = |chain: &[u8]| verify([chain], &authorities, None, Checks::default(), NOW);
    let chain = verified(&pinned).unwrap();
    assert_eq!(chain.anchor().unwrap().der(), chain.leaf().der());
    let other = client().signed_by(&common("Pinned"), Key(3));
    assert_eq!(error(verified(&other)), VerifyError::NotAnAuthority);
    let lists = CrlIndex::new([], &authorities).unwrap();
    let asked = verify(
        [pinned.as_slice()],
        &authorities,
        Some(&lists),
        Checks::default(),
        NOW,
    );
    assert!(asked.is_ok(), "who believes it takes it out again");
}

#[test]
fn what_authorities_forbid_below_them_is_forbidden() {
    let world = World::new();
    let bounded = Template::new("Issuing", Key(2))
        .basic_constraints(true, Some(0))
        .key_usage(0x06);
    let bounded = world.root.issue(&bounded);
    let second = world.issuing.under("Second", Key(4));
    let chain: [&[u8]; 3] = [&second.issue(&client()), &second.certificate, &bounded];
    assert_eq!(error(world.chain(&chain)), VerifyError::PathLength);
    assert!(world.chain(&[&world.issuing.issue(&client()), &bounded]).is_ok());

    let dns = |name: &str| element(0x82, name.as_bytes());
    let constrained = |subtree: Vec<u8>, leaf: &Template| {
        let permitted = element(0xa0, &sequence(&[subtree]));
        let template =
            Template::authority("Issuing", Key(2)).extension("2.5.29.30", true, &sequence(&[permitted]));
        world
            .chain(&[&world.issuing.issue(leaf), &world.root.issue(&template)])
            .map(drop)
    };
    let named = |name: &str| Template::client("joe", Key(3)).names(&[San::Dns(name)]);
    assert_eq!(constrained(dns("example.test"), &named("a.example.test")), Ok(()));
    let outside = Err(VerifyError::NameConstraint);
    assert_eq!(constrained(dns("example.test"), &named("example.com")), outside);
    assert_eq!(constrained(dns("example.test"), &named("*.com")), outside);
    let uri = element(0x86, b"example.test");
    assert_eq!(
        constrained(uri, &client()),
        outside,
        "URIs cannot be constrained: refused"
    );
    let network = element(0x87, &[10, 0, 0, 0, 255, 0, 0, 0]);
    let at = |address: &[u8]| Template::client("joe", Key(3)).names(&[San::Ip(address)]);
    assert_eq!(constrained(network.clone(), &at(&[10, 0, 0, 1])), Ok(()));
    assert_eq!(constrained(network.clone(), &at(&[11, 0, 0, 1])), outside);
    assert_eq!(constrained(network, &at(&[0; 16])), outside);
    assert_eq!(constrained(dns("EXAMPLE.test"), &named("a.example.COM")), outside);
    let address = ("1.2.840.113549.1.9.1", 0x16, &b"joe@example.com"[..]);
    let in_subject = client().subject(crate::pki::relatives(&[&[address]]));
    assert_eq!(constrained(dns("example.test"), &in_subject), Ok(()));
    assert_eq!(constrained(element(0x81, b"example.test"), &in_subject), outside);
    let mail = element(0x81, b"example.test");
    let mailed = |mail: &str| Template::client("joe", Key(3)).names(&[San::Email(mail)]);
    assert_eq!(constrained(mail, &mailed("joe@example.com")), outside);
}

#[test]
fn what_is_not_known_is_not_passed_over() {
    let world = World::new();
    assert_eq!(
        error(world.of(&client().extension("1.2.3", true, b"x"))),
        VerifyError::CriticalExtension
    );
    assert!(world.of(&client().extension("1.2.3", false, b"x")).is_ok());
    assert_eq!(
        error(world.of(&Template::new("joe", Key(3)))),
        VerifyError::Version
    );
    let issuing = world
        .root
        .issue(&Template::authority("Issuing", Key(2)).extension("1.2.3", true, b"x"));
    let chain: [&[u8]; 2] = [&world.issuing.issue(&client()), &issuing];
    assert_eq!(error(world.chain(&chain)), VerifyError::CriticalExtension);
    let doubled = client().names(&[San::Uri("a:b")]);
    assert!(matches!(error(world.of(&doubled)), VerifyError::Malformed(_)));
}

/// Attack 159: many certificates of one name, each a possible issuer of the others.
#[test]
fn a_tangle_of_certificates_is_not_walked_through() {
    let world = World::new();
    let tangle = (0..15_u8)
        .map(|number| {
            Template::authority("Tangle", Key(usize::from(number % 5) + 2))
                .serial(&[number + 1])
                .signed_by(&common("Tangle"), Key(usize::from(number % 3) + 1))
        })
        .collect::<Vec<_>>();
    let leaf = client().signed_by(&common("Tangle"), Key(1));
    let parsed = Certificate::parse(&leaf).unwrap();
    let presented = tangle.iter().map(Vec::as_slice).collect::<Vec<_>>();
    assert_eq!(
        candidates(&parsed, &presented, &world.authorities).len(),
        MAX_OF_ONE_NAME
    );
    let chain = [&[leaf.as_slice()], presented.as_slice()].concat();
    assert_eq!(error(world.chain(&chain)), VerifyError::SelfSignedInChain);

    // Seven authorities between are one more than is tried.
    let mut authority = world.root.clone();
    let mut between = Vec::new();
    for number in 0..7 {
        authority = authority.under(&format!("Number {number}"), Key(2));
        between.push(authority.certificate.clone());
    }
    let leaf = authority.issue(&client());
    let chain = between.iter().map(Vec::as_slice);
    let chain = [leaf.as_slice()].into_iter().chain(chain).collect::<Vec<_>>();
    assert_eq!(error(world.chain(&chain)), VerifyError::TooLong);
}

#[test]
fn signatures_that_are_not_of_today_are_not_accepted() {
    let world = World::new();
    // ecdsa-with-SHA1, inside and outside.
    let signed = client().to_be_signed(&common("Root"));
    let (sha256, sha1) = (oid("1.2.840.10045.4.3.2"), oid("1.2.840.10045.4.1"));
    let at = signed
        .windows(sha256.len())
        .position(|part| part == sha256)
        .unwrap();
    let content = [&signed[..at], &sha1, &signed[at + sha256.len()..]].concat();
    // The lengths of the two sequences around it are one less.
    let mut shorter = content;
    shorter[at - 1] -= 1;
    let length = u16::from_be_bytes([shorter[2], shorter[3]]) - 1;
    shorter[2..4].copy_from_slice(&length.to_be_bytes());
    let certificate = sequence(&[shorter, sequence(&[sha1]), crate::pki::bit_string(0, &[0; 70])]);
    assert_eq!(
        error(world.chain(&[&certificate])),
        VerifyError::SignatureAlgorithm
    );
}

#[test]
fn every_authority_of_the_path_needs_a_list_the_anchor_too() {
    let world = World::new();
    let leaf = world.issuing.issue(&client().serial(&[7]));
    let chain: [&[u8]; 2] = [&leaf, &world.issuing.certificate];
    let of_root = |serials: &[&[u8]]| Crl::parse(&world.root.revoke(&Revocations::of(serials))).unwrap();
    let of_issuing =
        |serials: &[&[u8]]| Crl::parse(&world.issuing.revoke(&Revocations::of(serials))).unwrap();
    let asked = |lists: Vec<Crl>| {
        let index = CrlIndex::new(lists, &world.authorities).unwrap();
        verify(chain, &world.authorities, Some(&index), Checks::default(), NOW)
            .map(|chain| chain.holds_until())
    };
    // The lists of the kit end with 2030.
    let until = Ok(Timestamp::from_seconds(1_924_991_999));
    assert_eq!(asked(vec![of_root(&[]), of_issuing(&[])]), until);
    assert_eq!(asked(vec![of_root(&[]), of_issuing(&[&[8], &[0, 0xff]])]), until);
    assert_eq!(
        asked(vec![of_root(&[]), of_issuing(&[&[7]])]),
        Err(VerifyError::Revoked)
    );
    assert_eq!(
        asked(vec![of_root(&[&[1]]), of_issuing(&[])]),
        Err(VerifyError::Revoked)
    );
    assert_eq!(
        asked(vec![of_root(&[&[7]]), of_issuing(&[])]),
        until,
        "another issuer's serial"
    );
    assert_eq!(
        asked(vec![of_root(&[&[1]])]),
        Err(VerifyError::Revoked),
        "what one list says is so where another is missing"
    );
    let missing = |of: &str| Err(VerifyError::CrlMissing(of.into()));
    assert_eq!(asked(vec![of_root(&[])]), missing("CN=Issuing"));
    assert_eq!(
        asked(vec![of_issuing(&[])]),
        missing("CN=Root"),
        "nobody knows whether `Issuing` itself was taken back"
    );
    assert_eq!(
        asked(vec![]),
        missing("CN=Issuing"),
        "the one nearest to the client first"
    );
    let direct = world.root.issue(&client());
    let index = CrlIndex::new([of_root(&[])], &world.authorities).unwrap();
    let verified = |chain: &[&[u8]]| {
        let chain = chain.iter().copied();
        verify(chain, &world.authorities, Some(&index), Checks::default(), NOW).map(drop)
    };
    assert_eq!(
        verified(&[&direct]),
        Ok(()),
        "the anchor's own certificate needs none"
    );
}

#[test]
fn an_authority_that_may_not_sign_lists_signs_none() {
    let world = World::new();
    let no_lists = Template::new("Issuing", Key(2))
        .basic_constraints(true, None)
        .key_usage(0x04);
    let no_lists = world.root.issue(&no_lists);
    let crl = |authority: &Authority| Crl::parse(&authority.revoke(&Revocations::of(&[]))).unwrap();
    let index = CrlIndex::new([crl(&world.root), crl(&world.issuing)], &world.authorities).unwrap();
    let leaf = world.issuing.issue(&client());
    let chain: [&[u8]; 2] = [&leaf, &no_lists];
    let verified = verify(chain, &world.authorities, Some(&index), Checks::default(), NOW);
    assert_eq!(error(verified), VerifyError::CrlSigner("CN=Issuing".into()));
}

#[test]
fn every_error_has_openssls_words_and_a_reason() {
    for (error, words, reason) in [
        (
            VerifyError::Expired,
            "certificate has expired",
            RejectionReason::CertificateExpired,
        ),
        (
            VerifyError::Revoked,
            "certificate revoked",
            RejectionReason::CertificateRevoked,
        ),
        (
            VerifyError::CrlMissing("CN=Root".into()),
            "unable to get certificate CRL",
            RejectionReason::RevocationUnknown,
        ),
        (
            VerifyError::Purpose,
            "unsuitable certificate purpose",
            RejectionReason::CertificateUsage,
        ),
        (
            VerifyError::Version,
            "unspecified certificate verification error",
            RejectionReason::CertificateMalformed,
        ),
        (
            VerifyError::CriticalExtension,
            "unhandled critical extension",
            RejectionReason::CertificateMalformed,
        ),
        (
            VerifyError::WeakKey,
            "EE certificate key too weak",
            RejectionReason::CertificateSignature,
        ),
    ] {
        assert_eq!((error.openssl(), error.reason()), (words, reason));
    }
}
