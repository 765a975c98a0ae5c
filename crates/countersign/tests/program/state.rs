//! The state folder, as it is found at the start.

use super::gateway::{Folder, Gateway, countersign};
use countersign_testkit::pki::{Authority, Key, Revocations};
use std::fs::{Permissions, set_permissions};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

const CONFIG: &str = r#"config = 1

[[listen]]
address = "127.0.0.1:0"
speak = "auth-request"
trusted_peers = ["127.0.0.1"]

[certificate.staff]
authorities = ["root.pem"]
crls = ["lists.crl"]

[[route]]
hosts = ["app.test"]
paths = ["/**"]
accept = ["certificate.staff"]
"#;

/// The program as somebody for whom modes count: root without the right to pass over them.
fn bound_by_modes(folder: &Folder) -> Command {
    if std::fs::metadata(&folder.0).unwrap().uid() != 0 {
        return countersign();
    }
    let mut command = Command::new("setpriv");
    command.env_clear().stdin(Stdio::null());
    command.arg("--bounding-set=-dac_override,-dac_read_search");
    command.arg(env!("CARGO_BIN_EXE_countersign"));
    command
}

/// The same, where no file can have more than so many times 512 bytes.
fn without_room(command: &Command, blocks: usize) -> Command {
    let mut limited = Command::new("sh");
    limited.env_clear().stdin(Stdio::null());
    limited.arg("-c");
    limited.arg(format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$0\" \"$@\""));
    limited.arg(command.get_program()).args(command.get_args());
    limited
}

/// A list of the authority whose certificate is in `root.pem`, each of them newer than the one before.
fn list(number: u8, serials: &[&[u8]]) -> Vec<u8> {
    let made = format!("202{number}0101000000Z");
    let list = Revocations::of(serials).updated(&made, Some("20490101000000Z"));
    Authority::root("Home", Key(1)).revoke(&list.number(number))
}

/// A folder with a configuration and what it names.
fn set_up() -> (Folder, PathBuf) {
    let folder = Folder::new();
    folder.write("root.pem", Authority::root("Home", Key(1)).pem());
    folder.write("lists.crl", list(1, &[]));
    let config = folder.write("a.toml", CONFIG);
    (folder, config)
}

#[test]
fn what_is_kept_in_a_folder_that_can_only_be_read_counts() {
    let (folder, config) = set_up();
    let state = folder.0.join("state");
    std::fs::create_dir(&state).unwrap();
    folder.write("state/crl-00", list(2, &[&[7]]));
    set_permissions(&state, Permissions::from_mode(0o500)).unwrap();
    let mut gateway = Gateway::start_by(bound_by_modes(&folder), &folder, &config);
    let line = gateway.line("state_folder");
    for said in [
        "Permission denied",
        "what is kept there counts",
        "revocations",
        "forgotten",
    ] {
        assert!(line.contains(said), "{line}");
    }
    // What the file holds gives way to what is kept.
    gateway.line("older than one that was taken before");
    gateway.line("listening");
    gateway.signal("TERM");
    let (rest, good) = gateway.end();
    assert!(good && !rest.contains("crl_kept"), "{rest}");
    let left = std::fs::read_dir(&state).unwrap().count();
    set_permissions(&state, Permissions::from_mode(0o700)).unwrap();
    assert_eq!(left, 1, "nothing was written");
    // It can be written to again.
    let mut gateway = Gateway::start_by(bound_by_modes(&folder), &folder, &config);
    gateway.line("older than one that was taken before");
    gateway.line("listening");
}

/// A state folder that can only be read, and a gateway that has begun over it.
fn over_what_can_only_be_read(folder: &Folder, config: &Path) -> (PathBuf, Gateway) {
    let state = folder.0.join("state");
    std::fs::create_dir(&state).unwrap();
    set_permissions(&state, Permissions::from_mode(0o500)).unwrap();
    let mut gateway = Gateway::start_by(bound_by_modes(folder), folder, config);
    gateway.line("nothing is written until it can be");
    gateway.line("listening");
    (state, gateway)
}

#[test]
fn what_was_learnt_is_kept_as_soon_as_the_folder_can_be_written_to() {
    let (folder, config) = set_up();
    let (state, mut gateway) = over_what_can_only_be_read(&folder, &config);
    let names = || {
        let entries = std::fs::read_dir(&state).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        names.collect::<Vec<_>>()
    };
    assert_eq!(names(), [""; 0]);
    set_permissions(&state, Permissions::from_mode(0o700)).unwrap();
    gateway.line("it can be written to now");
    assert!(
        names().iter().any(|name| name.starts_with("crl-")),
        "{:?}",
        names()
    );
    // It is found there, too.
    assert_eq!(gateway.takes(), "ok: configuration 1 is in force\n");
}

/// The configuration, with a login besides: its sessions are sealed under a key that is made at the start.
fn with_login() -> String {
    let login = "[login.home]\nissuer = \"https://op.test\"\nclient_id = \"client\"\n";
    CONFIG.replace("[certificate.staff]", &format!("{login}\n[certificate.staff]"))
        + "\n[[route]]\nhosts = [\"own.test\"]\n\
        accept = \"login.home\"\n"
}

#[test]
fn a_key_that_comes_late_counts_at_once_and_it_is_told_what_that_ends() {
    let (folder, _) = set_up();
    let config = folder.write("a.toml", with_login());
    // One that is believed, and one that others can read.
    for (mode, said) in [
        (0o600, "`session.key` was there already and counts"),
        (0o644, "others than its owner may read or write it"),
    ] {
        drop(std::fs::remove_dir_all(folder.0.join("state")));
        let (state, mut gateway) = over_what_can_only_be_read(&folder, &config);
        let disk = folder.0.join("disk");
        std::fs::create_dir(&disk).unwrap();
        folder.write_secret("disk/session.key", [7; 32]);
        set_permissions(disk.join("session.key"), Permissions::from_mode(mode)).unwrap();
        std::fs::rename(disk, &state).unwrap();
        gateway.line("it can be written to now");
        gateway.line(said);
        if mode == 0o600 {
            gateway.line("session.key has changed: configuration 1 is in force");
        }
        assert_eq!(std::fs::read(state.join("session.key")).unwrap(), [7; 32]);
        let kept = std::fs::read_dir(&state).unwrap();
        let mut kept = kept.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        assert!(kept.any(|name| name.starts_with("crl-")), "the rest is written");
    }
}

/// A file can be made there, and nothing written into it.
#[test]
fn a_folder_without_room_at_the_start_can_only_be_read() {
    let (folder, config) = set_up();
    let mut gateway = Gateway::start_by(without_room(&countersign(), 0), &folder, &config);
    let line = gateway.line("state_folder");
    assert!(line.contains("nothing is written until it can be"), "{line}");
    gateway.line("listening");
    assert_eq!(std::fs::read_dir(folder.0.join("state")).unwrap().count(), 0);
}

#[test]
fn what_cannot_be_kept_later_either_is_told_once_and_at_the_end() {
    let (folder, config) = set_up();
    let serials = (0..1000_u16).map(|number| [&[1; 10][..], &number.to_be_bytes()].concat());
    let serials = serials.collect::<Vec<_>>();
    let serials = serials.iter().map(Vec::as_slice).collect::<Vec<_>>();
    folder.write("lists.crl", list(1, &serials));
    let state = folder.0.join("state");
    std::fs::create_dir(&state).unwrap();
    set_permissions(&state, Permissions::from_mode(0o500)).unwrap();
    let command = without_room(&bound_by_modes(&folder), 16);
    let mut gateway = Gateway::start_by(command, &folder, &config);
    gateway.line("nothing is written until it can be");
    gateway.line("listening");
    set_permissions(&state, Permissions::from_mode(0o700)).unwrap();
    gateway.line("is not all kept yet, and it is tried again");
    gateway.signal("TERM");
    let (rest, good) = gateway.end();
    let said = "what was learnt since the start and is not there by now is forgotten";
    assert!(good && rest.contains(said), "{rest}");
}

/// A disk that is there only after the start, with what was kept on it before.
#[test]
fn what_comes_late_counts_from_then_on() {
    let (folder, config) = set_up();
    let (state, mut gateway) = over_what_can_only_be_read(&folder, &config);
    std::fs::create_dir(folder.0.join("disk")).unwrap();
    folder.write_secret("disk/crl-00", list(2, &[&[7]]));
    set_permissions(folder.0.join("disk"), Permissions::from_mode(0o500)).unwrap();
    std::fs::rename(folder.0.join("disk"), &state).unwrap();
    // It need not be one that can be written to.
    gateway.line("older than one that was taken before");
    set_permissions(&state, Permissions::from_mode(0o770)).unwrap();
    gateway.line("others than its owner can write to the state folder");
    gateway.line("it can be written to now");
}

#[test]
fn what_could_not_be_written_is_named_at_the_end() {
    let (folder, config) = set_up();
    let state = folder.0.join("state");
    let mut gateway = Gateway::start_by(bound_by_modes(&folder), &folder, &config);
    gateway.line("listening");
    set_permissions(&state, Permissions::from_mode(0o500)).unwrap();
    // Read while it is being written, it would be refused.
    folder.write("next.crl", list(3, &[&[7]]));
    std::fs::rename(folder.0.join("next.crl"), folder.0.join("lists.crl")).unwrap();
    gateway.line("crl_taken");
    gateway.signal("TERM");
    let (rest, good) = gateway.end();
    set_permissions(&state, Permissions::from_mode(0o700)).unwrap();
    let named = "not written down at the end: the list of CN=Home of 2023-01-01";
    assert!(good && rest.contains(named), "{rest}");
}

#[test]
fn what_stands_beside_a_list_and_cannot_be_read_is_told_at_the_start() {
    let (folder, config) = set_up();
    std::fs::create_dir(folder.0.join("state")).unwrap();
    folder.write_secret("state/crl-00", list(2, &[&[7]]));
    folder.write_secret("state/crl-00.known", "0 - there beg");
    let mut gateway = Gateway::start(&folder, &config);
    let line = gateway.line("crl_kept");
    let said = "`crl-00.known` is not whole: whom lists revoke, and which had begun, is known from now on";
    assert!(line.contains(said), "{line}");
    gateway.line("listening");
}
