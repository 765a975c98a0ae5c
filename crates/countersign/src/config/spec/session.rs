//! `[session]`, as it is written.

use countersign_core::options::{Field, Kind, Table};

/// The stores there are, and how to do without one.
pub(in crate::config) const STORES: &[&str] = &["memory", "file", "redis", "cookie"];

const MINUTE: u64 = 60_000;
const DAY: u64 = 24 * 60 * MINUTE;

/// `[session]`
pub(in crate::config) const SESSION: Table = Table {
    doc: "How long a login is remembered, and where. A reload keeps every session; new times are those of sessions that \
          begin from then on. Another store is taken at the next start only.",
    fields: &[
        Field::or(
            "store",
            Kind::Choice(STORES),
            "\"memory\"",
            "`memory`: in this process; a restart ends every session. `file`: in a file of this machine. `redis`: in a \
             Redis or Valkey that several nodes share. `cookie`: in the browser's cookie, sealed, and nowhere else; such \
             sessions have no tokens, and cannot be listed, revoked or ended by the provider.",
        ),
        Field::optional(
            "path",
            Kind::Path,
            "For `file`: the file. By default `sessions.redb` in the state folder.",
        ),
        Field::optional(
            "url",
            Kind::Text,
            "For `redis`: `rediss://HOST:PORT` (TLS), `redis://HOST:PORT` or, for a socket of this machine, `unix:///PATH`. \
             `database` may stand behind it: `/3`; `?db=3` at a socket.",
        ),
        Field::optional("username", Kind::Text, "For `redis`: as whom."),
        Field::optional(
            "password",
            Kind::Secret,
            "For `redis`. A changed one is taken at the next start.",
        ),
        Field::optional("database", Kind::Integer(0, 65_535), "For `redis`: 0 by default."),
        Field::optional(
            "authorities",
            Kind::File,
            "For `redis` over TLS: who vouches for it (PEM). By default those this machine trusts.",
        ),
        Field::or(
            "idle",
            Kind::Duration(10_000, 400 * DAY),
            "\"8h\"",
            "How long a session in a store lasts unused; to a minute.",
        ),
        Field::or(
            "absolute",
            Kind::Duration(10_000, 400 * DAY),
            "\"24h\"",
            "How long it lasts, used or not.",
        ),
        Field::or(
            "recheck",
            Kind::Duration(0, MINUTE),
            "\"1s\"",
            "How old what is remembered of a session may be before the store is asked again: so long after a logout \
             elsewhere it is served at most.",
        ),
        Field::or(
            "grace",
            Kind::Duration(0, 10 * MINUTE),
            "\"0s\"",
            "How much older it may be while the store is away. With `0s` there are no sessions without the store.",
        ),
        Field::or(
            "per_user",
            Kind::Integer(1, 1000),
            "20",
            "How many sessions one user of an issuer has at most; the oldest makes room.",
        ),
        Field::or(
            "max_sessions",
            Kind::Integer(1, 10_000_000),
            "100000",
            "For `memory`: how many records are kept at most. Full, it takes no new login and loses no session.",
        ),
        Field::or(
            "cached",
            Kind::Bytes(64 * 1024, 64 * 1024 * 1024 * 1024),
            "\"64MiB\"",
            "How much memory sessions may take that are remembered between two questions to the store.",
        ),
        Field::or(
            "cookie_name",
            Kind::Text,
            "\"countersign\"",
            "What the session's cookie is called after its prefix `__Host-`: 1 to 40 letters, digits, `-` and `_`.",
        ),
        Field::optional(
            "share",
            Kind::Text,
            "A domain whose hosts share one session, in one cookie (`__Secure-` and `Domain`): `home.example`. Whoever runs \
             any host under it sees the sessions of people who go there, and can use them; `at` in `[login.NAME]` does without. \
             Other hosts have sessions of their own.",
        ),
        Field::optional(
            "sealing_keys",
            Kind::List(&Kind::Secret),
            "The keys that records are sealed under: at least 32 random bytes each, in any form. The first seals, each \
             opens; one that is taken away ends the sessions that began under it. `redis` needs them, the same on every \
             node; for the others one is made at the first start and kept in the state folder.",
        ),
    ],
};
