//! A bug says where it is, and nothing of what the program was at. Alone in its file: what is said at a panic is one
//! setting for the whole process.

use countersign::bug;
use countersign_edge::log::{Format, Log};
use std::panic::catch_unwind;
use std::process::Command;
use std::sync::{Arc, Mutex};

/// Set in the process that is to end.
const ENDS: &str = "COUNTERSIGN_TEST_ENDS";

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

/// The lines of a log gather for a moment after each write: the one about the panic waits there when the process ends.
#[test]
fn a_panic_that_ends_the_process_is_told_of_before() {
    if std::env::var_os(ENDS).is_some() {
        let log = Arc::new(Log::stderr(Format::Human, true));
        bug::tell_where_only_in(Arc::clone(&log));
        log.event("info", "starting", "the first line");
        log.flush();
        log.event("info", "decision", "the one before");
        let ended = catch_unwind(|| panic!("what a stranger sent"));
        std::process::exit(i32::from(ended.is_err()));
    }
    let name = "a_panic_that_ends_the_process_is_told_of_before";
    let mut own = Command::new(std::env::current_exe().unwrap());
    let ended = own
        .args([name, "--exact", "--nocapture"])
        .env(ENDS, "1")
        .output()
        .unwrap();
    let said = String::from_utf8(ended.stderr).unwrap();
    assert!(
        said.contains("the one before\nerror: bug: this is a bug in countersign, at "),
        "{said}"
    );
    assert!(!said.contains("stranger"), "{said}");
    assert_eq!(ended.status.code(), Some(1));
}
