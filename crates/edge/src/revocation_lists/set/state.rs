//! What one set holds, and what it held before.

use super::super::files::Files;
use super::super::remote::Remote;
use countersign_core::time::Timestamp;
use countersign_x509::crl::Crl;

/// How many lists are remembered that were the newest once.
const MAX_REMEMBERED: usize = 1024;

#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) files: Files,
    pub(super) remotes: Vec<Remote>,
    /// Whether the copies of fetched lists were looked for.
    pub(super) restored: bool,
    /// What was told last of lists that are not in force, and when one ends next.
    pub(super) told: (String, Option<Timestamp>),
    /// The newest lists that were ever held, of each key and scope, wherever they came from.
    pub(super) newest: Vec<Crl>,
}

impl State {
    pub(super) fn sourced(&self) -> impl Iterator<Item = (String, &Crl)> {
        let files = self.files.lists();
        let files = files.map(|(path, list)| (path.display().to_string(), list));
        let remotes = self
            .remotes
            .iter()
            .flat_map(|remote| remote.lists.iter().map(|list| (remote.url.to_string(), list)));
        files.chain(remotes)
    }

    /// Remembers what is held and signed by a key that is known: of two that one outdates the other, the newer.
    pub(super) fn remember(&mut self) {
        self.lists().iter().for_each(|list| self.remember_one(list));
    }

    pub(super) fn remember_one(&mut self, list: &Crl) {
        let known = || {
            let mut newest = self.newest.iter();
            newest.any(|other| other.is(list) || other.outdates(list))
        };
        if !list.has_known_signer() || known() {
            return;
        }
        self.newest.retain(|other| !list.outdates(other));
        if self.newest.len() < MAX_REMEMBERED {
            self.newest.push(list.clone());
        }
    }

    /// What is remembered and came from no URL that still holds it, or a newer one.
    pub(super) fn not_fetched(&self) -> Vec<Crl> {
        let fetched = |list: &Crl| {
            let mut fetched = self.remotes.iter().flat_map(|remote| &remote.lists);
            fetched.any(|other| other.is(list) || other.outdates(list))
        };
        self.newest
            .iter()
            .filter(|list| !fetched(list))
            .cloned()
            .collect()
    }

    pub(super) fn lists(&self) -> Vec<Crl> {
        self.sourced().map(|(_, list)| list.clone()).collect()
    }
}
