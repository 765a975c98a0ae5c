//! What does not hold here does not hold for OpenSSL either, and it says so in the words we say it with.

use crate::Folder;
use crate::pki::{
    Authority, Key, Revocations, San, Template, common, element, oid, pem, relatives, sequence,
};
use countersign_core::time::Timestamp;
use countersign_x509::authorities::Authorities;
use countersign_x509::crl::{Crl, CrlIndex};
use countersign_x509::verify::{Checks, verify};

/// 2030-01-01T00:00:00Z
const NOW: i64 = 1_893_456_000;

/// What both are asked: one root to believe, a chain, lists.
struct Case<'a> {
    chain: &'a [Vec<u8>],
    lists: &'a [Vec<u8>],
}

/// Every error that `openssl verify` tells of.
fn told_by_openssl(root: &Authority, case: &Case<'_>) -> Vec<String> {
    let folder = Folder::new();
    let pems = |label: &str, ders: &[Vec<u8>]| ders.iter().map(|der| pem(label, der)).collect::<String>();
    let (leaf, others) = case.chain.split_first().unwrap();
    folder.write("root.pem", root.pem());
    folder.write("leaf.pem", pem("CERTIFICATE", leaf));
    folder.write("others.pem", pems("CERTIFICATE", others));
    folder.write("lists.pem", pems("X509 CRL", case.lists));
    let untrusted = if others.is_empty() {
        ""
    } else {
        "-untrusted others.pem"
    };
    let lists = if case.lists.is_empty() {
        ""
    } else {
        "-crl_check_all -CRLfile lists.pem"
    };
    let output = folder.run(&format!(
        "verify -attime {NOW} -purpose sslclient -CAfile root.pem -no-CApath -no-CAstore {untrusted} {lists} leaf.pem"
    ));
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    let errors = text
        .lines()
        .filter_map(|line| Some(line.split_once("depth lookup: ")?.1.to_owned()));
    errors.collect()
}

fn told_here(root: &Authority, case: &Case<'_>) -> &'static str {
    let authorities = Authorities::from_pem(&[root.pem().as_bytes()]).unwrap();
    let lists = case.lists.iter().map(|list| Crl::parse(list).unwrap());
    let index = CrlIndex::new(lists, &authorities);
    let index = index.unwrap();
    let asked = (!case.lists.is_empty()).then_some(&index);
    let chain = case.chain.iter().map(Vec::as_slice);
    let now = Timestamp::from_seconds(NOW);
    match verify(chain, &authorities, asked, Checks::default(), now) {
        Ok(_) => "",
        Err(error) => error.openssl(),
    }
}

fn client() -> Template {
    Template::client("joe", Key(3)).names(&[San::Dns("joe.example.test")])
}

type Judged<'a> = (&'a str, Vec<Vec<u8>>);

fn check_all(root: &Authority, cases: &[Judged<'_>]) {
    for (words, chain) in cases {
        check(root, &Case { chain, lists: &[] }, words);
    }
}

#[test]
fn openssl_says_the_same_of_leaves() {
    let root = Authority::root("Root", Key(1));
    let issuing = root.under("Issuing", Key(2));
    let of_issuing = |template: &Template| vec![issuing.issue(template), issuing.certificate.clone()];
    let usage = |usage| of_issuing(&client_of(&[usage]));
    let valid = |from, to| of_issuing(&client().valid(from, to));
    let purpose = "unsuitable certificate purpose";
    let cases = [
        ("", of_issuing(&client())),
        (
            "certificate has expired",
            valid("20200101000000Z", "20210101000000Z"),
        ),
        (
            "certificate is not yet valid",
            valid("20310101000000Z", "20320101000000Z"),
        ),
        (purpose, usage("1.3.6.1.5.5.7.3.1")),
        (purpose, usage("2.5.29.37.0")),
        (purpose, of_issuing(&Template::new("joe", Key(3)).key_usage(0x20))),
        (
            "unhandled critical extension",
            of_issuing(&client().extension("1.2.3", true, b"x")),
        ),
    ];
    check_all(&root, &cases);
}

#[test]
fn openssl_says_the_same_of_strangers() {
    let root = Authority::root("Root", Key(1));
    let stranger = Authority::root("Stranger", Key(5));
    let between = stranger.under("Between", Key(6));
    let leaf = stranger.issue(&client());
    let below = between.issue(&client());
    let cases = [
        ("unable to verify the first certificate", vec![leaf.clone()]),
        (
            "unable to get local issuer certificate",
            vec![below, between.certificate],
        ),
        ("self-signed certificate", vec![client().self_signed()]),
        (
            "self-signed certificate in certificate chain",
            vec![leaf, stranger.certificate],
        ),
        (
            "certificate signature failure",
            vec![client().signed_by(&root.name, Key(5))],
        ),
    ];
    check_all(&root, &cases);
}

#[test]
fn openssl_says_the_same_of_what_authorities_may() {
    let root = Authority::root("Root", Key(1));
    let issuing = root.under("Issuing", Key(2));
    let nested = issuing.issue(&Template::client("Nested", Key(3)));
    let by_nested = client().signed_by(&common("Nested"), Key(3));
    let second = issuing.under("Second", Key(4));
    let bounded = Template::new("Issuing", Key(2))
        .basic_constraints(true, Some(0))
        .key_usage(0x06);
    let permitted = sequence(&[element(0xa0, &sequence(&[element(0x82, b"example.com")]))]);
    let narrow = Template::authority("Issuing", Key(2)).extension("2.5.29.30", true, &permitted);
    let mails = sequence(&[element(0xa0, &sequence(&[element(0x81, b"example.com")]))]);
    let mails = Template::authority("Issuing", Key(2)).extension("2.5.29.30", true, &mails);
    let mail = ("1.2.840.113549.1.9.1", 0x16, &b"joe@example.test"[..]);
    let by_mails = issuing.issue(&client().subject(relatives(&[&[mail]])));
    let below_bounded = vec![
        second.issue(&client()),
        second.certificate.clone(),
        root.issue(&bounded),
    ];
    let cases = [
        (
            "invalid CA certificate",
            vec![by_nested, nested, issuing.certificate.clone()],
        ),
        ("path length constraint exceeded", below_bounded),
        ("permitted subtree violation", vec![by_mails, root.issue(&mails)]),
        (
            "permitted subtree violation",
            vec![issuing.issue(&client()), root.issue(&narrow)],
        ),
    ];
    check_all(&root, &cases);
}

/// The rows of docs/tls.md in which OpenSSL takes what is refused here.
#[test]
fn openssl_takes_constraints_it_compares_policies_and_long_paths_which_are_refused_here() {
    let root = Authority::root("Root", Key(1));
    let issuing = root.under("Issuing", Key(2));
    let below = |dots: &str, value: &[u8], leaf: &Template| {
        let authority = Template::authority("Issuing", Key(2)).extension(dots, true, value);
        vec![issuing.issue(leaf), root.issue(&authority)]
    };
    let constrained = |name: Vec<u8>, leaf: &Template| {
        let permitted = sequence(&[element(0xa0, &sequence(&[name]))]);
        below("2.5.29.30", &permitted, leaf)
    };
    let named = |name| Template::client("joe", Key(3)).names(&[name]);
    let outside = "permitted subtree violation";
    let unknown = "unhandled critical extension";
    let policies = sequence(&[sequence(&[oid("2.5.29.32.0")])]);
    let with_policies = vec![
        issuing.issue(&client().extension("2.5.29.32", true, &policies)),
        issuing.certificate.clone(),
    ];
    let spiffe = named(San::Uri("spiffe://home.example/web"));
    let mut deep = vec![root.under("Deep 0", Key(2))];
    for number in 1..7 {
        let next = deep[number - 1].under(&format!("Deep {number}"), Key(2));
        deep.push(next);
    }
    let long = |length: usize| {
        let authorities = deep[..length].iter().rev();
        let chain = authorities.map(|authority| authority.certificate.clone());
        let leaf = deep[length - 1].issue(&client());
        [leaf].into_iter().chain(chain).collect::<Vec<_>>()
    };
    for (words, chain) in [
        (
            outside,
            constrained(element(0x81, b"example.org"), &named(San::Email("a@example.org"))),
        ),
        (outside, constrained(element(0x86, b"home.example"), &spiffe)),
        (outside, constrained(element(0xa4, &common("joe")), &client())),
        (unknown, with_policies),
        (unknown, below("2.5.29.32", &policies, &client())),
        (
            unknown,
            below("2.5.29.36", &sequence(&[element(0x80, &[0])]), &client()),
        ),
        (unknown, below("2.5.29.54", &element(2, &[0]), &client())),
        ("certificate chain too long", long(7)),
        ("", long(6)),
        ("", constrained(element(0x82, b"example.test"), &client())),
    ] {
        let case = Case {
            chain: &chain,
            lists: &[],
        };
        assert_eq!(told_here(&root, &case), words);
        assert_eq!(told_by_openssl(&root, &case), [""; 0], "{words}");
    }
}

fn client_of(usages: &[&str]) -> Template {
    Template::new("joe", Key(3)).extended_key_usages(usages)
}

fn check(root: &Authority, case: &Case<'_>, words: &str) {
    assert_eq!(told_here(root, case), words);
    let told = told_by_openssl(root, case);
    if words.is_empty() {
        assert!(told.is_empty(), "{told:?}");
    } else {
        // The command stops at the first error; nginx goes on, and tells of the last.
        let stops_at = match words {
            "unable to verify the first certificate" => "unable to get local issuer certificate",
            words => words,
        };
        assert!(told.iter().any(|told| told == stops_at), "{words}: {told:?}");
    }
}

#[test]
fn openssl_says_the_same_of_lists() {
    let root = Authority::root("Root", Key(1));
    let issuing = root.under("Issuing", Key(2));
    let chain = [issuing.issue(&client().serial(&[7])), issuing.certificate.clone()];
    let empty = Revocations::of(&[]);
    let of_root = root.revoke(&empty);
    let forged = Key(5).sign(&empty.to_be_signed(&issuing.name));
    for (words, list) in [
        ("", Some(issuing.revoke(&empty))),
        ("", Some(issuing.revoke(&Revocations::of(&[&[8]])))),
        (
            "certificate revoked",
            Some(issuing.revoke(&Revocations::of(&[&[8], &[7]]))),
        ),
        ("unable to get certificate CRL", None),
        (
            "CRL has expired",
            Some(issuing.revoke(&Revocations::of(&[]).updated("20280101000000Z", Some("20300101000000Z")))),
        ),
        (
            "CRL is not yet valid",
            Some(issuing.revoke(&Revocations::of(&[]).updated("20300101000001Z", Some("20310101000000Z")))),
        ),
        ("CRL signature failure", Some(forged)),
    ] {
        let lists = [of_root.clone()].into_iter().chain(list).collect::<Vec<_>>();
        let case = Case {
            chain: &chain,
            lists: &lists,
        };
        check(&root, &case, words);
    }
}
