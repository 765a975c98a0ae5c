//! What can be configured about `[token.NAME]`.

use countersign_core::options::{Field, Kind, Need, Table};
use countersign_jose::algorithm::Algorithm;

const MINUTE: u64 = 60_000;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

const TEXTS: Kind = Kind::List(&Kind::Text);

const fn field(name: &'static str, kind: Kind, need: Need, doc: &'static str) -> Field {
    Field {
        name,
        kind,
        need,
        doc,
    }
}

/// `[token.NAME]`
pub const OPTIONS: Table = Table {
    doc: "JWT bearer tokens of one issuer. The keys come from one place: the issuer's discovery document (nothing to \
          write), or one of `discovery_url`, `jwk_set_url`, `jwk_set_file`, `pem_file`, `hmac_secret`.",
    fields: &[
        field(
            "issuer",
            Kind::Text,
            Need::Required,
            "The `iss` claim, exactly. With discovery, an https URL.",
        ),
        field(
            "audiences",
            TEXTS,
            Need::Required,
            "The audiences accepted: one of them must be in the token.",
        ),
        field(
            "algorithms",
            Kind::List(&Kind::Choice(Algorithm::NAMES)),
            Need::Optional,
            "The signature algorithms accepted. Default: RS256, ES256 and EdDSA; with `hmac_secret`, HS256. HS* and the \
             others are never mixed.",
        ),
        field(
            "discovery_url",
            Kind::Url,
            Need::Optional,
            "Where the discovery document is, if not at `issuer` + `/.well-known/openid-configuration`. The document's \
             issuer must be `issuer` all the same.",
        ),
        field(
            "jwk_set_url",
            Kind::Url,
            Need::Optional,
            "Where the JWK Set is, without discovery.",
        ),
        field(
            "jwk_set_file",
            Kind::File,
            Need::Optional,
            "A file with a JWK Set.",
        ),
        field(
            "pem_file",
            Kind::File,
            Need::Optional,
            "A file with public keys in PEM (`BEGIN PUBLIC KEY`).",
        ),
        field(
            "hmac_secret",
            Kind::Secret,
            Need::Optional,
            "A secret shared with the issuer, at least as long as the hash (32 bytes for HS256).",
        ),
        field(
            "ca_file",
            Kind::File,
            Need::Optional,
            "Certificates (PEM) of the authorities believed when the keys are fetched, instead of the system's.",
        ),
        field(
            "header",
            Kind::Text,
            Need::Default("\"Authorization\""),
            "The header the token is in. In any other than Authorization it stands alone, or after `prefix`.",
        ),
        field(
            "prefix",
            Kind::Text,
            Need::Optional,
            "What stands before the token in the header, exactly, spaces included. In Authorization instead of `Bearer `.",
        ),
        field(
            "allow_bare",
            Kind::Bool,
            Need::Default("false"),
            "Also take a token without `Bearer ` from Authorization.",
        ),
        field(
            "cookie",
            Kind::Text,
            Need::Optional,
            "A cookie the token may be in as well.",
        ),
        field(
            "query",
            TEXTS,
            Need::Optional,
            "Query parameters the token may be in as well. URLs end up in logs and histories: only where nothing else \
             will do. It is cut from our log and from what is forwarded.",
        ),
        field(
            "leeway",
            Kind::Duration(0, 300_000),
            Need::Default("\"60s\""),
            "The clock skew allowed for `exp`, `nbf` and `iat`.",
        ),
        field(
            "required_claims",
            TEXTS,
            Need::Optional,
            "Claims that must be there besides `iss`, the audience and `exp`.",
        ),
        field(
            "audience_claim",
            Kind::Choice(&["aud", "client_id"]),
            Need::Default("\"aud\""),
            "The claim that holds the audience. `client_id` is for issuers that leave `aud` out (Amazon Cognito).",
        ),
        field(
            "require_typ",
            Kind::Text,
            Need::Optional,
            "The header `typ` a token must have, such as `at+jwt`.",
        ),
        field(
            "groups_claim",
            Kind::Text,
            Need::Default("\"groups\""),
            "Where the groups are: a claim, or a path such as `realm_access.roles`. A dot inside a name is written `\\.`.",
        ),
        field(
            "refresh",
            Kind::Duration(30_000, DAY),
            Need::Default("\"10m\""),
            "How long after a fetch the keys are fetched again, where the answer's cache headers do not ask for it \
             sooner. A key the issuer removed is dead after this.",
        ),
        field(
            "unknown_kid_interval",
            Kind::Duration(1_000, HOUR),
            Need::Default("\"30s\""),
            "The time between two fetches because a token names an unknown key.",
        ),
        field(
            "max_staleness",
            Kind::Duration(MINUTE, 30 * DAY),
            Need::Default("\"24h\""),
            "How old the keys may be when the issuer cannot be reached. Then its tokens get 503.",
        ),
        field(
            "danger_allow_http",
            Kind::Bool,
            Need::Default("false"),
            "Fetch the keys over plain http: whoever is on the way can sign tokens. For tests.",
        ),
    ],
};
