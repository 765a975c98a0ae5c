//! Files and lines that are far too large, and bodies without end: each is refused with a message that names the bound,
//! or works; and memory stays bounded.

use super::bodies;
use super::watched::{Run, run as watched};
use crate::gateway::{Gateway, free_port};
use crate::http::{Publisher, ask};
use crate::tokens::EcKey;
use crate::{Failure, process, say};
use std::fmt::Write as _;
use std::path::Path;

/// How many routes, and token tables, stand in the large configuration: as many files as a folder may hold, the one with
/// the listener counted.
const ROUTES: usize = 4_995;
const TABLES: usize = 999;
/// How much memory anything here may take, in MiB.
const MOST_MIB: u64 = 256;

/// A case: its name, and what it does. It says how it went.
type Case = (&'static str, fn(&Path) -> Result<Outcome, Failure>);

const CASES: [Case; 10] = [
    (
        "a configuration of 4,995 routes and 999 token tables in 1,000 files: check",
        check_many,
    ),
    ("the same configuration: run", run_many),
    ("a configuration file of 2 MiB", file_too_long),
    ("a JWK Set of 256 keys", keys_in_reach),
    ("a JWK Set of 257 keys", keys_too_many),
    ("a JWK Set of 64 MiB in a file", set_too_long),
    ("a JWK Set of 64 MiB from the issuer", set_too_long_fetched),
    (
        "a token of 1 MB and one of 100 MB, a good one between",
        token_lines,
    ),
    ("a header line of 1 MB", header_line),
    ("a JSON of 200 MB to import", import),
];

/// What became of a case: what was said, and the most memory it took in KiB.
pub(crate) struct Outcome {
    pub(crate) said: String,
    pub(crate) peak_kib: u64,
}

/// Runs every case and prints a table. A case that fails does not stop the others.
pub(crate) fn run(folder: &Path, body_mebibytes: u64) -> Result<(), Failure> {
    let mut outcomes = Vec::new();
    for (index, (name, case)) in CASES.into_iter().enumerate() {
        let own = folder.join(format!("big-{index}"));
        std::fs::create_dir_all(&own)?;
        say(&format!("  {name}"));
        outcomes.push((name.to_owned(), case(&own)));
    }
    say(&format!(
        "  bodies of {body_mebibytes} MiB through the reverse proxy"
    ));
    match bodies::through_the_proxy(folder, body_mebibytes) {
        Ok(bodies) => outcomes.extend(bodies.into_iter().map(|(name, outcome)| (name, Ok(outcome)))),
        Err(failure) => outcomes.push(("bodies through the reverse proxy".to_owned(), Err(failure))),
    }
    say("\n| case | what happens | most memory seen, MiB |");
    say("|---|---|---|");
    let mut failed = Vec::new();
    for (name, outcome) in outcomes {
        let outcome = outcome.and_then(|outcome| {
            let mebibytes = outcome.peak_kib / 1024;
            if mebibytes > MOST_MIB {
                return Err(format!("{mebibytes} MiB; at most {MOST_MIB} are bounded").into());
            }
            Ok((outcome.said, mebibytes))
        });
        match outcome {
            Ok((said, mebibytes)) => say(&format!("| {name} | {said} | {mebibytes} |")),
            Err(failure) => {
                let told = failure.to_string().replace('\n', " ");
                say(&format!("| {name} | **FAILED**: {told} | |"));
                failed.push(name);
            }
        }
    }
    say("");
    if failed.is_empty() {
        return Ok(());
    }
    Err(format!("failed: {}", failed.join("; ")).into())
}

/// The run went as it should: ended with `code`, and said `words`.
fn must(run: &Run, code: i32, words: &str) -> Result<Outcome, Failure> {
    let line = run.output.lines().find(|line| line.contains(words));
    let line = line.filter(|_| run.code == Some(code)).ok_or_else(|| {
        let output = run.output.chars().take(2000).collect::<String>();
        let (got, took) = (run.code, run.took.as_millis());
        format!("wanted exit {code} and {words:?}; got {got:?} after {took} ms: {output}")
    })?;
    let told = line.trim().replace('|', "/");
    let told = told.chars().take(160).collect::<String>();
    Ok(Outcome {
        said: format!("exit {code} after {} ms: {told}", run.took.as_millis()),
        peak_kib: run.peak_kib,
    })
}

/// A folder of many files, each with its share of tables and routes. Returns the port it listens at.
fn write_many(folder: &Path) -> Result<u16, Failure> {
    let port = free_port()?;
    let many = folder.join("many");
    std::fs::create_dir_all(&many)?;
    let key = EcKey::generate()?;
    let set = format!(r#"{{"keys":[{}]}}"#, key.jwk("k")?);
    std::fs::write(many.join("jwks.json"), set)?;
    let listen = format!(
        "config = 1\n[log]\nlevel = \"events\"\n[[listen]]\naddress = \"127.0.0.1:{port}\"\nspeak = \"auth-request\"\n\
         trusted_peers = [\"127.0.0.1\"]\n"
    );
    std::fs::write(many.join("000.toml"), listen)?;
    let per_file = ROUTES / TABLES;
    for table in 0..TABLES {
        let mut text = format!(
            "config = 1\n[token.t{table}]\nissuer = \"https://op{table}.test\"\naudiences = [\"api\"]\n\
             jwk_set_file = \"jwks.json\"\n"
        );
        for route in table * per_file..(table + 1) * per_file {
            write!(
                text,
                "[[route]]\nhosts = [\"r{route}.test\"]\npaths = [\"/**\"]\naccept = [\"token.t{table}\"]\n"
            )?;
        }
        std::fs::write(many.join(format!("{:03}.toml", table + 1)), text)?;
    }
    Ok(port)
}

fn check_many(folder: &Path) -> Result<Outcome, Failure> {
    write_many(folder)?;
    let run = watched(folder, &["check", "--config", "many"], None)?;
    must(&run, 0, "")
}

fn run_many(folder: &Path) -> Result<Outcome, Failure> {
    let port = write_many(folder)?;
    let mut gateway = Gateway::start(&folder.join("many"), &folder.join("state"), &folder.join("log"))?;
    let question = |host: &str| {
        format!(
            "GET /.countersign/decide HTTP/1.1\r\nHost: gateway\r\nX-Original-Method: GET\r\nX-Original-URL: https://{host}/\r\n\
             X-Original-Host: {host}\r\nX-Original-Client: 203.0.113.9\r\n\r\n"
        )
    };
    for host in ["r0.test".to_owned(), format!("r{}.test", ROUTES - 1)] {
        gateway.until(port, &question(&host), |answer| answer.status == 401)?;
    }
    let unknown = ask(port, &question("elsewhere.test"))?.status;
    Ok(Outcome {
        said: format!("answers for the first and the last route; {unknown} for none"),
        peak_kib: process::peak_kib(gateway.id()),
    })
}

fn file_too_long(folder: &Path) -> Result<Outcome, Failure> {
    let text = format!("config = 1\n# {}\n", "x".repeat(2 << 20));
    std::fs::write(folder.join("long.toml"), text)?;
    let run = watched(folder, &["check", "--config", "long.toml"], None)?;
    must(&run, 1, "1 MiB")
}

/// Judges a token by a set of `keys` keys, the token's the last.
fn verify_with(folder: &Path, keys: usize) -> Result<Run, Failure> {
    let key = EcKey::generate()?;
    let kids = (0..keys).map(|number| key.jwk(&format!("k{number}")));
    let listed = kids.collect::<Result<Vec<_>, _>>()?.join(",");
    std::fs::write(folder.join("jwks.json"), format!(r#"{{"keys":[{listed}]}}"#))?;
    let token = key.sign(&format!("k{}", keys - 1), "{}")?;
    let arguments = [
        "token",
        "verify",
        "--jwk",
        "jwks.json",
        "--signature-only",
        &token,
    ];
    watched(folder, &arguments, None)
}

fn keys_in_reach(folder: &Path) -> Result<Outcome, Failure> {
    must(&verify_with(folder, 256)?, 0, "accepted")
}

fn keys_too_many(folder: &Path) -> Result<Outcome, Failure> {
    must(&verify_with(folder, 257)?, 2, "256 keys")
}

/// 64 MiB of a JWK Set that has not ended.
fn endless_set() -> Result<String, Failure> {
    let key = EcKey::generate()?.jwk("k")?;
    Ok(format!(r#"{{"keys":[{key}"#) + &format!(",{key}").repeat((64 << 20) / (key.len() + 1)))
}

fn set_too_long(folder: &Path) -> Result<Outcome, Failure> {
    std::fs::write(folder.join("jwks.json"), endless_set()?)?;
    let arguments = [
        "token",
        "verify",
        "--jwk",
        "jwks.json",
        "--signature-only",
        "a.b.c",
    ];
    must(&watched(folder, &arguments, None)?, 2, "1 MiB")
}

fn set_too_long_fetched(folder: &Path) -> Result<Outcome, Failure> {
    let (port, key) = (free_port()?, EcKey::generate()?);
    let issuer = Publisher::start(0, endless_set()?)?;
    let configuration = folder.join("countersign.toml");
    let text = format!(
        "config = 1\n[[listen]]\naddress = \"127.0.0.1:{port}\"\nspeak = \"auth-request\"\ntrusted_peers = [\"127.0.0.1\"]\n\
         [token.t]\nissuer = \"https://op.test\"\naudiences = [\"api\"]\njwk_set_url = \"http://127.0.0.1:{}/\"\n\
         danger_allow_http = true\n[[route]]\nhosts = [\"app.test\"]\npaths = [\"/**\"]\naccept = [\"token.t\"]\n",
        issuer.port
    );
    std::fs::write(&configuration, text)?;
    let mut gateway = Gateway::start(&configuration, &folder.join("state"), &folder.join("log"))?;
    let claims = r#"{"iss":"https://op.test","sub":"ann","aud":"api","exp":4000000000}"#;
    let token = key.sign("k", claims)?;
    let question = format!(
        "GET /.countersign/decide HTTP/1.1\r\nHost: gateway\r\nX-Original-Method: GET\r\nX-Original-URL: https://app.test/\r\n\
         X-Original-Host: app.test\r\nX-Original-Client: 203.0.113.9\r\nAuthorization: Bearer {token}\r\n\r\n"
    );
    gateway.until(port, &question, |answer| answer.status == 503)?;
    let line = gateway.until_written("key_set")?;
    Ok(Outcome {
        said: format!(
            "503, and in the log: {}",
            line.chars().take(160).collect::<String>()
        ),
        peak_kib: process::peak_kib(gateway.id()),
    })
}

fn token_lines(folder: &Path) -> Result<Outcome, Failure> {
    let key = EcKey::generate()?;
    std::fs::write(folder.join("jwk.json"), key.jwk("k")?)?;
    let (good, letters) = (key.sign("k", "{}")?, |count: usize| "a".repeat(count));
    let lines = format!(
        "{}\n{good}\n{}\n{good}\n",
        letters(1_000_000),
        letters(100_000_000)
    );
    let input = folder.join("tokens.txt");
    std::fs::write(&input, lines)?;
    let arguments = ["token", "verify", "--jwk", "jwk.json", "--signature-only"];
    let run = watched(folder, &arguments, Some(&input))?;
    let verdicts = run.output.lines().filter(|line| !line.trim().is_empty());
    let accepted = verdicts.map(|line| line.contains("accepted")).collect::<Vec<_>>();
    if accepted != [false, true, false, true] {
        return Err(format!("wanted a refusal and an acceptance, twice: {:?}", run.output).into());
    }
    must(&run, 1, "refused")
}

fn header_line(folder: &Path) -> Result<Outcome, Failure> {
    let port = write_many(folder)?;
    let mut gateway = Gateway::start(&folder.join("many"), &folder.join("state"), &folder.join("log"))?;
    let short = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
    gateway.until(port, short, |answer| answer.status != 0)?;
    let letters = "a".repeat(1_000_000);
    let long = format!("GET / HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {letters}\r\n\r\n");
    // It may hang up before it has read everything.
    let said = match ask(port, &long) {
        Ok(answer) if (400..500).contains(&answer.status) => answer.status.to_string(),
        Ok(answer) => return Err(answer.head.into()),
        Err(_) => "the connection is closed".to_owned(),
    };
    let after = ask(port, short)?.status;
    Ok(Outcome {
        said: format!("{said}; {after} to the next request"),
        peak_kib: process::peak_kib(gateway.id()),
    })
}

fn import(folder: &Path) -> Result<Outcome, Failure> {
    let client = r#"{"issuer":"https://op.test","audience":"api"},"#;
    let text = format!(r#"{{"clients":[{}"#, client.repeat(200_000_000 / client.len()));
    std::fs::write(folder.join("config.json"), text)?;
    let arguments = ["import", "jwtauthrequest", "config.json", "--output", "imported"];
    let run = watched(folder, &arguments, None)?;
    must(&run, 2, "MiB")
}
