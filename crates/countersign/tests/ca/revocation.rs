//! Called back, listed, and made to hold again.

use super::{Desk, VERIFY};

fn verified(desk: &Desk, file: &str) -> String {
    desk.openssl(&format!("{VERIFY} ca/issued/{file}.crt"))
}

#[test]
fn what_is_revoked_is_refused_by_the_new_list_and_the_others_hold() {
    let desk = Desk::with_authority();
    for name in ["ann", "ben", "cid"] {
        desk.good(&["issue", "client", name]);
        assert_eq!(verified(&desk, name), format!("ca/issued/{name}.crt: OK"));
    }
    desk.good(&["revoke", "ben", "--reason", "key-compromise"]);
    let serial = desk.json(&["list"])["certificates"][0]["serial"]
        .as_str()
        .unwrap()
        .to_owned();
    let report = desk.json(&["revoke", &serial]);
    assert_eq!(report["revoked"][0], serial.as_str());
    assert!(verified(&desk, "ben").contains("certificate revoked"));
    assert!(verified(&desk, "ann").contains("certificate revoked"));
    assert_eq!(verified(&desk, "cid"), "ca/issued/cid.crt: OK");
    let text = desk.openssl("crl -in ca/intermediate.crl -noout -text");
    assert!(text.contains("CRL Number: \n                3\n"), "{text}");
    assert!(text.contains("Key Compromise"), "{text}");
    // Once more is no fault, and makes the lists whole again.
    std::fs::remove_file(desk.0.0.join("ca/intermediate.crl")).unwrap();
    let told = desk.good(&["revoke", "ca/issued/ben.crt"]);
    assert!(told.contains("revoked before"), "{told}");
    assert!(verified(&desk, "ben").contains("certificate revoked"));
    let list = desk.json(&["list", "--all"]);
    let revoked = &list["certificates"][1];
    assert_eq!(
        (revoked["file"].as_str(), revoked["status"].as_str()),
        (Some("ben"), Some("revoked"))
    );
    assert_eq!(revoked["revoked"]["reason"], "key-compromise");
    let told = desk.bad(&["revoke", "dan"]);
    assert!(
        told.contains("\"dan\" was not issued here") && told.contains("list --all"),
        "{told}"
    );
}

#[test]
fn a_name_is_revoked_with_all_that_still_holds_by_it() {
    let desk = Desk::with_authority();
    desk.good(&["issue", "client", "ann"]);
    desk.good(&["renew", "ann"]);
    let report = desk.json(&["revoke", "ann"]);
    assert_eq!(report["revoked"].as_array().unwrap().len(), 2);
    let told = desk.bad(&["renew", "ann"]);
    assert!(told.contains("ann was revoked on"), "{told}");
    let told = desk.bad(&["export", "ann", "--pkcs12"]);
    assert!(told.contains("was revoked"), "{told}");
}

#[test]
fn a_revoked_intermediate_takes_all_with_it() {
    let desk = Desk::with_authority();
    desk.good(&["issue", "client", "ann"]);
    desk.good(&["revoke", "intermediate", "--reason", "ca-compromise"]);
    let told = verified(&desk, "ann");
    assert!(
        told.contains("certificate revoked") && told.contains("Issuing CA"),
        "{told}"
    );
    let told = desk.bad(&["issue", "client", "ben"]);
    assert!(told.contains("the intermediate was revoked"), "{told}");
}

#[test]
fn lists_rise_in_number_and_need_the_roots_key_only_for_the_roots() {
    let desk = Desk::with_authority();
    desk.good(&["crl"]);
    let number = |file: &str| desk.openssl(&format!("crl -in ca/{file}.crl -noout -crlnumber"));
    assert_eq!(
        (number("intermediate"), number("root")),
        ("crlNumber=0x02".to_owned(), "crlNumber=0x02".to_owned())
    );
    std::fs::rename(desk.0.0.join("ca/root.key"), desk.0.0.join("safe.key")).unwrap();
    let output = desk.run(&["crl", "--days", "7"]);
    assert!(output.status.success());
    assert!(super::complained(&output).contains("the root's list stays as it is"));
    assert_eq!(
        (number("intermediate"), number("root")),
        ("crlNumber=0x03".to_owned(), "crlNumber=0x02".to_owned())
    );
    let told = desk.bad(&["crl", "--of", "root"]);
    assert!(told.contains("bring the root's key back"), "{told}");
    let told = desk.bad(&["renew", "intermediate"]);
    assert!(told.contains("bring the root's key back"), "{told}");
    // What is issued does not need it.
    desk.good(&["issue", "client", "ann"]);
    desk.good(&["revoke", "ann"]);
    assert!(verified(&desk, "ann").contains("certificate revoked"));
    let report = desk.json(&["crl"]);
    assert_eq!(
        (
            report["lists"][0]["of"].as_str(),
            report["lists"][0]["number"].as_i64()
        ),
        (Some("intermediate"), Some(5))
    );
}

#[test]
fn a_certificate_is_renewed_under_its_names_with_a_new_key_or_its_own() {
    let desk = Desk::with_authority();
    desk.good(&["issue", "server", "app.example", "10.0.0.7", "--days", "30"]);
    let key = || std::fs::read(desk.0.0.join("ca/issued/app.example.key")).unwrap();
    let first = key();
    let told = desk.good(&["renew", "app.example", "--days", "60"]);
    assert!(
        told.contains("the one before holds until") && told.contains("countersign ca revoke"),
        "{told}"
    );
    let second = key();
    assert_ne!(first, second);
    assert_eq!(desk.mode("ca/issued/app.example.key"), 0o600);
    let report = desk.json(&["renew", "app.example", "--keep-key"]);
    assert_eq!(key(), second);
    assert_eq!(report["names"], serde_json::json!(["app.example", "10.0.0.7"]));
    assert_eq!(
        report["written"],
        serde_json::json!(["./ca/issued/app.example.crt"])
    );
    assert_eq!(verified(&desk, "app.example"), "ca/issued/app.example.crt: OK");
    let of_key = desk.openssl("pkey -in ca/issued/app.example.key -pubout");
    let of_certificate = desk.openssl("x509 -in ca/issued/app.example.crt -noout -pubkey");
    assert_eq!(of_key, of_certificate);
}

#[test]
fn a_timer_renews_what_is_due_and_nothing_else() {
    let desk = Desk::with_authority();
    desk.good(&["issue", "client", "ann", "--days", "10"]);
    desk.good(&["issue", "client", "ben", "--days", "10"]);
    desk.good(&["issue", "client", "cid", "--days", "90"]);
    desk.good(&["revoke", "ben"]);
    assert_eq!(desk.good(&["renew", "--due", "5"]), "nothing is due");
    let told = desk.good(&["renew", "--due", "30", "--days", "60"]);
    assert!(
        told.contains("client ann") && !told.contains("client ben") && !told.contains("client cid"),
        "{told}"
    );
    assert_eq!(desk.good(&["renew", "--due", "30"]), "nothing is due");
    assert!(desk.bad(&["renew"]).contains("<NAME>"));
    assert!(desk.bad(&["renew", "dan"]).contains("was not issued here"));
}

#[test]
fn a_renewed_intermediate_leaves_what_was_issued_before_whole() {
    let desk = Desk::with_authority();
    desk.good(&["issue", "client", "ann"]);
    let before = desk.openssl("x509 -in ca/intermediate.crt -noout -serial");
    assert_eq!(
        desk.good(&["renew", "intermediate", "--due", "30"]),
        "nothing is due"
    );
    let told = desk.good(&["renew", "intermediate"]);
    assert!(told.contains("carries the former one, until"), "{told}");
    assert_ne!(
        desk.openssl("x509 -in ca/intermediate.crt -noout -serial"),
        before
    );
    assert_eq!(verified(&desk, "ann"), "ca/issued/ann.crt: OK");
    desk.good(&["issue", "client", "ben"]);
    assert_eq!(verified(&desk, "ben"), "ca/issued/ben.crt: OK");
    let told = desk.bad(&["renew", "intermediate", "ann"]);
    assert!(told.contains("by itself"), "{told}");
}

#[test]
fn no_name_means_something_else_to_whoever_revokes() {
    let desk = Desk::with_authority();
    let serial = "6F1118D50A2E6CD70098A22E8EB3A64D";
    for name in ["intermediate", "Root", serial] {
        let told = desk.bad(&["issue", "client", name]);
        assert!(told.contains("give its files another name with --file"), "{told}");
        let told = desk.bad(&["issue", "client", "ann", "--file", name]);
        assert!(told.contains("another name"), "{told}");
        desk.good(&["issue", "client", name, "--file", &format!("{name}-of-ann")]);
    }
    // An index of before, in which names were free: neither is taken for the other.
    desk.good(&["issue", "client", "ben"]);
    let path = desk.0.0.join("ca/index.json");
    let index = String::from_utf8(std::fs::read(&path).unwrap()).unwrap();
    let own = desk.json(&["list"])["certificates"][0]["serial"]
        .as_str()
        .unwrap()
        .to_owned();
    std::fs::write(&path, index.replace("\"ben\"", "\"intermediate\"")).unwrap();
    let ben = desk.json(&["list"]);
    let mut ben = ben["certificates"].as_array().unwrap().iter();
    let ben = ben.find(|one| one["file"] == "intermediate").unwrap()["serial"].clone();
    let ben = ben.as_str().unwrap();
    for command in ["revoke", "renew"] {
        let told = desk.bad(&[command, "intermediate"]);
        assert!(
            told.contains("more than one thing") && told.contains(ben),
            "{told}"
        );
    }
    desk.good(&["revoke", ben]);
    std::fs::write(&path, index.replace("\"ben\"", &format!("\"{own}\""))).unwrap();
    let told = desk.bad(&["revoke", &own]);
    assert!(told.contains("more than one thing"), "{told}");
}

#[test]
fn all_certificates_of_a_revoked_intermediate_are_told_and_no_revocation_is_yet_to_come() {
    let desk = Desk::with_authority();
    desk.good(&["renew", "intermediate"]);
    let report = desk.json(&["revoke", "intermediate"]);
    assert_eq!(report["revoked"].as_array().unwrap().len(), 2, "{report}");
    let text = desk.openssl("crl -in ca/root.crl -noout -text");
    let times = |what: &str| {
        let lines = text.lines().filter_map(|line| line.trim().strip_prefix(what));
        lines.map(str::to_owned).collect::<Vec<_>>()
    };
    let updated = times("Last Update: ");
    // The list may be of the second after.
    let revoked = times("Revocation Date: ");
    assert_eq!(revoked.len(), 2, "{text}");
    assert!(revoked.iter().all(|at| *at <= updated[0]), "{text}");
}
