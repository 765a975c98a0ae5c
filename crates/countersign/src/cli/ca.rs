//! `countersign ca`: a certificate authority in a folder.

use crate::config::Environment;
use crate::output::Output;
use clap::Subcommand;
use countersign_core::time::{Clock as _, Timestamp};
use countersign_edge::system::SystemClock;
use std::path::PathBuf;
use std::process::ExitCode;

mod export;
mod folder;
mod init;
mod issue;
mod list;
mod lists;
mod others;
mod passphrase;
mod quickstart;
mod renew;
mod revoke;
mod show;
mod sign;
mod written;

use super::token::shown::harmless;

/// What stands below the commands.
pub(super) const HELP: &str = "\
An authority is a folder: a root that others trust, an intermediate that signs, and an index of
all that was issued. Whoever can read its *.key files can be anybody: keep the folder to
yourself, or give the keys a passphrase. docs/certificates.md is five minutes with it.

  countersign ca quickstart                          all at once, and how to try it
  countersign ca init
  countersign ca issue server app.example 10.0.0.7
  countersign ca issue client ann@example.org
  countersign ca list";

/// What to do with an authority.
#[derive(Debug, Subcommand)]
pub(super) enum Ca {
    /// Makes all at once: an authority, a server's certificate, a client's with its PKCS#12, and tells how to try them.
    #[command(after_help = "\
For a first look, on this machine. It is an authority like that of `init`: everything else
goes on from there.

  countersign ca quickstart
  countersign ca quickstart --server app.example --server 10.0.0.7 --client ann@example.org")]
    Quickstart(quickstart::Args),
    /// Makes an authority: a root and an intermediate.
    #[command(after_help = "\
Written into the folder, which only its owner can enter, and never over another authority:

  root.crt, intermediate.crt       the certificates; root.crt is what others trust
  root.key, intermediate.key       their keys, readable by their owner alone
  authorities.pem                  both certificates, for servers that judge clients
  crls.pem                         both revocation lists, for the same
  root.crl, intermediate.crl       the lists one by one
  index.json                       all that was issued

root.key is needed again only to renew the intermediate, to revoke it, and for the root's own
revocation list: it may be moved to another place meanwhile.

  countersign ca init
  countersign ca init --folder /etc/countersign/ca --name \"Example Org\"
  countersign ca init --passphrase                   asks for one, twice
  countersign ca init --passphrase-file ./passphrase")]
    Init(init::Args),
    /// Issues certificates with new keys.
    #[command(subcommand)]
    Issue(issue::Issue),
    /// Signs somebody else's request (CSR), for names that are confirmed one by one.
    #[command(after_help = "\
Of a request only the key and the names are taken, and each name must be confirmed with --name;
without, it is told what is asked for. What asks to be an authority is refused.

  countersign ca sign server ./app.csr
  countersign ca sign server ./app.csr --name app.example --name 10.0.0.7
  countersign ca sign client ./ann.csr --name ann@example.org --days 30")]
    Sign(sign::Args),
    /// Makes certificates hold again, under the same names.
    #[command(after_help = "\
Files are replaced in their places; tell the server that uses them to read them again. The
certificate before holds until its end, unless it is revoked. `renew intermediate` needs root.key.

  countersign ca renew app.example
  countersign ca renew --due 30                      for a timer: what has fewer days left
  countersign ca renew app.example --keep-key --days 30
  countersign ca renew intermediate")]
    Renew(renew::Args),
    /// Calls certificates back, and writes the new revocation list.
    #[command(after_help = "\
Give crls.pem to whoever judges certificates of this authority, and have it read again.

  countersign ca revoke ann@example.org
  countersign ca revoke 6F1118D50A2E6CD70098A22E8EB3A64D --reason superseded
  countersign ca revoke ca/issued/app.example.crt --reason key-compromise
  countersign ca revoke intermediate --reason ca-compromise")]
    Revoke(revoke::Args),
    /// Makes new revocation lists, before the last ones are out of date.
    #[command(after_help = "\
Written: intermediate.crl, root.crl where root.key is at hand, and crls.pem with both. `init` and
`revoke` write them, too.

  countersign ca crl                                 for a timer, once a week
  countersign ca crl --of root --days 365")]
    Crl(lists::Args),
    /// Lists what was issued, and how long it holds.
    #[command(after_help = "\
What has ended or was revoked is listed with --all.

  countersign ca list
  countersign ca list --all --json")]
    List(list::Args),
    /// Shows what is in a certificate file, of this authority or of any other.
    #[command(after_help = "\
  countersign ca show ca/issued/app.example.crt
  countersign ca show /etc/ssl/certs/server.pem --json")]
    Show(show::Args),
    /// Puts a certificate, its key and the authorities into one file, for browsers and phones.
    #[command(after_help = "\
NAME.p12 is written beside the certificate. Its password is made at random and shown once.

  countersign ca export ann@example.org --pkcs12
  countersign ca export ann@example.org --pkcs12 --legacy --output ./phone.p12")]
    Export(export::Args),
}

/// Where the authority is.
#[derive(Debug, clap::Args)]
struct Place {
    /// The authority's folder.
    #[arg(long, value_name = "FOLDER", default_value = "./ca")]
    folder: PathBuf,
}

/// Does it.
pub(super) fn run(command: &Ca, environment: &Environment, out: &mut Output) -> ExitCode {
    let done = match command {
        Ca::Quickstart(args) => quickstart::run(args, out),
        Ca::Init(args) => init::run(args, environment, out),
        Ca::Issue(command) => issue::run(command, environment, out),
        Ca::Sign(args) => sign::run(args, environment, out),
        Ca::Show(args) => show::run(args, environment, out),
        Ca::Renew(args) => renew::run(args, environment, out),
        Ca::Revoke(args) => revoke::run(args, environment, out),
        Ca::Crl(args) => lists::run(args, environment, out),
        Ca::Export(args) => export::run(args, environment, out),
        Ca::List(args) => list::run(args, environment, out),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            out.error_line(&format!("countersign cannot go on: {}", harmless(&why)));
            ExitCode::FAILURE
        }
    }
}

fn now() -> Timestamp {
    SystemClock::new().now().wall
}

/// A time as programs read it: RFC 3339, to the second.
fn rfc_3339(seconds: i64) -> String {
    let mut text = Timestamp::from_seconds(seconds).to_string();
    text.truncate(19);
    text + "Z"
}

/// A day as people read it.
fn day(seconds: i64) -> String {
    let mut text = Timestamp::from_seconds(seconds).to_string();
    text.truncate(10);
    text
}

/// `1 day`, `7 days`.
fn days(count: i64) -> String {
    let unit = if count == 1 { "day" } else { "days" };
    format!("{count} {unit}")
}

/// As a shell takes it for one word, whatever a stranger wrote.
fn quoted(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._/:@".contains(&byte);
    if !text.is_empty() && text.bytes().all(plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_strangers_name_is_one_word_to_a_shell() {
        assert_eq!(quoted("ann@example.org"), "ann@example.org");
        assert_eq!(quoted("*.example.org"), "'*.example.org'");
        assert_eq!(quoted("$(reboot); 'x'"), r"'$(reboot); '\''x'\'''");
        assert_eq!(quoted(""), "''");
    }
}
