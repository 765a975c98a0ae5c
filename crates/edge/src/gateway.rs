//! Everything a decision needs that a reload replaces: one value, swapped whole.

use crate::integration::Integration;
use crate::page::Pages;
use crate::rate::Rates;
use crate::tls::TlsHosts;
use countersign_authn::login::Logins;
use countersign_authn::provider::Provider;
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
    /// Where browsers log in.
    pub logins: Logins,
    /// Our own OpenID Provider.
    pub provider: Option<Arc<Provider>>,
    /// How each listener speaks and whom it believes.
    pub faces: Faces,
    /// The pages that people see.
    pub pages: Arc<Pages>,
    /// How often one address may ask to log in or out.
    pub rates: Rates,
    /// How many configurations came before this one.
    pub generation: u64,
}

/// How one listener speaks and whom it believes.
#[derive(Clone, Debug)]
pub struct Face {
    /// The dialect.
    pub integration: Arc<dyn Integration>,
    /// The hosts of a listener that speaks TLS.
    pub hosts: Option<Arc<TlsHosts>>,
}

impl Face {
    /// In the clear.
    pub const fn clear(integration: Arc<dyn Integration>) -> Self {
        Self {
            integration,
            hosts: None,
        }
    }
}

/// How listeners speak and whom they believe, each by the number it was given when it was bound. A number is never given
/// twice, so that no connection is ever spoken to as another listener's.
#[derive(Debug, Default)]
pub struct Faces(Vec<(usize, Face)>);

impl Faces {
    /// The face of this number.
    pub fn get(&self, number: usize) -> Option<&Face> {
        self.0
            .iter()
            .find(|(own, _)| *own == number)
            .map(|(_, face)| face)
    }
}

impl FromIterator<(usize, Face)> for Faces {
    fn from_iter<T: IntoIterator<Item = (usize, Face)>>(faces: T) -> Self {
        Self(faces.into_iter().collect())
    }
}
