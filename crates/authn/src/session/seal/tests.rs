use super::*;
use crate::dice::Counted;
use crate::session::{SessionId, SessionRecord, fixtures};

const NAME: RecordKey = RecordKey([7; 32]);

fn key(byte: u8) -> Secret<Vec<u8>> {
    Secret::new(vec![byte; MIN_KEY_BYTES])
}

fn sealer(keys: &[u8]) -> Sealer {
    Sealer::new(keys.iter().copied().map(key).collect()).unwrap()
}

fn scope() -> Scope {
    Scope::of("https://op.test", "client", "app.test")
}

fn sealed(sealer: &Sealer) -> Sealed {
    let plain = Secret::new(b"a session".to_vec());
    sealer.seal_record((&NAME, &scope()), sealer.first(), &plain, &Counted::default())
}

#[test]
fn a_record_opens_where_it_was_sealed_and_says_its_scope() {
    let sealer = sealer(&[1]);
    let opened = sealer.open_record(&NAME, &sealed(&sealer)).unwrap();
    assert_eq!(opened.plain.expose(), b"a session");
    assert_eq!(opened.scope, scope());
    assert_eq!(opened.key, sealer.first());
}

#[test]
fn a_record_without_tokens_is_sealed_into_about_600_bytes() {
    let (sealer, record) = (sealer(&[1]), fixtures::record());
    let plain = record.to_bytes().unwrap();
    let sealed = sealer.seal_record((&NAME, &scope()), sealer.first(), &plain, &Counted::default());
    assert_eq!(sealed.0.len(), plain.expose().len() + 73);
    assert!((500..=610).contains(&sealed.0.len()), "{}", sealed.0.len());
    let opened = sealer.open_record(&NAME, &sealed).unwrap();
    let again = SessionRecord::from_bytes(opened.plain.expose()).unwrap();
    assert_eq!(again.claims, record.claims);
}

#[test]
fn a_record_under_another_name_does_not_open() {
    let sealer = sealer(&[1]);
    let sealed = sealed(&sealer);
    assert!(sealer.open_record(&RecordKey([8; 32]), &sealed).is_none());
}

#[test]
fn a_record_with_any_byte_changed_or_lost_does_not_open() {
    let sealer = sealer(&[1]);
    let whole = sealed(&sealer);
    for at in 0..whole.0.len() {
        let mut changed = whole.clone();
        changed.0[at] ^= 1;
        assert!(sealer.open_record(&NAME, &changed).is_none(), "byte {at}");
        let cut = Sealed(whole.0[..at].into());
        assert!(sealer.open_record(&NAME, &cut).is_none(), "{at} bytes");
    }
}

#[test]
fn the_first_key_seals_and_each_opens() {
    let (old, both, new) = (sealer(&[1]), sealer(&[2, 1]), sealer(&[2]));
    let before = sealed(&old);
    assert_eq!(both.open_record(&NAME, &before).unwrap().key, old.first());
    let after = sealed(&both);
    assert_eq!(new.open_record(&NAME, &after).unwrap().key, new.first());
    assert!(new.open_record(&NAME, &before).is_none());
    assert!(old.open_record(&NAME, &after).is_none());
}

#[test]
fn a_session_keeps_its_key_and_is_found_by_it() {
    let (old, both) = (sealer(&[1]), sealer(&[2, 1]));
    let opened = both.open_record(&NAME, &sealed(&old)).unwrap();
    let again = both.seal_record((&NAME, &scope()), opened.key, &opened.plain, &Counted::default());
    assert!(old.open_record(&NAME, &again).is_some());
    let group = SessionGroup::Subject {
        issuer: "https://op.test",
        subject: "ann",
    };
    let began = old.index_under(old.first(), group).unwrap();
    assert_eq!(both.indexes(group)[1], began);
}

#[test]
fn groups_are_told_apart_by_kind_issuer_and_name() {
    let (sealer, other) = (sealer(&[1]), sealer(&[2]));
    let subject = |issuer, subject| sealer.indexes(SessionGroup::Subject { issuer, subject });
    let sid = |issuer, sid| sealer.indexes(SessionGroup::Sid { issuer, sid });
    let all = [
        subject("a", "bc"),
        subject("ab", "c"),
        subject("a", "b"),
        sid("a", "bc"),
        sid("a", "b"),
    ];
    for (at, one) in all.iter().enumerate() {
        assert_eq!(one.len(), 1);
        assert!(!all[at + 1..].contains(one));
    }
    assert!(sealer.indexes(SessionGroup::All).is_empty());
    assert_ne!(
        subject("a", "b"),
        other.indexes(SessionGroup::Subject {
            issuer: "a",
            subject: "b",
        })
    );
}

#[test]
fn a_message_opens_for_its_purpose_and_context_only() {
    let (sealer, entropy) = (sealer(&[1]), Counted::default());
    let purposes = [
        Purpose::Session,
        Purpose::State,
        Purpose::ReturnTo,
        Purpose::Wish,
        Purpose::Handoff,
        Purpose::LogoutToken,
        Purpose::Code,
        Purpose::AccessToken,
        Purpose::Grant,
        Purpose::SignOns,
        Purpose::Assertion,
        Purpose::ProviderKeys,
    ];
    for sealed_for in purposes {
        let sealed = sealer.seal(sealed_for, b"here", b"plain", &entropy);
        for purpose in purposes {
            let opened = sealer.open(purpose, b"here", &sealed);
            assert_eq!(opened.is_some(), purpose == sealed_for);
        }
        assert_eq!(sealer.open(sealed_for, b"here", &sealed).unwrap(), b"plain");
        assert_eq!(sealer.open(sealed_for, b"there", &sealed), None);
        assert_eq!(sealer.open(sealed_for, b"", &sealed), None);
    }
}

#[test]
fn a_message_is_no_record_and_a_record_no_message() {
    let (sealer, entropy) = (sealer(&[1]), Counted::default());
    let message = Sealed(sealer.seal(Purpose::Session, &NAME.0, b"plain", &entropy).into());
    assert!(sealer.open_record(&NAME, &message).is_none());
    assert!(!Sealer::is_record(&message));
    let record = sealed(&sealer);
    assert!(Sealer::is_record(&record));
    assert_eq!(sealer.open(Purpose::Session, &NAME.0, &record.0), None);
}

#[test]
fn nothing_is_sealed_twice_into_the_same_bytes() {
    let (sealer, entropy) = (sealer(&[1]), Counted::default());
    let seal = || sealer.seal(Purpose::State, b"", b"plain", &entropy);
    assert_ne!(seal(), seal());
}

#[test]
fn keys_are_at_least_32_bytes_and_each_is_there_once() {
    let new = |keys: Vec<Secret<Vec<u8>>>| Sealer::new(keys).map(drop);
    assert_eq!(new(vec![]), Err(KeyError::None));
    let short = Secret::new(vec![1; MIN_KEY_BYTES - 1]);
    assert_eq!(new(vec![key(1), short]), Err(KeyError::Short(1)));
    assert_eq!(new(vec![key(1), key(2), key(1)]), Err(KeyError::Twice(2)));
    assert_eq!(new(vec![key(1), key(2)]), Ok(()));
}

#[test]
fn keys_and_what_they_opened_are_never_printed() {
    let sealer = sealer(&[0xab]);
    let opened = sealer.open_record(&NAME, &sealed(&sealer)).unwrap();
    let told = format!("{sealer:?} {opened:?}");
    assert!(!told.contains("171, 171"), "{told}");
    assert!(told.contains("***"), "{told}");
}

#[test]
fn a_session_of_one_scope_is_not_found_at_another() {
    let id = SessionId::draw(&Counted::default());
    let of = |issuer, client, host| id.record(&Scope::of(issuer, client, host));
    let here = of("https://op.test", "client", "app.test");
    assert_eq!(here, of("https://op.test", "client", "app.test"));
    for elsewhere in [
        of("https://other.test", "client", "app.test"),
        of("https://op.test", "other", "app.test"),
        of("https://op.test", "client", "other.test"),
        of("https://op.test", "clientapp", ".test"),
    ] {
        assert_ne!(here, elsewhere);
    }
    assert_eq!(SessionId::parse(&id.to_text()).unwrap().to_text(), id.to_text());
    assert_eq!(format!("{id:?}"), "SessionId(***)");
}
