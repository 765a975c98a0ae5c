//! What can be asked of a principal, as it is written.

use crate::options::{Field, Kind, Table};

/// `require`
pub const REQUIRE: Table = Table {
    doc: "A list is \"any of\", several keys are \"all of\", and `not_…` wins. Where a route accepts more than one issuer, \
          subjects, groups and e-mail domains are written `\"token.NAME:name\"`, or `\"*:name\"` on purpose.",
    fields: &[
        Field::optional("groups", Kind::TEXTS, "In one of these groups."),
        Field::optional("scopes", Kind::TEXTS, "With one of these scopes."),
        Field::optional("subjects", Kind::TEXTS, "One of these subjects."),
        Field::optional(
            "email_domains",
            Kind::TEXTS,
            "With a verified e-mail address in exactly one of these domains.",
        ),
        Field::optional(
            "claims",
            Kind::Named(&CLAIM),
            "By claim path: what the claim must be.",
        ),
        Field::optional("not_groups", Kind::TEXTS, "In none of these groups."),
        Field::optional("not_scopes", Kind::TEXTS, "With none of these scopes."),
        Field::optional("not_subjects", Kind::TEXTS, "None of these subjects."),
        Field::optional(
            "not_email_domains",
            Kind::TEXTS,
            "Without an address, verified or not, in these domains.",
        ),
        Field::optional(
            "not_claims",
            Kind::Named(&CLAIM),
            "By claim path: what the claim must not be.",
        ),
    ],
};

const CLAIM: Table = Table {
    doc: "One of the three. Numbers and booleans compare by their JSON spelling.",
    fields: &[
        Field::optional("equals", Kind::Text, "The claim is this."),
        Field::optional("one_of", Kind::TEXTS, "The claim is one of these."),
        Field::optional(
            "contains",
            Kind::TEXTS,
            "The claim is an array that holds one of these.",
        ),
    ],
};
