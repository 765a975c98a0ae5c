//! What judging costs inside the process, in CPU time. `cargo xtask bench decision` runs it and reads what it prints: a
//! line for each round or rule, its fields parted by tabs.
//!
//!   cargo bench -p countersign-authn --bench decision -- tokens ROUNDS
//!   cargo bench -p countersign-authn --bench decision -- rules ROUNDS

#![expect(clippy::print_stdout, reason = "a measurement prints its figures")]
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a measurement that cannot go on ends"
)]

#[path = "decision/clock.rs"]
mod clock;
#[path = "decision/rules.rs"]
mod rules;
#[path = "decision/tokens.rs"]
mod tokens;
#[path = "decision/worst.rs"]
mod worst;

fn main() {
    let arguments = std::env::args().skip(1).collect::<Vec<_>>();
    if !arguments.iter().any(|argument| argument == "--bench") {
        return; // `cargo test --benches` only wants to know that it builds
    }
    let words = arguments.iter().map(String::as_str);
    let words = words.filter(|word| *word != "--bench").collect::<Vec<_>>();
    match words.as_slice() {
        ["tokens", rounds] => tokens::measure(rounds.parse().unwrap()),
        ["rules", rounds] => rules::measure(rounds.parse().unwrap()),
        _ => panic!("tokens ROUNDS, or rules ROUNDS"),
    }
}
