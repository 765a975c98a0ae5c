//! Commands that the documentation names and other tests give.

/// A command, or how it begins, and the test that gives it.
#[derive(Debug)]
pub(super) struct Given {
    pub(super) command: &'static str,
    /// The test's binary, and its name.
    pub(super) binary: &'static str,
    pub(super) test: &'static str,
}

const fn given(command: &'static str, binary: &'static str, test: &'static str) -> Given {
    Given {
        command,
        binary,
        test,
    }
}

/// Each names a command, not its options; the help of `xtask` and `countersign` is where those are.
pub(super) const GIVEN: [Given; 26] = [
    given(
        "cargo install --path crates/countersign",
        "e2e",
        "the_program_is_where_it_is_installed_from",
    ),
    given("cargo metadata", "tidy", "a_crate_uses_only_what_stands_below_it"),
    given(
        "cargo run --release -- demo",
        "demo",
        "every_line_the_demo_prints_gets_what_it_promises",
    ),
    given(
        "cargo run -q -- reference",
        "config",
        "the_generated_pages_are_fresh",
    ),
    given(
        "cargo test -p countersign-jose",
        "tidy",
        "a_crate_uses_only_what_stands_below_it",
    ),
    given(
        "cargo test -p countersign --test stores -- redis",
        "stores",
        "a_wrong_password_is_told_and_never_printed",
    ),
    given(
        "countersign ca",
        "ca",
        "an_authority_is_a_root_and_an_intermediate_that_can_sign_and_nothing_else",
    ),
    given(
        "countersign certificate inspect",
        "certificate",
        "inspect_shows_what_is_in_it_and_what_applications_would_read",
    ),
    given(
        "countersign token get",
        "program",
        "a_certificate_gets_a_token_for_a_site_alone_on_a_line",
    ),
    given(
        "countersign certificate verify",
        "certificate",
        "a_certificate_is_accepted_with_whom_it_proves_and_its_siblings_are_refused_by_name",
    ),
    given(
        "countersign init",
        "init",
        "what_is_written_is_a_sound_configuration_for_every_front",
    ),
    given(
        "countersign session",
        "program",
        "a_gateway_with_a_login_has_sessions_to_list_and_to_revoke",
    ),
    given("countersign check", "program", "check_counts_what_it_tells"),
    given(
        "countersign demo",
        "demo",
        "every_line_the_demo_prints_gets_what_it_promises",
    ),
    given(
        "countersign import jwtauthrequest",
        "import",
        "the_sample_is_imported_checked_and_run_and_answers_as_theirs",
    ),
    given(
        "countersign reload",
        "program",
        "a_reload_with_a_mistake_says_where_and_takes_nothing",
    ),
    given(
        "countersign run",
        "program",
        "everything_said_is_written_before_the_end",
    ),
    given(
        "countersign schema",
        "config",
        "the_schema_takes_every_example_and_refuses_every_fault_of_shape",
    ),
    given(
        "countersign session",
        "program",
        "a_gateway_with_a_login_has_sessions_to_list_and_to_revoke",
    ),
    given(
        "countersign token mint",
        "token",
        "a_token_made_for_a_table_satisfies_it_for_an_hour",
    ),
    given(
        "countersign token verify",
        "token",
        "a_minted_token_is_accepted_and_its_siblings_are_refused_by_name",
    ),
    // From the page itself.
    given(
        "curl --cert robot.crt --key robot.key",
        "e2e",
        "a_script_gets_a_token_by_the_one_line_of_the_page_and_a_site_takes_it",
    ),
    // The same by options: names that this machine does not know are told to curl there.
    given(
        "curl -sL -o answer -w '%{http_code} %{url_effective}' -c jar -b jar",
        "e2e",
        "a_certificate_of_another_authority_signs_nobody_in",
    ),
    // From the page itself.
    given(
        "curl -k --request GET",
        "e2e",
        "behind_nginx_the_prototypes_own_certificates_and_calls_get_its_answers",
    ),
    // Started by the tests from the same file.
    given(
        "nginx -p \"$PWD\" -c nginx-unix.conf",
        "e2e",
        "nginx_over_a_unix_socket_serves_no_host_but_the_one_decided_on",
    ),
    // What the unit's ExecReload does.
    given(
        "systemctl reload countersign",
        "program",
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
