//! How much a judgement will take at most, told beforehand from the expression and the sizes of what it looks at.
//!
//! The library cannot be stopped once it works, so every operation has a price, and so has every value it reads,
//! compares or copies. Macros never stand in each other: inside one, all there is beside constants is its element, so
//! prices and sizes there are linear in the element's size, and a whole macro's price follows from how many elements
//! there are and how large they are together.

use super::variables::{TEXT_STEP, Variables, reference};
use cel::common::ast::{
    CallExpr, ComprehensionExpr, EntryExpr, Expr, IdedExpr, LiteralValue, SelectExpr, operators,
};
use std::ops::{Add, AddAssign};

/// What one round of a list macro costs beside its own operations.
const ROUND: i64 = 4;
/// What calling a function costs, beside what the function does.
const CALL: i64 = 3;
/// How much slower than comparing it is to search a text, or to read or write a number.
const SEARCH: i64 = 4;
/// How much slower than comparing it is to search a text for a pattern, whose automaton may be out of the caches.
const MATCH: i64 = 32;
/// The longest a number is written, in steps of text.
const NUMBER: i64 = 6;

/// An upper bound for judging `expression` over `variables`, in steps.
pub(super) fn steps(expression: &IdedExpr, variables: &Variables<'_>) -> usize {
    let scope = Scope {
        variables,
        element: None,
    };
    let value = scope.expression(expression);
    // The variables are made first; the result, should it be more than a bool, is copied.
    let steps = value.price + value.size + Linear::of(variables.total());
    usize::try_from(steps.fixed).unwrap_or(0)
}

/// So much, and so much more for each step of the macro's element, which has at least one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Linear {
    fixed: i64,
    each: i64,
}

impl Linear {
    fn of(fixed: usize) -> Self {
        Self::steps(i64::try_from(fixed).unwrap_or(i64::MAX))
    }

    const fn steps(fixed: i64) -> Self {
        Self { fixed, each: 0 }
    }

    const fn times(self, factor: i64) -> Self {
        Self {
            fixed: self.fixed.saturating_mul(factor),
            each: self.each.saturating_mul(factor),
        }
    }

    /// The larger of two, whatever the element.
    fn or(self, other: Self) -> Self {
        Self {
            fixed: self.fixed.max(other.fixed),
            each: self.each.max(other.each),
        }
    }

    /// One of two bounds, where both hold.
    const fn and(self, other: Self) -> Self {
        let own = self.each < other.each || (self.each == other.each && self.fixed < other.fixed);
        if own { self } else { other }
    }

    /// At most `rounds` rounds together, over elements of at most `size` together.
    fn over(self, rounds: Self, size: Self) -> Self {
        let fixed = self.fixed.max(0).saturating_mul(rounds.fixed);
        Self::steps(fixed.saturating_add(self.each.saturating_mul(size.fixed)))
    }
}

impl Add for Linear {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            fixed: self.fixed.saturating_add(other.fixed),
            each: self.each.saturating_add(other.each),
        }
    }
}

impl AddAssign for Linear {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

/// What an expression costs, and what it results in at most.
#[derive(Clone, Copy, Debug)]
struct Estimate {
    price: Linear,
    /// How many values the result holds, itself included; text counts by its length.
    size: Linear,
    /// How many elements it has, should it be a list or map.
    length: Linear,
}

impl Estimate {
    /// A plain value.
    const fn plain(price: Linear) -> Self {
        Self::part(price, Linear::steps(1))
    }

    /// A value of which no more is known than its size.
    const fn part(price: Linear, size: Linear) -> Self {
        Self {
            price,
            size,
            length: size,
        }
    }
}

const fn text(bytes: usize) -> usize {
    1 + bytes / TEXT_STEP
}

/// What names stand for.
#[derive(Clone, Copy)]
struct Scope<'a> {
    variables: &'a Variables<'a>,
    /// The name of the macro's element.
    element: Option<&'a str>,
}

impl<'a> Scope<'a> {
    fn expression(self, node: &'a IdedExpr) -> Estimate {
        if let Some((variable, member)) = reference(node) {
            let extent = self.variables.extent(variable, member);
            return Estimate {
                price: Linear::of(2 * text(member.len())),
                size: Linear::of(extent.size),
                length: Linear::of(extent.length),
            };
        }
        match &node.expr {
            Expr::Literal(LiteralValue::String(literal)) => {
                Estimate::part(Linear::steps(1), Linear::of(text(literal.inner().len())))
            }
            Expr::Ident(name) => self.name(name),
            Expr::Select(select) => self.select(select),
            Expr::Call(call) => self.call(call),
            Expr::Comprehension(comprehension) => self.comprehension(comprehension),
            Expr::List(list) => self.collection(list.elements.iter(), list.elements.len()),
            Expr::Map(map) => {
                let pairs = map.entries.iter().filter_map(|entry| match &entry.expr {
                    EntryExpr::MapEntry(entry) => Some([&entry.key, &entry.value]),
                    EntryExpr::StructField(_) => None,
                });
                self.collection(pairs.flatten(), map.entries.len())
            }
            Expr::Literal(_) | Expr::Struct(_) | Expr::Unspecified => Estimate::plain(Linear::steps(1)),
        }
    }

    fn name(self, name: &str) -> Estimate {
        let price = Linear::of(text(name.len()));
        if self.element == Some(name) {
            return Estimate::part(price, Linear { fixed: 0, each: 1 });
        }
        if name == "claims" {
            return Estimate::part(price, Linear::of(self.variables.extent("claims", "").size));
        }
        Estimate::plain(price)
    }

    /// A member of a value. The library looks each beginning of `a.b.c` up as a name of its own.
    fn select(self, select: &'a SelectExpr) -> Estimate {
        let operand = self.expression(&select.operand);
        let names = path_bytes(&select.operand) + select.field.len();
        Estimate::part(operand.price + Linear::of(2 * text(names)), operand.size)
    }

    /// A list or map written out: what is in it is copied.
    fn collection(self, values: impl Iterator<Item = &'a IdedExpr>, length: usize) -> Estimate {
        let (mut price, mut size) = (Linear::steps(1), Linear::steps(1));
        for value in values.map(|value| self.expression(value)) {
            price += value.price + value.size;
            size += value.size;
        }
        Estimate {
            price,
            size,
            length: Linear::of(length),
        }
    }

    fn call(self, call: &'a CallExpr) -> Estimate {
        let mut arguments = call.target.as_deref().into_iter().chain(&call.args);
        let nothing = Estimate::part(Linear::default(), Linear::default());
        let mut next = || {
            arguments
                .next()
                .map_or(nothing, |argument| self.expression(argument))
        };
        let (first, second, third) = (next(), next(), next());
        let price = first.price + second.price + third.price + Linear::steps(1);
        let both = first.size + second.size;
        let called = price + Linear::steps(CALL);
        match call.func_name.as_str() {
            operators::CONDITIONAL => Estimate {
                price,
                size: second.size.or(third.size),
                length: second.length.or(third.length),
            },
            operators::ADD => Estimate {
                price: price + both,
                size: both,
                length: first.length + second.length,
            },
            operators::IN => Estimate::plain(price + both),
            // An element of a value that was just made is copied out of it.
            operators::INDEX if path_bytes_of(call.args.first()) == 0 => {
                Estimate::part(price + first.size, first.size)
            }
            operators::INDEX => Estimate::part(price, first.size),
            operators::EQUALS | operators::NOT_EQUALS => Estimate::plain(price + first.size.and(second.size)),
            // The library prepares the error it might have to tell.
            operators::LESS | operators::LESS_EQUALS | operators::GREATER | operators::GREATER_EQUALS => {
                Estimate::plain(price + first.size.and(second.size) + Linear::steps(2))
            }
            operators::LOGICAL_NOT | operators::NEGATE => Estimate::plain(price + Linear::steps(1)),
            "contains" => Estimate::plain(called + both.times(SEARCH)),
            // A text of less than a step costs nothing beyond the call.
            "@matches" => Estimate::plain(called + (first.size + Linear::steps(-1)).times(MATCH)),
            "int" | "uint" | "double" => Estimate::plain(called + first.size.times(SEARCH)),
            "string" => Estimate::part(
                called + first.size.times(SEARCH),
                first.size + Linear::steps(NUMBER),
            ),
            "size" | "startsWith" | "endsWith" => Estimate::plain(called + both),
            _ => Estimate::plain(price),
        }
    }

    /// A list macro.
    fn comprehension(self, comprehension: &'a ComprehensionExpr) -> Estimate {
        let range = self.expression(&comprehension.iter_range);
        let within = Scope {
            element: Some(&comprehension.iter_var),
            ..self
        };
        let condition = within.expression(&comprehension.loop_cond);
        let step = within.expression(&comprehension.loop_step);
        // The element is copied, and named.
        let own = Linear {
            each: 1,
            ..Linear::of(text(comprehension.iter_var.len())).times(ROUND)
        };
        let price = (condition.price + step.price + own).over(range.length, range.size);
        let price = range.price + price;
        if !matches!(comprehension.accu_init.expr, Expr::List(_)) {
            return Estimate::plain(price);
        }
        Estimate {
            price,
            size: step.size.over(range.length, range.size) + Linear::steps(1),
            length: range.length,
        }
    }
}

/// How long `a.b.c` is; 0 for what is no such path.
fn path_bytes(node: &IdedExpr) -> usize {
    match &node.expr {
        Expr::Ident(name) => name.len(),
        Expr::Select(select) => path_bytes(&select.operand) + select.field.len(),
        Expr::Unspecified
        | Expr::Call(_)
        | Expr::Comprehension(_)
        | Expr::List(_)
        | Expr::Literal(_)
        | Expr::Map(_)
        | Expr::Struct(_) => 0,
    }
}

fn path_bytes_of(node: Option<&IdedExpr>) -> usize {
    node.map_or(0, path_bytes)
}
