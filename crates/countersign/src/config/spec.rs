//! Every table of the configuration file but the authenticators' own, which stand beside them.

use countersign_authn::{kinds, provider, token_cache};
use countersign_core::options::{Field, Kind, Table};

use identity::IDENTITY;
use listen::LISTEN;
use pages::PAGES;
use route::ROUTE;
pub(super) use session::SESSION;

mod identity;
mod listen;
mod pages;
mod route;
mod session;

/// The keys at the top of a file.
pub fn root() -> Vec<Field> {
    let authenticators = kinds::KINDS.iter().map(|kind| {
        let doc = "Tables of this kind are ways of proving who you are; `accept` names them as `kind.NAME`.";
        Field::optional(kind.table, Kind::Named(kind.options), doc)
    });
    ROOT.iter().copied().chain(authenticators).collect()
}

const ROOT: &[Field] = &[
    Field::required(
        "config",
        Kind::Integer(1, 1),
        "The version of this format. At the top of every file.",
    ),
    Field::required(
        "listen",
        Kind::Tables(&LISTEN),
        "Where the gateway listens, and in which dialect.",
    ),
    Field::optional(
        "public_ports",
        Kind::List(&Kind::Integer(1, 65_535)),
        "The ports at which clients reach sites: what is bound to a site's origin (`[sso.NAME]`, `audience_is_origin`) counts at \
         these alone, and the ports of one host are one site to this gateway. Without it, those of listeners that speak TLS themselves; where none does, 443.",
    ),
    Field::optional(
        "route",
        Kind::Tables(&ROUTE),
        "What is guarded, and who may enter. No route, no entry.",
    ),
    Field::optional(
        "identity_headers",
        Kind::Table(&IDENTITY),
        "What the application is told, and in which headers.",
    ),
    Field::optional(
        "token_cache",
        Kind::Table(&token_cache::OPTIONS),
        "Remembered tokens.",
    ),
    Field::optional(
        "session",
        Kind::Table(&SESSION),
        "How long a login is remembered, and where.",
    ),
    Field::optional(
        provider::TABLE,
        Kind::Table(&provider::OPTIONS),
        "Certificate single sign-on: an OpenID Provider of our own.",
    ),
    Field::optional("status", Kind::Table(&STATUS), "Health, readiness and metrics."),
    Field::optional("log", Kind::Table(&LOG), "Lines on standard error."),
    Field::optional("limits", Kind::Table(&LIMITS), "What connections may cost."),
    Field::optional(
        "pages",
        Kind::Table(&PAGES),
        "What people see of the gateway itself.",
    ),
];

/// `[status]`
pub const STATUS: Table = Table {
    doc: "`/healthz`, `/readyz` and `/metrics`, here and nowhere else.",
    fields: &[Field::required(
        "address",
        Kind::Text,
        "An IP address and port, or `unix:/absolute/path`.",
    )],
};

/// `[log]`
pub const LOG: Table = Table {
    doc: "One line per decision. Never a token, cookie or secret, nor the query of a URL that is fetched. \
          Lines gather for 5 ms and are written together: those are lost where the process is killed (SIGKILL, or for want of \
          memory).",
    fields: &[
        Field::or(
            "format",
            Kind::Choice(&["human", "json"]),
            "\"human\"",
            "How a line is written.",
        ),
        Field::or(
            "level",
            Kind::Choice(&["decisions", "events"]),
            "\"decisions\"",
            "`events` leaves the lines of single requests out.",
        ),
    ],
};

/// `[limits]`
pub const LIMITS: Table = Table {
    doc: "A request head is at most 32 KiB and 100 lines. A reload changes the first four for connections made from then on, \
          and the rates at once, counting anew.",
    fields: &[
        Field::or(
            "connections",
            Kind::Integer(1, 1_000_000),
            "10000",
            "Connections at once, over all listeners.",
        ),
        Field::or(
            "head",
            Kind::Duration(100, 120_000),
            "\"10s\"",
            "From the first byte of a request to the end of its head.",
        ),
        Field::or(
            "idle",
            Kind::Duration(1000, 3_600_000),
            "\"75s\"",
            "Between two requests of a connection.",
        ),
        Field::or(
            "drain",
            Kind::Duration(0, 600_000),
            "\"30s\"",
            "How long requests under way are waited for at a stop, or when their listener is removed.",
        ),
        Field::or(
            "address_rate",
            Kind::Integer(1, 1_000_000),
            "40",
            "Requests a second, in the long run, of one address (IPv6: of one /64) to each of the login, callback and logout \
             endpoints. One too many is answered 429 with `Retry-After`. What proves somebody at the token endpoint of our own \
             provider is counted as theirs, ten seconds' worth of it at once.",
        ),
        Field::or(
            "address_burst",
            Kind::Integer(1, 1_000_000),
            "4000",
            "How many of them at once: an office behind one address opens all its tabs in the morning.",
        ),
        Field::or(
            "total_rate",
            Kind::Integer(1, 1_000_000),
            "2000",
            "The same of all addresses together, and ten times as many at once. The only limit for requests whose address is \
             not known.",
        ),
    ],
};
