use super::*;

fn parsed(kind: Kind, text: &str) -> Result<String, NameError> {
    Name::parse(kind, text).map(|name| name.to_string())
}

#[test]
fn a_name_of_its_kind_is_taken_and_read_again_as_the_same() {
    let check = |kind: Kind, text: &str, expect: &Name| {
        let name = Name::parse(kind, text);
        assert_eq!(name.as_ref(), Ok(expect), "{text}");
        assert_eq!(Name::parse(kind, &expect.to_string()), name);
    };
    let dns = |text: &str| Name::Dns(text.to_owned());
    check(Kind::Server, "App.Example", &dns("app.example"));
    check(Kind::Server, "localhost", &dns("localhost"));
    check(Kind::Server, "*.example.org", &dns("*.example.org"));
    check(
        Kind::Server,
        "xn--bcher-kva.example",
        &dns("xn--bcher-kva.example"),
    );
    check(Kind::Server, "3com.example", &dns("3com.example"));
    let longest = format!("{0}.{0}.{0}.{1}", "a".repeat(63), "b".repeat(61));
    check(Kind::Server, &longest, &dns(&longest));
    check(Kind::Server, "10.0.0.1", &Name::Ip([10, 0, 0, 1].into()));
    check(Kind::Server, "[::1]", &Name::Ip("::1".parse().unwrap()));
    check(
        Kind::Client,
        "Ann Example",
        &Name::Common("Ann Example".to_owned()),
    );
    check(Kind::Client, "Zoë 木", &Name::Common("Zoë 木".to_owned()));
    let email = Name::Email("Ann+x@example.org".to_owned());
    check(Kind::Client, "Ann+x@EXAMPLE.org", &email);
    let uri = Name::Uri("https://example.org/users/7".to_owned());
    check(Kind::Client, "https://example.org/users/7", &uri);
    let id = Name::Uri("spiffe://example.org/ns/prod/sa/billing".to_owned());
    check(Kind::Workload, "spiffe://example.org/ns/prod/sa/billing", &id);
}

#[test]
fn what_is_no_host_is_refused_by_name() {
    let check = |text: &str, expect: &str| {
        let told = parsed(Kind::Server, text).unwrap_err().to_string();
        assert!(told.contains(expect), "{text}: {told}");
    };
    check("", "empty");
    check("a\0b.example", "control");
    check("a\u{202e}b.example", "not seen");
    check("app.example\n", "control");
    check("bücher.example", "write xn--bcher-kva.example");
    check("*", "first label");
    check("*.org", "first label");
    check("a*.example.org", "first label");
    check("*.*.example.org", "first label");
    check("a.*.example.org", "first label");
    check("10.0.0.300", "looks like an address");
    check("10.0.0.1.", "empty");
    check("1234", "looks like an address");
    check("0.0.0.0", "one machine");
    check("ff02::1", "one machine");
    check("https://app.example", "without scheme");
    check("app.example/path", "without scheme and path");
    check("app.example:443", "without a port");
    check("ann@app.example", "e-mail");
    check("app..example", "empty");
    check("app.example.", "empty");
    check("-a.example", "begins or ends");
    check("a_b.example", "only letters");
    check("app example", "only letters");
    check(&"a".repeat(300), "longer than 253");
    check(&format!("{}.example", "a".repeat(64)), "longer than 63");
}

#[test]
fn what_names_no_client_is_refused_by_name() {
    let check = |text: &str, expect: &str| {
        let told = parsed(Kind::Client, text).unwrap_err().to_string();
        assert!(told.contains(expect), "{text}: {told}");
    };
    check(&"a".repeat(65), "64 characters");
    check(" Ann", "control");
    check("ann\t", "control");
    check("@example.org", "before the `@`");
    check("a b@example.org", "before the `@`");
    check("a..b@example.org", "before the `@`");
    check("ann@", "behind the `@`");
    check("ann@10.0.0.1", "behind the `@`");
    check("ann@*.example.org", "behind the `@`");
    check("https://ann:pw@example.org/", "user or password");
    check("urn://", "names no host");
    check("https://example.org/ö", "ASCII");
    check(&format!("https://example.org/{}", "a".repeat(2048)), "2048");
    check("spiffe://example.org/x", "issue workload");
}

#[test]
fn what_is_no_spiffe_id_of_a_workload_is_refused_by_name() {
    for text in [
        "billing",
        "https://example.org/billing",
        "SPIFFE://example.org/billing",
        "spiffe://example.org",
        "spiffe://example.org/",
        "spiffe://example.org/a/",
        "spiffe://example.org//a",
        "spiffe://example.org/../a",
        "spiffe:///a",
        "spiffe://Example.org/a",
        "spiffe://example.org:8443/a",
        "spiffe://ann@example.org/a",
        "spiffe://example.org/a?b",
        "spiffe://example.org/a#b",
        "spiffe://example.org/%61",
        "spiffe://example.org/ä",
    ] {
        let told = parsed(Kind::Workload, text).unwrap_err();
        assert!(
            matches!(told, NameError::Spiffe(..) | NameError::TrustDomain(_)),
            "{text}: {told}"
        );
    }
}

#[test]
fn names_together_are_few_and_different() {
    let all = |kind, texts: &[&str]| Name::parse_all(kind, texts).map(|names| names.len());
    assert_eq!(
        all(Kind::Server, &["a.example", "10.0.0.1", "*.a.example"]),
        Ok(3)
    );
    assert_eq!(all(Kind::Server, &[]), Err(NameError::None));
    let twice = NameError::Twice("a.example".to_owned());
    assert_eq!(all(Kind::Server, &["a.example", "A.example"]), Err(twice));
    let names = (0..101)
        .map(|number| format!("a{number}.example"))
        .collect::<Vec<_>>();
    assert_eq!(Name::parse_all(Kind::Server, &names), Err(NameError::TooMany));
    assert_eq!(all(Kind::Client, &["Ann", "ann@example.org"]), Ok(2));
    let two = NameError::TwoCommon("Ann".to_owned(), "Ben".to_owned());
    assert_eq!(all(Kind::Client, &["Ann", "Ben"]), Err(two));
    let ids = ["spiffe://example.org/a", "spiffe://example.org/b"];
    assert_eq!(all(Kind::Workload, &ids), Err(NameError::OneSpiffe(2)));
}

#[test]
fn files_are_called_as_the_first_name_and_stay_in_their_folder() {
    let check = |kind, text: &str, expect: &str| {
        assert_eq!(Name::parse(kind, text).unwrap().file_stem(), expect);
    };
    check(Kind::Server, "*.example.org", "_.example.org");
    check(Kind::Server, "::1", "1");
    check(Kind::Server, "2001:db8::7", "2001-db8--7");
    check(Kind::Client, "Ann Example", "Ann-Example");
    check(Kind::Client, "../../etc/passwd", "etc-passwd");
    check(Kind::Client, "..", "certificate");
    check(Kind::Client, "ann@example.org", "ann@example.org");
    check(Kind::Client, "https://example.org/users/7", "example.org-users-7");
    check(
        Kind::Workload,
        "spiffe://example.org/ns/billing",
        "example.org-ns-billing",
    );
}
