//! What is said when the program has a bug: where, and nothing of what it was at. The message of a panic may hold what a
//! stranger sent.

use std::panic;

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
