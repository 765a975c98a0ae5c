//! Commands that the documentation names and other tests give.

/// A command, or how it begins, and the test that gives it.
#[derive(Debug)]
pub(super) struct Given {
    pub(super) command: &'static str,
    /// The file of the test, from the root of the repository.
    pub(super) file: &'static str,
    pub(super) test: &'static str,
}

const fn given(command: &'static str, file: &'static str, test: &'static str) -> Given {
    Given { command, file, test }
}

const CONFIG: &str = "crates/countersign/tests/config.rs";
const DEMO: &str = "crates/countersign/tests/demo.rs";
const IMPORT: &str = "crates/countersign/tests/import/command.rs";
const NGINX: &str = "crates/countersign/tests/e2e/hosts.rs";
const PROGRAM: &str = "crates/countersign/tests/program/main.rs";
const RELOAD: &str = "crates/countersign/tests/program/reload.rs";
const TIDY: &str = "crates/countersign/tests/tidy.rs";
const TOKEN: &str = "crates/countersign/tests/token.rs";

/// Each names a command, not its options; the help of `xtask` and `countersign` is where those are.
pub(super) const GIVEN: [Given; 15] = [
    given(
        "cargo install --path crates/countersign",
        "crates/countersign/tests/e2e/docs.rs",
        "the_program_is_where_it_is_installed_from",
    ),
    given("cargo metadata", TIDY, "a_crate_uses_only_what_stands_below_it"),
    given(
        "cargo run --release -- demo",
        DEMO,
        "every_line_the_demo_prints_gets_what_it_promises",
    ),
    given(
        "cargo run -q -- reference",
        CONFIG,
        "the_generated_pages_are_fresh",
    ),
    given(
        "cargo test -p countersign-jose",
        TIDY,
        "a_crate_uses_only_what_stands_below_it",
    ),
    given("countersign check", PROGRAM, "check_counts_what_it_tells"),
    given(
        "countersign demo",
        DEMO,
        "every_line_the_demo_prints_gets_what_it_promises",
    ),
    given(
        "countersign import jwtauthrequest",
        IMPORT,
        "the_sample_is_imported_checked_and_run_and_answers_as_theirs",
    ),
    given(
        "countersign reload",
        RELOAD,
        "a_reload_with_a_mistake_says_where_and_takes_nothing",
    ),
    given(
        "countersign run",
        PROGRAM,
        "everything_said_is_written_before_the_end",
    ),
    given(
        "countersign schema",
        CONFIG,
        "the_schema_takes_every_example_and_refuses_every_fault_of_shape",
    ),
    given(
        "countersign token mint",
        TOKEN,
        "a_token_made_for_a_table_satisfies_it_for_an_hour",
    ),
    given(
        "countersign token verify",
        TOKEN,
        "a_minted_token_is_accepted_and_its_siblings_are_refused_by_name",
    ),
    // Started by the tests from the same file.
    given(
        "nginx -p \"$PWD\" -c nginx-unix.conf",
        NGINX,
        "nginx_over_a_unix_socket_serves_no_host_but_the_one_decided_on",
    ),
    // What the unit's ExecReload does.
    given(
        "systemctl reload countersign",
        RELOAD,
        "sighup_reloads_and_never_kills",
    ),
];

/// Chores of `xtask`. `test` is what runs all this; the others are counts of what it ran, or too long to be a part of it.
pub(super) const CHORES: [&str; 8] = [
    "cargo xtask test",
    "cargo xtask scenario",
    "cargo xtask bench",
    "cargo xtask soak",
    "cargo xtask interop",
    "cargo xtask parity",
    "cargo xtask attacks",
    "cargo xtask tools",
];
