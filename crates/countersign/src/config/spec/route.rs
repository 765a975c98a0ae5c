//! `[[route]]` and what is in it, as it is written.

use super::identity::IDENTITY;
use countersign_core::gate::PathOddities;
use countersign_core::options::{Field, Kind, Table};
use countersign_core::policy::REQUIRE;

/// `[[route]]`
pub(super) const ROUTE: Table = Table {
    doc: "The most specific host governs alone, then the most specific path, then the method; nothing falls through to a \
          wider route.",
    fields: &[
        Field::optional(
            "name",
            Kind::Text,
            "Its name in logs and metrics; by default its first host and path.",
        ),
        Field::optional(
            "hosts",
            Kind::TEXTS,
            "Host names; `*.home.example` for one or more labels before it, never itself; `*` for every host. Required \
             unless the route has an `endpoint`.",
        ),
        Field::or(
            "paths",
            Kind::TEXTS,
            "[\"/**\"]",
            "Paths: literal segments, `*` for one segment, `**` at the end for any number (`/admin/**` covers `/admin`).",
        ),
        Field::optional(
            "methods",
            Kind::TEXTS,
            "Methods; all when left out. Others have no route here.",
        ),
        Field::required(
            "accept",
            Kind::TEXTS,
            "The ways of proving who you are, asked in this order: `token.NAME`. `anonymous`, last, opens the door.",
        ),
        Field::optional(
            "also",
            Kind::TEXTS,
            "Certificates to be shown besides, each of them: `also = [\"certificate.devices\"]` lets in a token or login on a \
             managed device only.",
        ),
        Field::optional(
            "require",
            Kind::Table(&REQUIRE),
            "What is asked of the principal. Without it, any will do.",
        ),
        Field::optional(
            "when",
            Kind::Text,
            "A condition in CEL over `principal`, `claims`, `request` and `certificate`; anything but `true` is a no.",
        ),
        Field::or(
            "challenge",
            Kind::Choice(&["auto", "login", "login-or-403", "401", "403"]),
            "\"auto\"",
            "How a refusal is answered. `auto`: a browser that navigates is sent to log in, where a `login.NAME` is accepted, and \
             everybody else gets 401. `login`: every GET is sent to log in. `login-or-403`: so is who accepts HTML, and 403 for \
             everybody else. Or always 401, or always 403. Where certificates alone let in, it is always 403: there is nothing to \
             ask for.",
        ),
        Field::optional(
            "max_age",
            Kind::Duration(60_000, 31_536_000_000),
            "How long ago the login may have been; older ones log in again.",
        ),
        Field::optional(
            "acr_values",
            Kind::TEXTS,
            "The ways of logging in (`acr`) that will do, as the provider calls them; other logins log in again.",
        ),
        Field::optional(
            "prompt",
            Kind::Choice(&["none", "login", "consent", "select_account"]),
            "What the provider asks the user for, instead of what the login says.",
        ),
        Field::or(
            "preflight",
            Kind::Choice(&["decide", "pass"]),
            "\"decide\"",
            "What becomes of a CORS preflight: decided like any request, or passed on with every identity header empty.",
        ),
        Field::optional(
            "endpoint",
            Kind::TEXTS,
            "The paths a `check` listener answers for this route at.",
        ),
        Field::optional(
            "to",
            Kind::Url,
            "Where a `reverse-proxy` listener forwards: `http://host:port`.",
        ),
        Field::or(
            "forward_credentials",
            Kind::Bool,
            "true",
            "Whether the client's own token goes upstream (with `to`).",
        ),
        Field::or(
            "case",
            Kind::Choice(&["sensitive", "insensitive"]),
            "\"sensitive\"",
            "`insensitive` for applications that do not tell `/Admin` from `/admin`.",
        ),
        Field::optional(
            "allow_in_path",
            Kind::List(&Kind::Choice(PathOddities::NAMES)),
            "Spellings with two readings that are let through, byte for byte (with `to` only).",
        ),
        Field::optional(
            "identity_headers",
            Kind::Table(&IDENTITY),
            "Other identity headers than the rest has.",
        ),
    ],
};
