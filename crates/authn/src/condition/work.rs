//! How much a judgement will take, told beforehand from the expression's shape and the sizes of what it looks at.

use super::variables::Variables;

/// What one round of a list macro costs beside its own operations.
const ROUND: usize = 4;
/// What starting a search with a pattern costs.
const SEARCH: usize = 4;

/// The shape of an expression, as far as it matters for the work.
#[derive(Debug, Default)]
pub(super) struct Work {
    outside: Part,
    macros: Vec<Part>,
    /// The longest list or map written in the expression itself.
    literal: usize,
    /// Additions: each can join two lists.
    joins: usize,
}

/// One stretch of the expression: its operations, and the members it looks at, each as often as it does.
#[derive(Debug, Default)]
struct Part {
    nodes: usize,
    references: Vec<(&'static str, Box<str>)>,
}

impl Part {
    /// A member counts as all the values in it: `in`, `==` and the like may visit each.
    fn steps(&self, variables: &Variables<'_>) -> usize {
        let looked_at = self
            .references
            .iter()
            .map(|(variable, member)| variables.size(variable, member));
        self.nodes + looked_at.sum::<usize>()
    }
}

impl Work {
    pub(super) fn node(&mut self, in_macro: bool) {
        self.part(in_macro).nodes += 1;
    }

    pub(super) fn reference(&mut self, in_macro: bool, variable: &'static str, member: &str) {
        self.part(in_macro).references.push((variable, member.into()));
    }

    /// A list or map written out: each of its values is made anew whenever it is met, which counts twice.
    pub(super) fn list(&mut self, in_macro: bool, length: usize) {
        self.literal = self.literal.max(length);
        self.part(in_macro).nodes += length;
    }

    pub(super) fn search(&mut self, in_macro: bool) {
        self.part(in_macro).nodes += SEARCH;
    }

    pub(super) const fn join(&mut self) {
        self.joins += 1;
    }

    pub(super) fn open_macro(&mut self) {
        self.macros.push(Part::default());
    }

    /// An upper bound for `variables`, in steps.
    pub(super) fn steps(&self, variables: &Variables<'_>) -> usize {
        let longest = variables.longest().max(self.literal) * (1 + self.joins);
        let rounds = self
            .macros
            .iter()
            .map(|part| (part.steps(variables) + ROUND).saturating_mul(longest));
        rounds.fold(self.outside.steps(variables), usize::saturating_add)
    }

    fn part(&mut self, in_macro: bool) -> &mut Part {
        match self.macros.last_mut() {
            Some(part) if in_macro => part,
            Some(_) | None => &mut self.outside,
        }
    }
}
