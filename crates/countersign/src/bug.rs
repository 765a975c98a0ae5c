//! What is said when the program has a bug: where, and nothing of what it was at. The message of a panic may hold what a
//! stranger sent.

use countersign_edge::log::Log;
use std::panic;
use std::sync::Arc;

/// From now on a panic tells `log` where it is, and nothing else. The process may end by it: it is written before the
/// panic goes on.
pub fn tell_where_only_in(log: Arc<Log>) {
    tell_where_only(move |what| {
        log.event("error", "bug", what);
        log.flush();
    });
}

/// From now on a panic tells `say` where it is, and nothing else.
pub fn tell_where_only(say: impl Fn(&str) + Send + Sync + 'static) {
    panic::set_hook(Box::new(move |panic| {
        let place = panic
            .location()
            .map_or_else(|| "an unknown place".to_owned(), ToString::to_string);
        say(&format!(
            "this is a bug in countersign, at {place}; please report it"
        ));
    }));
}
