//! What can be configured about `[openid_provider]`.

use super::keys;
use super::keys::life::{LEAST_ROTATION, MOST_ROTATION};
use countersign_core::options::{Field, Kind, Table};
use countersign_core::policy::REQUIRE;

/// `[openid_provider.client.NAME]`
const CLIENT: Table = Table {
    doc: "An application that asks for logins. NAME is its `client_id`. It uses the authorization code flow with PKCE.",
    fields: &[
        Field::optional(
            "redirect_uris",
            Kind::List(&Kind::Url),
            "Where answers may go, each compared to the letter. Required, but for a machine.",
        ),
        Field::optional(
            "client_secret",
            Kind::Secret,
            "By which it proves itself, in the Authorization header or in the form. Without this, `jwks` and \
             `certificate_subject` it is a public client, which has PKCE alone.",
        ),
        Field::optional(
            "jwks",
            Kind::File,
            "Its public keys (a JWK Set, or PEM): it proves itself by what it signs, each assertion once (`private_key_jwt`).",
        ),
        Field::optional(
            "certificate_subject",
            Kind::Text,
            "It proves itself by a client certificate of this subject, which one of `certificates` judges (`tls_client_auth`); \
             `\"certificate.NAME:subject\"` where there are several. As a machine it gets tokens for itself.",
        ),
        Field::or(
            "offline",
            Kind::Bool,
            "false",
            "Whether it may have refresh tokens (scope `offline_access`), for which the certificate is judged anew each time.",
        ),
        Field::or(
            "bind",
            Kind::Bool,
            "true",
            "Whether the tokens that it gets as a machine hold only beside its certificate. Without, they hold 5 minutes at most.",
        ),
        Field::optional(
            "post_logout_redirect_uris",
            Kind::List(&Kind::Url),
            "Where a browser may be sent once it has logged out, each compared to the letter.",
        ),
        Field::optional(
            "backchannel_logout_uri",
            Kind::Url,
            "Where it is told that a session has ended (OpenID Connect Back-Channel Logout). Sites are told at their own page.",
        ),
    ],
};

/// `[openid_provider.site."HOST"]`
const SITE: Table = Table {
    doc: "What is particular to a site. HOST is written as in `sites`.",
    fields: &[Field::or(
        "bind",
        Kind::Bool,
        "true",
        "Whether tokens that machines get for it hold only beside their certificate. `false` for a site that asks for none: \
         whoever finds such a token can use it, so it holds 5 minutes at most.",
    )],
};

/// `[[openid_provider.rule]]`
const RULE: Table = Table {
    doc: "Who may enter where. Every rule that names the place must be met; where none does, whoever logs in may enter.",
    fields: &[
        Field::optional(
            "sites",
            Kind::TEXTS,
            "The sites it is about, written as in `sites`.",
        ),
        Field::optional("clients", Kind::TEXTS, "The clients it is about."),
        Field::required(
            "require",
            Kind::Table(&REQUIRE),
            "What is asked of whoever enters, as of a route.",
        ),
    ],
};

/// `[openid_provider]`
pub const OPTIONS: Table = Table {
    doc: "Certificate single sign-on: an OpenID Provider whose login is a client certificate. It answers on the host of `issuer` \
          alone: `/.well-known/openid-configuration` and, under `/.countersign/`, `authorize`, `token`, `userinfo`, `end-session`, `keys` \
          and `keys.pem`. A machine gets a token for a site by its certificate: `curl --cert robot.crt --key robot.key \
          https://sso.home.example/.countersign/token -d grant_type=client_credentials -d resource=https://app.home.example`, or \
          `countersign token get`.",
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
        Field::optional(
            "key",
            Kind::Secret,
            "What tokens are signed with: a private key in PEM (RSA of 2048 bits or more, P-256, P-384, P-521, Ed25519). Nothing is \
             made or rotated then. Without it, keys are made at the first start and kept: with `session.store = \"redis\"` there, \
             sealed, else in the state folder as `provider-keys`, for the gateway's user alone.",
        ),
        Field::optional(
            "key_algorithm",
            Kind::Choice(keys::ALGORITHMS),
            "What a made key signs with, ES256 by default; a new choice signs a day after it was taken. With `key`: how that signs, \
             if not in the usual way of its kind.",
        ),
        Field::optional(
            "rotate_every",
            Kind::Duration(LEAST_ROTATION.as_secs() * 1000, MOST_ROTATION.as_secs() * 1000),
            "How long a made key signs, 90d by default. The next one is published a day before it signs, and the former one a day \
             after it did.",
        ),
        Field::optional(
            "former_keys",
            Kind::List(&Kind::Secret),
            "Keys that are published and do not sign, public or private, in PEM: those that signed until now, and, a day before it \
             is `key`, the next.",
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
        Field::optional("site", Kind::Named(&SITE), "What is particular to a site."),
        Field::optional(
            "rule",
            Kind::Tables(&RULE),
            "Who may enter where. Without one, whoever logs in.",
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
            "How long tokens hold. No longer than the certificate.",
        ),
        Field::or(
            "grant_life",
            Kind::Duration(300_000, 2_592_000_000),
            "\"24h\"",
            "How long a site, or a client with `offline`, may have new ones without its user. No longer than the certificate.",
        ),
        Field::optional(
            "mtls_origin",
            Kind::Text,
            "Another origin of ours at which clients with certificates find the token endpoint, told as `mtls_endpoint_aliases`: \
             for an issuer's host that does not ask everybody for a certificate. `https://mtls.home.example`.",
        ),
        Field::optional(
            "ca_file",
            Kind::File,
            "The certificate authorities (PEM) believed for sites and applications that are told of logouts, instead of the system's.",
        ),
        Field::optional(
            "claims",
            Kind::TextMap,
            "Claims that every token has, each a text. None of the registered ones, neither of tokens nor of people (`sub`, `name`), and \
             none of ours.",
        ),
    ],
};
