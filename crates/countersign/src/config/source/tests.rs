//! Where text comes from.

use super::*;
use countersign_testkit::folder::Folder;

fn names(sources: &Sources) -> Vec<String> {
    let name = |source: &Source| source.name.rsplit('/').next().unwrap().to_owned();
    sources.0.iter().map(name).collect()
}

fn with_variable(value: &'static str) -> Environment {
    Environment {
        variable: Box::new(move |name| (name == "COUNTERSIGN_CONFIG").then(|| value.to_owned())),
        ..Environment::empty()
    }
}

#[test]
fn a_folder_is_its_toml_files_in_the_order_of_their_names() {
    let folder = Folder::new();
    for name in [
        "20-b.toml",
        "10-a.toml",
        ".hidden.toml",
        "c.toml.bak",
        "d.txt",
        "B.toml",
    ] {
        folder.write(name, "config = 1\n");
    }
    let sources = Sources::read(&folder.0, &Environment::real()).unwrap();
    assert_eq!(names(&sources), ["10-a.toml", "20-b.toml", "B.toml"]);
    assert!(sources.0.iter().all(|source| source.folder == folder.0));
}

#[test]
fn a_folder_without_toml_files_is_no_configuration() {
    let folder = Folder::new();
    folder.write("a.txt", "config = 1\n");
    let refused = Sources::read(&folder.0, &Environment::real());
    assert!(matches!(refused, Err(SourceError::EmptyFolder(_))));
}

#[test]
fn a_file_is_text_of_a_bounded_size() {
    let folder = Folder::new();
    let read = |name: &str, bytes: &[u8]| {
        let path = folder.0.join(name);
        std::fs::write(&path, bytes).unwrap();
        Sources::read(&path, &Environment::real())
    };
    assert!(read("fits", &vec![b'#'; MAX_FILE_BYTES]).is_ok());
    let large = read("large", &vec![b'#'; MAX_FILE_BYTES + 1]);
    assert!(matches!(large, Err(SourceError::TooLarge(_))));
    let bytes = read("bytes", b"config = 1\n# \xff\n").unwrap_err().to_string();
    assert!(bytes.ends_with("bytes:2: not UTF-8 text"), "{bytes}");
    let wide = read("wide", b"\xff\xfec\0o\0").unwrap_err().to_string();
    assert!(wide.contains("UTF-16"), "{wide}");
    let endless = Sources::read(Path::new("/dev/zero"), &Environment::real());
    assert!(matches!(endless, Err(SourceError::TooLarge(_))));
    let missing = Sources::read(&folder.0.join("missing"), &Environment::real());
    assert!(matches!(missing, Err(SourceError::Unreadable(..))));
}

#[test]
fn what_is_named_goes_before_the_variable_and_that_before_the_usual_places() {
    let named = Sources::locate(Some(Path::new("a.toml")), &with_variable("b.toml"));
    assert_eq!(named.unwrap(), Path::new("a.toml"));
    let variable = Sources::locate(None, &with_variable("/dev/null"));
    assert_eq!(variable.unwrap(), Path::new("/dev/null"));
    let empty = Sources::locate(None, &with_variable(""));
    assert_eq!(empty.ok(), Sources::locate(None, &Environment::empty()).ok());
}

#[test]
fn every_file_of_a_folder_that_cannot_be_read_is_told_and_a_folder_has_its_bounds() {
    let folder = Folder::new();
    folder.write("a.toml", "config = 1\n");
    std::fs::create_dir(folder.0.join("b.toml")).unwrap();
    std::os::unix::fs::symlink("d.toml", folder.0.join("c.toml")).unwrap();
    std::os::unix::fs::symlink("c.toml", folder.0.join("d.toml")).unwrap();
    std::fs::write(folder.0.join("e.toml"), b"\xff").unwrap();
    let told = Sources::read(&folder.0, &Environment::real())
        .unwrap_err()
        .to_string();
    for name in ["b.toml: ", "c.toml: ", "d.toml: ", "e.toml:1: not UTF-8"] {
        assert!(told.contains(name), "{told}");
    }
    let large = Folder::new();
    for number in 0..=MAX_FOLDER_BYTES / MAX_FILE_BYTES {
        let name = format!("{number}.toml");
        large.write(&name, "#".repeat(MAX_FILE_BYTES));
    }
    let refused = Sources::read(&large.0, &Environment::real());
    assert!(matches!(refused, Err(SourceError::FolderTooLarge(_))));
    let many = Folder::new();
    for number in 0..=MAX_FILES {
        let name = format!("{number}.toml");
        many.write(&name, "");
    }
    let refused = Sources::read(&many.0, &Environment::real());
    assert!(matches!(refused, Err(SourceError::FolderTooLarge(_))));
}

#[test]
fn who_reads_again_later_takes_nothing_that_can_be_read_only_once() {
    let lasting = Environment::lasting();
    let device = (lasting.read)(Path::new("/dev/null")).unwrap_err();
    assert_eq!(device.kind(), io::ErrorKind::InvalidInput);
    assert_eq!((Environment::real().read)(Path::new("/dev/null")).unwrap(), b"");
}

#[test]
fn a_path_of_the_variable_is_told_to_come_from_there() {
    let missing = Sources::locate(None, &with_variable("/no/such.toml")).unwrap_err();
    let told = missing.to_string();
    assert!(
        told.contains("$COUNTERSIGN_CONFIG") && told.contains("/no/such.toml"),
        "{told}"
    );
}
