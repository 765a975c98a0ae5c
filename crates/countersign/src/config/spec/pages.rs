//! `[pages]`: what people see.

use countersign_core::options::{Field, Kind, Table};

/// `[pages]`
pub(super) const PAGES: Table = Table {
    doc: "What people see from the gateway itself. Without this they are its own pages, in English.",
    fields: &[Field::optional(
        "folder",
        Kind::Path,
        "Own templates, texts and style. The folder may hold any of the files that `docs/pages.md` lists; for the others the \
         built-in ones stand. They are tried with sample data when the configuration is read, and read anew with it.",
    )],
};
