//! What can be configured about `[token.NAME]`.

use countersign_core::options::{Field, Kind, Table};
use countersign_jose::algorithm::Algorithm;

const MINUTE: u64 = 60_000;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

/// `[token.NAME]`
pub const OPTIONS: Table = Table {
    doc: "JWT bearer tokens of one issuer. The keys come from one place: the issuer's discovery document (nothing to \
          write), or one of `discovery_url`, `jwk_set_url`, `jwk_set_file`, `pem_file`, `hmac_secret`.",
    fields: &[
        Field::required(
            "issuer",
            Kind::Text,
            "The `iss` claim, exactly. With discovery, an https URL.",
        ),
        Field::optional(
            "audiences",
            Kind::TEXTS,
            "The audiences accepted: one of them must be in the token. Required, but with `audience_is_origin`.",
        ),
        Field::or(
            "audience_is_origin",
            Kind::Bool,
            "false",
            "A token must be for the site that it is shown at, by its origin: `https://app.home.example`, with a port that is not 443. \
             For the tokens of an `[openid_provider]`: what one site gets is refused at another.",
        ),
        Field::optional(
            "algorithms",
            Kind::List(&Kind::Choice(Algorithm::NAMES)),
            "The signature algorithms accepted. Default: RS256, ES256 and EdDSA; with `hmac_secret`, HS256. HS* and the \
             others are never mixed.",
        ),
        Field::optional(
            "discovery_url",
            Kind::Url,
            "Where the discovery document is, if not at `issuer` + `/.well-known/openid-configuration`. The document's \
             issuer must be `issuer` all the same.",
        ),
        Field::optional(
            "jwk_set_url",
            Kind::Url,
            "Where the JWK Set is, without discovery.",
        ),
        Field::optional("jwk_set_file", Kind::File, "A file with a JWK Set."),
        Field::optional(
            "pem_file",
            Kind::File,
            "A file with public keys in PEM (`BEGIN PUBLIC KEY`).",
        ),
        Field::optional(
            "hmac_secret",
            Kind::Secret,
            "A secret shared with the issuer, at least as long as the hash (32 bytes for HS256).",
        ),
        CA_FILE,
        HEADER,
        PREFIX,
        Field::or(
            "allow_bare",
            Kind::Bool,
            "false",
            "Also take a token without `Bearer ` from Authorization.",
        ),
        Field::optional("cookie", Kind::Text, "A cookie the token may be in as well."),
        Field::optional(
            "query",
            Kind::TEXTS,
            "Query parameters the token may be in as well. URLs end up in logs and histories: only where nothing else \
             will do. It is cut from our log and from what is forwarded.",
        ),
        LEEWAY,
        Field::optional(
            "required_claims",
            Kind::TEXTS,
            "Claims that must be there besides `iss`, the audience and `exp`.",
        ),
        Field::or(
            "audience_claim",
            Kind::Choice(&["aud", "client_id"]),
            "\"aud\"",
            "The claim that holds the audience. `client_id` is for issuers that leave `aud` out (Amazon Cognito).",
        ),
        Field::optional(
            "require_typ",
            Kind::Text,
            "The header `typ` a token must have, such as `at+jwt`.",
        ),
        GROUPS_CLAIM,
        REFRESH,
        UNKNOWN_KID_INTERVAL,
        MAX_STALENESS,
        DANGER_ALLOW_HTTP,
    ],
};

// These are options of `[jwt_svid.NAME]`, too.

pub(crate) const CA_FILE: Field = Field::optional(
    "ca_file",
    Kind::File,
    "Certificates (PEM) of the authorities believed when the keys are fetched, instead of the system's.",
);

pub(crate) const HEADER: Field = Field::or(
    "header",
    Kind::Text,
    "\"Authorization\"",
    "The header the token is in. In any other than Authorization it stands alone, or after `prefix`.",
);

pub(crate) const PREFIX: Field = Field::optional(
    "prefix",
    Kind::Text,
    "What stands before the token in the header, exactly, spaces included. In Authorization instead of `Bearer `.",
);

pub(crate) const LEEWAY: Field = Field::or(
    "leeway",
    Kind::Duration(0, 300_000),
    "\"60s\"",
    "The clock skew allowed for `exp`, `nbf` and `iat`.",
);

pub(crate) const GROUPS_CLAIM: Field = Field::or(
    "groups_claim",
    Kind::Text,
    "\"groups\"",
    "Where the groups are: a claim, or a path such as `realm_access.roles`. A dot inside a name is written `\\.`.",
);

pub(crate) const REFRESH: Field = Field::or(
    "refresh",
    Kind::Duration(30_000, DAY),
    "\"10m\"",
    "How long after a fetch the keys are fetched again, where the answer's cache headers do not ask for it \
     sooner. A key the issuer removed is dead after this.",
);

pub(crate) const UNKNOWN_KID_INTERVAL: Field = Field::or(
    "unknown_kid_interval",
    Kind::Duration(1_000, HOUR),
    "\"30s\"",
    "The time between two fetches because a token names an unknown key.",
);

pub(crate) const MAX_STALENESS: Field = Field::or(
    "max_staleness",
    Kind::Duration(MINUTE, 30 * DAY),
    "\"24h\"",
    "How old the keys may be when the issuer cannot be reached. Then its tokens get 503.",
);

pub(crate) const DANGER_ALLOW_HTTP: Field = Field::or(
    "danger_allow_http",
    Kind::Bool,
    "false",
    "Fetch the keys over plain http: whoever is on the way can sign tokens. For tests.",
);
