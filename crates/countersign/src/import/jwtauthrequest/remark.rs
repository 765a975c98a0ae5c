//! A word on an option: what became of it.

use std::fmt;

/// What became of an option.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It means the same here.
    Kept,
    /// It is there, and stricter or more than theirs.
    Bettered,
    /// It is gone.
    Dropped,
    /// Nobody here knows what it means.
    Unknown,
}

impl Verdict {
    /// The word of the report.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Kept => "kept",
            Self::Bettered => "bettered",
            Self::Dropped => "dropped",
            Self::Unknown => "unknown",
        }
    }
}

/// A word on an option, of one client or of the whole configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remark {
    /// What became of it.
    pub verdict: Verdict,
    /// The client whose option it is; `None` for those of all.
    pub client: Option<String>,
    /// The option, in their spelling or ours of the command line; `None` where it is true whatever the options say.
    pub option: Option<String>,
    /// The rest of the sentence.
    pub what: String,
}

impl fmt::Display for Remark {
    /// Whose option it is, and what there is to say; without the verdict.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let client = self.client.iter().map(|client| format!("{client}: "));
        let option = self.option.iter().map(|option| format!("`{option}`: "));
        client.chain(option).try_for_each(|part| f.write_str(&part))?;
        f.write_str(&self.what)
    }
}
