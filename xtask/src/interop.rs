//! `cargo xtask interop`: tokens of others judged by Countersign, Countersign's judged by others, and one list of tokens,
//! good and bad, judged by everybody. Where somebody disagrees there is an argument, or the chore fails.

use crate::bench::servers::Bench;
use crate::tokens::{ISSUER, Keys, Signed};
use crate::{Failure, cargo, repository, say, target, tools};
use judges::{AUDIENCE, Library, Said, text};
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

mod arguments;
mod cases;
mod judges;
pub(crate) mod login;

/// Every algorithm that Countersign knows, by the names it mints.
const ALGORITHMS: [&str; 13] = [
    "HS256", "HS384", "HS512", "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384",
    "ES512", "EdDSA",
];

/// A token that everybody judges, and what Countersign has to say.
struct Case {
    name: String,
    token: String,
    accepted: bool,
}

/// The whole chore.
pub(crate) fn run() -> Result<(), Failure> {
    tools::for_interop()?;
    cargo(&["build", "--release", "-p", "countersign"])?;
    let folder = target().join("interop");
    drop(std::fs::remove_dir_all(&folder));
    std::fs::create_dir_all(&folder)?;
    let mut faults = Vec::new();
    let made = theirs(&folder, &mut faults)?;
    ours(&mut faults)?;
    let bench = Bench {
        folder,
        keys: Keys::generate()?,
        envoy: repository().join(".tools/bin/envoy"),
    };
    everybody(&bench, &made, &mut faults)?;
    if faults.is_empty() {
        return Ok(());
    }
    Err(format!("not agreed on:\n{}", faults.join("\n")).into())
}

fn mark(said: &Said) -> String {
    if said.accepted {
        "accepted".to_owned()
    } else {
        let why = said.why.lines().next().unwrap_or_default().replace('|', "/");
        format!("refused: {}", why.chars().take(60).collect::<String>())
    }
}

/// Tokens that the libraries make: each is accepted by its key.
fn theirs(folder: &Path, faults: &mut Vec<String>) -> Result<Vec<Value>, Failure> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
    let claims = json!({ "iss": ISSUER, "sub": "ann", "aud": AUDIENCE, "iat": now, "exp": now + 600 });
    let mut all = Vec::new();
    say("\n### Tokens of others, judged by Countersign\n");
    say("| made by | algorithm | Countersign |");
    say("|---|---|---|");
    for library in Library::ALL {
        let made = library.make(&claims)?;
        for one in &made {
            let (algorithm, key) = (text(one, "algorithm"), one.get("jwk").unwrap_or(&Value::Null));
            let said = judges::countersign(folder, key, &[text(one, "token")])?;
            for said in said {
                say(&format!("| {} | {algorithm} | {} |", library.name(), mark(&said)));
                if !said.accepted {
                    faults.push(format!("{}, {algorithm}: {}", library.name(), mark(&said)));
                }
            }
        }
        for algorithm in ALGORITHMS {
            if !made.iter().any(|one| text(one, "algorithm") == algorithm) {
                faults.push(format!("{} made no {algorithm} token", library.name()));
            }
        }
        all.extend(made);
    }
    Ok(all)
}

/// Tokens that Countersign makes: each is accepted by every library.
fn ours(faults: &mut Vec<String>) -> Result<(), Failure> {
    let minted = ALGORITHMS.map(judges::mint);
    let minted = minted.into_iter().collect::<Result<Vec<_>, _>>()?;
    let tokens = minted.iter().map(|(token, keys)| (token.as_str(), keys));
    let tokens = tokens.collect::<Vec<_>>();
    let judged = Library::ALL.map(|library| library.judge(&tokens));
    let judged = judged.into_iter().collect::<Result<Vec<_>, _>>()?;
    say("\n### Tokens of `countersign token mint`, judged by others\n");
    say(&format!(
        "| algorithm | {} |",
        Library::ALL.map(Library::name).join(" | ")
    ));
    say("|---|---|---|---|");
    for (index, algorithm) in ALGORITHMS.into_iter().enumerate() {
        let mut row = format!("| {algorithm} |");
        for (library, said) in Library::ALL.into_iter().zip(&judged) {
            let said = said.get(index).ok_or("a token was not judged")?;
            write!(row, " {} |", mark(said))?;
            if !said.accepted {
                faults.push(format!(
                    "our {algorithm} token, {}: {}",
                    library.name(),
                    mark(said)
                ));
            }
        }
        say(&row);
    }
    Ok(())
}

/// One list of tokens, put to everybody under one set of keys.
fn everybody(bench: &Bench, made: &[Value], faults: &mut Vec<String>) -> Result<(), Failure> {
    let mut jwks = serde_json::from_str::<Value>(&bench.keys.jwk_set()?)?;
    let mut pems = vec![
        ("RS256", bench.keys.pem(Signed::Rs256)?),
        ("ES256", bench.keys.pem(Signed::Es256)?),
    ];
    let mut cases = cases::all(&bench.keys)?;
    // Public keys of one library for the algorithms that are left.
    for one in made
        .iter()
        .filter(|one| text(one.get("jwk").unwrap_or(one), "kid").starts_with("PyJWT-"))
    {
        let algorithm = text(one, "algorithm");
        let (Some(jwk), Some(pem)) = (one.get("jwk"), one.get("pem").and_then(Value::as_str)) else {
            continue;
        };
        if pems.iter().any(|(known, _)| *known == algorithm) {
            continue;
        }
        pems.push((algorithm, pem.to_owned()));
        if let Some(keys) = jwks.get_mut("keys").and_then(Value::as_array_mut) {
            keys.push(jwk.clone());
        }
        cases.push(Case {
            name: format!("good, {algorithm}"),
            token: text(one, "token").to_owned(),
            accepted: true,
        });
    }
    let tokens = cases.iter().map(|case| case.token.as_str()).collect::<Vec<_>>();
    let own = judges::countersign(&bench.folder, &jwks, &tokens)?;
    let mut others = Vec::from(judges::proxies(bench, &jwks, &pems, &cases)?);
    let tokens = tokens.into_iter().map(|token| (token, &jwks)).collect::<Vec<_>>();
    for library in Library::ALL {
        others.push((library.name(), library.judge(&tokens)?));
    }
    compare(&cases, &own, &others, faults)
}

fn compare(
    cases: &[Case],
    own: &[Said],
    others: &[(&str, Vec<Said>)],
    faults: &mut Vec<String>,
) -> Result<(), Failure> {
    let names = others
        .iter()
        .map(|(name, _)| *name)
        .collect::<Vec<_>>()
        .join(" | ");
    say("\n### One list of tokens, judged by everybody\n");
    say(&format!(
        "`=`: as Countersign. A number: another verdict, argued below.\n\n| token | Countersign | {names} |"
    ));
    say(&format!("|---|---{}|", "|---".repeat(others.len())));
    for token in arguments::tokens() {
        if !cases.iter().any(|case| case.name == token) {
            faults.push(format!("{token}: argued about, and not on the list"));
        }
    }
    let mut notes: Vec<&str> = Vec::new();
    let (mut agreed, mut argued) = (0, 0);
    for (index, case) in cases.iter().enumerate() {
        let own = own.get(index).ok_or("a token was not judged")?;
        if own.accepted != case.accepted {
            faults.push(format!("{}: Countersign: {}", case.name, mark(own)));
        }
        let mut row = format!("| {} | {} |", case.name, mark(own));
        for (peer, said) in others {
            let said = said.get(index).ok_or("a token was not judged")?;
            if said.accepted == own.accepted {
                agreed += 1;
                row += " = |";
                continue;
            }
            let Some(argument) = arguments::about(&case.name, peer) else {
                faults.push(format!(
                    "{}: {peer}: {}; Countersign: {}",
                    case.name,
                    mark(said),
                    mark(own)
                ));
                row += " **?** |";
                continue;
            };
            argued += 1;
            let known = notes.iter().position(|note| *note == argument);
            let number = known.unwrap_or(notes.len());
            if known.is_none() {
                notes.push(argument);
            }
            write!(row, " {} |", number + 1)?;
        }
        say(&row);
    }
    say("");
    for (index, note) in notes.iter().enumerate() {
        say(&format!("{}. {note}", index + 1));
    }
    say(&format!(
        "\n{} tokens: {agreed} verdicts agree, {argued} differ for a reason\n",
        cases.len()
    ));
    Ok(())
}
