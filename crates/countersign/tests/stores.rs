//! The stores of sessions: one suite for each, and what is particular to one of them.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test panics when it must, and a writer that is killed prints what it has done"
)]

/// The suite as tests of a module, whose `subject()` makes an empty store, and whatever has to live as long.
macro_rules! suite {
    () => {
        suite! {
            writes_are_counted
            a_name_is_given_once
            a_record_is_there_until_its_end
            what_is_taken_is_taken_once
            one_version_is_written_over_once
            a_late_write_changes_nothing
            records_go_together
            lists_come_page_by_page
            a_touch_moves_the_end_alone
            what_has_ended_is_gone
            a_lease_has_one_holder
            a_record_has_a_size
            what_anybody_can_cause_has_a_room_of_its_own
        }
    };
    ($($check:ident)+) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
            async fn $check() {
                let (subject, _kept) = subject();
                countersign_testkit::store_suite::$check(&subject).await;
            }
        )+
    };
}

#[path = "stores/file.rs"]
mod file;
#[path = "stores/killed.rs"]
mod killed;
#[path = "stores/memory.rs"]
mod memory;
#[path = "stores/provider_keys.rs"]
mod provider_keys;
#[path = "stores/redis.rs"]
mod redis;
