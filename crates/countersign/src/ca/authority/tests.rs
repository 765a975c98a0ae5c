use super::*;
use crate::ca::index::{Reason, days_left, unhex};
use countersign_testkit::entropy::CountedBytes;
use std::sync::{LazyLock, Mutex};

const NOW: Timestamp = Timestamp::from_seconds(1_893_456_000);

fn dice() -> &'static CountedBytes {
    static DICE: LazyLock<CountedBytes> = LazyLock::new(CountedBytes::default);
    &DICE
}

fn later(days: i64) -> Timestamp {
    Timestamp::from_seconds(NOW.seconds() + days * DAY)
}

fn founded() -> Authority {
    Authority::found(Foundation::usual("Test"), NOW, dice()).unwrap()
}

fn issued(authority: &mut Authority, days: u32, now: Timestamp) -> Result<Issued, CaError> {
    issued_with(authority, days, now, dice())
}

fn issued_with(
    authority: &mut Authority,
    days: u32,
    now: Timestamp,
    entropy: &dyn Entropy,
) -> Result<Issued, CaError> {
    let names = Name::parse_all(Kind::Client, &["ann@example.org"]).unwrap();
    let key = PrivateKey::generate().unwrap();
    let wish = Wish {
        kind: Kind::Client,
        names: &names,
        days,
        file: "ann",
        folder: None,
        requested: false,
    };
    authority.issue(wish, key.public_half(), now, entropy)
}

/// Dice that show what they are told to, the last face for ever.
#[derive(Debug)]
struct Loaded(Mutex<Vec<u8>>);

impl Entropy for Loaded {
    fn fill(&self, bytes: &mut [u8]) {
        let mut faces = self.0.lock().unwrap();
        let face = if faces.len() > 1 {
            faces.remove(0)
        } else {
            faces[0]
        };
        bytes.fill(face);
    }
}

#[test]
fn lives_are_days_from_now_and_begin_a_little_earlier() {
    let mut authority = founded();
    let life = |role, authority: &Authority| authority.index.current(role).unwrap().life();
    let root = life(Role::Root, &authority);
    assert_eq!(
        (root.not_before, root.not_after),
        (Timestamp::from_seconds(NOW.seconds() - 300), later(3650))
    );
    assert_eq!(life(Role::Intermediate, &authority).not_after, later(1095));
    let record = issued(&mut authority, 30, NOW).unwrap().record;
    assert_eq!(record.not_after, later(30).seconds());
    assert_eq!(days_left(record.not_after, NOW), 30);
    let moment = Timestamp::from_seconds(NOW.seconds() + 1);
    assert_eq!(
        days_left(record.not_after, moment),
        30,
        "a day that has begun is left"
    );
    assert_eq!(days_left(record.not_after, later(30)), 0);
    assert_eq!(days_left(record.not_after, later(31)), -1);
    assert_eq!(authority.index.certificates, [record]);
}

#[test]
fn a_life_is_a_day_at_least_and_no_decades() {
    let mut authority = founded();
    assert!(matches!(issued(&mut authority, 0, NOW), Err(CaError::NoDays)));
    let told = issued(&mut authority, 398, NOW).unwrap_err();
    assert_eq!(
        told.to_string(),
        "398 days are too many: a client holds at most 397"
    );
    assert!(authority.index.certificates.is_empty());
    let wish = Foundation {
        root_days: 7301,
        ..Foundation::usual("Test")
    };
    assert!(matches!(
        Authority::found(wish, NOW, dice()),
        Err(CaError::TooManyDays { most: 7300, .. })
    ));
}

#[test]
fn nothing_holds_longer_than_its_issuer() {
    let wish = Foundation {
        root_days: 100,
        ..Foundation::usual("Test")
    };
    let mut authority = Authority::found(wish, NOW, dice()).unwrap();
    let ends = authority.index.current(Role::Intermediate).unwrap().not_after;
    assert_eq!(ends, later(100).seconds());
    let short = issued(&mut authority, 90, later(20)).unwrap();
    assert!(short.shortened);
    assert_eq!(short.record.not_after, ends);
    assert!(!issued(&mut authority, 70, later(20)).unwrap().shortened);
    let list = authority
        .revocation_list(Role::Intermediate, 90, later(20))
        .unwrap()
        .1;
    assert_eq!(list.not_after.seconds(), ends);
}

#[test]
fn what_has_ended_issues_nothing_until_it_is_renewed() {
    let mut authority = founded();
    let told = issued(&mut authority, 1, later(1096)).unwrap_err().to_string();
    assert!(
        told.contains("the intermediate has ended on 2032-12-31"),
        "{told}"
    );
    assert!(told.contains("countersign ca renew intermediate"), "{told}");
    authority.renew_intermediate(1095, later(1096), dice()).unwrap();
    issued(&mut authority, 1, later(1096)).unwrap();
    // The root's end is the end.
    authority.renew_intermediate(3000, later(1096), dice()).unwrap();
    assert_eq!(
        authority.index.current(Role::Intermediate).unwrap().not_after,
        later(3650).seconds()
    );
    let told = authority.renew_intermediate(1, later(3651), dice()).unwrap_err();
    assert!(told.to_string().contains("make a new authority"), "{told}");
}

#[test]
fn a_serial_number_comes_once() {
    let mut authority = founded();
    let entropy = Loaded(Mutex::new(vec![7, 7, 7, 8]));
    let first = issued_with(&mut authority, 1, NOW, &entropy)
        .unwrap()
        .record
        .serial;
    let second = issued_with(&mut authority, 1, NOW, &entropy)
        .unwrap()
        .record
        .serial;
    assert_eq!((&first[..4], &second[..4]), ("4707", "4808"));
    let told = issued_with(&mut authority, 1, NOW, &entropy).unwrap_err();
    assert!(matches!(told, CaError::Repeated));
    // Whatever the dice show, a number is positive and has all its bytes.
    for face in [0, 0x7f, 0x80, 0xff] {
        let serial = drawn(None, &Loaded(Mutex::new(vec![face]))).unwrap();
        assert!((0x40..0x80).contains(&serial[0]), "{serial:x?}");
    }
}

#[test]
fn an_authority_has_a_name_that_a_certificate_has_room_for() {
    for name in ["", " Test", "a\nb", &"a".repeat(49)] {
        let told = Authority::found(Foundation::usual(name), NOW, dice()).unwrap_err();
        assert!(matches!(told, CaError::AuthorityName), "{name:?}");
    }
    let longest = "ü".repeat(48);
    let authority = Authority::found(Foundation::usual(&longest), NOW, dice()).unwrap();
    assert!(authority.subject(Role::Intermediate).chars().count() <= 64);
}

#[test]
fn lists_are_numbered_upwards_and_what_is_called_back_stays_so() {
    let mut authority = founded();
    issued(&mut authority, 1, NOW).unwrap();
    for number in 1..4 {
        authority.revocation_list(Role::Intermediate, 30, NOW).unwrap();
        assert_eq!(authority.list_number(Role::Intermediate), number);
    }
    assert_eq!(authority.list_number(Role::Root), 0);
    assert!(authority.revoke(0, Reason::Superseded, NOW));
    assert!(
        !authority.revoke(0, Reason::KeyCompromise, later(1)),
        "it was before"
    );
    let revoked = authority.index.certificates[0].revoked.clone().unwrap();
    assert_eq!((revoked.at, revoked.reason), (NOW.seconds(), Reason::Superseded));
    assert!(!authority.revoke(1, Reason::Superseded, NOW), "there is none");
}

#[test]
fn a_revoked_intermediate_issues_nothing_any_more() {
    let mut authority = founded();
    authority.renew_intermediate(1095, later(1), dice()).unwrap();
    let revoked = authority.revoke_intermediate(Reason::CaCompromise, later(2));
    assert_eq!(revoked.len(), authority.index.intermediates.len());
    assert!(
        authority
            .index
            .intermediates
            .iter()
            .all(|record| record.revoked.is_some())
    );
    assert!(
        authority
            .revoke_intermediate(Reason::CaCompromise, later(2))
            .is_empty()
    );
    assert!(matches!(
        issued(&mut authority, 1, later(2)),
        Err(CaError::Revoked("intermediate"))
    ));
    let told = authority.renew_intermediate(1, later(2), dice());
    assert!(matches!(told, Err(CaError::Revoked("intermediate"))));
    // It can still say what else is called back.
    authority
        .revocation_list(Role::Intermediate, 30, later(2))
        .unwrap();
}

#[test]
fn without_its_key_an_authority_signs_nothing() {
    let mut authority = founded();
    authority.root_key = None;
    issued(&mut authority, 1, NOW).unwrap();
    let told = authority.revocation_list(Role::Root, 30, NOW).unwrap_err();
    assert!(matches!(told, CaError::KeyAway("root")));
    let told = authority.renew_intermediate(1, NOW, dice()).unwrap_err();
    assert!(matches!(told, CaError::KeyAway("root")));
}

#[test]
fn a_certificate_that_nobody_saw_gives_way_to_the_one_that_is_here() {
    let mut authority = founded();
    let before = authority.intermediate.clone();
    authority.renew_intermediate(1095, later(10), dice()).unwrap();
    authority.check().unwrap();
    let unseen = authority.index.intermediates[1].serial.clone();
    authority.intermediate = before;
    authority.check().unwrap();
    assert_eq!(
        authority.index.current(Role::Intermediate).unwrap().not_after,
        later(1095).seconds()
    );
    assert!(authority.index.has(&unseen), "its number is not given again");
    authority.intermediate = b"another".to_vec();
    assert!(matches!(
        authority.check(),
        Err(CaError::OtherCertificate("intermediate"))
    ));
}

#[test]
fn an_index_comes_back_from_its_file_and_no_other_file_is_one() {
    let mut authority = founded();
    issued(&mut authority, 1, NOW).unwrap();
    authority.revoke(0, Reason::KeyCompromise, NOW);
    let text = authority.index.to_json().unwrap();
    assert_eq!(Index::from_json(text.as_bytes()).unwrap(), authority.index);
    let serial = authority.index.certificates[0].serial.clone();
    let colons = serial
        .as_bytes()
        .chunks(2)
        .map(|pair| std::str::from_utf8(pair).unwrap());
    let colons = colons.collect::<Vec<_>>().join(":").to_lowercase();
    for what in [&serial, &colons, "ann"] {
        assert_eq!(
            [authority.index.find_serial(what), authority.index.find_file(what)].concat(),
            [0],
            "{what}"
        );
    }
    assert!(authority.index.find_file("ben").is_empty());
    for broken in [
        "",
        "{}",
        &text[..text.len() - 3],
        &text.replace("\"format\": 1", "\"format\": 2"),
        &text.replace("\"days\"", "\"nights\""),
    ] {
        assert!(Index::from_json(broken.as_bytes()).is_err(), "{broken}");
    }
}

#[test]
fn a_revocation_has_the_same_time_in_every_list() {
    let mut authority = founded();
    issued(&mut authority, 90, NOW).unwrap();
    authority.revoke(0, Reason::Superseded, later(1));
    let mut times = [later(1), later(2), later(30)].map(|now| {
        let (text, _) = authority.revocation_list(Role::Intermediate, 30, now).unwrap();
        let der = pem::decode(&text).unwrap().remove(0).1;
        // The entry's time follows its serial number of 16 bytes: UTCTime, 13 bytes.
        let serial = unhex(&authority.index.certificates[0].serial).unwrap();
        let place = der
            .windows(serial.len())
            .position(|bytes| bytes == serial)
            .unwrap();
        der[place + serial.len()..][..15].to_vec()
    });
    times.sort();
    assert_eq!(times[0], times[2]);
}
