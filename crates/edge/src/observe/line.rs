//! One line of the decision log, for a person or as JSON.

use crate::log::{Format, push_json_string, push_printable};
use std::fmt;
use std::fmt::Write as _;

/// How long a line usually is.
const LINE_BYTES: usize = 384;
/// How much of one value is written.
const MAX_VALUE_BYTES: usize = 1024;

/// One line in the making. Fields without a value are left out.
pub(super) struct Line {
    text: String,
    format: Format,
}

impl Line {
    pub(super) fn new(format: Format) -> Self {
        let mut text = String::with_capacity(LINE_BYTES);
        if format == Format::Json {
            text.push_str("{\"event\":\"decision\"");
        }
        Self { text, format }
    }

    /// A value that holds nothing to escape: a number, an address, a time.
    pub(super) fn bare(&mut self, name: &str, value: fmt::Arguments<'_>) {
        self.name(name);
        let quote = self.format == Format::Json && !matches!(name, "status" | "ms");
        self.text.push_str(if quote { "\"" } else { "" });
        // Writing to a String does not fail.
        let _: fmt::Result = self.text.write_fmt(value);
        self.text.push_str(if quote { "\"" } else { "" });
    }

    /// A value from somebody else; long ones are cut.
    pub(super) fn text(&mut self, name: &str, value: &str) {
        if value.is_empty() {
            return;
        }
        self.name(name);
        let cut = value
            .get(..value.floor_char_boundary(MAX_VALUE_BYTES))
            .unwrap_or(value);
        match self.format {
            Format::Json => push_json_string(&mut self.text, cut),
            Format::Human if cut.contains([' ', '"', '=']) => push_json_string(&mut self.text, cut),
            Format::Human => push_printable(&mut self.text, cut),
        }
    }

    /// For a person the first three values speak for themselves.
    fn name(&mut self, name: &str) {
        match self.format {
            Format::Json => {
                self.text.push_str(",\"");
                self.text.push_str(name);
                self.text.push_str("\":");
            }
            Format::Human => {
                self.text.push_str(if self.text.is_empty() { "" } else { " " });
                if !matches!(name, "time" | "outcome" | "reason") {
                    self.text.push_str(name);
                    self.text.push('=');
                }
            }
        }
    }

    pub(super) fn finish(mut self) -> String {
        self.text
            .push_str(if self.format == Format::Json { "}" } else { "" });
        self.text
    }
}
