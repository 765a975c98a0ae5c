//! `countersign certificate`, as a person at a terminal uses it.

#![expect(clippy::unwrap_used, reason = "a test panics when it must")]

use countersign_testkit::folder::Folder;
use countersign_testkit::pki::{Authority, Key, Revocations, San, Template, pem};
use serde_json::Value;
use std::io::Write as _;
use std::process::{Command, Output, Stdio};

#[path = "certificate/state_folder.rs"]
mod state_folder;
#[path = "certificate/table.rs"]
mod table;

/// When the kit's certificates hold.
const AT: &str = "2030-01-01T00:00:00Z";

fn command(folder: &Folder, line: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_countersign"));
    command.arg("certificate").args(line.split_whitespace());
    command.current_dir(&folder.0);
    command
}

fn certificate(folder: &Folder, line: &str, input: &str) -> Output {
    let mut command = command(folder, line);
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // Who does not read it has closed it already.
    drop(child.stdin.take().unwrap().write_all(input.as_bytes()));
    child.wait_with_output().unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn complained(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// The first line as far as its colon, and the exit code.
fn verdict(output: &Output) -> (String, Option<i32>) {
    let said = said(output);
    (said.split(':').next().unwrap().to_owned(), output.status.code())
}

/// A folder with a root, an authority below it, a client of that with its chain, and lists.
struct World {
    folder: Folder,
    root: Authority,
    issuing: Authority,
}

impl World {
    fn new() -> Self {
        let root = Authority::root("Root", Key(1));
        let issuing = root.under("Issuing", Key(2));
        let folder = Folder::new();
        folder.write("root.pem", root.pem());
        folder.write("issuing.pem", issuing.pem());
        let world = Self {
            folder,
            root,
            issuing,
        };
        world.client("client.pem", &client());
        world
    }

    /// Writes a client's certificate and that of its authority.
    fn client(&self, file: &str, template: &Template) {
        let leaf = self.issuing.issue(template);
        self.folder
            .write(file, pem("CERTIFICATE", &leaf) + &self.issuing.pem());
    }

    fn verify(&self, line: &str) -> Output {
        let at = if line.contains("--at") {
            String::new()
        } else {
            format!("--at {AT}")
        };
        certificate(&self.folder, &format!("verify {at} {line}"), "")
    }
}

fn client() -> Template {
    Template::client("joe", Key(3))
        .names(&[
            San::Uri("spiffe://example.test/joe"),
            San::Email("joe@example.test"),
        ])
        .serial(&[7])
}

#[test]
fn a_certificate_is_accepted_with_whom_it_proves_and_its_siblings_are_refused_by_name() {
    let world = World::new();
    let check = |line: &str, word: &str, code: i32| {
        let output = world.verify(line);
        assert_eq!(
            verdict(&output),
            (word.to_owned(), Some(code)),
            "{line}: {}",
            complained(&output)
        );
    };
    check("--authorities root.pem client.pem", "accepted allowed", 0);
    check(
        "--authorities issuing.pem --authorities root.pem client.pem",
        "accepted allowed",
        0,
    );
    check(
        "--at 2036-01-01T00:00:00Z --authorities root.pem client.pem",
        "refused certificate_expired",
        1,
    );
    world
        .folder
        .write("other.pem", Authority::root("Other", Key(5)).pem());
    check(
        "--authorities other.pem client.pem",
        "refused certificate_unknown_authority",
        1,
    );
    world.client("server.pem", &Template::server("a.test", Key(3)));
    check(
        "--authorities root.pem server.pem",
        "refused certificate_usage",
        1,
    );
    check("--authorities root.pem root.pem", "refused certificate_usage", 1);
    let leaf = world.issuing.issue(&client());
    let turned = world.issuing.pem() + &pem("CERTIFICATE", &leaf);
    world.folder.write("turned.pem", turned);
    check(
        "--authorities root.pem turned.pem",
        "refused certificate_usage",
        1,
    );
    let told = complained(&world.verify("--authorities root.pem turned.pem"));
    assert!(told.contains("the client's own comes first"), "{told}");
    let told = complained(&world.verify("--authorities root.pem client.pem"));
    assert!(!told.contains("comes first"), "{told}");
    world.folder.write("garbage.pem", pem("CERTIFICATE", b"garbage"));
    check(
        "--authorities root.pem garbage.pem",
        "refused certificate_malformed",
        1,
    );
}

#[test]
fn revocation_is_checked_when_there_are_lists_and_said_not_to_be_otherwise() {
    let world = World::new();
    let folder = &world.folder;
    let all = |serials: &[&[u8]]| pem("X509 CRL", &world.issuing.revoke(&Revocations::of(serials)));
    folder.write("root.crl", world.root.revoke(&Revocations::of(&[])));
    folder.write("empty.crl", all(&[]));
    folder.write("revoked.crl", all(&[&[7]]));
    let check = |lists: &str, word: &str, code: i32| {
        let output = world.verify(&format!("--authorities root.pem {lists} client.pem"));
        assert_eq!(
            verdict(&output),
            (word.to_owned(), Some(code)),
            "{lists}: {}",
            complained(&output)
        );
        assert_eq!(said(&output).contains("not checked"), lists.is_empty());
        let checked = said(&output).contains("revocation   checked\n");
        assert_eq!(checked, code == 0 && !lists.is_empty());
    };
    check("", "accepted allowed", 0);
    check("--crl root.crl --crl empty.crl", "accepted allowed", 0);
    check(
        "--crl root.crl --crl revoked.crl",
        "refused certificate_revoked",
        1,
    );
    check("--crl root.crl", "refused revocation_unknown", 1);
    check("--crl empty.crl", "refused revocation_unknown", 1);
    for (lists, whose) in [("--crl root.crl", "CN=Issuing"), ("--crl empty.crl", "CN=Root")] {
        let line = format!("--authorities root.pem {lists} --json client.pem");
        let told = serde_json::from_str::<Value>(&said(&world.verify(&line))).unwrap();
        let expect = format!("no revocation list of {whose} covers what it issued on the path");
        assert_eq!(told["detail"], expect, "{lists}");
    }
    let both = pem("X509 CRL", &world.root.revoke(&Revocations::of(&[]))) + &all(&[&[7]]);
    folder.write("both.crl", both);
    check("--crl both.crl", "refused certificate_revoked", 1);
}

#[test]
fn what_cannot_be_judged_is_told_with_its_file() {
    let world = World::new();
    let folder = &world.folder;
    folder.write("empty.pem", "");
    folder.write("key.pem", Key(3).pem());
    folder.write("half.pem", &world.root.pem()[..100]);
    let forged = Key(5).sign(&Revocations::of(&[]).to_be_signed(&world.root.name));
    folder.write("forged.crl", forged);
    let check = |line: &str, told: &str| {
        let output = world.verify(line);
        assert_eq!(output.status.code(), Some(2), "{line}: {}", said(&output));
        assert!(
            complained(&output).contains(told),
            "{line}: {}",
            complained(&output)
        );
    };
    check("--authorities missing.pem client.pem", "missing.pem: ");
    check(
        "--authorities empty.pem client.pem",
        "empty.pem: it holds no certificate",
    );
    check(
        "--authorities key.pem client.pem",
        "key.pem: it holds a section `PRIVATE KEY`",
    );
    check(
        "--authorities half.pem client.pem",
        "half.pem: the section that begins in line 1 does not end",
    );
    check(
        "--authorities issuing.pem client.pem",
        "none of the certificates signed itself",
    );
    check(
        "--authorities root.pem empty.pem",
        "empty.pem holds no certificate in PEM or DER",
    );
    check(
        "--authorities root.pem key.pem",
        "key.pem holds no certificate, but a section `PRIVATE KEY`",
    );
    check(
        "--authorities root.pem --crl root.pem client.pem",
        "root.pem: these bytes are not one revocation list",
    );
    check(
        "--authorities root.pem --crl forged.crl client.pem",
        "forged.crl: its signature does not hold",
    );
    check(
        "--authorities root.pem --at yesterday client.pem",
        "--at is neither a time",
    );
    let many = world.issuing.pem().repeat(17);
    let output = certificate(folder, "verify --authorities root.pem", &many);
    assert!(
        complained(&output).contains("16 certificates"),
        "{}",
        complained(&output)
    );
}

#[test]
fn programs_read_the_verdict_and_the_identity_as_json() {
    let world = World::new();
    let chain = std::fs::read(world.folder.0.join("client.pem")).unwrap();
    let chain = String::from_utf8(chain).unwrap();
    let line = "verify --json --authorities root.pem";
    // A key in the file is passed over, and never shown.
    let output = certificate(
        &world.folder,
        &format!("{line} --at {AT}"),
        &(Key(3).pem().to_owned() + &chain),
    );
    let told = serde_json::from_str::<Value>(&said(&output)).unwrap();
    assert_eq!(told["verdict"], "accepted");
    assert_eq!(told["nginx"], "SUCCESS");
    assert_eq!(told["path"], serde_json::json!(["CN=Issuing", "CN=Root"]));
    assert_eq!(told["revocation_checked"], false);
    assert_eq!(told["holds_until"], "2035-01-01T00:00:00.000Z");
    let shown = &told["certificate"];
    assert_eq!(shown["subject"], "CN=joe");
    assert_eq!(shown["serial"], "07");
    assert_eq!(shown["names"][0]["name"], "spiffe://example.test/joe");
    let late = certificate(
        &world.folder,
        &format!("{line} --at 2099-01-01T00:00:00Z"),
        &chain,
    );
    let told = serde_json::from_str::<Value>(&said(&late)).unwrap();
    assert_eq!(told["reason"], "certificate_expired");
    assert_eq!(told["nginx"], "FAILED:certificate has expired");
    assert_eq!(late.status.code(), Some(1));
}

#[test]
fn inspect_shows_what_is_in_it_and_what_applications_would_read() {
    let world = World::new();
    let output = certificate(&world.folder, "inspect client.pem", "");
    let text = said(&output);
    assert_eq!(output.status.code(), Some(0));
    for line in [
        "Nothing here is verified: anybody can make this.",
        "certificate 1",
        "subject      CN=joe",
        "name uri     spiffe://example.test/joe",
        "name email   joe@example.test",
        "usages       digitalSignature, clientAuth",
        "certificate 2",
        "authority    yes",
        "x-ssl-san: [\"spiffe://example.test/joe\",\"joe@example.test\"]",
        "x-ssl-client: CN=joe",
        "x-ssl-client-verify: SUCCESS",
        "x-ssl-client-serial: 07",
    ] {
        assert!(text.lines().any(|told| told == line), "{line}\n{text}");
    }
    assert!(text.contains("\nclient-cert: :MII") && text.contains("\nx-forwarded-client-cert: Hash="));
    let json = certificate(&world.folder, "inspect --json client.pem", "");
    let told = serde_json::from_str::<Value>(&said(&json)).unwrap();
    assert_eq!(told["verified"], false);
    assert_eq!(told["certificates"][1]["authority"], true);
    assert_eq!(told["presets"]["nginx"]["x-ssl-client-issuer"], "CN=Issuing");
}

#[test]
fn inspect_tells_of_odd_names_by_their_kind_and_writes_nothing_that_a_terminal_obeys() {
    let world = World::new();
    let odd = Template::client("a\u{1b}[2Jb\u{202e}", Key(3)).names(&[
        San::Email("spiffe://example.test/admin"),
        San::Dns("victim\0evil"),
        San::Upn("jörg@example.test"),
    ]);
    world.client("odd.pem", &odd);
    let output = certificate(&world.folder, "inspect odd.pem", "");
    let text = said(&output);
    assert!(!text.contains('\u{1b}') && !text.contains('\u{202e}') && !text.contains('\0'));
    assert!(text.contains("subject      CN=a\\1B[2Jb\\E2\\80\\AE"), "{text}");
    assert!(text.contains("left out     a name of kind email: it is not what a name of its kind looks like"));
    assert!(text.contains("left out     a name of kind dns: it holds a control character"));
    assert!(text.contains("name upn     jörg@example.test"));
    let broken = certificate(&world.folder, "inspect", &pem("CERTIFICATE", b"x"));
    assert_eq!(broken.status.code(), Some(1));
    assert!(said(&broken).contains("unreadable   these bytes are not one certificate in DER"));
}

/// MT-41: an authority with a name and usages of its own.
#[test]
fn what_a_root_says_of_itself_is_told_and_counts_for_nothing() {
    let folder = Folder::new();
    let root = Template::authority("Root", Key(1))
        .valid("20250101000000Z", "20260102000000Z")
        .names(&[San::Uri("spiffe://example.test/")])
        .extended_key_usages(&["1.3.6.1.5.5.7.3.1", "1.3.6.1.5.5.7.3.2"]);
    folder.write("root.pem", pem("CERTIFICATE", &root.self_signed()));
    let leaf = Authority::root("Root", Key(1)).issue(&client());
    let line = format!("verify --at {AT} --authorities root.pem");
    let output = certificate(&folder, &line, &pem("CERTIFICATE", &leaf));
    assert_eq!(verdict(&output), ("accepted allowed".to_owned(), Some(0)));
    for said_of_it in [
        "also names spiffe://example.test/",
        "is for serverAuth, clientAuth",
        "ended on 2026-01-02T00:00:00.000Z",
    ] {
        assert!(said(&output).contains(&format!("its root     {said_of_it}, which counts for nothing")));
    }
}

/// A configuration with a table, and a route that it opens.
fn configuration(tables: &str) -> String {
    format!(
        "config = 1\n[[listen]]\naddress = \"127.0.0.1:8080\"\nspeak = \"auth-request\"\ntrusted_peers = [\"127.0.0.1\"]\n\
         {tables}[[route]]\nhosts = [\"app.test\"]\npaths = [\"/**\"]\naccept = [\"certificate.staff\"]\n"
    )
}
