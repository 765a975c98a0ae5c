//! The serial numbers of a list, found in a fraction of a microsecond however long it is.

use crate::der::Reader;

/// Where the serial numbers of a list are in its bytes, sorted by a hash of theirs. The search goes through these eight
/// bytes an entry, side by side, and looks into the list only where a hash is the same. Whoever makes many numbers of one
/// hash gains nothing: those are sorted among themselves.
#[derive(Debug)]
pub(super) struct Serials {
    sorted: Box<[(u32, u32)]>,
}

impl Serials {
    /// Of the serial numbers (INTEGERs) that begin in `der` at these places.
    pub(super) fn new(der: &[u8], places: &[u32]) -> Self {
        let mut sorted = places
            .iter()
            .map(|at| (hash(serial_at(der, *at)), *at))
            .collect::<Box<[_]>>();
        sorted.sort_unstable_by(|(hash, at), (other_hash, other_at)| {
            hash.cmp(other_hash)
                .then_with(|| serial_at(der, *at).cmp(serial_at(der, *other_at)))
        });
        Self { sorted }
    }

    pub(super) const fn len(&self) -> usize {
        self.sorted.len()
    }

    /// Whether `serial` is one of them.
    pub(super) fn contains(&self, der: &[u8], serial: &[u8]) -> bool {
        let wanted = hash(serial);
        self.sorted
            .binary_search_by(|(hash, at)| hash.cmp(&wanted).then_with(|| serial_at(der, *at).cmp(serial)))
            .is_ok()
    }
}

fn serial_at(der: &[u8], at: u32) -> &[u8] {
    let from = usize::try_from(at).unwrap_or(usize::MAX);
    der.get(from..)
        .and_then(|rest| Reader::new(rest).integer())
        .unwrap_or_default()
}

/// FNV-1a, its halves folded.
fn hash(bytes: &[u8]) -> u32 {
    let whole = bytes.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    });
    let folded = (whole >> 32) ^ (whole & 0xffff_ffff);
    u32::try_from(folded).unwrap_or(0)
}
