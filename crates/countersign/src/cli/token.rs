//! `countersign token`: test tokens made, looked into, and judged by the very code of the gateway.

use crate::config::Environment;
use crate::output::Output;
use clap::Subcommand;
use std::process::ExitCode;

mod inspect;
mod mint;
mod verify;

/// What to do with tokens.
#[derive(Debug, Subcommand)]
pub(super) enum Token {
    /// Makes a test token.
    #[command(
        after_help = "countersign token mint --issuer https://op.test --audience api --keys jwks.json\n\
                            countersign token mint --config countersign.toml --token services"
    )]
    Mint(mint::Args),
    /// Shows what is in a token. Nothing is verified.
    #[command(after_help = "countersign token inspect eyJhbGciOi…")]
    Inspect(inspect::Args),
    /// Judges tokens by the very code of the gateway; exits with 1 when one is refused.
    #[command(
        after_help = "countersign token verify --config countersign.toml eyJhbGciOi…\n\
                            countersign token verify --jwk jwks.json --issuer https://op.test --audience api < tokens.txt\n\
                            countersign token verify --jwk key.pem --signature-only eyJhbGciOi…"
    )]
    Verify(verify::Args),
}

/// Does it.
pub(super) fn run(command: &Token, environment: &Environment, out: &mut Output) -> ExitCode {
    let done = match command {
        Token::Mint(args) => mint::run(args, environment, out).map(|()| true),
        Token::Inspect(args) => inspect::run(args, out).map(|()| true),
        Token::Verify(args) => verify::run(args, environment, out),
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(why) => {
            out.error_line(&format!("countersign cannot go on: {why}"));
            ExitCode::from(2)
        }
    }
}
