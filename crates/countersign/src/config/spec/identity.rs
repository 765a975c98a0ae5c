//! `[identity_headers]`, as it is written.

use countersign_core::identity_headers::PRESETS;
use countersign_core::options::{Field, Kind, Table};

/// The kinds of names of a certificate.
const SAN_KINDS: &[&str] = &["uri", "dns", "email", "ip", "dn", "upn"];

/// `[identity_headers]`
pub(super) const IDENTITY: Table = Table {
    doc: "Every header of the set is always written, empty where there is nothing to say, so that none of the client's \
          survives.",
    fields: &[
        Field::or(
            "preset",
            Kind::List(&Kind::Choice(PRESETS)),
            "\"x-auth\"",
            "Named sets of headers, one or several.",
        ),
        Field::optional(
            "add",
            Kind::TextMap,
            "Further headers: `X-Tenant = \"claims.tenant\"`, or `subject`, `issuer`, `groups`, `scopes`, `email`, \
             `authenticator`, `certificate.serial` and the like; of a session `access_token`, `id_token` and `refresh_token`.",
        ),
        Field::optional(
            "cookies",
            Kind::TextMap,
            "Tokens of a session that go on as cookies, for an application that reads one: `AccessToken = \"id_token\"`, or \
             `access_token`. What a client sends in a cookie of such a name, in any spelling, goes no further, on any route.",
        ),
        Field::or(
            "format",
            Kind::Choice(&["comma", "json", "lines"]),
            "\"comma\"",
            "How lists are written; `lines` (one header per element) in proxy mode only.",
        ),
        Field::or(
            "san",
            Kind::List(&Kind::Choice(SAN_KINDS)),
            "[\"uri\", \"dns\", \"email\"]",
            "Which names of a certificate `X-SSL-San` lists; `X-SSL-San-Typed` lists all, each with its kind.",
        ),
        Field::or(
            "groups",
            Kind::Choice(&["all", "named"]),
            "\"all\"",
            "`named` sends only groups that some route names.",
        ),
    ],
};
