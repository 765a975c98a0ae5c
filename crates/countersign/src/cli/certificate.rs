//! `countersign certificate`: certificates judged by the very code of the gateway, and looked into.

use crate::config::Environment;
use crate::output::Output;
use clap::Subcommand;
use std::process::ExitCode;

mod answer;
mod files;
mod inspect;
mod judge;
mod shown;
mod verify;

/// What to do with certificates.
#[derive(Debug, Subcommand)]
pub(super) enum Certificate {
    /// Judges a client's certificate by the very code of the gateway.
    #[command(after_help = "\
The first line says `accepted` or `refused`, the reason code (docs/reason-codes.md), and whom it
proves or what is wrong; for a refusal also nginx's words. Exits with 1 when it is refused, with 2
when nothing could be judged.

  countersign certificate verify --authorities ca.pem client.pem
  countersign certificate verify --authorities root.pem --authorities issuing.pem client.pem

By a table of a configuration, with its rule for the subject, its groups, denials and lists:

  countersign certificate verify --config countersign.toml --certificate staff client.pem

With revocation lists, each authority of the path needs one in force, the root too:

  countersign certificate verify --authorities ca.pem --crl root.crl --crl issuing.crl client.pem

At another time, and for programs:

  countersign certificate verify --authorities ca.pem --at 2030-01-01T00:00:00Z client.pem
  countersign certificate verify --authorities ca.pem --json < client.pem")]
    Verify(verify::Args),
    /// Shows what is in certificates, and what applications would be told of the first. Nothing is verified.
    #[command(after_help = "\
Anybody can make a certificate: what is shown here is what it says, not what is true. Names that
are not well formed for their kind are told by kind only, as they are left out everywhere.
Exits with 1 when one of them cannot be read.

  countersign certificate inspect client.pem
  countersign certificate inspect --json < chain.pem")]
    Inspect(inspect::Args),
}

/// Does it.
pub(super) fn run(command: &Certificate, environment: &Environment, out: &mut Output) -> ExitCode {
    let done = match command {
        Certificate::Verify(args) => verify::run(args, environment, out),
        Certificate::Inspect(args) => inspect::run(args, environment, out),
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
