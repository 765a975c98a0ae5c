//! The gateway's own pages: under one prefix, on every host that is guarded.

/// Everything under this is the gateway's own.
pub const PREFIX: &str = "/.countersign";
/// Tells who is asking.
pub const WHOAMI: &str = "/.countersign/whoami";
/// Sends a browser to log in.
pub const LOGIN: &str = "/.countersign/login";
/// Where the provider sends it back to.
pub const CALLBACK: &str = "/.countersign/callback";
/// Ends the session.
pub const LOGOUT: &str = "/.countersign/logout";
/// Tells a page's script about the session.
pub const SESSION: &str = "/.countersign/session";
/// Renews the session at the provider.
pub const RENEW: &str = "/.countersign/renew";
/// Where a provider tells of a session that has ended there (OpenID Connect Back-Channel Logout 1.0).
pub const BACKCHANNEL_LOGOUT: &str = "/.countersign/backchannel-logout";
/// The same through the user's browser (OpenID Connect Front-Channel Logout 1.0).
pub const FRONTCHANNEL_LOGOUT: &str = "/.countersign/frontchannel-logout";
/// The public keys with which we prove at the provider's who we are.
pub const JWKS: &str = "/.countersign/jwks";

/// One of the pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum OwnPage {
    /// [`WHOAMI`]
    Whoami,
    /// [`LOGIN`]
    Login,
    /// [`CALLBACK`], or where a login says it is.
    Callback,
    /// [`LOGOUT`], or where a login says it is.
    Logout,
    /// [`SESSION`]
    Session,
    /// [`RENEW`]
    Renew,
    /// [`BACKCHANNEL_LOGOUT`]
    BackchannelLogout,
    /// [`FRONTCHANNEL_LOGOUT`]
    FrontchannelLogout,
    /// [`JWKS`]
    Jwks,
}

const PAGES: [(&str, OwnPage); 9] = [
    (WHOAMI, OwnPage::Whoami),
    (LOGIN, OwnPage::Login),
    (CALLBACK, OwnPage::Callback),
    (LOGOUT, OwnPage::Logout),
    (SESSION, OwnPage::Session),
    (RENEW, OwnPage::Renew),
    (BACKCHANNEL_LOGOUT, OwnPage::BackchannelLogout),
    (FRONTCHANNEL_LOGOUT, OwnPage::FrontchannelLogout),
    (JWKS, OwnPage::Jwks),
];

impl OwnPage {
    /// The page at `path`.
    pub fn at(path: &str) -> Option<Self> {
        PAGES.iter().find(|(own, _)| *own == path).map(|(_, page)| *page)
    }
}

/// Whether a path is under [`PREFIX`], without regard to case: a front that folds case must not find a way around.
pub fn is_own(path: &str) -> bool {
    let own = path
        .get(..PREFIX.len())
        .is_some_and(|start| start.eq_ignore_ascii_case(PREFIX));
    own && matches!(path.as_bytes().get(PREFIX.len()), None | Some(b'/'))
}
