//! The decoders of what operators write, under seeded mutations: no panic, whatever is in the file.

use countersign::cli::offline_parts;
use countersign::compose;
use countersign::config::{Environment, Sources, render};
use countersign_authn::condition;
use countersign_testkit::mutate::{count, mutations};
use std::path::Path;

#[test]
fn a_configuration_is_taken_or_told_about_and_never_a_panic() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/config");
    let files = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let files = files.filter(|path| path.extension().is_some_and(|extension| extension == "toml"));
    let corpus = files.map(|path| std::fs::read(path).unwrap()).collect::<Vec<_>>();
    let corpus = corpus.iter().map(Vec::as_slice).collect::<Vec<_>>();
    let dictionary: [&[u8]; 12] = [
        b"[[route]]\n",
        b"[token.x]\n",
        b"\"",
        b"[",
        b"]",
        b"{",
        b"}",
        b"= 1\n",
        b"''",
        b"accept = [\"anonymous\"]\n",
        b"\\u0000",
        b"\n",
    ];
    let (environment, parts) = (Environment::empty(), offline_parts());
    mutations(&corpus, &dictionary, count(), |bytes| {
        let Ok(text) = std::str::from_utf8(bytes) else {
            return;
        };
        let sources = Sources::text("mutated.toml", text);
        if let Err(told) = compose::load(&sources, &environment, &parts) {
            assert!(!told.is_empty(), "a refusal says why");
            assert!(!render(&told, &sources, false).is_empty());
        }
    });
}

#[test]
fn a_condition_is_compiled_or_told_about_and_never_a_panic() {
    let corpus: [&[u8]; 4] = [
        b"principal.groups.exists(g, g == 'ops') && request.method in ['GET', 'HEAD']",
        b"claims.tenant.id == 'x' || size(claims.roles) > 2",
        b"request.path.matches('^/a/[0-9]+$') ? true : false",
        b"has(claims.a) && claims.a.all(x, x.b == 1u)",
    ];
    let dictionary: [&[u8]; 10] = [
        b"(",
        b")",
        b"((((((((",
        b".all(x, ",
        b"[",
        b"{",
        b"'",
        b"&&",
        b"claims.",
        b"matches('(a+)+$')",
    ];
    mutations(&corpus, &dictionary, count() / 4, |bytes| {
        if let Ok(text) = std::str::from_utf8(bytes) {
            drop(condition::compile(text));
        }
    });
}
