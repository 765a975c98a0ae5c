//! What there is to say about the state folder.

use super::sessions::KEY;
use crate::state::{self, StateFolder};
use countersign_edge::kept_folder::Left;
use countersign_edge::log::Log;
use countersign_edge::provider_keys::BLOB;
use std::path::Path;

/// What there is to say about the folder at the start.
pub(super) fn tell_start(folder: &StateFolder, log: &Log) {
    let tell = |why: &str| log.event("warning", "state_folder", why);
    match folder {
        StateFolder::Written(path) | StateFolder::ReadOnly(path, _) => tell_open(path, log),
        StateFolder::None(_) => {}
    }
    match folder {
        StateFolder::Written(_) => {}
        StateFolder::ReadOnly(_, why) => tell(&format!(
            "{why}; what is kept there counts, and nothing is written until it can be: key sets, keys and revocations that \
             are learnt from now on may be forgotten at the next start"
        )),
        StateFolder::None(why) => tell(&format!(
            "{why}; going on without: neither key sets nor what is known of revocations outlive this process"
        )),
    }
}

fn tell_open(folder: &Path, log: &Log) {
    if state::is_open(folder) {
        let why = "others than its owner can write to the state folder: what they put there is taken for keys of issuers";
        log.event("warning", "state_folder", why);
    }
}

/// What there is to say where it can be written to later.
pub(super) fn tell_written(folder: &Path, left: &[Left], log: &Log) {
    tell_open(folder, log);
    let text = format!(
        "{}: it can be written to now, and what was learnt since the start is kept there",
        folder.display()
    );
    log.event("info", "state_folder", &text);
    tell_left(left, log);
}

/// What there is to say of what was found there by then.
pub(super) fn tell_left(left: &[Left], log: &Log) {
    for Left { name, why } in left {
        let text = match (why, &**name) {
            (Some(why), _) => {
                format!(
                    "{why}; it stays there as it is, and what was learnt since the start in its place is not kept"
                )
            }
            (None, KEY) => {
                format!("`{KEY}` was there already and counts: sessions that began since the start end")
            }
            (None, BLOB) => format!(
                "`{BLOB}` was there already and counts: the keys that were made since the start end, and so do the tokens they signed"
            ),
            // What was learnt of it comes again.
            (None, _) => continue,
        };
        log.event("warning", "state_folder", &text);
    }
}

/// A key that was there already, and counts in place of the one made since.
pub(super) fn counts_now(left: &[Left]) -> Option<&str> {
    let mut keys = left.iter().filter(|left| left.why.is_none());
    let key = keys.find(|left| [KEY, BLOB].contains(&&*left.name));
    key.map(|left| &*left.name)
}
