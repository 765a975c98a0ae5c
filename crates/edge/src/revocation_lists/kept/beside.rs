//! What is known of a list that is kept.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign_x509::crl::KeptList;
use std::collections::BTreeSet;
use std::sync::Arc;

/// One line: how many lists came before, the key that signed it, whether it is still where it came from, whether it ever had
/// begun, and where it came from. Key and place in base64, `-` for none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Beside {
    pub(super) number: u64,
    pub(super) signer: Option<Box<[u8]>>,
    pub(super) is_there: bool,
    pub(super) has_begun: bool,
    pub(super) place: Arc<str>,
}

impl Beside {
    /// What is known of the `number`th list.
    pub(super) fn of(kept: &KeptList, number: u64) -> Self {
        Self {
            number,
            signer: kept.signer.clone(),
            is_there: kept.is_there,
            has_begun: kept.has_begun,
            place: Arc::clone(&kept.place),
        }
    }

    /// The same list, with what another knows of it, too. Whether a place has it is the word of whoever looks there: our own
    /// places are `own`.
    pub(super) fn and(self, other: &Self, own: &BTreeSet<Arc<str>>) -> Self {
        let (is_there, place) = if self.is_there || own.contains(&other.place) {
            (self.is_there, self.place)
        } else {
            (other.is_there, Arc::clone(&other.place))
        };
        Self {
            number: self.number,
            signer: self.signer.or_else(|| other.signer.clone()),
            is_there,
            has_begun: self.has_begun || other.has_begun,
            place,
        }
    }

    /// `None` where the line is not whole.
    pub(super) fn read(line: &[u8]) -> Option<Self> {
        let line = std::str::from_utf8(line).ok()?.strip_suffix('\n')?;
        let mut words = line.split(' ');
        let number = words.next()?.parse().ok()?;
        let signer = match words.next()? {
            "-" => None,
            signer => Some(STANDARD.decode(signer).ok()?.into()),
        };
        let mut is = |yes: &str| match words.next()? {
            "-" => Some(false),
            word => (word == yes).then_some(true),
        };
        let (is_there, has_begun) = (is("there")?, is("begun")?);
        let place = String::from_utf8(STANDARD.decode(words.next()?).ok()?).ok()?;
        words.next().is_none().then_some(Self {
            number,
            signer,
            is_there,
            has_begun,
            place: place.into(),
        })
    }

    pub(super) fn text(&self) -> String {
        let number = self.number;
        let signer = self.signer.as_ref().map(|signer| STANDARD.encode(signer));
        let signer = signer.as_deref().unwrap_or("-");
        let is_there = if self.is_there { "there" } else { "-" };
        let has_begun = if self.has_begun { "begun" } else { "-" };
        let place = STANDARD.encode(self.place.as_bytes());
        format!("{number} {signer} {is_there} {has_begun} {place}\n")
    }
}
