//! What the program says to the terminal: the one place that prints.

use std::io::{self, IsTerminal as _, Write as _};

/// Standard output and standard error, or two strings for tests.
#[derive(Debug, Default)]
pub struct Output {
    captured: Option<(String, String)>,
    /// Why a line of the answer could not be written.
    lost: Option<io::Error>,
}

impl Output {
    /// The process's own.
    pub const fn standard() -> Self {
        Self {
            captured: None,
            lost: None,
        }
    }

    /// Kept in memory.
    pub fn captured() -> Self {
        Self {
            captured: Some((String::new(), String::new())),
            lost: None,
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
            None => {
                if let Err(error) = writeln!(io::stdout().lock(), "{text}") {
                    self.lost.get_or_insert(error);
                }
            }
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

    /// Why something of the answer did not arrive, if so: a full disk, or a pipe that nobody reads any more.
    pub const fn lost(&self) -> Option<&io::Error> {
        self.lost.as_ref()
    }

    /// Whether the answer goes to a terminal that shows colours.
    pub fn answer_colours(&self) -> bool {
        self.captured.is_none() && io::stdout().is_terminal()
    }

    /// Whether standard error is a terminal that shows colours.
    pub fn colours(&self) -> bool {
        self.captured.is_none() && io::stderr().is_terminal()
    }
}
