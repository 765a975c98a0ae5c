//! `countersign token`: test tokens made, looked into, and judged by the very code of the gateway.

use crate::config::Environment;
use crate::output::Output;
use clap::Subcommand;
use std::process::ExitCode;

mod get;
mod inspect;
pub(super) mod instant;
pub(super) mod judge;
mod mint;
pub(super) mod shown;
mod tokens;
mod verify;

/// What to do with tokens.
#[derive(Debug, Subcommand)]
pub(super) enum Token {
    /// Gets an access token for a site, by a client certificate.
    #[command(after_help = "\
A device or a service proves itself by its certificate at the OpenID Provider of a guarded site, and
gets a token for that site: it goes to standard output, alone. It holds for minutes, and, unless the
provider says otherwise, only for whoever shows the same certificate to the site.

  countersign token get --resource https://app.home.example --cert robot.crt --key robot.key
  curl --cert robot.crt --key robot.key https://app.home.example/reports \\
       -H \"Authorization: Bearer $(countersign token get --resource https://app.home.example --cert robot.crt --key robot.key)\"

Without --issuer the site is asked where it sends people to log in. The same without this program:

  curl --cert robot.crt --key robot.key https://sso.home.example/.countersign/token \\
       -d grant_type=client_credentials -d resource=https://app.home.example

Exits with 1 when the provider gives no token, with 2 when it could not be asked.")]
    Get(get::Args),
    /// Makes a test token.
    #[command(after_help = "\
With a key made on the spot: the token goes to standard output, the public key (a JWK Set) into
the file of --keys or to standard error.

  countersign token mint --issuer https://op.test --audience api --keys jwks.json
  countersign token mint --keys jwks.json --claims '{\"groups\":[\"operators\"]}'
  countersign token mint --keys jwks.json --claims '{\"exp\":1}'        one that has expired
  countersign token mint --algorithm EdDSA --json                     token and keys in one object

With the secret of a configured table: an hour's token that this table accepts.

  countersign token mint --config countersign.toml --token services
  curl -H \"Authorization: Bearer $(countersign token mint --token services)\" …")]
    Mint(mint::Args),
    /// Shows what is in a token. Nothing is verified.
    #[command(after_help = "\
Anybody can write a token: what is shown here is what it says, not what is true.
Exits with 1 when something is no token at all.

  countersign token inspect eyJhbGciOi…
  countersign token inspect --json < tokens.txt                       one object a line")]
    Inspect(inspect::Args),
    /// Judges tokens by the very code of the gateway.
    #[command(after_help = "\
Each token gets one line: `accepted` or `refused`, and the reason code (docs/reason-codes.md).
Exits with 1 when one is refused, with 2 when nothing could be judged.

By a configuration, as a route does that accepts all its tables, or one. Keys that are the
issuer's are fetched from the issuer.

  countersign token verify --config countersign.toml eyJhbGciOi…
  countersign token verify --config countersign.toml --token services < tokens.txt

By a key, without a configuration: the whole check, or the signature alone.

  countersign token verify --jwk jwks.json --issuer https://op.test --audience api eyJhbGciOi…
  countersign token verify --jwk key.pem --signature-only eyJhbGciOi…

At another time, and for programs:

  countersign token verify --at 2030-01-01T00:00:00Z --json eyJhbGciOi…")]
    Verify(verify::Args),
}

/// Does it.
pub(super) fn run(command: &Token, environment: &Environment, out: &mut Output) -> ExitCode {
    let done = match command {
        Token::Get(args) => get::run(args, environment, out),
        Token::Mint(args) => mint::run(args, environment, out).map(|()| true),
        Token::Inspect(args) => inspect::run(args, out),
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
