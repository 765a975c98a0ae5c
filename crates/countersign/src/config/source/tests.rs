//! Where text comes from.

use super::*;
use crate::fakes::Folder;

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
    let folder = Folder::new("order");
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
    let folder = Folder::new("empty");
    folder.write("a.txt", "config = 1\n");
    let refused = Sources::read(&folder.0, &Environment::real());
    assert!(matches!(refused, Err(SourceError::EmptyFolder(_))));
}

#[test]
fn a_file_is_text_of_a_bounded_size() {
    let folder = Folder::new("size");
    let read = |name: &str, bytes: &[u8]| {
        let path = folder.0.join(name);
        std::fs::write(&path, bytes).unwrap();
        Sources::read(&path, &Environment::real())
    };
    assert!(read("fits", &vec![b'#'; MAX_FILE_BYTES]).is_ok());
    let large = read("large", &vec![b'#'; MAX_FILE_BYTES + 1]);
    assert!(matches!(large, Err(SourceError::NotText(_))));
    assert!(matches!(read("bytes", b"\xff"), Err(SourceError::NotText(_))));
    let endless = Sources::read(Path::new("/dev/zero"), &Environment::real());
    assert!(matches!(endless, Err(SourceError::NotText(_))));
    let missing = Sources::read(&folder.0.join("missing"), &Environment::real());
    assert!(matches!(missing, Err(SourceError::Unreadable(..))));
}

#[test]
fn what_is_named_goes_before_the_variable_and_that_before_the_usual_places() {
    let named = Sources::locate(Some(Path::new("a.toml")), &with_variable("b.toml"));
    assert_eq!(named.unwrap(), Path::new("a.toml"));
    let variable = Sources::locate(None, &with_variable("b.toml"));
    assert_eq!(variable.unwrap(), Path::new("b.toml"));
    let empty = Sources::locate(None, &with_variable(""));
    assert_eq!(empty.ok(), Sources::locate(None, &Environment::empty()).ok());
}
