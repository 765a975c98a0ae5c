//! What a decision costs, beside nginx, HAProxy and Envoy doing the same.

use super::Effort;
use super::bars::Bar;
use super::measure::{Load, Round, Server};
use super::servers::Bench;
use super::spread::Spread;
use crate::tokens::Signed;
use crate::{Failure, http, say};
use std::collections::BTreeMap;

/// How many different tokens the "never seen before" rows send in turn.
const TOKENS: usize = 20_000;
const PATH: &str = "/.countersign/decide";

/// One line of a table: a name, and what loads which servers.
pub(crate) struct Row<'a> {
    pub(crate) name: &'a str,
    pub(crate) load: &'a Load,
    pub(crate) url: String,
    pub(crate) servers: Vec<&'a Server>,
}

/// What a proxy says of the request it asks about.
pub(crate) fn question_headers() -> [(&'static str, String); 5] {
    [
        ("Host", "app.bench.test".into()),
        ("X-Original-Method", "GET".into()),
        (
            "X-Original-URL",
            "https://app.bench.test/app/index.html?x=1".into(),
        ),
        ("X-Original-Host", "app.bench.test".into()),
        ("X-Original-Client", "203.0.113.9".into()),
    ]
}

/// What one row showed against the first.
pub(crate) struct Ratios {
    pub(crate) cpu: Spread,
    pub(crate) rate: Spread,
}

/// Runs the rows in turn, `rounds` times, and prints a Markdown table against the first row.
pub(crate) fn table(title: &str, rows: &[Row<'_>], effort: Effort) -> Result<Vec<Ratios>, Failure> {
    let mut results: BTreeMap<usize, Vec<Round>> = BTreeMap::new();
    for round in 0..effort.rounds {
        for (index, row) in rows.iter().enumerate() {
            say(&format!(
                "  {title}: round {} of {}: {}",
                round + 1,
                effort.rounds,
                row.name
            ));
            results
                .entry(index)
                .or_default()
                .push(row.load.run(&row.url, effort.seconds, &row.servers)?);
        }
    }
    say(&format!("\n### {title}\n"));
    say(
        "| server | CPU us per request | CPU ratio to the first row | rate ratio to the first row | requests/s | p99 ms | RSS MiB |",
    );
    say("|---|---|---|---|---|---|---|");
    let first = results.get(&0).cloned().unwrap_or_default();
    let mut all = Vec::new();
    for (index, row) in rows.iter().enumerate() {
        let own = results.get(&index).cloned().unwrap_or_default();
        let cpu = Spread::of(own.iter().map(|round| round.cpu_microseconds));
        let pairs = || own.iter().zip(&first);
        let cpu_ratio = Spread::of(pairs().map(|(own, first)| own.cpu_microseconds / first.cpu_microseconds));
        let rate_ratio =
            Spread::of(pairs().map(|(own, first)| own.requests_per_second / first.requests_per_second));
        let rate = Spread::of(own.iter().map(|round| round.requests_per_second)).median;
        let p99 = Spread::of(own.iter().map(|round| round.p99_milliseconds)).median;
        let resident = row
            .servers
            .iter()
            .map(|server| server.resident_kib())
            .sum::<u64>()
            / 1024;
        say(&format!(
            "| {} | {cpu} | {cpu_ratio} | {rate_ratio} | {rate:.0} | {p99:.2} | {resident} |",
            row.name
        ));
        all.push(Ratios {
            cpu: cpu_ratio,
            rate: rate_ratio,
        });
    }
    say("");
    Ok(all)
}

/// A good token is let in, none is not: before anything is measured.
fn check(server: &Server, port: u16, token: &str) -> Result<(), Failure> {
    let good = http::ask(port, &question(Some(token)))?.status;
    let bad = http::ask(port, &question(None))?.status;
    if good != 200 || bad == 200 {
        return Err(format!("{} answers {good} to a good token and {bad} to none", server.name).into());
    }
    Ok(())
}

/// What a proxy asks, with a token.
pub(crate) fn question(token: Option<&str>) -> String {
    let fields = question_headers()
        .map(|(name, value)| format!("{name}: {value}\r\n"))
        .concat();
    let bearer = token.map(|token| format!("Authorization: Bearer {token}\r\n"));
    format!(
        "GET {PATH} HTTP/1.1\r\n{fields}{}\r\n",
        bearer.unwrap_or_default()
    )
}

fn tokens_in_turn(bench: &Bench, name: &str, tokens: &[String]) -> Result<Load, Failure> {
    let values = tokens.iter().map(|token| format!("Bearer {token}"));
    let values = values.collect::<Vec<_>>();
    Load::new(&bench.folder, name, &question_headers(), "Authorization", &values)
}

/// Everybody who decides, each on its port.
struct Peers {
    nginx: Server,
    gateway: Server,
    bare: Server,
    haproxy: Server,
    envoy: Server,
}

const NGINX: u16 = 18_101;
const GATEWAY: u16 = 18_102;
const BARE: u16 = 18_103;
const HAPROXY: u16 = 18_104;
const ENVOY: u16 = 18_105;

impl Peers {
    fn start(bench: &Bench) -> Result<Self, Failure> {
        let pem = |signed: Signed| Ok::<_, Failure>((signed.name(), bench.keys.pem(signed)?));
        let pems = [pem(Signed::Rs256)?, pem(Signed::Es256)?];
        let peers = Self {
            nginx: bench.nginx_204("nginx-204", NGINX)?,
            gateway: bench.countersign("countersign", GATEWAY, 10_000)?,
            bare: bench.countersign("countersign-no-cache", BARE, 0)?,
            haproxy: bench.haproxy("haproxy", HAPROXY, &pems)?,
            envoy: bench.envoy("envoy", ENVOY, &bench.keys.jwk_set()?)?,
        };
        let asked = [
            (&peers.gateway, GATEWAY),
            (&peers.bare, BARE),
            (&peers.haproxy, HAPROXY),
            (&peers.envoy, ENVOY),
        ];
        for (server, port) in asked {
            for signed in [Signed::Rs256, Signed::Es256] {
                check(server, port, &bench.keys.token(signed, 0)?)?;
            }
        }
        Ok(peers)
    }
}

fn row<'a>(name: &'a str, load: &'a Load, port: u16, server: &'a Server) -> Row<'a> {
    Row {
        name,
        load,
        url: format!("http://127.0.0.1:{port}{PATH}"),
        servers: vec![server],
    }
}

/// One token again and again.
pub(crate) fn same_token(bench: &Bench, effort: Effort) -> Result<Vec<Bar>, Failure> {
    let peers = Peers::start(bench)?;
    let tokens = [bench.keys.token(Signed::Rs256, 0)?];
    let load = tokens_in_turn(bench, "one", &tokens)?;
    let rows = [
        row("nginx `return 204`, five headers", &load, NGINX, &peers.nginx),
        row("Countersign, token cache", &load, GATEWAY, &peers.gateway),
        row("Countersign, token cache off", &load, BARE, &peers.bare),
        row("Envoy jwt_authn, its cache on", &load, ENVOY, &peers.envoy),
        row("HAProxy jwt_verify", &load, HAPROXY, &peers.haproxy),
    ];
    let ratios = table("One RS256 token again and again", &rows, effort)?;
    let what = "cached RS256 token, five identity headers: CPU against nginx `return 204` with five headers";
    Ok(Bar::at_most(what, 1.25, ratios.get(1).map(|ratios| ratios.cpu)))
}

/// Tokens never seen before, or hardly.
fn many_tokens(bench: &Bench, effort: Effort, signed: Signed, most: f64) -> Result<Vec<Bar>, Failure> {
    let name = signed.name();
    say(&format!("making {TOKENS} {name} tokens"));
    let tokens = (0..TOKENS).map(|number| bench.keys.token(signed, number));
    let tokens = tokens.collect::<Result<Vec<_>, _>>()?;
    let load = tokens_in_turn(bench, &format!("many-{name}"), &tokens)?;
    let peers = Peers::start(bench)?;
    let rows = [
        row("HAProxy jwt_verify", &load, HAPROXY, &peers.haproxy),
        row("Countersign, token cache off", &load, BARE, &peers.bare),
        row(
            "Countersign, token cache of 10,000",
            &load,
            GATEWAY,
            &peers.gateway,
        ),
        row("Envoy jwt_authn, its cache on", &load, ENVOY, &peers.envoy),
        row("nginx `return 204`, five headers", &load, NGINX, &peers.nginx),
    ];
    let title = format!("{TOKENS} different {name} tokens in turn");
    let ratios = table(&title, &rows, effort)?;
    let what = format!("20,000 different {name} tokens, cache off: CPU against HAProxy");
    Ok(Bar::at_most(what, most, ratios.get(1).map(|ratios| ratios.cpu)))
}

pub(crate) fn many_rs256(bench: &Bench, effort: Effort) -> Result<Vec<Bar>, Failure> {
    many_tokens(bench, effort, Signed::Rs256, 0.80)
}

pub(crate) fn many_es256(bench: &Bench, effort: Effort) -> Result<Vec<Bar>, Failure> {
    many_tokens(bench, effort, Signed::Es256, 0.85)
}

/// A static page behind `auth_request`, over TCP.
pub(crate) fn behind_nginx(bench: &Bench, effort: Effort) -> Result<Vec<Bar>, Failure> {
    let limit = bench.nginx_204("nginx-204", NGINX)?;
    let gateway = bench.countersign("countersign", GATEWAY, 10_000)?;
    let tokens = [bench.keys.token(Signed::Rs256, 0)?];
    let load = tokens_in_turn(bench, "one", &tokens)?;
    let www = bench.folder.join("www");
    std::fs::create_dir_all(&www)?;
    std::fs::write(www.join("page.html"), "x".repeat(1024))?;
    let front = |name: &str, port: u16, asked: u16| {
        let copies = ["subject", "groups", "username", "email", "tenant"]
            .map(|fact| format!("      auth_request_set $own_{fact} $upstream_http_x_auth_{fact};"))
            .join("\n");
        let locations = format!(
            "    location / {{\n      auth_request /decide;\n{copies}\n      root {};\n    }}\n    location = /decide {{\n      internal;\n      \
             proxy_pass http://asked{PATH};\n      proxy_http_version 1.1;\n      proxy_set_header Connection \"\";\n      \
             proxy_pass_request_body off;\n      proxy_set_header Content-Length \"\";\n      \
             proxy_set_header X-Original-Method $request_method;\n      \
             proxy_set_header X-Original-URL https://$http_host$request_uri;\n      proxy_set_header X-Original-Host $host;\n      \
             proxy_set_header X-Original-Client $remote_addr;\n    }}",
            www.display()
        );
        let outside = format!("  upstream asked {{ server 127.0.0.1:{asked}; keepalive 128; }}");
        bench.nginx(name, &port.to_string(), &outside, &locations)
    };
    let open = format!("    location / {{\n      root {};\n    }}", www.display());
    let open = bench.nginx("front-open", "18108", "", &open)?;
    let asks_nginx = front("front-204", 18_106, NGINX)?;
    let asks_gateway = front("front-countersign", 18_107, GATEWAY)?;
    let row = |name, port: u16, servers| Row {
        name,
        load: &load,
        url: format!("http://127.0.0.1:{port}/page.html"),
        servers,
    };
    let rows = [
        row("nginx asks nginx `return 204`", 18_106, vec![&asks_nginx, &limit]),
        row("nginx asks Countersign", 18_107, vec![&asks_gateway, &gateway]),
        row("nginx asks nobody", 18_108, vec![&open]),
    ];
    let ratios = table("A 1 KB page behind nginx `auth_request`, TCP", &rows, effort)?;
    let what = "behind nginx `auth_request` over TCP: rate against nginx asking nginx";
    Ok(Bar::at_least(what, 0.93, ratios.get(1).map(|ratios| ratios.rate)))
}
