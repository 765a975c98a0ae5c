//! What can be configured about `[login.NAME]`.

use countersign_core::options::{Field, Kind, Table};
use countersign_jose::algorithm::Algorithm;

/// How the gateway proves at the token endpoint who it is (OpenID Connect Core section 9).
pub(super) const CLIENT_AUTHENTICATION: &[&str] = &[
    "client_secret_basic",
    "client_secret_post",
    "private_key_jwt",
    "none",
    "client_secret_jwt",
];

/// `[login.NAME]`
pub const OPTIONS: Table = Table {
    doc: "Browsers log in at an OpenID Provider. Everything about it is discovered at the issuer, unless \
          `authorization_url` and `token_url` say otherwise. The redirect URI to register with the provider is \
          `https://HOST/.countersign/callback`.",
    fields: FIELDS,
};

const FIELDS: &[Field] = &[
    Field::required(
        "issuer",
        Kind::Text,
        "The provider's issuer, exactly as its discovery document says it.",
    ),
    Field::required(
        "client_id",
        Kind::Text,
        "The client, as registered with the provider.",
    ),
    Field::optional(
        "client_secret",
        Kind::Secret,
        "The client's secret. A client without one proves itself by `private_key`, or not at all (PKCE alone).",
    ),
    Field::optional(
        "client_authentication",
        Kind::Choice(CLIENT_AUTHENTICATION),
        "How the client proves itself. By default: `private_key_jwt` with `private_key`; with `client_secret` the first of \
         `client_secret_basic` and `client_secret_post` that the provider supports; else `none`.",
    ),
    Field::optional(
        "private_key",
        Kind::Secret,
        "The key (PEM, PKCS#8) that signs the client's assertions. Its public half is at `/.countersign/jwks`.",
    ),
    Field::optional(
        "private_key_algorithm",
        Kind::Choice(Algorithm::NAMES),
        "How it signs: by default RS256 with an RSA key, else the one algorithm of the curve.",
    ),
    Field::optional(
        "private_key_id",
        Kind::Text,
        "Its `kid`; by default its thumbprint (RFC 7638).",
    ),
    Field::or(
        "assertion_audience",
        Kind::Choice(&["issuer", "token_endpoint"]),
        "\"issuer\"",
        "Whom the client's assertions are for (`aud`). Some providers (Ory Hydra) want the URL of their token endpoint there.",
    ),
    Field::or(
        "scopes",
        Kind::TEXTS,
        "[\"openid\", \"profile\", \"email\"]",
        "What is asked for. A refresh token needs `offline_access` at most providers.",
    ),
    Field::optional(
        "label",
        Kind::Text,
        "What people read where they choose between logins.",
    ),
    // Where the provider is.
    Field::optional(
        "discovery_url",
        Kind::Url,
        "Where the discovery document is, if not below the issuer. It must be `issuer`'s all the same.",
    ),
    Field::optional(
        "authorization_url",
        Kind::Url,
        "The authorization endpoint, of a provider without discovery; `token_url` goes with it.",
    ),
    Field::optional("token_url", Kind::Url, "The token endpoint, likewise."),
    Field::optional("userinfo_url", Kind::Url, "The userinfo endpoint, likewise."),
    Field::optional("jwk_set_url", Kind::Url, "The JWK Set, likewise."),
    Field::optional(
        "end_session_url",
        Kind::Url,
        "Where the provider is told of a logout, instead of what its discovery document says.",
    ),
    Field::optional(
        "ca_file",
        Kind::File,
        "The certificate authorities (PEM) believed for the provider, instead of the system's.",
    ),
    Field::optional(
        "tenants",
        Kind::TEXTS,
        "For an `issuer` with `{tenantid}` in it: the tenants (`tid`) whose users may log in.",
    ),
    // What is asked of the login.
    Field::or(
        "response_mode",
        Kind::Choice(&["query", "form_post"]),
        "\"query\"",
        "How the provider answers. `form_post` needs a cookie that goes with other sites' forms.",
    ),
    Field::optional(
        "prompt",
        Kind::Choice(&["none", "login", "consent", "select_account"]),
        "What the provider asks the user for.",
    ),
    Field::optional(
        "max_age",
        Kind::Duration(0, 31_536_000_000),
        "How long ago the user may have proved itself to the provider when it logs in here.",
    ),
    Field::optional(
        "acr_values",
        Kind::TEXTS,
        "The ways of logging in (`acr`) that will do, as the provider calls them: asked for, and measured when it answers. Those of \
         a route go before.",
    ),
    Field::optional(
        "params",
        Kind::TextMap,
        "More parameters of the authorization request, such as `kc_idp_hint` and `hd`.",
    ),
    Field::optional(
        "algorithms",
        Kind::List(&Kind::Choice(Algorithm::NAMES)),
        "The signature algorithms accepted of ID and logout tokens. Default: RS256, PS256, ES256 and EdDSA.",
    ),
    Field::or(
        "leeway",
        Kind::Duration(0, 300_000),
        "\"60s\"",
        "How far the provider's clock may be off.",
    ),
    // What is made of it.
    Field::or(
        "userinfo",
        Kind::Choice(&["never", "login", "refresh"]),
        "\"login\"",
        "When the userinfo endpoint is asked: never, at the login, or with every refresh too.",
    ),
    Field::optional(
        "oauth2_claims",
        Kind::TextMap,
        "For a provider that speaks OAuth 2.0 alone (GitHub): what `userinfo_url` answers, as claims. `sub = \"id\"` must be \
         there. There is no ID Token then, and `issuer` is a name of your own.",
    ),
    Field::or(
        "subject_claim",
        Kind::Text,
        "\"sub\"",
        "The claim path of the subject.",
    ),
    Field::or(
        "groups_claim",
        Kind::Text,
        "\"groups\"",
        "The claim path of the groups.",
    ),
    Field::or(
        "danger_trust_unverified_email",
        Kind::Bool,
        "false",
        "Takes an e-mail address for verified where the provider does not say so.",
    ),
    // The browser's side.
    Field::or(
        "callback",
        Kind::Text,
        "\"/.countersign/callback\"",
        "The path that the provider sends browsers back to, for a client that is registered already.",
    ),
    Field::or(
        "logout",
        Kind::Text,
        "\"/.countersign/logout\"",
        "The path that ends the session, for an application that links to it already.",
    ),
    Field::optional(
        "after_logout",
        Kind::Url,
        "Where the browser goes after the logout (`post_logout_redirect_uri`): registered with the provider.",
    ),
    Field::optional(
        "at",
        Kind::Url,
        "One origin that runs the logins of every host (`https://auth.home.example`), so that one redirect URI serves them all. \
         It must be one of our listeners' hosts. Every host gets a session of its own, at the usual port or that of `at`.",
    ),
    Field::or(
        "remember",
        Kind::Bool,
        "false",
        "Whether the session outlives the browser that has it.",
    ),
    Field::or(
        "danger_allow_http",
        Kind::Bool,
        "false",
        "Lets the provider be asked over plain http.",
    ),
    Field::or(
        "danger_cookies_over_http",
        Kind::Bool,
        "false",
        "Lets people log in over plain http: whoever is on the way can take over their sessions.",
    ),
];
