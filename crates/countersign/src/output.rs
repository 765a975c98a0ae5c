//! What the program says to the terminal: the one place that prints.

use std::io::{self, IsTerminal as _, Write as _};

/// Standard output and standard error, or two strings for tests.
#[derive(Debug, Default)]
pub struct Output {
    captured: Option<(String, String)>,
}

impl Output {
    /// The process's own.
    pub const fn standard() -> Self {
        Self { captured: None }
    }

    /// Kept in memory.
    pub fn captured() -> Self {
        Self {
            captured: Some((String::new(), String::new())),
        }
    }

    /// What was said, when it was kept: standard output, standard error.
    pub fn take(&mut self) -> (String, String) {
        self.captured.as_mut().map(std::mem::take).unwrap_or_default()
    }

    /// One line of the answer.
    pub fn line(&mut self, text: &str) {
        match &mut self.captured {
            Some((out, _)) => {
                out.push_str(text);
                out.push('\n');
            }
            // A closed pipe is no fault of ours: there is nobody left to tell.
            None => drop(writeln!(io::stdout().lock(), "{text}")),
        }
    }

    /// One line for whoever watches.
    pub fn error_line(&mut self, text: &str) {
        match &mut self.captured {
            Some((_, err)) => {
                err.push_str(text);
                err.push('\n');
            }
            None => drop(writeln!(io::stderr().lock(), "{text}")),
        }
    }

    /// Whether standard error is a terminal that shows colours.
    pub fn colours(&self) -> bool {
        self.captured.is_none() && io::stderr().is_terminal()
    }
}
