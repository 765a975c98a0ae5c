//! What can be configured about `[openid_provider]`.

use countersign_core::options::{Field, Kind, Table};
use countersign_jose::algorithm::Algorithm;

/// `[openid_provider.client.NAME]`
const CLIENT: Table = Table {
    doc: "An application that asks for logins. NAME is its `client_id`. It uses the authorization code flow with PKCE.",
    fields: &[
        Field::required(
            "redirect_uris",
            Kind::List(&Kind::Url),
            "Where answers may go, each compared to the letter.",
        ),
        Field::optional(
            "client_secret",
            Kind::Secret,
            "By which it proves itself, in the Authorization header or in the form. Without one it is a public client, which \
             has PKCE alone.",
        ),
    ],
};

/// `[openid_provider]`
pub const OPTIONS: Table = Table {
    doc: "Certificate single sign-on: an OpenID Provider whose login is a client certificate. It answers on the host of `issuer` \
          alone: `/.well-known/openid-configuration` and, under `/.countersign/`, `authorize`, `token`, `userinfo` and `keys`.",
    fields: &[
        Field::required(
            "issuer",
            Kind::Text,
            "Who it is: `https://sso.home.example`, with nothing after the host but a port that is not 443.",
        ),
        Field::required(
            "certificates",
            Kind::TEXTS,
            "Whose certificates log in: `certificate.NAME`, asked in this order.",
        ),
        Field::required(
            "key",
            Kind::Secret,
            "What tokens are signed with (PEM, PKCS#8): ES256 with a key of P-256, RS256 with one of RSA, EdDSA with Ed25519.",
        ),
        Field::optional(
            "key_algorithm",
            Kind::Choice(Algorithm::NAMES),
            "How it signs, if not in the usual way of its key.",
        ),
        Field::optional(
            "sites",
            Kind::TEXTS,
            "Guarded sites that need no registration: `app.home.example`, `*.home.example` (one label or more, not the apex), a \
             port where it is not 443.",
        ),
        Field::optional(
            "client",
            Kind::Named(&CLIENT),
            "Other applications, each by its `client_id`.",
        ),
        Field::or(
            "email",
            Kind::Choice(&["san", "subject"]),
            "\"san\"",
            "Where an e-mail address comes from: the one among the certificate's names, or the one `emailAddress` of its subject.",
        ),
        Field::or(
            "token_life",
            Kind::Duration(60_000, 3_600_000),
            "\"5m\"",
            "How long tokens hold.",
        ),
        Field::optional(
            "claims",
            Kind::TextMap,
            "Claims that every token has. None of the registered ones, and none of ours.",
        ),
    ],
};
