//! What the records of sessions are called, remembered for those that were asked for lately: their names take two hashes.

use super::SessionId;
use crate::gmac::Gmac;
use countersign_core::entropy::Entropy;
use countersign_core::session::RecordKey;
use quick_cache::sync::Cache;
use std::fmt;

/// How many are remembered.
const NAMES: usize = 10_000;
/// The longest text that is named: an id and a host.
const TEXT_BYTES: usize = 320;

/// The names of one login's sessions.
pub(crate) struct RecordNames {
    gmac: Gmac,
    known: Cache<[u8; 16], RecordKey>,
}

impl fmt::Debug for RecordNames {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} names", self.known.len())
    }
}

impl RecordNames {
    /// None yet.
    pub(crate) fn new(entropy: &dyn Entropy) -> Self {
        Self {
            gmac: Gmac::draw(entropy),
            known: Cache::new(NAMES),
        }
    }

    /// What the record of `id` on `host` is called, which `make` makes.
    pub(crate) fn of(&self, id: &SessionId, host: &str, make: impl FnOnce() -> RecordKey) -> RecordKey {
        // The id has a fixed length, so that no two pairs read alike.
        let mut text = [0; TEXT_BYTES];
        let parts = [id.0.expose().as_slice(), host.as_bytes()];
        let length = parts.iter().map(|part| part.len()).sum::<usize>();
        let Some(text) = text.get_mut(..length) else {
            return make();
        };
        let bytes = parts.into_iter().flatten();
        text.iter_mut()
            .zip(bytes)
            .for_each(|(place, byte)| *place = *byte);
        let Some(name) = self.gmac.name(0, text) else {
            return make();
        };
        if let Some(record) = self.known.get(&name) {
            return record;
        }
        let record = make();
        self.known.insert(name, record);
        record
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dice::Counted;
    use crate::session::Scope;

    #[test]
    fn a_name_is_one_ids_on_one_host() {
        let names = RecordNames::new(&Counted::default());
        let id = |letter: &str| SessionId::parse(&letter.repeat(43)).unwrap();
        let made = |id: &SessionId, host: &str| id.record(&Scope::of("https://op.test", "app", host));
        let asked = |id: &SessionId, host: &str| names.of(id, host, || made(id, host));
        let long = "a".repeat(400);
        for (letter, host) in [
            ("A", "a.test"),
            ("A", "b.test"),
            ("E", "a.test"),
            ("A", long.as_str()),
        ] {
            let id = id(letter);
            for _ in 0..2 {
                assert_eq!(asked(&id, host), made(&id, host), "{letter} {host}");
            }
        }
        assert_eq!(names.known.len(), 3, "what is too long is made each time");
        let never = || unreachable!("it is remembered");
        assert_eq!(names.of(&id("E"), "a.test", never), made(&id("E"), "a.test"));
    }
}
