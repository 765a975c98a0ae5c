//! What keeps somebody from logging in or out.

/// What kind of trouble, as the person and the log are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Why {
    /// The provider cannot be reached, or cannot just now.
    Provider,
    /// What the provider answers cannot be believed, or it does not take us for its client.
    Answer,
    /// The provider says no: the user declined, or may not.
    Declined,
    /// Our own OpenID Provider does not let this certificate in at this site: nobody was asked.
    Denied,
    /// The browser came back without what it left with, more than once.
    Lost,
    /// The login is older than the place allows, and the provider has no newer one.
    TooOld,
    /// The login was not made in a way the place asks for, and the provider has no other.
    Acr,
    /// People do not log in over plain http.
    OverHttp,
    /// Nobody logs in at the port that the request names.
    Port,
    /// There is no room for another session.
    Full,
    /// What is known of the user does not fit into a session.
    TooLarge,
    /// The sessions cannot be reached.
    Sessions,
}

/// Trouble, and what the log is to say about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trouble {
    /// What kind.
    pub why: Why,
    /// For the log.
    pub detail: String,
}

impl Trouble {
    /// Trouble of this kind.
    pub fn new(why: Why, detail: impl Into<String>) -> Self {
        Self {
            why,
            detail: detail.into(),
        }
    }
}
