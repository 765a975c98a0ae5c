//! What can be configured about `[introspection.NAME]`.

use crate::bearer_jwt::options::{CA_FILE, GROUPS_CLAIM, HEADER, LEEWAY, PREFIX};
use countersign_core::options::{Field, Kind, Table};
use countersign_jose::algorithm::Algorithm;

/// How the gateway proves to the issuer that it may ask.
const CLIENT_AUTHENTICATION: &[&str] = &[
    "client_secret_basic",
    "client_secret_post",
    "private_key_jwt",
    "client_secret_jwt",
];

/// `[introspection.NAME]`
pub const OPTIONS: Table = Table {
    doc: "Opaque bearer tokens of one issuer, who is asked about each (RFC 7662). A JWT is for `[token.NAME]`. Where to ask is \
          discovered at the issuer, unless `url` says it. Answers are remembered for a while, so that a token that was taken \
          back is refused after `cache` at the latest.",
    fields: &[
        Field::required(
            "issuer",
            Kind::Text,
            "Who vouches for the tokens; an `iss` in an answer must be this, exactly.",
        ),
        Field::optional(
            "url",
            Kind::Url,
            "The introspection endpoint, instead of what the discovery document says.",
        ),
        Field::optional(
            "discovery_url",
            Kind::Url,
            "Where the discovery document is (OpenID Connect, or RFC 8414), if not at `issuer` + \
             `/.well-known/openid-configuration`. It must be `issuer`'s all the same.",
        ),
        Field::optional(
            "client_id",
            Kind::Text,
            "As whom the issuer is asked. Not needed with `bearer_token`.",
        ),
        Field::optional("client_secret", Kind::Secret, "The client's secret."),
        Field::optional(
            "client_authentication",
            Kind::Choice(CLIENT_AUTHENTICATION),
            "How the client proves itself. By default `private_key_jwt` with `private_key`; with `client_secret` the first of \
             `client_secret_basic` and `client_secret_post` that the issuer says it takes.",
        ),
        Field::optional(
            "private_key",
            Kind::Secret,
            "The key (PEM, PKCS#8) that signs the client's assertions.",
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
        Field::optional(
            "bearer_token",
            Kind::Secret,
            "A token with which the issuer is asked, in place of a client.",
        ),
        Field::optional(
            "audiences",
            Kind::TEXTS,
            "The audiences accepted: the answer must name one of them.",
        ),
        Field::or(
            "danger_any_audience",
            Kind::Bool,
            "false",
            "Take active tokens whatever their audience, for issuers whose answers name none: a token for another application \
             opens this one, too.",
        ),
        Field::or(
            "ask_about_jwts",
            Kind::Bool,
            "false",
            "Also ask about JWTs of this issuer: one that was taken back is then refused before it ends.",
        ),
        HEADER,
        PREFIX,
        Field::optional("cookie", Kind::Text, "A cookie the token may be in as well."),
        Field::optional(
            "query",
            Kind::TEXTS,
            "Query parameters the token may be in as well. URLs end up in logs and histories: only where nothing else \
             will do. It is cut from our log and from what is forwarded.",
        ),
        LEEWAY,
        Field::or(
            "subject_claim",
            Kind::Text,
            "\"sub\"",
            "Where the subject is: a claim, or a path. An answer without one proves nobody.",
        ),
        GROUPS_CLAIM,
        Field::or(
            "cache",
            Kind::Duration(0, 3_600_000),
            "\"60s\"",
            "How long an active token is not asked about again. Never past its `exp`.",
        ),
        Field::or(
            "refused_cache",
            Kind::Duration(0, 300_000),
            "\"10s\"",
            "How long a token that was refused is not asked about again.",
        ),
        Field::or(
            "at_once",
            Kind::Integer(1, 1_000),
            "32",
            "How many questions may be under way at once; eight times as many wait their turn, and more get 503.",
        ),
        Field::or(
            "unknown_per_second",
            Kind::Integer(1, 100_000),
            "50",
            "How many tokens a second may turn out not to be active, before those not seen yet get 503 with `Retry-After`; a \
             tenth of it for each client's address. Four seconds' worth may come at once.",
        ),
        CA_FILE,
        Field::or(
            "danger_allow_http",
            Kind::Bool,
            "false",
            "Ask over plain http: whoever is on the way reads the tokens, and answers for the issuer. For tests.",
        ),
    ],
};
