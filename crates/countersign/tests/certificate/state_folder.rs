//! In which folder revocations are looked for.

use super::*;

impl World {
    /// By `plain.toml` no list counts, by `revoked.toml` two, which revoke nobody.
    fn with_lists() -> Self {
        let world = Self::new();
        let folder = &world.folder;
        folder.write("lists.crl", revokes(&world.issuing, &[]));
        folder.write("root.crl", revokes(&world.root, &[]));
        let table = "[certificate.staff]\nauthorities = [\"root.pem\", \"issuing.pem\"]\n";
        folder.write("plain.toml", configuration(table));
        let table = format!("{table}crls = [\"lists.crl\", \"root.crl\"]\n");
        folder.write("revoked.toml", configuration(&table));
        std::fs::create_dir(folder.0.join("state")).unwrap();
        world
    }
}

fn revokes(authority: &Authority, serials: &[&[u8]]) -> Vec<u8> {
    let list = Revocations::of(serials).updated("20200101000000Z", Some("20490101000000Z"));
    authority.revoke(&list)
}

/// It may be another than that of the gateway that is meant.
#[test]
fn the_folder_whose_revocations_count_is_named_and_so_is_one_that_keeps_none() {
    let world = World::with_lists();
    let folder = &world.folder;
    let state = folder.0.join("state");
    let looked_in = |line: &str| {
        let line = format!("verify --at {AT} --json {line} client.pem");
        let mut command = command(folder, &line);
        let output = command.env("STATE_DIRECTORY", &state).output().unwrap();
        let json = serde_json::from_str::<Value>(&said(&output)).unwrap();
        (json["state_folder"].clone(), complained(&output))
    };
    let shown = state.display().to_string();
    let none = format!("no revocations are kept in {shown}");
    let (folder_of, told) = looked_in("--config revoked.toml");
    assert!(folder_of.is_null() && told.contains(&none), "{folder_of} {told}");
    folder.write_secret("state/crl-00", revokes(&world.issuing, &[&[9]]));
    let some = format!("what is kept of revocations in {shown} counts\n");
    assert_eq!(looked_in("--config revoked.toml"), (shown.into(), some));
    // Whoever names it knows.
    let named = ("state".into(), String::new());
    assert_eq!(looked_in("--config revoked.toml --state state"), named);
    // Without lists it does not matter.
    assert_eq!(looked_in("--config plain.toml"), (Value::Null, String::new()));
}

/// The list that it belongs to may have begun, and nobody knows any more.
#[test]
fn nothing_is_judged_where_what_stands_beside_a_list_cannot_be_read() {
    let world = World::with_lists();
    let folder = &world.folder;
    folder.write_secret("state/crl-00", revokes(&world.issuing, &[&[9]]));
    let judged = || {
        let output = world.verify("--config revoked.toml --state state client.pem");
        (output.status.code(), complained(&output))
    };
    assert_eq!(judged(), (Some(0), String::new()), "it may have been lost");
    for line in ["0 - there begun", "0 - there begux eA==\n", ""] {
        folder.write_secret("state/crl-00.known", line);
        let (code, told) = judged();
        assert_eq!(code, Some(2), "{line:?}: {told}");
        assert!(
            told.contains("in state: ") && told.contains("`crl-00.known` is not whole"),
            "{told}"
        );
    }
    folder.write_secret("state/crl-00.known", "0 - there begun eA==\n");
    assert_eq!(judged(), (Some(0), String::new()));
}
