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
    /// How each listener speaks and whom it believes, in the order of the listeners.
    pub faces: Vec<Arc<dyn Integration>>,
    /// How many configurations came before this one.
    pub generation: u64,
}
