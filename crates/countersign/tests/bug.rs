//! A bug says where it is, and nothing of what the program was at. Alone in its file: what is said at a panic is one
//! setting for the whole process.

use countersign::bug;
use std::panic::catch_unwind;
use std::sync::{Arc, Mutex};

#[test]
fn a_panic_tells_its_place_and_not_its_message() {
    let said = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&said);
    bug::tell_where_only(move |what| kept.lock().unwrap().push(what.to_owned()));
    let sent = String::from("Bearer eyJ-what-a-stranger-sent");
    let caught = catch_unwind(|| panic!("cannot read {sent}"));
    drop(std::panic::take_hook());
    assert!(caught.is_err());
    let said = said.lock().unwrap().join("\n");
    assert!(said.contains("tests/bug.rs:"), "{said}");
    assert!(!said.contains("stranger"), "{said}");
}
