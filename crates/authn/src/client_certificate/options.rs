//! `[certificate.NAME]`: what can be configured.

use countersign_core::options::{Field, Kind, Table};

/// `[certificate.NAME]`
pub const OPTIONS: Table = Table {
    doc: "Client certificates of one set of authorities, shown to a TLS listener of ours or passed on by a trusted peer.",
    fields: &[
        Field::optional(
            "authorities",
            Kind::List(&Kind::File),
            "PEM files. Certificates that sign themselves are the anchors; others help to build paths.",
        ),
        Field::optional(
            "bundle_file",
            Kind::File,
            "Instead of `authorities`: a file with the bundle of `trust_domain` in JSON (`spire-server bundle show -format \
             spiffe`). Of its entries those with `use: x509-svid` are the anchors; one without any has withdrawn them all. A \
             reload refuses an older one (`spiffe_sequence`) than one that was in force since the start, wherever authorities \
             came from between.",
        ),
        Field::optional(
            "workload_api",
            Kind::Text,
            "Instead of `authorities`: the socket of the SPIFFE Workload API on this machine, `unix:/run/spire/agent.sock` or \
             so, which tells the anchors of `trust_domain` and every change of them.",
        ),
        Field::optional(
            "trust_domain",
            Kind::Text,
            "The SPIFFE trust domain that these authorities speak for. The subject is the SPIFFE ID then, and a certificate \
             without one is refused unless `subject` says what else it may be.",
        ),
        Field::optional(
            "subject",
            Kind::Text,
            "What is the subject: `san.email`, `san.dns`, `san.uri`, `san.upn` (exactly one such name), `subject.CN` and the \
             like (exactly one such attribute), `subject_dn`, or `issuer_and_serial`, which changes with every renewal. \
             Without `trust_domain` it is `subject_dn` when left out.",
        ),
        Field::optional(
            "group_attributes",
            Kind::TEXTS,
            "Attributes of the subject whose values are groups: `[\"OU\"]`.",
        ),
        Field::optional(
            "groups",
            Kind::TextMap,
            "Groups by pattern of a name: `\"uri:spiffe://home.example/ops/*\" = \"operators\"`. Before the first `:` stands \
             the kind (`uri`, `dns`, `email`, `ip`, `upn`, `dn` for the subject's distinguished name, `fingerprint`, `spki`); \
             a `*` stands for any text. In a DNS name and in the domain of an e-mail address large and small letters are one; a \
             pattern that no name fits is refused. A `dn` is written as RFC 4514 does, the most special first, and held against the \
             subject's relative names one by one: `*` is any text of one value there, and alone between commas any number \
             of relative names.",
        ),
        Field::optional(
            "deny",
            Kind::Tables(&DENY),
            "Certificates that are refused although they hold.",
        ),
        Field::optional(
            "crls",
            Kind::List(&Kind::Path),
            "Revocation lists: files, or folders of `*.pem`, `*.crl` and `*.der` files. When these or `crl_urls` are set, every \
             authority on a certificate's path needs one in force.",
        ),
        Field::optional(
            "crl_urls",
            Kind::List(&Kind::Url),
            "Revocation lists that are fetched, and fetched again before they end. Those that differ in their query alone \
             are numbered in the log and the metrics, in the order in which tables name them.",
        ),
        Field::or(
            "crl_refresh",
            Kind::Duration(10_000, 86_400_000),
            "\"10m\"",
            "How often `crl_urls` are fetched; a list that ends before that is fetched at half the time that is left.",
        ),
        Field::or(
            "danger_accept_stale_crl",
            Kind::Bool,
            "false",
            "Go on believing a revocation list after its `nextUpdate`.",
        ),
    ],
};

/// `[[certificate.NAME.deny]]`
const DENY: Table = Table {
    doc: "One of the four, `serial` together with `issuer`. One that names an authority denies what it vouches for.",
    fields: &[
        Field::optional(
            "serial",
            Kind::Text,
            "The serial number in hexadecimal digits, as `countersign certificate inspect` prints it; capitals, colons, \
             leading zeros and `0x` do not count.",
        ),
        Field::optional(
            "issuer",
            Kind::Text,
            "The issuer's distinguished name, as `countersign certificate inspect` prints it.",
        ),
        Field::optional(
            "fingerprint",
            Kind::Text,
            "SHA-256 of the certificate in hexadecimal digits; colons do not count.",
        ),
        Field::optional(
            "spki",
            Kind::Text,
            "SHA-256 of its public key in hexadecimal digits: every certificate with this key.",
        ),
        Field::optional("spiffe_id", Kind::Text, "The SPIFFE ID."),
    ],
};
