//! How much memory a remembered token takes: the resident memory of the gateway itself, before and after it has seen
//! many different tokens.

use super::Effort;
use super::bars::Bar;
use super::servers::Bench;
use super::side_by_side::question;
use super::spread::Spread;
use super::start::mebibytes;
use crate::gateway::{Gateway, free_port};
use crate::http::{Connection, ask};
use crate::tokens::{Signed, payload};
use crate::{Failure, say};

/// What a token may take beside its payload, in bytes.
const BESIDE_PAYLOAD: f64 = 768.0;
/// How many tokens, and the cache for them: as it is by default, and one in which nothing else shows.
const SIZES: [(usize, &str); 2] = [(10_000, ""), (50_000, "entries = 100000\nbytes = \"256MiB\"\n")];
/// How often each is measured, in a gateway of its own.
const TIMES: usize = 3;

/// What one gateway showed.
struct Growth {
    remembered: f64,
    bytes: f64,
    mebibytes: f64,
}

/// Fills the token cache and looks.
pub(crate) fn measure(bench: &Bench, _: Effort) -> Result<Vec<Bar>, Failure> {
    let payload_bytes = payload(0)?.len();
    let most = f64::from(u32::try_from(payload_bytes)?) + BESIDE_PAYLOAD;
    let mut rows = Vec::new();
    let mut bars = Vec::new();
    for (tokens, cache) in SIZES {
        say(&format!(
            "making {tokens} ES256 tokens, and sending each {TIMES} times"
        ));
        let questions = (0..tokens).map(|number| {
            let token = bench.keys.token(Signed::Es256, number)?;
            Ok(question(Some(&token)))
        });
        let questions = questions.collect::<Result<Vec<_>, Failure>>()?;
        let grown = (0..TIMES).map(|_| grow(bench, &questions, cache));
        let grown = grown.collect::<Result<Vec<_>, _>>()?;
        let bytes = Spread::of(grown.iter().map(|growth| growth.bytes));
        let remembered = Spread::of(grown.iter().map(|growth| growth.remembered));
        let memory = Spread::of(grown.iter().map(|growth| growth.mebibytes));
        rows.push(format!(
            "| {tokens} | {} | {payload_bytes} | {} | {} |",
            remembered.shown(0),
            bytes.shown(0),
            memory.shown(1)
        ));
        let what = format!("growth per cached token, {tokens} tokens with payloads of {payload_bytes} bytes");
        bars.push(Bar::at_most_of(what, most, " bytes", bytes));
    }
    say("\n### Memory of a remembered token\n");
    say("| tokens | remembered | payload, bytes | growth per token, bytes | resident MiB |");
    say("|---|---|---|---|---|");
    for row in rows {
        say(&row);
    }
    say("");
    Ok(bars)
}

fn grow(bench: &Bench, questions: &[String], cache: &str) -> Result<Growth, Failure> {
    let (port, status) = (free_port()?, free_port()?);
    let more = format!("[token_cache]\n{cache}[status]\naddress = \"127.0.0.1:{status}\"\n");
    let configuration = bench.configuration("growth", port, "jwk_set_file = \"jwks.json\"", &more)?;
    let state = bench.folder.join("growth.state");
    std::fs::create_dir_all(&state)?;
    let mut gateway = Gateway::start(&configuration, &state, &bench.folder.join("growth.log"))?;
    let first = questions.first().ok_or("no token")?;
    gateway.until(port, first, |answer| answer.status == 200)?;
    // Whatever is made once is made before: buffers, metrics, threads' stacks.
    let mut connection = Connection::open(port)?;
    for _ in 0..1000 {
        connection.ask(first)?;
    }
    let before = gateway.resident_kib();
    for question in questions {
        let answer = connection.ask(question)?;
        if answer.status != 200 {
            return Err(format!("a good token got {}", answer.head).into());
        }
    }
    let after = gateway.resident_kib();
    let remembered = remembered(status)?;
    let grown = mebibytes(after.saturating_sub(before)) * 1024.0 * 1024.0;
    Ok(Growth {
        remembered,
        bytes: grown / remembered,
        mebibytes: mebibytes(after),
    })
}

/// How many tokens the gateway says it remembers.
fn remembered(status: u16) -> Result<f64, Failure> {
    let head = format!("GET /metrics HTTP/1.1\r\nHost: 127.0.0.1:{status}\r\n\r\n");
    let metrics = ask(status, &head)?.text();
    let line = metrics.lines().find_map(|line| {
        let (name, figure) = line.split_once(' ')?;
        name.ends_with("token_cache_entries").then_some(figure)
    });
    Ok(line
        .ok_or("the metrics do not tell of the token cache")?
        .parse()?)
}
