//! Everything a decision needs that a reload replaces: one value, swapped whole.

use crate::integration::Integration;
use countersign_core::identity_headers::IdentityHeaders;
use countersign_core::route::RouteTable;
use std::sync::Arc;

/// The rules in force.
#[derive(Debug, Default)]
pub struct Gateway {
    /// Which route governs what.
    pub routes: RouteTable,
    /// The closed set of identity headers.
    pub identity: Arc<IdentityHeaders>,
    /// How each listener speaks and whom it believes.
    pub faces: Faces,
    /// How many configurations came before this one.
    pub generation: u64,
}

/// How listeners speak and whom they believe, each by the number it was given when it was bound. A number is never given
/// twice, so that no connection is ever spoken to as another listener's.
#[derive(Debug, Default)]
pub struct Faces(Vec<(usize, Arc<dyn Integration>)>);

impl Faces {
    /// The face of this number.
    pub fn get(&self, number: usize) -> Option<&Arc<dyn Integration>> {
        self.0
            .iter()
            .find(|(own, _)| *own == number)
            .map(|(_, integration)| integration)
    }
}

impl FromIterator<(usize, Arc<dyn Integration>)> for Faces {
    fn from_iter<T: IntoIterator<Item = (usize, Arc<dyn Integration>)>>(faces: T) -> Self {
        Self(faces.into_iter().collect())
    }
}
