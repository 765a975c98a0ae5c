//! `when`: a rule in the Common Expression Language (CEL) behind core's [`Condition`].
//!
//! The library is kept in this room, and on a short leash: an expression is bounded when it is loaded (length, depth,
//! names, functions, macros) and again by the size of what it looks at when it is judged. Whatever is not a plain
//! `true` is a no.

use cel::common::ast::IdedExpr;
use cel::{Context, Env, ExecutionError, Value};
use countersign_core::policy::{Condition, Unmet};
use countersign_core::principal::Principal;
use countersign_core::reason::UnmetReason;
use countersign_core::request::OriginalRequest;
use load::Loaded;
use patterns::Patterns;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

mod certificate;
mod compared;
mod load;
mod patterns;
#[cfg(test)]
mod tests;
mod variables;
mod work;

/// The longest expression, in bytes.
pub const MAX_BYTES: usize = 4 * 1024;
/// How deep an expression may nest: brackets in its text, and operations in each other.
pub const MAX_DEPTH: usize = 32;
/// The longest list or map an expression may look at; a longer one makes the condition fail.
pub const MAX_ELEMENTS: usize = 1_000;
/// How much one judgement may take, in steps of some 20 to 30 ns: what the expression and the values it looks at come to.
/// More makes the condition fail.
pub const MAX_STEPS: usize = 24_000;

/// The stack the library's parser gets: it recurses several frames for each bracket.
const PARSER_STACK_BYTES: usize = 64 * 1024 * 1024;

/// Why an expression is not a condition.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ConditionError {
    /// What is wrong, in one sentence.
    pub message: String,
    /// What to write instead.
    pub help: Option<String>,
    /// Where in the text, in bytes.
    pub at: Option<usize>,
}

impl ConditionError {
    fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            help: None,
            at: None,
        }
    }

    fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

/// A condition, and what it looks at.
#[derive(Clone, Debug)]
pub struct Compiled {
    /// The condition.
    pub condition: Arc<dyn Condition>,
    /// Paths of claims, each with a text that it is compared with.
    pub compared: Vec<(String, String)>,
}

/// Reads `text` as a condition. Refused: more than [`MAX_BYTES`] or [`MAX_DEPTH`], names other than the members of
/// `principal` and `request` and anything under `claims`, functions not listed in the reference, a list macro inside
/// another, a `matches` whose pattern is not a constant.
pub fn compile(text: &str) -> Result<Compiled, ConditionError> {
    load::check_text(text)?;
    let source = text.to_owned();
    let read = std::thread::Builder::new()
        .stack_size(PARSER_STACK_BYTES)
        .spawn(move || load::load(&source))
        .map(std::thread::JoinHandle::join);
    match read {
        Ok(Ok(Ok((loaded, compared)))) => Ok(Compiled {
            condition: Arc::new(CelCondition {
                loaded,
                env: Arc::new(load::environment()),
            }),
            compared,
        }),
        Ok(Ok(Err(error))) => Err(error),
        Ok(Err(_)) | Err(_) => Err(ConditionError::new("the condition cannot be read")),
    }
}

/// A condition, read and bounded.
struct CelCondition {
    loaded: Loaded,
    env: Arc<Env>,
}

impl fmt::Debug for CelCondition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CelCondition({:?})", self.loaded.text)
    }
}

/// Why a condition could not be worked out. No values: claims are personal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Failure {
    /// A list or map has more than [`MAX_ELEMENTS`].
    TooManyElements,
    /// The work would come to more than [`MAX_STEPS`].
    TooMuchWork,
    /// A member that is not there was asked for.
    NoSuchMember,
    /// Anything else the library calls an error: operands of the wrong type, a division by zero.
    Error,
    /// The result is neither true nor false.
    NotABool,
    /// The library panicked.
    Panicked,
}

impl Failure {
    const fn detail(self) -> &'static str {
        match self {
            Self::TooManyElements => "a list or map has more than 1000 elements",
            Self::TooMuchWork => "too much work for the values it looks at",
            Self::NoSuchMember => "it asks for a member that is not there",
            Self::Error => "an operation failed",
            Self::NotABool => "the result is neither true nor false",
            Self::Panicked => "the library panicked",
        }
    }
}

impl CelCondition {
    fn evaluate(&self, principal: &Principal, request: &OriginalRequest) -> Result<bool, Failure> {
        let variables = variables::bind(&self.loaded.uses, principal, request)?;
        if work::steps(&self.loaded.expression, &variables) > MAX_STEPS {
            return Err(Failure::TooMuchWork);
        }
        let mut context = Context::with_env(Arc::clone(&self.env));
        Patterns::offer(&self.loaded.patterns, &mut context).map_err(|_| Failure::Error)?;
        for (name, value) in variables.into_values() {
            context.add_variable_as_val(name, value);
        }
        result_of(&self.loaded.expression, &context)
    }
}

fn result_of(expression: &IdedExpr, context: &Context<'_, '_>) -> Result<bool, Failure> {
    match Value::resolve(expression, context) {
        Ok(Value::Bool(result)) => Ok(result),
        Ok(_) => Err(Failure::NotABool),
        Err(ExecutionError::NoSuchKey(_)) => Err(Failure::NoSuchMember),
        Err(_) => Err(Failure::Error),
    }
}

impl Condition for CelCondition {
    fn judge(&self, principal: &Principal, request: &OriginalRequest) -> Result<(), Unmet> {
        // Nothing half-changed outlives a panic: all that is mutated is made and dropped inside.
        let result = catch_unwind(AssertUnwindSafe(|| self.evaluate(principal, request)));
        match result.unwrap_or(Err(Failure::Panicked)) {
            Ok(true) => Ok(()),
            Ok(false) => Err(Unmet::new(UnmetReason::Condition, "the condition is false")),
            Err(failure) => Err(Unmet::new(UnmetReason::ConditionFailed, failure.detail())),
        }
    }
}
