//! What happened to keys between two looks, a line each.

use countersign_authn::provider::keys::life::{KeyLife, MadeKey};

/// What was there before.
#[derive(Debug)]
pub(super) struct Seen {
    published: Vec<String>,
    signs: Option<String>,
}

fn kid(key: &MadeKey) -> String {
    key.pair.kid().to_owned()
}

impl Seen {
    pub(super) fn of(life: &KeyLife) -> Self {
        Self {
            published: life.keys().map(kid).collect(),
            signs: life.signing().map(kid),
        }
    }

    /// What is otherwise now.
    pub(super) fn news(&self, life: &KeyLife) -> Vec<String> {
        let now = Self::of(life);
        let mut news = Vec::new();
        // Of those before the one that signs nothing is new: they have been published all along.
        let keys = life
            .keys()
            .skip_while(|key| now.signs.as_ref() != Some(&kid(key)));
        for key in keys {
            let (kid, algorithm) = (kid(key), key.pair.algorithm().name());
            if now.signs.as_ref() == Some(&kid) {
                if self.signs != now.signs {
                    news.push(format!("the key {kid} ({algorithm}) signs"));
                }
            } else if !self.published.contains(&kid) {
                let from = key.signs_from;
                news.push(format!(
                    "the key {kid} ({algorithm}) is published, and signs from {from}"
                ));
            }
        }
        let gone = self.published.iter().filter(|kid| !now.published.contains(kid));
        news.extend(gone.map(|kid| format!("the key {kid} is not published any more")));
        news
    }
}
