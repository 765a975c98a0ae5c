//! The gateway's own pages: under one prefix, on every host that is guarded.

use url::form_urlencoded;

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
/// Where browsers ask our own OpenID Provider (OpenID Connect Core section 3.1.2).
pub const AUTHORIZE: &str = "/.countersign/authorize";
/// Where clients redeem what it gave (OpenID Connect Core section 3.1.3).
pub const TOKEN: &str = "/.countersign/token";
/// Whom an access token of it is about (OpenID Connect Core section 5.3).
pub const USERINFO: &str = "/.countersign/userinfo";
/// Where a browser logs out of it (OpenID Connect RP-Initiated Logout 1.0 section 2).
pub const END_SESSION: &str = "/.countersign/end-session";
/// Its public keys (RFC 7517).
pub const KEYS: &str = "/.countersign/keys";
/// The public half of the one that signs, as PEM (RFC 7468).
pub const KEYS_PEM: &str = "/.countersign/keys.pem";
/// What it says of itself: the one place that the standard names (OpenID Connect Discovery 1.0 section 4).
pub const DISCOVERY: &str = "/.well-known/openid-configuration";

/// The longest address of a page that a browser is sent to: with method and version around it, it fits into a request line of
/// 8 KiB, which is all that nginx takes unless it is told otherwise.
const MAX_PLACE_BYTES: usize = 8000;

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
    /// A page of our own OpenID Provider, on its host alone.
    Provider(ProviderPage),
}

/// One of the provider's pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ProviderPage {
    /// [`DISCOVERY`]
    Discovery,
    /// [`KEYS`]
    Keys,
    /// [`KEYS_PEM`]
    KeysPem,
    /// [`AUTHORIZE`]
    Authorize,
    /// [`TOKEN`]
    Token,
    /// [`USERINFO`]
    Userinfo,
    /// [`END_SESSION`]
    EndSession,
}

const PROVIDER_PAGES: [(&str, ProviderPage); 7] = [
    (DISCOVERY, ProviderPage::Discovery),
    (KEYS, ProviderPage::Keys),
    (KEYS_PEM, ProviderPage::KeysPem),
    (AUTHORIZE, ProviderPage::Authorize),
    (TOKEN, ProviderPage::Token),
    (USERINFO, ProviderPage::Userinfo),
    (END_SESSION, ProviderPage::EndSession),
];

impl ProviderPage {
    /// Whether it says what everybody may read, in the clear, too.
    pub const fn is_public(self) -> bool {
        match self {
            Self::Discovery | Self::Keys | Self::KeysPem => true,
            Self::Authorize | Self::Token | Self::Userinfo | Self::EndSession => false,
        }
    }

    /// The page at `path`.
    pub fn at(path: &str) -> Option<Self> {
        let found = PROVIDER_PAGES.iter().find(|(own, _)| *own == path);
        found.map(|(_, page)| *page)
    }
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

/// Whom our page is to send to log in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogIn<'a> {
    /// Whoever it is, by any of the ways there are.
    Anyhow,
    /// Whoever it is, by this login.
    By(&'a str),
    /// Somebody else than whoever is logged in.
    AsAnother,
}

/// Our own page that sends a browser to log in, and back to `to`. A reference within the host, so that nobody has to know
/// under which name and port the browser sees it.
pub fn login_place(to: &str, how: LogIn<'_>) -> String {
    let mut more = Vec::new();
    match how {
        LogIn::Anyhow => {}
        LogIn::By(login) => more.push(("login", login)),
        LogIn::AsAnother => more.push(("as", "another")),
    }
    login_place_with(to, &more)
}

/// The same with these parameters of the page. A place whose escaped address is longer than proxies take loses its query.
pub fn login_place_with(to: &str, more: &[(&str, &str)]) -> String {
    let place = |to: &str| {
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.append_pair("to", to).extend_pairs(more);
        format!("{LOGIN}?{}", query.finish())
    };
    let (whole, path) = (place(to), to.split('?').next().unwrap_or(to));
    if whole.len() <= MAX_PLACE_BYTES {
        return whole;
    }
    Some(place(path))
        .filter(|cut| cut.len() <= MAX_PLACE_BYTES)
        .unwrap_or_else(|| place("/"))
}

/// Whether a path is under [`PREFIX`], without regard to case: a front that folds case must not find a way around.
pub fn is_own(path: &str) -> bool {
    let own = path
        .get(..PREFIX.len())
        .is_some_and(|start| start.eq_ignore_ascii_case(PREFIX));
    own && matches!(path.as_bytes().get(PREFIX.len()), None | Some(b'/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_too_long_for_a_proxy_loses_its_query_and_then_its_path() {
        let check = |to: &str, wanted: &str| assert_eq!(login_place(to, LogIn::Anyhow), wanted, "{to}");
        check("/a?b=%20", "/.countersign/login?to=%2Fa%3Fb%3D%2520");
        check(
            &format!("/a?b={}", "%20".repeat(1500)),
            &format!("/.countersign/login?to=%2Fa%3Fb%3D{}", "%2520".repeat(1500)),
        );
        check(
            &format!("/a?b={}", "%20".repeat(1600)),
            "/.countersign/login?to=%2Fa",
        );
        check(&format!("/{}", "a".repeat(8000)), "/.countersign/login?to=%2F");
    }
}
