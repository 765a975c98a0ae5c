//! The patterns of `matches`: read once, when the condition is loaded. The library itself would read them anew at
//! every call.
//!
//! Each becomes a whole automaton, or is refused: one step for each byte of text, whatever the pattern and the text. An
//! engine that makes its automaton while it searches is quicker to load, and for some patterns a thousand times slower
//! to search with.

use cel::{Context, DeclarationError, ExecutionError};
use regex_automata::Input;
use regex_automata::dfa::{Automaton as _, StartKind, dense};
use std::sync::Arc;

type Dfa = dense::DFA<Vec<u32>>;

/// How large one pattern's automaton may become, in bytes.
const MAX_AUTOMATON_BYTES: usize = 512 * 1024;
/// How many patterns one condition may hold.
const MAX_PATTERNS: usize = 16;

/// The patterns of one condition.
#[derive(Debug, Default)]
pub(super) struct Patterns(Arc<Vec<Dfa>>);

impl Patterns {
    /// Reads `pattern`; its number, or what is wrong with it.
    pub(super) fn add(&mut self, pattern: &str) -> Result<i64, String> {
        let read = dense::Builder::new()
            .configure(
                dense::Config::new()
                    .start_kind(StartKind::Unanchored)
                    .unicode_word_boundary(true)
                    .dfa_size_limit(Some(MAX_AUTOMATON_BYTES))
                    .determinize_size_limit(Some(4 * MAX_AUTOMATON_BYTES)),
            )
            .build(pattern)
            .map_err(|error| {
                if error.is_size_limit_exceeded() {
                    return "the pattern of `matches` is too large: use classes such as [a-z] instead of \\w, fewer \
                            repetitions, or `(?-u)`"
                        .to_owned();
                }
                let told = innermost(&error).to_string();
                format!("not a pattern: {}", told.lines().last().unwrap_or(""))
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
        let search = move |text: Arc<String>, number: i64| -> Result<bool, ExecutionError> {
            let failed = |message: &str| ExecutionError::InternalError(message.to_owned());
            let pattern = usize::try_from(number).ok().and_then(|at| patterns.get(at));
            let pattern = pattern.ok_or_else(|| failed("no such pattern"))?;
            // `\b` beside letters beyond ASCII is more than an automaton can tell.
            let found = pattern.try_search_fwd(&Input::new(text.as_bytes()).earliest(true));
            found
                .map(|found| found.is_some())
                .map_err(|_| failed("the pattern cannot be searched for in this text"))
        };
        context.add_function("@matches", search)
    }
}

/// What was wrong at the bottom of it.
fn innermost<'e>(mut error: &'e (dyn std::error::Error + 'static)) -> &'e (dyn std::error::Error + 'static) {
    while let Some(source) = error.source() {
        error = source;
    }
    error
}
