//! The decoders of what operators write, under seeded mutations: no panic, whatever is in the file.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use countersign::ca::names::Kind;
use countersign::ca::request::Request;
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

#[test]
fn a_certificate_request_is_read_or_told_about_and_never_a_panic() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/ca/requests");
    let files = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| std::fs::read(entry.unwrap().path()).unwrap());
    let texts = files
        .map(|bytes| String::from_utf8(bytes).unwrap())
        .collect::<Vec<_>>();
    let corpus = texts.iter().map(|text| {
        let body = text.lines().filter(|line| !line.starts_with('-'));
        BASE64_STANDARD.decode(body.collect::<String>()).unwrap()
    });
    let corpus = corpus.collect::<Vec<_>>();
    let corpus = corpus.iter().map(Vec::as_slice).collect::<Vec<_>>();
    let dictionary: [&[u8]; 10] = [
        b"\x30\x84\xff\xff\xff\xff",
        b"\x30\x88\xff\xff\xff\xff\xff\xff\xff\xff",
        b"\x30\x80",
        b"\x30\x00",
        b"\x31\x00",
        b"\xa0\x00",
        b"\x03\x01\x00",
        b"\x06\x03\x55\x1d\x11",
        b"\x82\x0bapp.example",
        b"\x01\x01\xff",
    ];
    let mut sound = 0;
    mutations(&corpus, &dictionary, count(), |bytes| {
        if let Ok(request) = Request::from_der(bytes) {
            sound += 1;
            for kind in [Kind::Server, Kind::Client, Kind::Workload] {
                drop(request.names(kind));
            }
        }
    });
    assert!(sound >= 4, "the requests themselves are sound");
    let texts = texts.iter().map(String::as_bytes).collect::<Vec<_>>();
    let dictionary: [&[u8]; 3] = [b"-----BEGIN ", b"-----END CERTIFICATE REQUEST-----", b"\r\n"];
    mutations(&texts, &dictionary, count(), |bytes| {
        drop(Request::from_pem(&String::from_utf8_lossy(bytes)));
    });
}
