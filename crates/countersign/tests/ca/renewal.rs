//! What is renewed, and what is not: another's key, another's files, what was let lapse.

use super::Desk;
use serde_json::Value;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::PathBuf;

impl Desk {
    fn path(&self, name: &str) -> PathBuf {
        self.0.0.join(name)
    }

    fn mode_is(&self, name: &str, mode: u32) {
        std::fs::set_permissions(self.path(name), std::fs::Permissions::from_mode(mode)).unwrap();
    }

    fn serial_of(&self, name: &str) -> String {
        let list = self.json(&["list", "--all"]);
        let mut records = list.get("certificates").unwrap().as_array().unwrap().iter().rev();
        let record = records.find(|record| is_of(record, name)).unwrap();
        record.get("serial").unwrap().as_str().unwrap().to_owned()
    }

    /// Lets the certificate of `name` end so many days ago.
    fn ended(&self, name: &str, days_ago: i64) {
        let index = self.path("ca/index.json");
        let mut json = serde_json::from_slice::<Value>(&std::fs::read(&index).unwrap()).unwrap();
        let now = std::fs::metadata(&index).unwrap().modified().unwrap();
        let now = now.duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
        let end = i64::try_from(now).unwrap() - days_ago * 86_400 - 60;
        let records = json.get_mut("certificates").unwrap().as_array_mut().unwrap();
        for record in records.iter_mut().filter(|record| is_of(record, name)) {
            let record = record.as_object_mut().unwrap();
            record.insert("not_before".to_owned(), (end - 86_400).into());
            record.insert("not_after".to_owned(), end.into());
        }
        std::fs::write(&index, serde_json::to_vec_pretty(&json).unwrap()).unwrap();
    }
}

fn is_of(record: &Value, name: &str) -> bool {
    record.pointer("/names/0").unwrap() == name
}

#[test]
fn a_key_is_kept_where_it_is_the_certificates_own() {
    let desk = Desk::with_authority();
    for name in ["ann", "mallory"] {
        desk.good(&["issue", "client", name]);
    }
    let (key, certificate) = ("ca/issued/ann.key", "ca/issued/ann.crt");
    let own = [key, certificate].map(|name| std::fs::read(desk.path(name)).unwrap());
    // A rename leaves the owner alone.
    std::fs::copy(desk.path("ca/issued/mallory.key"), desk.path(key)).unwrap();
    let told = desk.bad(&["renew", "ann", "--keep-key"]);
    assert!(
        told.contains("ann.key is not the key of ./ca/issued/ann.crt") && told.contains("without --keep-key"),
        "{told}"
    );
    std::fs::copy(desk.path("ca/issued/mallory.crt"), desk.path(certificate)).unwrap();
    let told = desk.bad(&["renew", "ann", "--keep-key"]);
    assert!(
        told.contains("ann.crt is not what was issued last for ann") && told.contains("without --keep-key"),
        "{told}"
    );
    for gone in [certificate, key] {
        std::fs::remove_file(desk.path(gone)).unwrap();
        assert!(desk.bad(&["renew", "ann", "--keep-key"]).contains(gone));
    }
    for (name, bytes) in [key, certificate].into_iter().zip(own) {
        std::fs::write(desk.path(name), bytes).unwrap();
    }
    desk.mode_is(key, 0o600);
    desk.good(&["renew", "ann", "--keep-key"]);
    desk.good(&["renew", "ann", "--keep-key"]);
}

#[test]
fn an_index_that_others_can_put_there_is_not_believed() {
    let desk = Desk::with_authority();
    desk.good(&["issue", "client", "ann"]);
    std::fs::create_dir(desk.path("open")).unwrap();
    desk.mode_is("open", 0o777);
    std::fs::rename(desk.path("ca/index.json"), desk.path("open/index.json")).unwrap();
    symlink("../open/index.json", desk.path("ca/index.json")).unwrap();
    for command in [&["renew", "ann"][..], &["revoke", "ann"], &["crl"]] {
        let told = desk.bad(command);
        assert!(told.contains("chmod go-w ") && told.contains("open"), "{told}");
    }
    desk.mode_is("open", 0o755);
    desk.good(&["renew", "ann"]);
    // Only root can give files away.
    for (given, of) in [
        ("open/index.json", "ca/index.json"),
        ("open", "open"),
        ("ca/issued", "ca/issued"),
    ] {
        if std::os::unix::fs::chown(desk.path(given), Some(4321), None).is_ok() {
            let told = desk.bad(&["renew", "ann"]);
            assert!(
                told.contains(&format!("{of} is another's")) && told.contains("chown"),
                "{told}"
            );
            std::os::unix::fs::chown(desk.path(given), Some(0), None).unwrap();
        }
    }
    desk.good(&["renew", "ann"]);
}

/// The folder may be somebody's for whom root acts.
#[test]
fn root_acts_for_the_owner_of_the_folder() {
    let desk = Desk::with_authority();
    desk.good(&["issue", "client", "ann"]);
    let of_another = ["ca", "ca/issued", "ca/index.json", "ca/issued/ann.key"];
    let given = of_another.map(|name| std::os::unix::fs::chown(desk.path(name), Some(4321), None));
    if given.iter().all(Result::is_ok) {
        desk.good(&["renew", "ann", "--keep-key"]);
    }
}

#[test]
fn no_certificate_is_renewed_into_the_files_of_another() {
    let desk = Desk::with_authority();
    desk.good(&["issue", "client", "ann", "--file", "s"]);
    desk.ended("ann", 1);
    let of_ann = desk.serial_of("ann");
    for file in ["ca/issued/s.crt", "ca/issued/s.key"] {
        std::fs::remove_file(desk.path(file)).unwrap();
    }
    desk.good(&["issue", "client", "bob", "--file", "s"]);
    let key = std::fs::read(desk.path("ca/issued/s.key")).unwrap();
    for ended in [false, true] {
        if ended {
            desk.ended("bob", 1);
        }
        let told = desk.bad(&["renew", &of_ann]);
        assert!(
            told.contains("the files of client bob are called") && told.contains("--file"),
            "{told}"
        );
        assert_eq!(std::fs::read(desk.path("ca/issued/s.key")).unwrap(), key);
    }
    desk.good(&["renew", "s"]);
    // What was revoked does not come back by the number of the one before.
    desk.good(&["issue", "client", "cid"]);
    let before = desk.serial_of("cid");
    desk.good(&["renew", "cid"]);
    let after = desk.serial_of("cid");
    desk.good(&["revoke", &after]);
    let told = desk.bad(&["renew", &before]);
    assert!(told.contains("cid was revoked on "), "{told}");
}

#[test]
fn elsewhere_a_name_of_files_means_one_that_holds() {
    let desk = Desk::with_authority();
    desk.good(&["issue", "client", "ann", "--file", "s"]);
    desk.ended("ann", 1);
    let of_ann = desk.serial_of("ann");
    desk.good(&["issue", "client", "bob", "--file", "s", "--output", "other"]);
    let told = desk.bad(&["renew", &of_ann]);
    assert!(told.contains("the files of client bob are called"), "{told}");
    desk.good(&["revoke", "s"]);
}

#[test]
fn a_timer_goes_on_past_what_cannot_be_renewed() {
    let desk = Desk::with_authority();
    for (name, output) in [("ann", "tls"), ("bob", "duo"), ("zed", "tls")] {
        desk.good(&["issue", "client", name, "--output", output]);
    }
    std::fs::remove_dir_all(desk.path("duo")).unwrap();
    std::fs::write(desk.path("duo"), "").unwrap();
    let before = ["ann", "zed"].map(|name| desk.serial_of(name));
    for command in [&["renew", "--due", "95"][..], &["renew", "ann", "bob", "zed"]] {
        let output = desk.run(command);
        assert!(!output.status.success());
        let told = super::complained(&output);
        assert!(
            told.contains("duo: ") && told.contains("1 of 3 not renewed"),
            "{told}"
        );
        assert_eq!(super::said(&output).matches("written: ").count(), 4);
    }
    assert!(
        ["ann", "zed"]
            .iter()
            .zip(before)
            .all(|(name, before)| desk.serial_of(name) != before)
    );
    // Nothing is remembered of what was not made.
    let list = desk.json(&["list", "--all"]);
    let records = list["certificates"].as_array().unwrap().iter();
    assert_eq!(records.filter(|record| is_of(record, "bob")).count(), 1);
}

#[test]
fn a_timer_renews_what_has_just_ended_and_not_what_was_let_lapse() {
    let desk = Desk::with_authority();
    for name in ["ann", "bob", "zed"] {
        desk.good(&["issue", "client", name]);
    }
    desk.ended("ann", 29);
    desk.ended("bob", 30);
    let told = desk.good(&["renew", "--due", "30"]);
    assert!(
        told.contains("client ann: ") && !told.contains("client bob: "),
        "{told}"
    );
    assert!(!told.contains("client zed: "), "{told}");
    assert_eq!(desk.good(&["renew", "--due", "30"]), "nothing is due");
    // Whoever names it means it.
    let told = desk.good(&["renew", "bob", "--due", "30"]);
    assert!(told.contains("client bob: "), "{told}");
}
