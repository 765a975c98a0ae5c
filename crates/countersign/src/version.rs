//! Which program this is: told at the start, by `--version` and in the metrics.

use std::sync::LazyLock;

/// The version.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");
/// The commit it is built from and that commit's date, `9ac2cd9e4b1f 2026-03-01`; empty where they are not known. With
/// `+changes` after the commit, something was changed since.
pub const COMMIT: &str = env!("COUNTERSIGN_COMMIT");

/// Both as one text: `0.1.0 (9ac2cd9e4b1f 2026-03-01)`.
pub fn whole() -> &'static str {
    static WHOLE: LazyLock<String> = LazyLock::new(|| match COMMIT {
        "" => VERSION.to_owned(),
        commit => format!("{VERSION} ({commit})"),
    });
    &WHOLE
}
