//! `[[listen]]`, as it is written.

use countersign_core::options::{Field, Kind, Table};
use countersign_edge::integration;

/// `[[listen]]`
pub(super) const LISTEN: Table = Table {
    doc: "A socket and the dialect it speaks. Several listeners share one set of rules, and give one answer to one request. \
          A reload binds those that were added and closes those that were removed, once what is under way on them is \
          finished; the others keep their connections.",
    fields: &[
        Field::required(
            "address",
            Kind::Text,
            "An IP address and port (`127.0.0.1:9180`; `[::]:9180` is every address, also IPv4's), `unix:/absolute/path`, or \
             `systemd:NAME`.",
        ),
        Field::required(
            "speak",
            Kind::Choice(integration::NAMES),
            "`auth-request` (nginx), `forward-auth` (Traefik, Caddy), `check` (the path asked names a route's `endpoint`), \
             `reverse-proxy` (forwards by itself; loopback only for now).",
        ),
        Field::or(
            "trusted_peers",
            Kind::TEXTS,
            "[]",
            "Who may tell us about the original request: `unix`, addresses, ranges. Nobody unless named; a set that covers \
             a quarter of an address family is refused.",
        ),
        Field::optional(
            "trusted_secret",
            Kind::Table(&TRUSTED_SECRET),
            "Also trust whoever sends this secret in this header.",
        ),
        Field::optional(
            "mode",
            Kind::Text,
            "The file mode of a unix socket, in octal: `\"0660\"`.",
        ),
        Field::optional(
            "owner",
            Kind::Text,
            "The owner of a unix socket: `user`, `user:group` or `:group`.",
        ),
    ],
};

const TRUSTED_SECRET: Table = Table {
    doc: "A secret shared with the proxy in front, compared in constant time.",
    fields: &[
        Field::required(
            "header",
            Kind::Text,
            "The header that carries it. It is never forwarded.",
        ),
        Field::required("value", Kind::Secret, "The secret, at least 16 bytes."),
    ],
};
