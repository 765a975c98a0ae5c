//! Who judges tokens: Countersign, libraries in processes of their own, proxies.

use super::Case;
use crate::bench::servers::Bench;
use crate::gateway::program;
use crate::tokens::ISSUER;
use crate::{Failure, http, repository, tools};
use serde_json::{Value, json};
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

/// The audience of every token that is let in.
pub(crate) const AUDIENCE: &str = "api";
/// Ports of loopback for the proxies.
const HAPROXY: u16 = 18_121;
const ENVOY: u16 = 18_122;

/// What somebody said of a token: whether it holds, and why not.
#[derive(Clone, Debug)]
pub(crate) struct Said {
    pub(crate) accepted: bool,
    pub(crate) why: String,
}

/// A library in another language.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Library {
    PyJwt,
    Joserfc,
    Jose,
}

impl Library {
    pub(crate) const ALL: [Self; 3] = [Self::PyJwt, Self::Joserfc, Self::Jose];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::PyJwt => "PyJWT",
            Self::Joserfc => "joserfc",
            Self::Jose => "jose",
        }
    }

    fn command(self) -> Command {
        let scripts = repository().join("xtask/interop");
        match self {
            Self::PyJwt | Self::Joserfc => {
                let mut command = Command::new(tools::python());
                command.arg(scripts.join("peers.py")).arg(self.name());
                command
            }
            Self::Jose => {
                let (node, folder) = tools::node();
                let mut command = Command::new(node);
                command.arg(scripts.join("peer.mjs")).arg(folder);
                command
            }
        }
    }

    /// Tokens of `claims` in every algorithm it knows: the algorithm, its public key, the token.
    pub(crate) fn make(self, claims: &Value) -> Result<Vec<Value>, Failure> {
        let input = json!({ "claims": claims }).to_string() + "\n";
        objects(self.command().arg("make"), &input)
    }

    /// Judges each token by its keys.
    pub(crate) fn judge(self, tokens: &[(&str, &Value)]) -> Result<Vec<Said>, Failure> {
        let cases = tokens.iter().map(|(token, jwks)| {
            let case = json!({
                "name": "", "token": token, "jwks": jwks, "issuer": ISSUER, "audience": AUDIENCE
            });
            case.to_string() + "\n"
        });
        let input = cases.collect::<String>();
        let verdicts = objects(self.command().arg("judge"), &input)?;
        let said = verdicts.iter().map(|verdict| Said {
            accepted: verdict.get("accepted") == Some(&Value::Bool(true)),
            why: text(verdict, "why").to_owned(),
        });
        Ok(said.collect())
    }
}

/// A text member of an object.
pub(crate) fn text<'v>(value: &'v Value, member: &str) -> &'v str {
    value.get(member).and_then(Value::as_str).unwrap_or_default()
}

/// Runs a program that writes one JSON object a line.
fn objects(command: &mut Command, input: &str) -> Result<Vec<Value>, Failure> {
    let output = piped(command, input)?;
    let lines = output.lines().map(serde_json::from_str::<Value>);
    Ok(lines.collect::<Result<_, _>>()?)
}

/// What a program writes when it is given `input`.
fn piped(command: &mut Command, input: &str) -> Result<String, Failure> {
    let name = command.get_program().to_string_lossy().into_owned();
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|error| format!("{name}: {error}"))?;
    let mut writer = child.stdin.take().ok_or("no standard input")?;
    let input = input.to_owned();
    let writing = std::thread::spawn(move || writer.write_all(input.as_bytes()));
    let output = child.wait_with_output()?;
    // A refusal of everything is an answer; whoever does not answer at all has no lines.
    drop(writing.join());
    if output.stdout.is_empty() {
        return Err(format!("{name} says nothing: {}", output.status).into());
    }
    Ok(String::from_utf8(output.stdout)?)
}

/// Countersign's verdicts by a JWK or JWK Set: the very path of the gateway.
pub(crate) fn countersign(folder: &Path, keys: &Value, tokens: &[&str]) -> Result<Vec<Said>, Failure> {
    let file = folder.join("keys.json");
    std::fs::write(&file, keys.to_string())?;
    let mut command = Command::new(program());
    command.args([
        "token",
        "verify",
        "--json",
        "--issuer",
        ISSUER,
        "--audience",
        AUDIENCE,
        "--jwk",
    ]);
    let verdicts = objects(command.arg(&file), &(tokens.join("\n") + "\n"))?;
    if verdicts.len() != tokens.len() {
        return Err(format!("{} verdicts for {} tokens", verdicts.len(), tokens.len()).into());
    }
    let said = verdicts.iter().map(|verdict| Said {
        accepted: text(verdict, "verdict") == "accepted",
        why: text(verdict, "reason").to_owned(),
    });
    Ok(said.collect())
}

/// A token that Countersign makes, and its key.
pub(crate) fn mint(algorithm: &str) -> Result<(String, Value), Failure> {
    let mut command = Command::new(program());
    command.args(["token", "mint", "--json", "--algorithm", algorithm]);
    command.args(["--issuer", ISSUER, "--audience", AUDIENCE]);
    let output = piped(&mut command, "")?;
    let minted = serde_json::from_str::<Value>(&output)?;
    let keys = minted.get("jwks").cloned().ok_or("no keys")?;
    Ok((text(&minted, "token").to_owned(), keys))
}

/// HAProxy's and Envoy's answers to each token, as the bearer of a request.
pub(crate) fn proxies(
    bench: &Bench,
    jwks: &Value,
    pems: &[(&str, String)],
    cases: &[Case],
) -> Result<[(&'static str, Vec<Said>); 2], Failure> {
    let _haproxy = bench.haproxy("interop-haproxy", HAPROXY, pems)?;
    let _envoy = bench.envoy("interop-envoy", ENVOY, &jwks.to_string())?;
    let ask = |port: u16| {
        let said = cases.iter().map(|case| {
            let head = format!(
                "GET / HTTP/1.1\r\nHost: app.test\r\nAuthorization: Bearer {}\r\nConnection: close\r\n\r\n",
                case.token
            );
            let answer = http::ask(port, &head)?;
            Ok(Said {
                accepted: answer.status == 200,
                why: format!("{} {}", answer.status, answer.text().trim()),
            })
        });
        said.collect::<Result<Vec<_>, Failure>>()
    };
    Ok([("Envoy", ask(ENVOY)?), ("HAProxy", ask(HAPROXY)?)])
}
