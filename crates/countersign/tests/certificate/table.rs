//! A table of a configuration judges, as the gateway would.

use super::{World, client, complained, configuration, said, verdict};
use countersign_testkit::pki::{Key, Revocations, Template, pem};
use serde_json::Value;

#[test]
fn a_table_of_a_configuration_judges_with_its_own_rules() {
    let world = World::new();
    let folder = &world.folder;
    let table = "[certificate.staff]\nauthorities = [\"root.pem\"]\nsubject = \"san.email\"\n\
                 [certificate.staff.groups]\n\"uri:spiffe://example.test/*\" = \"services\"\n";
    folder.write("countersign.toml", configuration(table));
    let check = |line: &str, word: &str, code: i32, more: &str| {
        let output = world.verify(line);
        let told = format!("{}{}", said(&output), complained(&output));
        assert_eq!(output.status.code(), Some(code), "{line}: {told}");
        assert!(word.is_empty() || verdict(&output).0 == word, "{line}: {told}");
        assert!(told.contains(more), "{line}: {told}");
    };
    let proved = "joe@example.test, by certificate.staff";
    check(
        "--config countersign.toml client.pem",
        "accepted allowed",
        0,
        proved,
    );
    check(
        "--certificate staff client.pem",
        "accepted allowed",
        0,
        "groups       services",
    );
    check(
        "--certificate certificate.staff client.pem",
        "accepted allowed",
        0,
        proved,
    );
    check(
        "--certificate other client.pem",
        "",
        2,
        "no table [certificate.other]; it has [certificate.staff]",
    );
    world.client("nameless.pem", &Template::client("joe", Key(3)));
    check(
        "--certificate staff nameless.pem",
        "refused certificate_subject",
        1,
        "exactly one is wanted",
    );
    check(
        "--at 2036-01-01T00:00:00Z client.pem",
        "refused certificate_expired",
        1,
        "nginx: FAILED:certificate has expired",
    );

    let denied = format!("{table}[[certificate.staff.deny]]\nserial = \"07\"\nissuer = \"CN=Issuing\"\n");
    folder.write("countersign.toml", configuration(&denied));
    check("client.pem", "refused certificate_denied", 1, "");
    folder.write("lists.crl", world.issuing.revoke(&Revocations::of(&[&[7]])));
    let revoked = table.replace("subject", "crls = [\"lists.crl\"]\nsubject");
    folder.write("countersign.toml", configuration(&revoked));
    check("client.pem", "refused certificate_revoked", 1, "");

    let two = format!("{table}[certificate.other]\nauthorities = [\"root.pem\"]\n");
    folder.write("countersign.toml", configuration(&two));
    check("client.pem", "", 2, "say which with --certificate NAME");
    folder.write(
        "countersign.toml",
        configuration("[certificate.staff]\nauthorities = [\"missing.pem\"]\n"),
    );
    check("client.pem", "", 2, "the configuration has mistakes");
}

#[test]
fn a_table_says_whether_it_looks_at_revocation() {
    let world = World::new();
    let folder = &world.folder;
    let whole = world.root.revoke(&Revocations::of(&[]));
    folder.write("lists.crl", pem("X509 CRL", &whole));
    folder.write("direct.pem", pem("CERTIFICATE", &world.root.issue(&client())));
    std::fs::create_dir(folder.0.join("state")).unwrap();
    for (lists, line, checked) in [
        (
            "",
            "revocation   not checked: the table has neither crls nor crl_urls",
            false,
        ),
        ("crls = [\"lists.crl\"]\n", "revocation   checked", true),
    ] {
        let table = format!("[certificate.staff]\nauthorities = [\"root.pem\"]\n{lists}");
        folder.write("countersign.toml", configuration(&table));
        let asked = |more: &str| {
            let line = format!("--config countersign.toml --state state {more} direct.pem");
            said(&world.verify(&line))
        };
        let told = asked("");
        assert!(told.lines().any(|said| said == line), "{told}");
        let told = serde_json::from_str::<Value>(&asked("--json")).unwrap();
        assert_eq!(told["revocation_checked"], checked, "{told}");
    }
}

#[test]
fn what_a_gateway_knows_of_revocations_counts_or_nothing_is_judged() {
    let world = World::new();
    let folder = &world.folder;
    let revokes = |made: &str, number: u8, serials: &[&[u8]]| {
        let list = Revocations::of(serials).updated(made, Some("20490101000000Z"));
        world.issuing.revoke(&list.number(number))
    };
    folder.write("lists.crl", revokes("20200101000000Z", 1, &[]));
    let list = Revocations::of(&[]).updated("20200101000000Z", Some("20490101000000Z"));
    folder.write("root.crl", world.root.revoke(&list));
    let table = "[certificate.staff]\nauthorities = [\"root.pem\", \"issuing.pem\"]\n";
    folder.write("countersign.toml", configuration(table));
    let revoked = table.replace("authorities", "crls = [\"lists.crl\", \"root.crl\"]\nauthorities");
    folder.write("revoked.toml", configuration(&revoked));
    std::fs::create_dir(folder.0.join("state")).unwrap();
    let check = |line: &str, code: i32, more: &str| {
        let output = world.verify(&format!("{line} client.pem"));
        let told = format!("{}{}", said(&output), complained(&output));
        assert_eq!(output.status.code(), Some(code), "{line}: {told}");
        assert!(told.contains(more), "{line}: {told}");
        assert_eq!(
            complained(&output).is_empty(),
            code == 0 && more.is_empty(),
            "{told}"
        );
    };
    check(
        "--config revoked.toml --state nowhere",
        2,
        "--state nowhere: No such file",
    );
    check(
        "--config countersign.toml --state nowhere",
        2,
        "--state nowhere: No such file",
    );
    check(
        "--config revoked.toml --state client.pem",
        2,
        "--state client.pem: Not a directory",
    );
    // Nothing is kept there, which matters where lists are asked for.
    check(
        "--config revoked.toml --state state",
        0,
        "no revocations are kept in state",
    );
    check("--config countersign.toml --state state", 0, "");
    let kept = folder.write("state/crl-00", revokes("20200201000000Z", 2, &[&[7]]));
    let output = world.verify("--config revoked.toml --state state client.pem");
    assert_eq!(
        verdict(&output),
        ("refused certificate_revoked".to_owned(), Some(1))
    );
    check("--config countersign.toml --state state", 0, "");
    // Not the list of the gateway, and none that can be read.
    let open = std::os::unix::fs::PermissionsExt::from_mode(0o666);
    std::fs::set_permissions(&kept, open).unwrap();
    check(
        "--config revoked.toml --state state",
        2,
        "others than its owner may write it",
    );
    folder.write("state/crl-00", "garbage");
    let closed = std::os::unix::fs::PermissionsExt::from_mode(0o600);
    std::fs::set_permissions(&kept, closed).unwrap();
    check("--config revoked.toml --state state", 2, "is no revocation list");
    check("--config countersign.toml --state state", 0, "");
}
