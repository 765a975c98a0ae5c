use super::*;
use crate::authorities::Authorities;
use crate::certificate::Certificate;
use crate::pki::{
    Authority, Key, Revocations, Template, common, distribution_point_name, element, extension, pem, sequence,
};

/// 2030-01-01T00:00:00Z
const NOW: Timestamp = Timestamp::from_seconds(1_893_456_000);
mod known;

const POINT: &str = "http://example.test/1.crl";

fn root() -> Authority {
    Authority::root("Root", Key(1))
}

fn authorities() -> Authorities {
    Authorities::from_pem(&[root().pem().as_bytes()]).unwrap()
}

fn parsed(list: &Revocations) -> Result<Crl, CrlError> {
    Crl::parse(&root().revoke(list))
}

fn leaf(template: &Template) -> Certificate {
    Certificate::parse(&root().issue(template)).unwrap()
}

fn joe() -> Certificate {
    leaf(&Template::client("joe", Key(3)).serial(&[7]))
}

fn standing_with(certificate: &Certificate, lists: &[&Revocations], accept_stale: bool) -> Standing {
    let lists = lists.iter().map(|list| parsed(list).unwrap());
    let index = CrlIndex::new(lists, &authorities()).unwrap();
    let spki = Key(1).spki();
    let name = Name::parse(&common("Root")).unwrap();
    let signer = Signer {
        name: &name,
        spki: &spki,
    };
    index.standing(certificate, signer, NOW, accept_stale)
}

fn standing(certificate: &Certificate, lists: &[&Revocations]) -> Standing {
    standing_with(certificate, lists, false)
}

fn good(seconds: i64) -> Standing {
    Standing::Good {
        until: Timestamp::from_seconds(seconds),
    }
}

/// The end of the kit's lists.
const END_OF_2030: i64 = 1_924_992_000;

#[test]
fn a_list_says_what_it_holds_in_both_versions_and_both_encodings() {
    for list in [
        Revocations::of(&[&[7], &[1], &[0, 0x80]]),
        Revocations::of(&[&[7], &[1], &[0, 0x80]]).plain(),
    ] {
        let der = root().revoke(&list);
        for bytes in [der.clone(), pem("X509 CRL", &der).into_bytes()] {
            let crl = Crl::parse(&bytes).unwrap();
            assert_eq!(crl.issuer().der(), common("Root"));
            assert_eq!(crl.this_update().to_string(), "2029-01-01T00:00:00.000Z");
            assert_eq!(crl.next_update().to_string(), "2031-01-01T00:00:00.000Z");
            assert_eq!(crl.revoked(), 3);
            assert!(crl.lists(&[7]) && crl.lists(&[1]) && crl.lists(&[0, 0x80]));
            assert!(!crl.lists(&[8]) && !crl.lists(&[0x80]) && !crl.lists(&[]) && !crl.lists(&[0, 7]));
        }
    }
    assert_eq!(parsed(&Revocations::of(&[])).unwrap().revoked(), 0);
    assert_eq!(parsed(&Revocations::of(&[]).number(9)).unwrap().number(), [9]);
}

#[test]
fn a_list_with_a_second_reading_is_refused() {
    let good = root().revoke(&Revocations::of(&[&[7]]));
    let error = |bytes: &[u8]| Crl::parse(bytes).unwrap_err();
    assert_eq!(error(b""), CrlError::Structure);
    assert_eq!(error(&[&good[..], &[0]].concat()), CrlError::Structure);
    assert_eq!(
        error(pem("X509 CRL", &good).repeat(2).as_bytes()),
        CrlError::Structure
    );
    assert_eq!(error(pem("CERTIFICATE", &good).as_bytes()), CrlError::Structure);
    let no_end = parsed(&Revocations::of(&[&[7]]).updated("20290101000000Z", None));
    assert_eq!(no_end.unwrap_err(), CrlError::NoNextUpdate);
    let no_end = parsed(&Revocations::of(&[]).plain().updated("20290101000000Z", None));
    assert_eq!(no_end.unwrap_err(), CrlError::NoNextUpdate);
    let twice = Revocations::of(&[]).entry(&[1, 2], &[]).entry(&[0, 1], &[]);
    assert_eq!(parsed(&twice).unwrap_err(), CrlError::Entry(1), "a padded number");
    let in_version_1 = Revocations::of(&[])
        .plain()
        .entry(&[1], &[extension("2.5.29.21", false, &[0x0a, 1, 1])]);
    assert_eq!(parsed(&in_version_1).unwrap_err(), CrlError::Entry(0));
}

#[test]
fn lists_that_tell_only_part_are_refused_by_name() {
    let list = || Revocations::of(&[]);
    let error = |list: &Revocations| parsed(list).unwrap_err();
    let delta = list().extension("2.5.29.27", true, &element(2, &[1]));
    assert_eq!(error(&delta), CrlError::Delta);
    assert_eq!(
        error(&list().scope(&[element(0x84, &[0xff])])),
        CrlError::Indirect
    );
    assert_eq!(
        error(&list().scope(&[element(0x83, &[1, 2])])),
        CrlError::SomeReasons
    );
    assert_eq!(
        error(&list().scope(&[element(0x85, &[0xff])])),
        CrlError::AttributeCertificates
    );
    let unknown = list().extension("1.2.3", true, b"x");
    assert_eq!(error(&unknown), CrlError::CriticalExtension("1.2.3".into()));
    assert!(parsed(&list().extension("1.2.3", false, b"x")).is_ok());
    let entry = |extension: Vec<u8>| list().entry(&[7], &[extension]);
    assert_eq!(
        error(&entry(extension("2.5.29.29", true, b"x"))),
        CrlError::Indirect
    );
    assert_eq!(
        error(&entry(extension("1.2.3", true, b"x"))),
        CrlError::CriticalExtension("1.2.3".into())
    );
    for broken in [
        vec![element(0x81, &[1])],
        vec![element(0x81, &[])],
        vec![element(0x81, &[0xff]), element(0x82, &[0xff])],
        vec![element(0xa0, &[])],
        vec![element(0xa0, &element(0xa1, b""))],
        vec![element(0x83, b"")]
            .into_iter()
            .chain([element(0x81, &[0xff])])
            .collect(),
    ] {
        assert!(parsed(&list().scope(&broken)).is_err(), "{broken:?}");
    }
}

#[test]
fn a_certificate_is_good_revoked_or_unknown() {
    let listed = Revocations::of(&[&[7]]);
    let empty = Revocations::of(&[]);
    assert_eq!(standing(&joe(), &[&empty]), good(END_OF_2030));
    assert_eq!(standing(&joe(), &[&listed]), Standing::Revoked);
    assert_eq!(standing(&joe(), &[]), Standing::Unknown(Unknown::Missing));
    for (reason, expect) in [
        (1, Standing::Revoked),
        (6, Standing::Revoked),
        (8, good(END_OF_2030)),
    ] {
        let list = Revocations::of(&[]).entry(&[7], &[extension("2.5.29.21", false, &[0x0a, 1, reason])]);
        assert_eq!(standing(&joe(), &[&list]), expect, "reason {reason}");
    }
}

#[test]
fn a_list_speaks_from_its_making_to_the_next() {
    let list = |this, next| Revocations::of(&[]).updated(this, Some(next));
    let expired = list("20290101000000Z", "20300101000000Z");
    assert_eq!(standing(&joe(), &[&expired]), Standing::Unknown(Unknown::Expired));
    let last_second = list("20290101000000Z", "20300101000001Z");
    assert_eq!(standing(&joe(), &[&last_second]), good(NOW.seconds() + 1));
    let first_second = list("20300101000000Z", "20310101000000Z");
    assert_eq!(standing(&joe(), &[&first_second]), good(END_OF_2030));
    let future = list("20300101000001Z", "20310101000000Z");
    assert_eq!(
        standing(&joe(), &[&future]),
        Standing::Unknown(Unknown::NotYetInForce)
    );
    // A list of tomorrow does not silence that of today.
    let listed = Revocations::of(&[&[7]]);
    assert_eq!(standing(&joe(), &[&future, &listed]), Standing::Revoked);

    let stale = standing_with(&joe(), &[&expired], true);
    assert!(matches!(stale, Standing::Good { .. }));
    let listed = Revocations::of(&[&[7]]).updated("20290101000000Z", Some("20300101000000Z"));
    assert_eq!(standing_with(&joe(), &[&listed], true), Standing::Revoked);
    assert_eq!(
        standing(&joe(), &[&listed]),
        Standing::Revoked,
        "what was revoked stays so"
    );
}

#[test]
fn of_two_lists_the_newer_speaks() {
    let old = Revocations::of(&[&[7]]).updated("20290101000000Z", Some("20320101000000Z"));
    let new = Revocations::of(&[]).updated("20290601000000Z", Some("20310101000000Z"));
    assert_eq!(
        standing(&joe(), &[&old, &new]),
        good(END_OF_2030),
        "on hold no more"
    );
    assert_eq!(standing(&joe(), &[&new, &old]), good(END_OF_2030));
    let expired = Revocations::of(&[]).updated("20290601000000Z", Some("20291201000000Z"));
    let longer = Revocations::of(&[]).updated("20290101000000Z", Some("20320101000000Z"));
    assert_eq!(
        standing(&joe(), &[&longer, &expired]),
        Standing::Unknown(Unknown::Expired),
        "an older list does not know what the newer did"
    );
    let (second, first) = (Revocations::of(&[&[7]]).number(2), Revocations::of(&[]).number(1));
    assert_eq!(
        standing(&joe(), &[&first, &second]),
        Standing::Revoked,
        "by number"
    );
}

/// RUSTSEC-2026-0049: only the first distribution point of a certificate was compared.
#[test]
fn a_list_of_one_distribution_point_speaks_for_all_who_name_it() {
    let scoped = |serials: &[&[u8]]| Revocations::of(serials).scope(&[distribution_point_name(POINT)]);
    let pointing = |uris: &[&str]| {
        leaf(
            &Template::client("joe", Key(3))
                .serial(&[7])
                .distribution_points(uris),
        )
    };
    let other = "http://example.test/2.crl";
    assert_eq!(
        standing(&pointing(&[POINT]), &[&scoped(&[&[7]])]),
        Standing::Revoked
    );
    assert_eq!(
        standing(&pointing(&[other, POINT]), &[&scoped(&[&[7]])]),
        Standing::Revoked
    );
    assert_eq!(
        standing(&pointing(&[other, POINT]), &[&scoped(&[])]),
        good(END_OF_2030)
    );
    let missing = Standing::Unknown(Unknown::Missing);
    assert_eq!(standing(&pointing(&[other]), &[&scoped(&[&[7]])]), missing);
    assert_eq!(standing(&joe(), &[&scoped(&[&[7]])]), missing, "it names none");
    let whole = Revocations::of(&[&[7]]);
    assert_eq!(
        standing(&pointing(&[other]), &[&whole, &scoped(&[])]),
        Standing::Revoked
    );
    // A point for some reasons, or of another issuer, says nothing of this list.
    let name = distribution_point_name(POINT);
    for narrowed in [element(0x81, &[1, 2]), element(0xa2, &element(0x86, b"x:y"))] {
        let point = sequence(&[name.clone(), narrowed]);
        let template = Template::client("joe", Key(3)).serial(&[7]);
        let certificate = leaf(&template.extension("2.5.29.31", false, &sequence(&[point])));
        assert_eq!(standing(&certificate, &[&scoped(&[])]), missing);
    }
}

#[test]
fn a_list_of_users_says_nothing_of_authorities() {
    let users = Revocations::of(&[&[7]]).scope(&[element(0x81, &[0xff])]);
    let authorities = Revocations::of(&[&[7]]).scope(&[element(0x82, &[0xff])]);
    let authority = leaf(&Template::authority("Issuing", Key(2)).serial(&[7]));
    let missing = Standing::Unknown(Unknown::Missing);
    assert_eq!(standing(&joe(), &[&users]), Standing::Revoked);
    assert_eq!(standing(&joe(), &[&authorities]), missing);
    assert_eq!(standing(&authority, &[&users]), missing);
    assert_eq!(standing(&authority, &[&authorities]), Standing::Revoked);
}

#[test]
fn only_the_issuers_key_signs_its_list() {
    let list = Revocations::of(&[]);
    let forged = Crl::parse(&Key(5).sign(&list.to_be_signed(&common("Root")))).unwrap();
    assert_eq!(
        CrlIndex::new([parsed(&list).unwrap(), forged], &authorities()).unwrap_err(),
        (1, CrlError::Signature)
    );
    let mut broken = root().revoke(&list);
    if let Some(last) = broken.last_mut() {
        *last ^= 1;
    }
    let broken = Crl::parse(&broken).unwrap();
    assert_eq!(
        CrlIndex::new([broken], &authorities()).unwrap_err(),
        (0, CrlError::Signature)
    );
    // An empty signature, and none at all.
    for signature in [&[0][..], &[]] {
        let signed = list.to_be_signed(&common("Root"));
        let algorithm = sequence(&[crate::pki::oid("1.2.840.10045.4.3.2")]);
        let bytes = sequence(&[signed, algorithm, element(3, signature)]);
        let refused = Crl::parse(&bytes).map(|crl| CrlIndex::new([crl], &authorities()).map(drop));
        assert!(
            matches!(
                refused,
                Err(CrlError::Structure) | Ok(Err((0, CrlError::Signature)))
            ),
            "{refused:?}"
        );
    }
    // A namesake's list is taken for its own certificates only.
    let namesake = Authority::root("Root", Key(5));
    let both = root().pem() + &namesake.pem();
    let both = Authorities::from_pem(&[both.as_bytes()]).unwrap();
    let of_namesake = Crl::parse(&namesake.revoke(&Revocations::of(&[&[7]]))).unwrap();
    let index = CrlIndex::new([of_namesake], &both).unwrap();
    let name = Name::parse(&common("Root")).unwrap();
    let asked = |key: Key| {
        let spki = key.spki();
        index.standing(
            &joe(),
            Signer {
                name: &name,
                spki: &spki,
            },
            NOW,
            false,
        )
    };
    assert_eq!(asked(Key(1)), Standing::Unknown(Unknown::Signature));
    assert_eq!(asked(Key(5)), Standing::Revoked);
}

#[test]
fn a_list_of_an_authority_that_clients_bring_along_waits_for_it() {
    let issuing = root().under("Issuing", Key(2));
    let crl = Crl::parse(&issuing.revoke(&Revocations::of(&[]))).unwrap();
    let index = CrlIndex::new([parsed(&Revocations::of(&[])).unwrap(), crl], &authorities()).unwrap();
    let told = index.summaries(&authorities());
    let told = told
        .iter()
        .map(|summary| (summary.crl.issuer().nginx(), summary.of_authorities));
    assert_eq!(
        told.collect::<Vec<_>>(),
        [("CN=Root".to_owned(), true), ("CN=Issuing".to_owned(), false)]
    );
    assert!(!index.is_empty() && CrlIndex::default().is_empty());
}

#[test]
fn each_of_a_hundred_thousand_entries_is_found_and_nothing_else() {
    let serials = (0..100_000_u32)
        .map(|number| (number * 7 + 0x0100_0000).to_be_bytes())
        .collect::<Vec<_>>();
    let borrowed = serials.iter().map(<[u8; 4]>::as_slice).rev().collect::<Vec<_>>();
    let crl = parsed(&Revocations::of(&borrowed)).unwrap();
    assert_eq!(crl.revoked(), serials.len());
    for serial in serials.iter().step_by(997) {
        assert!(crl.lists(serial));
        let [a, b, c, d] = *serial;
        let near = u32::from_be_bytes([a, b, c, d ^ 1]) - 0x0100_0000;
        assert_eq!(crl.lists(&[a, b, c, d ^ 1]), near.is_multiple_of(7));
    }
}

#[test]
fn a_list_outdates_an_older_one_of_the_same_key_and_scope_only() {
    let dated = |made: &str, number: u8| {
        Revocations::of(&[])
            .updated(made, Some("20310101000000Z"))
            .number(number)
    };
    let held = parsed(&dated("20290601000000Z", 5)).unwrap();
    let older = parsed(&dated("20290501000000Z", 4)).unwrap();
    assert!(!held.outdates(&older), "nobody knows yet whose key signed it");
    CrlIndex::new([held.clone()], &authorities()).unwrap();
    assert!(held.outdates(&older));
    for (made, number, why) in [
        ("20290601000000Z", 5, "the same"),
        ("20290602000000Z", 5, "a later time"),
        ("20290501000000Z", 6, "a higher number"),
    ] {
        assert!(!held.outdates(&parsed(&dated(made, number)).unwrap()), "{why}");
    }
    let scoped = dated("20290501000000Z", 4).scope(&[element(0x81, &[0xff])]);
    assert!(
        held.outdates(&parsed(&scoped).unwrap()),
        "of users only, and it is about all"
    );
    let scoped = parsed(&dated("20290701000000Z", 6).scope(&[element(0x81, &[0xff])])).unwrap();
    CrlIndex::new([scoped.clone()], &authorities()).unwrap();
    assert!(!scoped.outdates(&held), "of all, and it is about users only");
    let other_key = Authority::root("Root", Key(2)).revoke(&dated("20290501000000Z", 4));
    assert!(
        !held.outdates(&Crl::parse(&other_key).unwrap()),
        "another key of the name"
    );
}

#[test]
fn who_has_no_list_in_force_is_known_by_name_and_why() {
    let set = authorities();
    let lacking = |lists: &[Crl]| {
        let index = CrlIndex::new(lists.iter().cloned(), &set).unwrap();
        let lacking = index.lacking(&set, NOW);
        lacking.into_iter().map(|(_, why)| why).collect::<Vec<_>>()
    };
    let list = |made: &str, next: &str| parsed(&Revocations::of(&[]).updated(made, Some(next))).unwrap();
    let ended = list("20290101000000Z", "20300101000000Z");
    let to_come = list("20300101000001Z", "20310101000000Z");
    assert_eq!(lacking(&[]), [Unknown::Missing]);
    assert_eq!(lacking(std::slice::from_ref(&ended)), [Unknown::Expired]);
    assert_eq!(lacking(&[to_come]), [Unknown::NotYetInForce]);
    assert_eq!(lacking(&[ended, list("20290101000000Z", "20310101000000Z")]), []);
}
