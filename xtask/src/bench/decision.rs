//! `cargo xtask bench decision`: what a decision costs, beside nginx, HAProxy and Envoy doing the same.

use super::measure::{Load, Round, Server, Spread, status};
use super::servers::Bench;
use super::tokens::Signed;
use crate::say;
use std::collections::BTreeMap;
use std::path::Path;

type Failure = Box<dyn std::error::Error>;

/// How many different tokens the "never seen before" rows send in turn.
const TOKENS: usize = 20_000;
const PATH: &str = "/.countersign/decide";

/// Rounds and their length.
#[derive(Clone, Copy)]
pub(crate) struct Effort {
    pub(crate) rounds: u32,
    pub(crate) seconds: u32,
}

/// One line of a table: a name, and what loads which servers.
struct Row<'a> {
    name: &'a str,
    load: &'a Load,
    url: String,
    servers: Vec<&'a Server>,
}

fn headers() -> [(&'static str, String); 5] {
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

/// Runs the rows in turn, `rounds` times, and prints a Markdown table against the first row.
fn table(title: &str, rows: &[Row<'_>], effort: Effort) -> Result<(), Failure> {
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
    }
    say("");
    Ok(())
}

/// A good token is let in, none is not: before anything is measured.
fn check(server: &Server, port: u16, path: &str, token: &str) -> Result<(), Failure> {
    let fields = headers()
        .map(|(name, value)| {
            format!(
                "{name}: {value}
"
            )
        })
        .concat();
    let head = |more: &str| format!("GET {path} HTTP/1.1\r\n{fields}{more}Connection: close\r\n\r\n");
    let good = status(port, &head(&format!("Authorization: Bearer {token}\r\n")))?;
    let bad = status(port, &head(""))?;
    if good != 200 || bad == 200 {
        return Err(format!("{} answers {good} to a good token and {bad} to none", server.name).into());
    }
    Ok(())
}

/// The whole measurement.
pub(crate) fn run(bench: &Bench, envoy: &Path, effort: Effort) -> Result<(), Failure> {
    let folder = &bench.folder;
    say("making 40,001 tokens");
    let one = vec![bench.keys.token(Signed::Rs256, 0)?];
    let many = |signed| {
        (0..TOKENS)
            .map(|number| bench.keys.token(signed, number))
            .collect::<Result<Vec<_>, _>>()
    };
    let (many_rs, many_es) = (many(Signed::Rs256)?, many(Signed::Es256)?);
    let load_one = Load::new(folder, "one", &headers(), &one)?;
    let load_rs = Load::new(folder, "many-rs256", &headers(), &many_rs)?;
    let load_es = Load::new(folder, "many-es256", &headers(), &many_es)?;

    let nginx = bench.nginx_204("nginx-204", 18_101)?;
    let gateway = bench.countersign("countersign", 18_102, 10_000)?;
    let bare = bench.countersign("countersign-no-cache", 18_103, 0)?;
    let haproxy = bench.haproxy("haproxy", 18_104)?;
    let envoy = bench.envoy("envoy", 18_105, envoy)?;
    let peers = [
        (&gateway, 18_102),
        (&bare, 18_103),
        (&haproxy, 18_104),
        (&envoy, 18_105),
    ];
    for (server, port) in peers {
        for token in one.iter().chain(many_es.first()) {
            check(server, port, PATH, token)?;
        }
    }
    let url = |port: u16| format!("http://127.0.0.1:{port}{PATH}");
    let row = |name, load, port, server| Row {
        name,
        load,
        url: url(port),
        servers: vec![server],
    };

    let same = [
        row("nginx `return 204`, five headers", &load_one, 18_101, &nginx),
        row("Countersign, token cache", &load_one, 18_102, &gateway),
        row("Countersign, token cache off", &load_one, 18_103, &bare),
        row("Envoy jwt_authn, its cache on", &load_one, 18_105, &envoy),
        row("HAProxy jwt_verify", &load_one, 18_104, &haproxy),
    ];
    table("One RS256 token again and again", &same, effort)?;
    for (signed, load) in [(Signed::Rs256, &load_rs), (Signed::Es256, &load_es)] {
        let rows = [
            row("HAProxy jwt_verify", load, 18_104, &haproxy),
            row("Countersign, token cache off", load, 18_103, &bare),
            row("Countersign, token cache of 10,000", load, 18_102, &gateway),
            row("Envoy jwt_authn, its cache on", load, 18_105, &envoy),
            row("nginx `return 204`, five headers", load, 18_101, &nginx),
        ];
        table(
            &format!("{TOKENS} different {} tokens in turn", signed.name()),
            &rows,
            effort,
        )?;
    }
    behind_nginx(bench, &load_one, &nginx, &gateway, effort)
}

/// A static page behind `auth_request`, over TCP.
fn behind_nginx(
    bench: &Bench,
    load: &Load,
    limit: &Server,
    gateway: &Server,
    effort: Effort,
) -> Result<(), Failure> {
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
        bench.nginx(name, port, &outside, &locations)
    };
    let asks_nginx = front("front-204", 18_106, 18_101)?;
    let asks_gateway = front("front-countersign", 18_107, 18_102)?;
    let row = |name, port: u16, servers| Row {
        name,
        load,
        url: format!("http://127.0.0.1:{port}/page.html"),
        servers,
    };
    let rows = [
        row("nginx asks nginx `return 204`", 18_106, vec![&asks_nginx, limit]),
        row("nginx asks Countersign", 18_107, vec![&asks_gateway, gateway]),
    ];
    table("A 1 KB page behind nginx `auth_request`, TCP", &rows, effort)
}
