//! Reading an expression: what is refused before a request ever meets it.

use super::certificate;
use super::compared::compared;
use super::patterns::Patterns;
use super::variables::{PRINCIPAL_MEMBERS, REQUEST_MEMBERS, Uses, VARIABLES, Variables, reference};
use super::{ConditionError, MAX_BYTES, MAX_DEPTH, MAX_STEPS, work};
use cel::common::ast::{CallExpr, ComprehensionExpr, EntryExpr, Expr, IdedExpr, LiteralValue, operators};
use cel::{Env, ParseErrors, Program};

/// The functions a condition may call, beside the operators and the macros.
const FUNCTIONS: [&str; 9] = [
    "size",
    "contains",
    "startsWith",
    "endsWith",
    "matches",
    "int",
    "uint",
    "double",
    "string",
];
const OPERATORS: [&str; 20] = [
    operators::CONDITIONAL,
    operators::LOGICAL_AND,
    operators::LOGICAL_OR,
    operators::LOGICAL_NOT,
    operators::SUBSTRACT,
    operators::ADD,
    operators::MULTIPLY,
    operators::DIVIDE,
    operators::MODULO,
    operators::EQUALS,
    operators::NOT_EQUALS,
    operators::GREATER_EQUALS,
    operators::LESS_EQUALS,
    operators::GREATER,
    operators::LESS,
    operators::NEGATE,
    operators::INDEX,
    operators::IN,
    operators::NOT_STRICTLY_FALSE,
    "@matches",
];
/// How often an expression may join strings or lists: each copies both sides.
const MAX_JOINS: usize = 16;

/// An expression that passed.
pub(super) struct Loaded {
    pub(super) text: String,
    pub(super) expression: IdedExpr,
    pub(super) uses: Uses,
    pub(super) patterns: Patterns,
}

/// The language offered: the standard library and its macros, without optional values.
pub(super) fn environment() -> Env {
    Env::stdlib().with_optional_support(false)
}

/// What can be refused without the parser, and must be: it recurses for each bracket.
pub(super) fn check_text(text: &str) -> Result<(), ConditionError> {
    if text.len() > MAX_BYTES {
        let message = format!("the condition is longer than {MAX_BYTES} bytes");
        return Err(ConditionError::new(message));
    }
    let mut depth = 0_usize;
    let mut bytes = text.bytes();
    let mut before = 0_u8;
    while let Some(byte) = bytes.next() {
        match byte {
            b'"' | b'\'' => {
                let raw = matches!(before, b'r' | b'R');
                while let Some(inner) = bytes.next() {
                    if inner == byte {
                        break;
                    }
                    if inner == b'\\' && !raw {
                        bytes.next();
                    }
                }
            }
            b'(' | b'[' | b'{' | b'?' => depth += 1,
            b')' | b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > MAX_DEPTH {
            return Err(too_deep());
        }
        before = byte;
    }
    Ok(())
}

/// Parses and checks. Run on a stack of its own.
pub(super) fn load(text: &str) -> Result<(Loaded, Vec<(String, String)>), ConditionError> {
    let program = environment()
        .compile(text)
        .map_err(|errors| unreadable(text, &errors))?;
    let mut check = Check {
        program: &program,
        bound: Vec::new(),
        in_macro: false,
        uses: Uses::default(),
        patterns: Patterns::default(),
        joins: 0,
        compared: Vec::new(),
    };
    let mut expression = program.expression().clone();
    check.expression(&mut expression, 1)?;
    let Check {
        uses,
        patterns,
        compared,
        ..
    } = check;
    if work::steps(&expression, &Variables::default()) > MAX_STEPS {
        return Err(ConditionError::new("too much work, whatever it looks at"));
    }
    let loaded = Loaded {
        text: text.to_owned(),
        expression,
        uses,
        patterns,
    };
    Ok((loaded, compared))
}

fn too_deep() -> ConditionError {
    ConditionError::new(format!("the condition nests deeper than {MAX_DEPTH} levels"))
}

fn unreadable(text: &str, errors: &ParseErrors) -> ConditionError {
    let Some(first) = errors.errors.first() else {
        return ConditionError::new("the condition cannot be read");
    };
    let sentence = first.msg.lines().next().unwrap_or("it cannot be read");
    let mut error = ConditionError::new(format!("not a CEL expression: {sentence}"));
    let (line, column) = first.pos;
    if let (Ok(line), Ok(column)) = (usize::try_from(line - 1), usize::try_from(column - 1)) {
        let before = text.split_inclusive('\n').take(line).map(str::len).sum::<usize>();
        error.at = Some((before + column).min(text.len()));
    }
    error
}

/// One walk over the tree: refuses, notes what is used, and puts the read pattern in the place of each `matches`.
struct Check<'a> {
    program: &'a Program,
    bound: Vec<String>,
    in_macro: bool,
    uses: Uses,
    patterns: Patterns,
    joins: usize,
    compared: Vec<(String, String)>,
}

impl Check<'_> {
    fn refused(&self, id: u64, message: impl Into<String>) -> ConditionError {
        let at = self.program.source_info().offset_for(id);
        ConditionError {
            at: at.and_then(|(start, _)| usize::try_from(start).ok()),
            ..ConditionError::new(message)
        }
    }

    fn expression(&mut self, node: &mut IdedExpr, depth: usize) -> Result<(), ConditionError> {
        if depth > MAX_DEPTH {
            return Err(too_deep());
        }
        if self.reference(node)? {
            return Ok(());
        }
        let id = node.id;
        match &mut node.expr {
            Expr::Literal(_) => Ok(()),
            Expr::Ident(name) => {
                let name = name.clone();
                self.name(id, &name)
            }
            Expr::Select(select) => self.expression(&mut select.operand, depth + 1),
            Expr::Call(call) => self.call(id, call, depth),
            Expr::Comprehension(comprehension) => self.comprehension(id, comprehension, depth),
            Expr::List(list) => list
                .elements
                .iter_mut()
                .try_for_each(|element| self.expression(element, depth + 1)),
            Expr::Map(map) => map
                .entries
                .iter_mut()
                .try_for_each(|entry| match &mut entry.expr {
                    EntryExpr::MapEntry(entry) => {
                        self.expression(&mut entry.key, depth + 1)?;
                        self.expression(&mut entry.value, depth + 1)
                    }
                    EntryExpr::StructField(_) => Err(self.refused(id, "messages cannot be made here")),
                }),
            Expr::Struct(_) => Err(self.refused(id, "messages cannot be made here")),
            Expr::Unspecified => Err(self.refused(id, "the condition cannot be read")),
        }
    }

    /// Whether `node` is a member of one of our variables; notes it when it is one.
    fn reference(&mut self, node: &IdedExpr) -> Result<bool, ConditionError> {
        let Some((variable, member)) = reference(node) else {
            return Ok(false);
        };
        let known = match variable {
            "principal" => &PRINCIPAL_MEMBERS[..],
            "request" => &REQUEST_MEMBERS[..],
            "certificate" => &certificate::MEMBERS[..],
            _ => {
                self.uses.claim(member);
                return Ok(true);
            }
        };
        let Some(known) = known.iter().find(|known| **known == member) else {
            let message = format!("`{variable}` has no member `{member}`");
            let help = format!("its members are {}", known.join(", "));
            return Err(self.refused(node.id, message).help(help));
        };
        self.uses.member(variable, known);
        Ok(true)
    }

    fn name(&mut self, id: u64, name: &str) -> Result<(), ConditionError> {
        match name {
            _ if self.bound.iter().any(|bound| bound == name) || name == "@result" => Ok(()),
            "claims" => {
                self.uses.all_claims();
                Ok(())
            }
            "principal" | "request" | "certificate" => {
                let help = format!("write `{name}.` and one of its members");
                Err(self.refused(id, format!("`{name}` alone is no value")).help(help))
            }
            _ => {
                let help = "the names are principal, claims and request; a text stands in quotes";
                Err(self.refused(id, format!("unknown name `{name}`")).help(help))
            }
        }
    }

    fn call(&mut self, id: u64, call: &mut CallExpr, depth: usize) -> Result<(), ConditionError> {
        let function = call.func_name.as_str();
        if !FUNCTIONS.contains(&function) && !OPERATORS.contains(&function) {
            let help = format!(
                "the functions are {}, and the macros has, all, exists, exists_one, map, filter",
                FUNCTIONS.join(", ")
            );
            return Err(self
                .refused(id, format!("unknown function `{function}`"))
                .help(help));
        }
        if function == "matches" {
            self.pattern(id, call)?;
        }
        let compared =
            compared(call).map_err(|(id, wrong)| self.refused(id, wrong.message).help(wrong.help))?;
        self.compared.extend(compared);
        if call.func_name == operators::ADD && !is_result(call.args.first()) {
            self.joins += 1;
            if self.joins > MAX_JOINS {
                return Err(self.refused(id, format!("more than {MAX_JOINS} additions")));
            }
        }
        if let Some(target) = &mut call.target {
            self.expression(target, depth + 1)?;
        }
        call.args
            .iter_mut()
            .try_for_each(|argument| self.expression(argument, depth + 1))
    }

    /// `text.matches('pattern')` and `matches(text, 'pattern')` become a call of our own with the pattern's number.
    fn pattern(&mut self, id: u64, call: &mut CallExpr) -> Result<(), ConditionError> {
        let text = match (call.target.take(), call.args.len()) {
            (Some(target), 1) => Some(*target),
            (None, 2) => Some(call.args.remove(0)),
            (Some(_) | None, _) => None,
        };
        let (Some(text), Some(pattern)) = (text, call.args.pop()) else {
            return Err(self.refused(id, "`matches` takes a text and a pattern"));
        };
        let Expr::Literal(LiteralValue::String(literal)) = &pattern.expr else {
            let help = "write the pattern itself, in quotes";
            return Err(self
                .refused(pattern.id, "the pattern of `matches` is not a constant")
                .help(help));
        };
        let number = self
            .patterns
            .add(literal.inner())
            .map_err(|message| self.refused(pattern.id, message))?;
        let number = IdedExpr {
            id: pattern.id,
            expr: Expr::Literal(LiteralValue::Int(number.into())),
        };
        *call = CallExpr {
            func_name: "@matches".to_owned(),
            target: None,
            args: vec![text, number],
        };
        Ok(())
    }

    fn comprehension(
        &mut self,
        id: u64,
        comprehension: &mut ComprehensionExpr,
        depth: usize,
    ) -> Result<(), ConditionError> {
        if self.in_macro {
            let help = "list macros (all, exists, exists_one, map, filter) do not stand in each other";
            return Err(self.refused(id, "a list macro inside another").help(help));
        }
        let variable = comprehension.iter_var.clone();
        if VARIABLES.contains(&variable.as_str()) {
            return Err(self.refused(id, format!("`{variable}` is taken: name the element otherwise")));
        }
        self.expression(&mut comprehension.iter_range, depth + 1)?;
        self.expression(&mut comprehension.accu_init, depth + 1)?;
        self.in_macro = true;
        self.bound.push(variable);
        self.expression(&mut comprehension.loop_cond, depth + 1)?;
        self.expression(&mut comprehension.loop_step, depth + 1)?;
        self.bound.pop();
        self.in_macro = false;
        self.expression(&mut comprehension.result, depth + 1)
    }
}

fn is_result(node: Option<&IdedExpr>) -> bool {
    node.is_some_and(|node| matches!(&node.expr, Expr::Ident(name) if name == "@result"))
}
