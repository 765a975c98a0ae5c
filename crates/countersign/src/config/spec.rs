//! Every table of the configuration file but the authenticators' own, which stand beside them.

use countersign_authn::{kinds, token_cache};
use countersign_core::gate::PathOddities;
use countersign_core::identity_headers::PRESETS;
use countersign_core::options::{Field, Kind, Need, Table};
use countersign_edge::integration;

const TEXTS: Kind = Kind::List(&Kind::Text);

const fn field(name: &'static str, kind: Kind, need: Need, doc: &'static str) -> Field {
    Field {
        name,
        kind,
        need,
        doc,
    }
}

/// The keys at the top of a file.
pub fn root() -> Vec<Field> {
    let authenticators = kinds::KINDS.iter().map(|kind| {
        let doc = "Tables of this kind are ways of proving who you are; `accept` names them as `kind.NAME`.";
        field(kind.table, Kind::Named(kind.options), Need::Optional, doc)
    });
    ROOT.iter().copied().chain(authenticators).collect()
}

const ROOT: &[Field] = &[
    field(
        "config",
        Kind::Integer(1, 1),
        Need::Required,
        "The version of this format. At the top of every file.",
    ),
    field(
        "listen",
        Kind::Tables(&LISTEN),
        Need::Required,
        "Where the gateway listens, and in which dialect.",
    ),
    field(
        "route",
        Kind::Tables(&ROUTE),
        Need::Optional,
        "What is guarded, and who may enter. No route, no entry.",
    ),
    field(
        "identity_headers",
        Kind::Table(&IDENTITY),
        Need::Optional,
        "What the application is told, and in which headers.",
    ),
    field(
        "token_cache",
        Kind::Table(&token_cache::OPTIONS),
        Need::Optional,
        "Remembered tokens.",
    ),
    field(
        "status",
        Kind::Table(&STATUS),
        Need::Optional,
        "Health, readiness and metrics.",
    ),
    field(
        "log",
        Kind::Table(&LOG),
        Need::Optional,
        "Lines on standard error.",
    ),
    field(
        "limits",
        Kind::Table(&LIMITS),
        Need::Optional,
        "What connections may cost.",
    ),
];

/// `[[listen]]`
pub const LISTEN: Table = Table {
    doc: "A socket and the dialect it speaks. Several listeners share one set of rules, and give one answer to one request. \
          A reload binds those that were added and closes those that were removed, once what is under way on them is \
          finished; the others keep their connections.",
    fields: &[
        field(
            "address",
            Kind::Text,
            Need::Required,
            "An IP address and port (`127.0.0.1:9180`), `unix:/absolute/path`, or `systemd:NAME`.",
        ),
        field(
            "speak",
            Kind::Choice(integration::NAMES),
            Need::Required,
            "`auth-request` (nginx), `forward-auth` (Traefik, Caddy), `check` (the path asked names a route's `endpoint`), \
             `reverse-proxy` (forwards by itself; loopback only for now).",
        ),
        field(
            "trusted_peers",
            TEXTS,
            Need::Default("[]"),
            "Who may tell us about the original request: `unix`, addresses, ranges. Nobody unless named; a set that covers \
             a quarter of an address family is refused.",
        ),
        field(
            "trusted_secret",
            Kind::Table(&TRUSTED_SECRET),
            Need::Optional,
            "Also trust whoever sends this secret in this header.",
        ),
        field(
            "mode",
            Kind::Text,
            Need::Optional,
            "The file mode of a unix socket, in octal: `\"0660\"`.",
        ),
        field(
            "owner",
            Kind::Text,
            Need::Optional,
            "The owner of a unix socket: `user`, `user:group` or `:group`.",
        ),
    ],
};

const TRUSTED_SECRET: Table = Table {
    doc: "A secret shared with the proxy in front, compared in constant time.",
    fields: &[
        field(
            "header",
            Kind::Text,
            Need::Required,
            "The header that carries it. It is never forwarded.",
        ),
        field(
            "value",
            Kind::Secret,
            Need::Required,
            "The secret, at least 16 bytes.",
        ),
    ],
};

/// `[[route]]`
pub const ROUTE: Table = Table {
    doc: "The most specific host governs alone, then the most specific path, then the method; nothing falls through to a \
          wider route.",
    fields: &[
        field(
            "name",
            Kind::Text,
            Need::Optional,
            "Its name in logs and metrics; by default its first host and path.",
        ),
        field(
            "hosts",
            TEXTS,
            Need::Optional,
            "Host names; `*.home.example` for one or more labels before it, never itself; `*` for every host. Required \
             unless the route has an `endpoint`.",
        ),
        field(
            "paths",
            TEXTS,
            Need::Default("[\"/**\"]"),
            "Paths: literal segments, `*` for one segment, `**` at the end for any number (`/admin/**` covers `/admin`).",
        ),
        field(
            "methods",
            TEXTS,
            Need::Optional,
            "Methods; all when left out. Others have no route here.",
        ),
        field(
            "accept",
            TEXTS,
            Need::Required,
            "The ways of proving who you are, asked in this order: `token.NAME`. `anonymous`, last, opens the door.",
        ),
        field(
            "require",
            Kind::Table(&REQUIRE),
            Need::Optional,
            "What is asked of the principal. Without it, any will do.",
        ),
        field(
            "when",
            Kind::Text,
            Need::Optional,
            "A condition in CEL over `principal`, `claims` and `request`; anything but `true` is a no.",
        ),
        field(
            "challenge",
            Kind::Choice(&["auto", "401", "403"]),
            Need::Default("\"auto\""),
            "How a refusal is answered: by what the client is, always 401, or always 403.",
        ),
        field(
            "endpoint",
            TEXTS,
            Need::Optional,
            "The paths a `check` listener answers for this route at.",
        ),
        field(
            "to",
            Kind::Url,
            Need::Optional,
            "Where a `reverse-proxy` listener forwards: `http://host:port`.",
        ),
        field(
            "forward_credentials",
            Kind::Bool,
            Need::Default("true"),
            "Whether the client's own token goes upstream (with `to`).",
        ),
        field(
            "case",
            Kind::Choice(&["sensitive", "insensitive"]),
            Need::Default("\"sensitive\""),
            "`insensitive` for applications that do not tell `/Admin` from `/admin`.",
        ),
        field(
            "allow_in_path",
            Kind::List(&Kind::Choice(PathOddities::NAMES)),
            Need::Optional,
            "Spellings with two readings that are let through, byte for byte (with `to` only).",
        ),
        field(
            "identity_headers",
            Kind::Table(&IDENTITY),
            Need::Optional,
            "Other identity headers than the rest has.",
        ),
    ],
};

/// `[route.require]`
pub const REQUIRE: Table = Table {
    doc: "A list is \"any of\", several keys are \"all of\", and `not_…` wins. Where a route accepts more than one issuer, \
          subjects, groups and e-mail domains are written `\"token.NAME:name\"`, or `\"*:name\"` on purpose.",
    fields: &[
        field("groups", TEXTS, Need::Optional, "In one of these groups."),
        field("scopes", TEXTS, Need::Optional, "With one of these scopes."),
        field("subjects", TEXTS, Need::Optional, "One of these subjects."),
        field(
            "email_domains",
            TEXTS,
            Need::Optional,
            "With a verified e-mail address in exactly one of these domains.",
        ),
        field(
            "claims",
            Kind::Named(&CLAIM),
            Need::Optional,
            "By claim path: what the claim must be.",
        ),
        field("not_groups", TEXTS, Need::Optional, "In none of these groups."),
        field("not_scopes", TEXTS, Need::Optional, "With none of these scopes."),
        field("not_subjects", TEXTS, Need::Optional, "None of these subjects."),
        field(
            "not_email_domains",
            TEXTS,
            Need::Optional,
            "Without an address, verified or not, in these domains.",
        ),
        field(
            "not_claims",
            Kind::Named(&CLAIM),
            Need::Optional,
            "By claim path: what the claim must not be.",
        ),
    ],
};

const CLAIM: Table = Table {
    doc: "One of the three. Numbers and booleans compare by their JSON spelling.",
    fields: &[
        field("equals", Kind::Text, Need::Optional, "The claim is this."),
        field("one_of", TEXTS, Need::Optional, "The claim is one of these."),
        field(
            "contains",
            TEXTS,
            Need::Optional,
            "The claim is an array that holds one of these.",
        ),
    ],
};

/// `[identity_headers]`
pub const IDENTITY: Table = Table {
    doc: "Every header of the set is always written, empty where there is nothing to say, so that none of the client's \
          survives.",
    fields: &[
        field(
            "preset",
            Kind::List(&Kind::Choice(PRESETS)),
            Need::Default("\"x-auth\""),
            "Named sets of headers, one or several.",
        ),
        field(
            "add",
            Kind::TextMap,
            Need::Optional,
            "Further headers: `X-Tenant = \"claims.tenant\"`, or `subject`, `issuer`, `groups`, `scopes`, `email`, \
             `authenticator`.",
        ),
        field(
            "format",
            Kind::Choice(&["comma", "json", "lines"]),
            Need::Default("\"comma\""),
            "How lists are written; `lines` (one header per element) in proxy mode only.",
        ),
        field(
            "groups",
            Kind::Choice(&["all", "named"]),
            Need::Default("\"all\""),
            "`named` sends only groups that some route names.",
        ),
    ],
};

/// `[status]`
pub const STATUS: Table = Table {
    doc: "`/healthz`, `/readyz` and `/metrics`, here and nowhere else.",
    fields: &[field(
        "address",
        Kind::Text,
        Need::Required,
        "An IP address and port, or `unix:/absolute/path`.",
    )],
};

/// `[log]`
pub const LOG: Table = Table {
    doc: "One line per decision. Never a token, cookie or secret.",
    fields: &[
        field(
            "format",
            Kind::Choice(&["human", "json"]),
            Need::Default("\"human\""),
            "How a line is written.",
        ),
        field(
            "level",
            Kind::Choice(&["decisions", "events"]),
            Need::Default("\"decisions\""),
            "`events` leaves the lines of single requests out.",
        ),
    ],
};

/// `[limits]`
pub const LIMITS: Table = Table {
    doc: "A request head is at most 32 KiB and 100 lines. A reload changes these for connections made from then on.",
    fields: &[
        field(
            "connections",
            Kind::Integer(1, 1_000_000),
            Need::Default("10000"),
            "Connections at once, over all listeners.",
        ),
        field(
            "head",
            Kind::Duration(100, 120_000),
            Need::Default("\"10s\""),
            "From the first byte of a request to the end of its head.",
        ),
        field(
            "idle",
            Kind::Duration(1000, 3_600_000),
            Need::Default("\"75s\""),
            "Between two requests of a connection.",
        ),
        field(
            "drain",
            Kind::Duration(0, 600_000),
            Need::Default("\"30s\""),
            "How long requests under way are waited for at a stop, or when their listener is removed.",
        ),
    ],
};
