//! Every bad configuration gets exactly its message, and every example and generated page is what it should be.
//! Long because whatever can be said of a configuration is checked here, and most of it in a few lines each.

#![expect(clippy::unwrap_used, reason = "a test panics when it must")]

use countersign::cli::offline_parts;
use countersign::compose::{self, Loaded};
use countersign::config::source::MAX_FILE_BYTES;
use countersign::config::{Environment, Severity, Sources, render, shape};
use countersign::{reference, schema};
use countersign_authn::token_cache::CacheLimits;
use countersign_core::time::Timestamp;
use countersign_testkit::folder::Folder;
use countersign_testkit::pki::{Authority, Key, Revocations, San, Template, pem};
use serde_json::{Value, json};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

fn tests() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests")
}

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .ancestors()
        .nth(2)
        .unwrap()
        .to_owned()
}

fn read(path: &Path) -> String {
    String::from_utf8(std::fs::read(path).unwrap()).unwrap()
}

/// The files below `folder` that end in `.toml`, sorted.
fn toml_files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(toml_files(&path));
        } else if path.extension().is_some_and(|extension| extension == "toml") {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// The files beside the configurations, and four variables: long enough for a secret, too short, empty, two lines.
fn environment() -> Environment {
    let variable = |name: &str| {
        let value = match name {
            "LONG" => "a-secret-that-is-long-enough-for-hs256",
            "SHORT" => "short",
            "EMPTY" => "",
            "TWO_LINES" => "a-secret-of-two\nlines-of-text",
            _ => return None,
        };
        Some(value.to_owned())
    };
    let read = |path: &Path| match path.to_str() {
        Some("files/large") => Ok(vec![b'a'; MAX_FILE_BYTES + 1]),
        _ => std::fs::read(tests().join("config").join(path)),
    };
    let mode = |path: &Path| match path.to_str() {
        Some("not-there") => None,
        Some("files/world-readable") => Some(0o644),
        Some(_) | None => Some(0o600),
    };
    Environment {
        variable: Box::new(variable),
        read: Box::new(read),
        mode: Box::new(mode),
        // In the year 2030.
        now: Box::new(|| Timestamp::from_seconds(1_893_456_000)),
    }
}

/// Mistakes whose own words say what is to be written.
const HELPS_ITSELF: [&str; 3] = ["a CEL expression", "bundle", "write unix:"];

fn told(name: &str, text: &str) -> String {
    let sources = Sources::text(name, text);
    match compose::load(&sources, &environment(), &offline_parts()) {
        Ok(loaded) => format!("taken\n{}", render(&loaded.warnings, &sources, false)),
        Err(told) => render(&told, &sources, false),
    }
}

#[test]
fn every_bad_file_gets_its_message() {
    let (mut differ, mut silent) = (Vec::new(), Vec::new());
    for file in toml_files(&tests().join("config")) {
        let name = file.file_name().unwrap().to_string_lossy().into_owned();
        let told = format!("{}\n", told(&name, &read(&file)).trim_end());
        let mistakes = told.split("\n\n").filter(|one| one.starts_with("error: "));
        let mut without = mistakes.filter(|one| !one.contains("= help: "));
        silent.extend(
            without
                .find(|one| !HELPS_ITSELF.iter().any(|own| one.contains(own)))
                .map(str::to_owned),
        );
        let expected = std::fs::read(file.with_extension("txt")).unwrap_or_default();
        if told.as_bytes() != expected {
            let got = repository().join("target/config-messages");
            std::fs::create_dir_all(&got).unwrap();
            std::fs::write(got.join(name.replace(".toml", ".txt")), &told).unwrap();
            differ.push(format!("{name} gets:\n{told}"));
        }
    }
    assert!(
        differ.is_empty(),
        "{}\nIf that is as it should be: cp target/config-messages/*.txt crates/countersign/tests/config/",
        differ.join("\n")
    );
    assert!(silent.is_empty(), "no help: {}", silent.join("\n"));
}

#[test]
fn seven_faults_in_five_tables_are_seven_messages() {
    let text = read(&tests().join("config/seven-faults-in-five-tables.toml"));
    let told = told("seven.toml", &text);
    assert_eq!(told.matches("error: ").count(), 7, "{told}");
}

#[test]
fn no_message_shows_a_secret() {
    let files = toml_files(&tests().join("config"));
    let with_secrets = files
        .iter()
        .map(|file| read(file))
        .filter(|text| text.contains("not-to-be-shown"));
    let mut count = 0;
    for text in with_secrets {
        let told = told("secret.toml", &text);
        assert!(!told.contains("to-be-shown"), "{told}");
        count += 1;
    }
    assert!(count >= 3);
}

#[test]
fn no_message_shows_a_secret_of_a_file_that_is_no_toml() {
    let text = read(&tests().join("config/secrets.toml"));
    let needle = "written-out-and-not-to-be-shown";
    for (at, _) in text.match_indices(needle) {
        for broken in ["\"", "'", "]", "\n", "\u{0}", "= ", "\"\"\"", "{"] {
            let mut text = text.clone();
            text.insert_str(at + needle.len(), broken);
            let told = told("broken.toml", &text);
            assert!(!told.contains("to-be-shown"), "{broken:?}: {told}");
        }
    }
}

fn told_of_files(files: &[(&str, &str)]) -> String {
    let sources = Sources(
        files
            .iter()
            .flat_map(|(name, text)| Sources::text(name, text).0)
            .collect(),
    );
    match compose::load(&sources, &environment(), &offline_parts()) {
        Ok(loaded) => {
            let routes = ["/a", "/b", "/c"].map(|path| loaded.gateway.routes.at_endpoint(path).is_some());
            format!("taken: {routes:?}")
        }
        Err(told) => render(&told, &sources, false),
    }
}

#[test]
fn files_of_a_folder_join_and_say_nothing_twice() {
    let listen = "config = 1\n[[listen]]\naddress = \"127.0.0.1:1\"\nspeak = \"check\"\n[log]\nformat = \"json\"\n\
                  [token.a]\nissuer = \"https://a.example\"\naudiences = \"api\"\n";
    let route = |path: &str| format!("config = 1\n[[route]]\nendpoint = \"{path}\"\naccept = \"token.a\"\n");
    let joined = told_of_files(&[
        ("1.toml", listen),
        ("2.toml", &route("/a")),
        ("3.toml", &route("/b")),
    ]);
    assert_eq!(joined, "taken: [true, true, false]");
    let twice = told_of_files(&[
        ("1.toml", listen),
        ("2.toml", &format!("{}[log]\nlevel = \"events\"\n", route("/a"))),
        (
            "3.toml",
            "config = 1\n[token.a]\nissuer = \"https://b.example\"\naudiences = \"api\"\n",
        ),
        ("4.toml", &route("/a")),
        ("5.toml", "[[route]]\nendpoint = \"/c\"\naccept = \"token.a\"\n"),
    ]);
    for said in [
        "error: `log` is in another file already: 1.toml:5:2\n --> 2.toml:5:2\n",
        "error: `token.a` is in another file already: 1.toml:7:8\n --> 3.toml:2:8\n",
        "error: no request can tell this route from `/a`: both govern /a\n --> 4.toml:2:1\n",
        "error: `config` is missing\n --> 5.toml:1:1\n",
    ] {
        assert!(twice.contains(said), "{said}\nis not in\n{twice}");
    }
    assert_eq!(twice.matches("error: ").count(), 4, "{twice}");
}

/// A sound configuration, and how many tokens it wants remembered.
fn loaded_with_limits(sources: &Sources) -> (Loaded, CacheLimits) {
    let mut wanted = CacheLimits::default();
    let loaded = compose::load_with(sources, &environment(), |limits| {
        wanted = limits;
        offline_parts()
    });
    (loaded.unwrap(), wanted)
}

#[test]
fn what_a_table_says_by_default_is_what_is_meant_without_it() {
    let plain = "config = 1\n[[listen]]\naddress = \"127.0.0.1:1\"\nspeak = \"check\"\n[[route]]\n\
                 endpoint = \"/a\"\naccept = \"anonymous\"\n";
    let loaded = |added: &str| {
        let sources = Sources::text("a.toml", &format!("{plain}{added}"));
        let (loaded, remembered) = loaded_with_limits(&sources);
        let route = loaded
            .gateway
            .routes
            .at_endpoint("/a")
            .map(|route| format!("{:?}", route.identity));
        format!("{:?} {:?} {remembered:?} {route:?}", loaded.limits, loaded.log)
    };
    for table in ["limits", "log", "token_cache", "identity_headers"] {
        assert_eq!(loaded(&format!("[{table}]\n")), loaded(""), "{table}");
    }
}

#[test]
fn a_very_large_configuration_is_judged_in_few_words() {
    let listen = "config = 1\n[[listen]]\naddress = \"127.0.0.1:1\"\nspeak = \"check\"\n";
    let many = |one: &dyn Fn(usize) -> String, count: usize| (0..count).map(one).collect::<String>();
    // In quadratic time this test would not end.
    for (what, text) in [
        (
            "routes with faults",
            many(&|_| "[[route]]\naccept = 1\n".to_owned(), 10_000),
        ),
        (
            "identity headers",
            format!(
                "[identity_headers.add]\n{}",
                many(&|n| format!("X-A{n} = \"subject\"\n"), 10_000)
            ),
        ),
        (
            "routes with identity headers",
            many(
                &|n| {
                    format!(
                        "[[route]]\nendpoint = \"/{n}\"\naccept = \"anonymous\"\nidentity_headers = {{ add = {{ X-A{n} = \
                         \"subject\" }} }}\n"
                    )
                },
                5_000,
            ),
        ),
        (
            "tables nobody accepts",
            format!(
                "{}[[route]]\nendpoint = \"/a\"\naccept = [\"token.u\", \"token.v\"]\n",
                many(
                    &|n| format!("[token.t{n}]\nissuer = \"https://{n}.example\"\naudiences = \"a\"\n"),
                    5_000
                )
            ),
        ),
        ("a long key", format!("{} = 1\n", "a".repeat(500_000))),
        (
            "a long value",
            format!("[log]\nformat = \"{}\"\n", "a".repeat(500_000)),
        ),
    ] {
        let told = told("a.toml", &format!("{listen}{text}"));
        assert!(!told.starts_with("taken"), "{what}");
        assert!(told.len() < 200_000, "{what}: {} bytes", told.len());
    }
}

#[test]
fn a_byte_order_mark_carriage_returns_and_toml_s_own_numbers_are_read() {
    let text = "\u{feff}config = 1\r\n[[listen]]\r\naddress = '127.0.0.1:1'\r\nspeak = \"\"\"check\"\"\"\r\n\
                [limits]\r\nconnections = 1_000\r\n[token_cache]\r\nentries = 0x10\r\n";
    let sources = Sources::text("a.toml", text);
    let (loaded, remembered) = loaded_with_limits(&sources);
    assert_eq!((loaded.limits.connections, remembered.entries), (1000, 16));
}

#[test]
fn a_group_that_a_route_names_may_hold_a_colon() {
    let text = "config = 1\n[[listen]]\naddress = \"127.0.0.1:1\"\nspeak = \"check\"\n[token.a]\n\
                issuer = \"https://a.example\"\naudiences = \"api\"\n[identity_headers]\ngroups = \"named\"\n\
                [[route]]\nendpoint = \"/a\"\naccept = \"token.a\"\n\
                require = { groups = [\"one:two\", \"token.a:three\", \"*:four:five\"] }\n";
    let loaded = compose::load(&Sources::text("a.toml", text), &environment(), &offline_parts()).unwrap();
    let sent = format!("{:?}", loaded.gateway.routes.at_endpoint("/a").unwrap().identity);
    for group in ["\"one:two\"", "\"three\"", "\"four:five\""] {
        assert!(sent.contains(group), "{group}: {sent}");
    }
}

#[test]
fn a_path_begins_at_the_folder_of_its_file() {
    let text = "config = 1\n[[listen]]\naddress = \"127.0.0.1:1\"\nspeak = \"check\"\n[token.a]\nissuer = \"a\"\n\
                audiences = \"api\"\nalgorithms = \"ES256\"\npem_file = \"key.pem\"\n";
    let said =
        |name: &str| compose::load(&Sources::text(name, text), &environment(), &offline_parts()).is_ok();
    assert!(said("files/a.toml"));
    assert!(!said("a.toml"));
}

#[test]
fn messages_have_an_end() {
    let keys = (0..10_000).map(|number| format!("unknown{number} = 1\n"));
    let keys = keys.collect::<Vec<_>>().concat();
    let told = told("many.toml", &format!("config = 1\n{keys}"));
    assert!(told.matches("error: ").count() <= 200, "{}", told.len());
    assert!(told.ends_with("more"), "{}", &told[told.len() - 100..]);
}

#[test]
fn the_generated_pages_are_fresh() {
    let fresh = |path: &str, page: &str| {
        let kept = read(&repository().join(path));
        assert!(
            kept.trim_end() == page.trim_end(),
            "{path} is stale: its second line says how to make it anew"
        );
    };
    fresh("docs/reference.md", &reference::reference());
    fresh("docs/reason-codes.md", &reference::reason_codes());
}

/// A folder with what `countersign ca` makes where the examples say so.
fn folder_with_certificates() -> Folder {
    let (folder, root) = (Folder::new(), Authority::root("Root", Key(1)));
    let server = root.issue(&Template::server("app.test", Key(2)));
    std::fs::create_dir_all(folder.0.join("ca/issued")).unwrap();
    folder.write("ca/authorities.pem", root.pem());
    let list = Revocations::of(&[]).updated("20200101000000Z", Some("21000101000000Z"));
    folder.write("ca/crls.pem", pem("X509 CRL", &root.revoke(&list)));
    folder.write("ca/root.crt", root.pem());
    let names = ["app.home.test", "wiki.home.test", "shop.other.test"];
    let sites = Template::new(names[0], Key(2))
        .basic_constraints(false, None)
        .extended_key_usages(&["1.3.6.1.5.5.7.3.1"])
        .names(&names.map(San::Dns));
    let sites = root.issue(&sites);
    let provider = root.issue(&Template::server("sso.home.test", Key(2)));
    for (name, certificate) in [
        ("app.test", &server),
        (names[0], &sites),
        ("sso.home.test", &provider),
    ] {
        folder.write(&format!("ca/issued/{name}.crt"), pem("CERTIFICATE", certificate));
        folder.write_secret(&format!("ca/issued/{name}.key"), Key(2).pem());
    }
    folder.write_secret("client-secret", "of the client");
    folder.write_secret("app.test.key", Key(2).pem());
    folder.write("app.test.crt", pem("CERTIFICATE", &server));
    folder
}

#[test]
fn every_example_can_be_run_without_a_warning() {
    let mut files = toml_files(&repository().join("examples"));
    files.retain(|file| !file.ends_with("Cargo.toml"));
    assert!(files.len() >= 4);
    let folder = folder_with_certificates();
    for file in files {
        let copied = folder.write("example.toml", read(&file));
        let sources = Sources::read(&copied, &Environment::real()).unwrap();
        let loaded = compose::load(&sources, &Environment::real(), &offline_parts());
        let mut told = loaded.map_or_else(|told| told, |loaded| loaded.warnings);
        told.retain(|one| one.severity != Severity::Note);
        assert_eq!(render(&told, &sources, false), "", "{}", file.display());
    }
}

#[test]
fn an_authority_of_whom_no_list_is_in_force_is_warned_of() {
    let (folder, root) = (folder_with_certificates(), Authority::root("Root", Key(1)));
    let ended = Revocations::of(&[]).updated("20200101000000Z", Some("20210101000000Z"));
    folder.write("ended.crl", pem("X509 CRL", &root.revoke(&ended)));
    std::fs::create_dir(folder.0.join("empty")).unwrap();
    for (lists, more, words) in [
        (
            "ended.crl",
            "",
            Some("of CN=Root (it has ended): what they issued is refused"),
        ),
        ("empty", "", Some("of CN=Root (there is none)")),
        ("ended.crl", "danger_accept_stale_crl = true", None),
    ] {
        let text = format!(
            "config = 1\n[[listen]]\naddress = \"[::]:8090\"\nspeak = \"auth-request\"\ntrusted_peers = [\"127.0.0.1\"]\n\
             forwarded_certificate = {{ format = \"escaped-pem\", by = [\"certificate.home\"] }}\n\
             [certificate.home]\nauthorities = \"ca/authorities.pem\"\ncrls = [\"{lists}\"]\n{more}\n\
             [[route]]\nhosts = [\"app.test\"]\naccept = [\"certificate.home\"]\n"
        );
        let sources = Sources::read(&folder.write("lists.toml", text), &Environment::real()).unwrap();
        let loaded = compose::load(&sources, &Environment::real(), &offline_parts()).unwrap();
        let told = render(&loaded.warnings, &sources, false);
        match words {
            Some(words) => assert!(told.contains(words), "{told}"),
            None => assert!(!told.contains("no revocation list is in force"), "{told}"),
        }
    }
}

/// What the old one issued is taken where a certificate of the same name and key goes on, also as a root.
#[test]
fn an_authority_that_ended_is_warned_of_unless_its_renewed_certificate_stands_beside_it() {
    let (folder, root) = (folder_with_certificates(), Authority::root("Root", Key(1)));
    let (now, then) = (
        ("20200101000000Z", "21000101000000Z"),
        ("20200101000000Z", "20210101000000Z"),
    );
    let house = |(from, until), key| Template::authority("House", key).valid(from, until);
    let old = root.issue(&house(then, Key(4)));
    for (beside, is_refused) in [
        (None, true),
        (Some(root.issue(&house(then, Key(4)).serial(&[9]))), true),
        (Some(root.issue(&house(now, Key(3)))), true),
        (Some(root.issue(&house(now, Key(4)))), false),
        (Some(house(then, Key(4)).self_signed()), false),
    ] {
        let all = [root.pem(), pem("CERTIFICATE", &old)].concat();
        let beside = beside.map(|beside| pem("CERTIFICATE", &beside));
        folder.write("all.pem", all + &beside.unwrap_or_default());
        let text = "config = 1\n[[listen]]\naddress = \"[::]:8090\"\nspeak = \"auth-request\"\ntrusted_peers = [\"127.0.0.1\"]\n\
                    forwarded_certificate = { format = \"escaped-pem\", by = [\"certificate.home\"] }\n\
                    [certificate.home]\nauthorities = \"all.pem\"\n\
                    [[route]]\nhosts = [\"app.test\"]\naccept = [\"certificate.home\"]\n";
        let sources = Sources::read(&folder.write("renewed.toml", text), &Environment::real()).unwrap();
        let loaded = compose::load(&sources, &Environment::real(), &offline_parts()).unwrap();
        let told = render(&loaded.warnings, &sources, false);
        let words = "the authority CN=House ended on 2021-01-01T00:00:00.000Z: what it issued is refused";
        assert_eq!(told.contains(words), is_refused, "{told}");
    }
}

/// With a secret it is followed word by word (`e2e::docs`); here is what it becomes with an issuer.
#[test]
fn the_readmes_configuration_can_be_run_with_an_issuer() {
    let readme = read(&repository().join("README.md"));
    let block = readme
        .split("```toml\n")
        .nth(1)
        .and_then(|rest| rest.split("```").next())
        .unwrap();
    let secret = block
        .lines()
        .find(|line| line.starts_with("hmac_secret"))
        .unwrap();
    let algorithms = "algorithms = [\"RS256\"]";
    assert!(readme.contains(&format!("`{algorithms}` in place of `hmac_secret`")));
    let told = told("README.md", &block.replace(secret, algorithms));
    assert_eq!(told, "taken\n");
}

/// Asks a JSON Schema checker of npm, not our own reading, about each document.
fn judged_by_ajv(documents: &[Value]) -> Vec<bool> {
    let folder = repository().join("tests-node");
    assert!(
        folder.join("node_modules/ajv").exists(),
        "ajv is missing: run `cargo xtask tools`"
    );
    let schema: Value = serde_json::from_str(&schema::schema()).unwrap();
    let question = json!({ "schema": schema, "documents": documents });
    let mut command = Command::new(repository().join(".tools/bin/node"));
    command
        .arg("schema.mjs")
        .current_dir(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(question.to_string().as_bytes())
        .unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    serde_json::from_slice(&output.stdout).unwrap()
}

fn as_json(text: &str) -> Option<Value> {
    toml::from_str::<toml::Value>(text)
        .ok()
        .and_then(|value| serde_json::to_value(value).ok())
}

#[test]
fn the_schema_takes_every_example_and_refuses_every_fault_of_shape() {
    let examples = toml_files(&repository().join("examples"));
    let examples = examples
        .iter()
        .map(|file| as_json(&read(file)).unwrap())
        .collect::<Vec<_>>();
    assert!(
        judged_by_ajv(&examples).into_iter().all(|sound| sound),
        "an example does not fit the schema"
    );
    let mut bad = Vec::new();
    for file in toml_files(&tests().join("config")) {
        let text = read(&file);
        let Some(json) = as_json(&text) else { continue };
        let sources = Sources::text("a.toml", &text);
        let (_, told) = shape::read(&sources, &environment());
        // What files and variables hold is not the schema's to know.
        let about_contents = ["secrets.toml", "key-sources.toml"]
            .iter()
            .any(|name| file.ends_with(name));
        let faulty = told.iter().any(|one| one.severity == Severity::Error);
        bad.push((file, json, faulty || about_contents));
    }
    let documents = bad.iter().map(|(_, json, _)| json.clone()).collect::<Vec<_>>();
    let judged = judged_by_ajv(&documents);
    let differ = bad
        .iter()
        .zip(judged)
        .filter(|((_, _, faulty), sound)| faulty == sound);
    let differ = differ.map(|((file, ..), sound)| format!("{}: sound {sound}", file.display()));
    assert_eq!(differ.collect::<Vec<_>>(), Vec::<String>::new());
    assert!(bad.iter().filter(|(_, _, faulty)| *faulty).count() >= 8);
}
