//! What the gate lets through and what it refuses, one spelling a line.

use super::*;

fn target(text: &str) -> Result<PathOddities, UnreadableReason> {
    Target::judge(text)
        .map(|target| target.oddities())
        .map_err(|unreadable| unreadable.reason)
}

#[test]
fn plain_targets_pass_with_nothing_odd() {
    for text in [
        "/",
        "/admin",
        "/admin/",
        "/a/b?x=/public/%2f..;#".split('#').next().unwrap(),
        "/caf%C3%A9",
        "/a%20b",
        "/*",
        "/a..b/...",
        "/?",
    ] {
        assert_eq!(target(text), Ok(PathOddities::NONE), "{text}");
    }
}

#[test]
fn what_has_no_safe_reading_is_refused_for_good() {
    use UnreadableReason as R;
    let cases = [
        ("", R::TargetMalformed),
        ("*", R::TargetMalformed),
        ("admin", R::TargetMalformed),
        ("http://a/b", R::TargetMalformed),
        ("/a#b", R::PathFragment),
        ("/a?b#c", R::PathFragment),
        ("/a b", R::PathByte),
        ("/a\tb", R::PathByte),
        ("/a\u{0}b", R::PathByte),
        ("/a\\b", R::PathByte),
        ("/caf\u{e9}", R::PathByte),
        ("/a?b c", R::PathByte),
        ("/a%", R::PathEscape),
        ("/a%2", R::PathEscape),
        ("/a%zz", R::PathEscape),
        ("/a%+1", R::PathEscape),
        ("/a%00", R::PathEscape),
        ("/a%0d%0a", R::PathEscape),
        ("/a%7f", R::PathEscape),
        ("/.", R::PathDotSegment),
        ("/a/..", R::PathDotSegment),
        ("/a/../b", R::PathDotSegment),
        ("/a/.%2e/b", R::PathDotSegment),
        ("/a/%2E%2e", R::PathDotSegment),
        ("/a/%2e", R::PathDotSegment),
        ("/a/..;x/b", R::PathDotSegment),
        ("/a/.;/b", R::PathDotSegment),
    ];
    for (text, reason) in cases {
        assert_eq!(target(text), Err(reason), "{text:?}");
    }
    assert_eq!(
        target(&format!("/{}", "a".repeat(MAX_TARGET_BYTES))),
        Err(R::TargetTooLong)
    );
}

#[test]
fn each_oddity_is_let_through_by_its_own_name_only() {
    let cases = [
        ("/a%2fb", "encoded-slash"),
        ("/a%2Fb", "encoded-slash"),
        ("/a%5cb", "encoded-backslash"),
        ("/a%3Bb", "encoded-semicolon"),
        ("/a%25b", "encoded-percent"),
        ("/a%3fb", "encoded-question-mark"),
        ("/a%23b", "encoded-hash"),
        ("/%61dmin", "encoded-plain"),
        ("/a%7Eb", "encoded-plain"),
        ("/a;b", "parameters"),
        ("/a//b", "empty-segments"),
        ("//a", "empty-segments"),
    ];
    for (text, name) in cases {
        let odd = target(text).unwrap();
        for other in PathOddities::NAMES {
            let allowed = PathOddities::named(other).unwrap();
            assert_eq!(
                odd.refused_unless(allowed).is_ok(),
                *other == name,
                "{text} with {other}"
            );
        }
        assert!(odd.refused_unless(PathOddities::NONE).is_err(), "{text}");
    }
}

#[test]
fn hosts_fold_to_one_spelling() {
    let check =
        |text: &str, expect: &str| assert_eq!(Host::judge(text).unwrap().to_string(), expect, "{text}");
    check("app.test", "app.test");
    check("APP.Test.", "app.test");
    check("app.test.:8443", "app.test:8443");
    check("10.0.0.1:80", "10.0.0.1:80");
    check("[::1]", "[::1]");
    check("[0:0::1]:443", "[::1]:443");
    check("my_app.test", "my_app.test");
}

#[test]
fn hosts_that_are_no_hosts_are_refused() {
    let long = "a".repeat(64);
    for text in [
        "",
        ".",
        "app.test..",
        "a..b",
        "a,b",
        "a b",
        "u@app.test",
        "app.test:0",
        "app.test:65536",
        "app.test:",
        "app.test:8x",
        "app.test:+80",
        "app.test:000080",
        "[::1",
        "::1",
        "[::1]x",
        "a/b",
        "a%2eb",
        "app\u{3002}test",
        "evil.com,for=127.0.0.1",
        &long,
    ] {
        assert_eq!(
            Host::judge(text).err().map(|refused| refused.reason),
            Some(UnreadableReason::HostMalformed),
            "{text:?}"
        );
    }
}

#[test]
fn methods_are_registered_and_case_counts() {
    for method in [
        "GET",
        "POST",
        "HEAD",
        "DELETE",
        "PROPFIND",
        "MKCOL",
        "VERSION-CONTROL",
    ] {
        assert!(judge_method(method).is_ok(), "{method}");
    }
    for method in ["get", "gEt", "CONNECT", "TRACE", "PRI", "*", "FOO", "", "GET "] {
        assert!(judge_method(method).is_err(), "{method:?}");
    }
}
