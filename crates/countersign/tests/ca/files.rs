//! Files: two at once, killed half-way, nowhere to write.

use super::{Desk, VERIFY, complained};
use std::fs::File;
use std::time::Duration;

#[test]
fn many_at_once_are_one_after_the_other() {
    let desk = Desk::with_authority();
    let names = ["a", "b", "c", "d", "e", "f", "g", "h"];
    let children = names.map(|name| desk.command(&["issue", "client", name]).spawn().unwrap());
    for child in children {
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", complained(&output));
    }
    assert_eq!(
        desk.json(&["list"])["certificates"].as_array().unwrap().len(),
        names.len()
    );
    // Of one name there is one.
    let children = [(); 4].map(|()| desk.command(&["issue", "client", "same"]).spawn().unwrap());
    let good = children.into_iter().filter(|child| child.id() > 0);
    let good = good.map(|child| child.wait_with_output().unwrap().status.success());
    assert_eq!(good.filter(|good| *good).count(), 1);
    let children = [(); 4].map(|()| desk.command(&["init", "--folder", "new"]).spawn().unwrap());
    let good = children.map(|child| child.wait_with_output().unwrap().status.success());
    assert_eq!(good.iter().filter(|good| **good).count(), 1);
    desk.good(&["issue", "client", "ann", "--folder", "new"]);
}

#[test]
fn whenever_it_is_killed_nothing_that_was_signed_is_forgotten() {
    let desk = Desk::with_authority();
    for round in 0..24 {
        let name = format!("ann{round}");
        let mut child = desk.command(&["issue", "client", &name]).spawn().unwrap();
        // It takes a few milliseconds: the end comes before, within and after.
        std::thread::park_timeout(Duration::from_micros(500 * round));
        child.kill().unwrap();
        child.wait().unwrap();
    }
    desk.good(&["issue", "client", "last"]);
    let list = desk.json(&["list", "--all"]);
    let known = list["certificates"].as_array().unwrap();
    for entry in std::fs::read_dir(desk.0.0.join("ca/issued")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let (stem, ending) = name.rsplit_once('.').unwrap();
        assert_ne!(ending, "new", "what was begun is swept away: {name}");
        assert!(
            known.iter().any(|record| record["file"] == stem),
            "{name} is known"
        );
        if ending == "crt" {
            let verified = desk.openssl(&format!("{VERIFY} ca/issued/{name}"));
            assert_eq!(verified, format!("ca/issued/{name}: OK"));
        }
    }
}

#[test]
fn where_nothing_can_be_written_it_says_where_and_leaves_nothing() {
    let desk = Desk::new();
    desk.0.write("file", "");
    let told = desk.bad(&["init", "--folder", "file/ca"]);
    assert!(told.contains("file/ca: "), "{told}");
    let told = desk.bad(&["init", "--folder", "/proc/ca"]);
    assert!(told.contains("/proc/ca: "), "{told}");
    desk.good(&["init"]);
    let told = desk.bad(&["issue", "client", "ann", "--output", "file/x"]);
    assert!(told.contains("file/x"), "{told}");
    // Where a file is to be, a folder is.
    std::fs::create_dir_all(desk.0.0.join("ca/crls.pem.d")).unwrap();
    std::fs::remove_file(desk.0.0.join("ca/crls.pem")).unwrap();
    std::fs::rename(desk.0.0.join("ca/crls.pem.d"), desk.0.0.join("ca/crls.pem")).unwrap();
    let told = desk.bad(&["crl"]);
    assert!(told.contains("ca/crls.pem: "), "{told}");
    assert_eq!(desk.json(&["list"])["certificates"], serde_json::json!([]));
}

#[test]
fn an_answer_that_could_not_be_written_is_no_success() {
    let desk = Desk::with_authority();
    for arguments in [&["list"][..], &["list", "--json"], &["issue", "client", "ann"]] {
        let full = File::options().write(true).open("/dev/full").unwrap();
        let output = desk.command(arguments).stdout(full).output().unwrap();
        assert!(!output.status.success(), "{arguments:?}");
        assert!(
            complained(&output).contains("No space left"),
            "{}",
            complained(&output)
        );
    }
}

#[test]
fn a_folder_that_others_can_write_into_is_refused() {
    use std::os::unix::fs::PermissionsExt as _;
    let desk = Desk::new();
    let shared = desk.0.0.join("shared");
    std::fs::create_dir(&shared).unwrap();
    std::fs::set_permissions(&shared, std::fs::Permissions::from_mode(0o777)).unwrap();
    let told = desk.bad(&["init", "--folder", "shared"]);
    assert!(told.contains("chmod go-w"), "{told}");
}

#[test]
fn a_file_that_is_replaced_keeps_its_mode_and_stays_where_its_link_leads() {
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
    let desk = Desk::with_authority();
    desk.good(&["issue", "server", "app.example", "--output", "tls"]);
    let (key, elsewhere) = (desk.0.0.join("tls/app.example.key"), desk.0.0.join("key"));
    std::fs::rename(&key, &elsewhere).unwrap();
    std::os::unix::fs::symlink("../key", &key).unwrap();
    std::fs::set_permissions(&elsewhere, std::fs::Permissions::from_mode(0o640)).unwrap();
    // Only root can give files away.
    let group = if std::os::unix::fs::chown(&elsewhere, None, Some(4321)).is_ok() {
        4321
    } else {
        std::fs::metadata(&elsewhere).unwrap().gid()
    };
    let before = std::fs::read(&elsewhere).unwrap();
    desk.good(&["renew", "app.example"]);
    assert!(std::fs::symlink_metadata(&key).unwrap().is_symlink());
    assert_ne!(std::fs::read(&elsewhere).unwrap(), before);
    assert_eq!(
        (desk.mode("key"), std::fs::metadata(&elsewhere).unwrap().gid()),
        (0o640, group)
    );
}

#[test]
fn what_was_tampered_with_is_told() {
    let desk = Desk::with_authority();
    let index = desk.0.0.join("ca/index.json");
    let sound = String::from_utf8(std::fs::read(&index).unwrap()).unwrap();
    for broken in [
        "",
        "{",
        "[]",
        "{\"format\": 1}",
        &sound.replace("\"format\": 1", "\"format\": 9"),
    ] {
        std::fs::write(&index, broken).unwrap();
        let told = desk.bad(&["issue", "client", "ann"]);
        assert!(told.contains("./ca/index.json: it "), "{told}");
    }
    std::fs::write(&index, &sound).unwrap();
    desk.good(&["issue", "client", "ben"]);
    std::fs::copy(desk.0.0.join("ca/root.key"), desk.0.0.join("ca/issued/ben.key")).unwrap();
    let told = desk.bad(&["export", "ben", "--pkcs12"]);
    assert!(
        told.contains("ben.key is not the key of") && told.contains("renew ben"),
        "{told}"
    );
    std::fs::copy(desk.0.0.join("ca/intermediate.crt"), desk.0.0.join("spare.crt")).unwrap();
    desk.good(&["init", "--folder", "other"]);
    std::fs::copy(
        desk.0.0.join("other/intermediate.crt"),
        desk.0.0.join("ca/intermediate.crt"),
    )
    .unwrap();
    let told = desk.bad(&["issue", "client", "ann"]);
    assert!(told.contains("not the one of the index"), "{told}");
    std::fs::copy(desk.0.0.join("spare.crt"), desk.0.0.join("ca/intermediate.crt")).unwrap();
    std::fs::copy(desk.0.0.join("ca/root.key"), desk.0.0.join("ca/intermediate.key")).unwrap();
    let told = desk.bad(&["issue", "client", "ann"]);
    assert!(
        told.contains("the intermediate's key is not the key of its certificate"),
        "{told}"
    );
    std::fs::write(desk.0.0.join("ca/intermediate.crt"), "no certificate").unwrap();
    let told = desk.bad(&["issue", "client", "ann"]);
    assert!(
        told.contains("ca/intermediate.crt: holds no certificate"),
        "{told}"
    );
    std::fs::write(desk.0.0.join("ca/intermediate.key"), "no key").unwrap();
    let told = desk.bad(&["issue", "client", "ann"]);
    assert!(told.contains("ca/intermediate.key: it is no PEM file"), "{told}");
}

#[test]
fn a_secret_never_becomes_everybodys_and_an_open_authority_signs_nothing() {
    let desk = Desk::with_authority();
    desk.good(&["issue", "client", "ann"]);
    let mode = |name: &str, mode: u32| {
        use std::os::unix::fs::PermissionsExt as _;
        std::fs::set_permissions(desk.0.0.join(name), std::fs::Permissions::from_mode(mode)).unwrap();
    };
    mode("ca/issued/ann.key", 0o646);
    desk.good(&["renew", "ann"]);
    assert_eq!(desk.mode("ca/issued/ann.key"), 0o640);
    desk.0.write("open.p12", "");
    mode("open.p12", 0o666);
    desk.good(&["export", "ann", "--pkcs12", "--output", "open.p12"]);
    assert_eq!(desk.mode("open.p12"), 0o660);
    mode("ca/intermediate.key", 0o644);
    let told = desk.bad(&["issue", "client", "ben"]);
    assert!(told.contains("chmod o-rwx ./ca/intermediate.key"), "{told}");
    mode("ca/intermediate.key", 0o640);
    desk.good(&["issue", "client", "ben"]);
    mode("ca", 0o777);
    let told = desk.bad(&["issue", "client", "cid"]);
    assert!(told.contains("chmod go-w ./ca"), "{told}");
}

#[test]
fn what_others_can_put_there_is_neither_vouched_for_nor_given_a_secret() {
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
    let desk = Desk::with_authority();
    desk.good(&["issue", "client", "ann"]);
    desk.good(&["issue", "server", "app.example", "--output", "tls"]);
    let mode = |name: &str, mode: u32| {
        std::fs::set_permissions(desk.0.0.join(name), std::fs::Permissions::from_mode(mode)).unwrap();
    };
    for (open, sound) in [("ca/issued", 0o700), ("ca/index.json", 0o600)] {
        mode(open, 0o777);
        for command in [
            &["renew", "ann"][..],
            &["issue", "client", "ben"],
            &["revoke", "ann"],
        ] {
            let told = desk.bad(command);
            assert!(told.contains(&format!("chmod go-w ./{open}")), "{told}");
        }
        mode(open, sound);
    }
    mode("ca/issued/ann.key", 0o644);
    let told = desk.bad(&["renew", "ann", "--keep-key"]);
    assert!(
        told.contains("ann.key can be read") && told.contains("without --keep-key"),
        "{told}"
    );
    desk.good(&["renew", "ann"]);
    desk.good(&["renew", "ann", "--keep-key"]);
    // Only root can give files away.
    let key = desk.0.0.join("ca/issued/ann.key");
    if std::os::unix::fs::chown(&key, Some(4321), None).is_ok() {
        let told = desk.bad(&["renew", "ann", "--keep-key"]);
        assert!(told.contains("ann.key is another's"), "{told}");
    }
    // Without it, the new one is nobody else's, whoever put something of that name there while he could; nor is a link of his
    // followed, nor what everybody believes left to him.
    desk.good(&["renew", "ann"]);
    assert_ne!(std::fs::metadata(&key).unwrap().uid(), 4321);
    desk.0.write("victim", "another's");
    std::fs::remove_file(&key).unwrap();
    std::os::unix::fs::symlink("../../victim", &key).unwrap();
    if std::os::unix::fs::lchown(&key, Some(4321), None).is_ok() {
        desk.good(&["renew", "ann"]);
        assert_eq!(std::fs::read(desk.0.0.join("victim")).unwrap(), b"another's");
        assert!(std::fs::symlink_metadata(&key).unwrap().is_file());
        let list = desk.0.0.join("ca/crls.pem");
        std::os::unix::fs::chown(&list, Some(4321), None).unwrap();
        desk.good(&["crl"]);
        assert_ne!(std::fs::metadata(&list).unwrap().uid(), 4321);
    }
    // Elsewhere a folder may be everybody's: a link there is not followed, and the key stays ours.
    mode("tls", 0o777);
    let told = desk.bad(&["renew", "app.example", "--keep-key"]);
    assert!(told.contains("chmod go-w ") && told.contains("tls"), "{told}");
    let (key, elsewhere) = (desk.0.0.join("tls/app.example.key"), desk.0.0.join("elsewhere"));
    desk.0.write("elsewhere", "another's");
    std::fs::remove_file(&key).unwrap();
    std::os::unix::fs::symlink("../elsewhere", &key).unwrap();
    desk.good(&["renew", "app.example"]);
    assert_eq!(std::fs::read(&elsewhere).unwrap(), b"another's");
    assert!(std::fs::symlink_metadata(&key).unwrap().is_file());
    assert_eq!(desk.mode("tls/app.example.key"), 0o600);
    if std::os::unix::fs::chown(&key, Some(4321), None).is_ok() {
        desk.good(&["renew", "app.example"]);
        assert_ne!(std::fs::metadata(&key).unwrap().uid(), 4321);
    }
}
