//! Who may enter which site, and which application. Without a rule whoever logs in may enter; every rule that names the
//! place must be met.

use super::Provider;
use super::person::{Fails, Proved};
use countersign_core::policy::{Requirement, Unmet};
use countersign_oidc::provider::client::Client;
use countersign_oidc::provider::site::SitePattern;

/// What is asked of whoever enters these places: `[[openid_provider.rule]]`.
#[derive(Clone, Debug)]
pub struct Rule {
    /// The sites it is about.
    pub sites: Vec<SitePattern>,
    /// The registered clients it is about.
    pub clients: Vec<Box<str>>,
    /// What is asked.
    pub require: Requirement,
}

impl Rule {
    fn is_about(&self, client: &Client) -> bool {
        match client {
            Client::Registered(client) => self.clients.contains(&client.id),
            Client::Site(origin) => self.sites.iter().any(|pattern| pattern.holds(origin)),
        }
    }
}

impl Provider {
    /// Whether whoever is `proved` may enter at `client`; fails with the first rule that is not met.
    pub(super) fn may_enter(&self, proved: &Proved, client: &Client) -> Result<(), Fails<Unmet>> {
        let mut rules = self.rules.iter().filter(|rule| rule.is_about(client));
        rules.try_for_each(|rule| proved.check(|principal| rule.require.check_principal(principal)))
    }
}
