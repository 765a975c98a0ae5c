//! The patterns of `matches`: read once, when the condition is loaded. The library itself would read them anew at
//! every call.

use cel::{Context, DeclarationError, ExecutionError};
use regex::{Regex, RegexBuilder};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// How large one pattern's program may become, in bytes. Matching takes time in proportion to it.
const MAX_PROGRAM_BYTES: usize = 64 * 1024;
/// How many patterns one condition may hold.
const MAX_PATTERNS: usize = 16;
/// How many bytes of text one judgement may search.
const MAX_SEARCHED_BYTES: usize = 64 * 1024;

/// The patterns of one condition.
#[derive(Debug, Default)]
pub(super) struct Patterns(Arc<Vec<Regex>>);

impl Patterns {
    /// Reads `pattern`; its number, or what is wrong with it.
    pub(super) fn add(&mut self, pattern: &str) -> Result<i64, String> {
        let read = RegexBuilder::new(pattern)
            .size_limit(MAX_PROGRAM_BYTES)
            .dfa_size_limit(MAX_PROGRAM_BYTES)
            .build()
            .map_err(|error| {
                if matches!(error, regex::Error::CompiledTooBig(_)) {
                    "the pattern of `matches` is too large".to_owned()
                } else {
                    format!(
                        "not a pattern: {}",
                        error.to_string().lines().last().unwrap_or("")
                    )
                }
            })?;
        let all = Arc::make_mut(&mut self.0);
        if all.len() >= MAX_PATTERNS {
            return Err(format!("more than {MAX_PATTERNS} patterns"));
        }
        all.push(read);
        i64::try_from(all.len() - 1).map_err(|_| "too many patterns".to_owned())
    }

    /// Makes the patterns callable for one judgement.
    pub(super) fn offer(&self, context: &mut Context<'_, '_>) -> Result<(), DeclarationError> {
        if self.0.is_empty() {
            return Ok(());
        }
        let patterns = Arc::clone(&self.0);
        let searched = AtomicUsize::new(0);
        let search = move |text: Arc<String>, number: i64| -> Result<bool, ExecutionError> {
            let failed = |message: &str| ExecutionError::InternalError(message.to_owned());
            if searched.fetch_add(text.len(), Ordering::Relaxed) + text.len() > MAX_SEARCHED_BYTES {
                return Err(failed("too much text to search"));
            }
            let pattern = usize::try_from(number).ok().and_then(|at| patterns.get(at));
            pattern
                .map(|pattern| pattern.is_match(&text))
                .ok_or_else(|| failed("no such pattern"))
        };
        context.add_function("@matches", search)
    }
}
