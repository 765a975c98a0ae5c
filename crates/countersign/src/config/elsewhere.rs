//! What lua-resty-openidc and lua-resty-session call what is configured here: for whoever types it.
//! `docs/migrate/lua-resty-openidc.md` has all of it, line by line.

/// An option of theirs.
#[derive(Clone, Copy, Debug)]
pub(super) struct Elsewhere {
    /// The table here in which it is looked for.
    table: &'static str,
    /// What it is called there.
    theirs: &'static str,
    /// The key here; none where there is nothing to say.
    pub(super) ours: Option<&'static str>,
    /// What else is to be known.
    note: &'static str,
}

const fn is(table: &'static str, theirs: &'static str, ours: &'static str, note: &'static str) -> Elsewhere {
    Elsewhere {
        table,
        theirs,
        ours: Some(ours),
        note,
    }
}

const fn nothing(theirs: &'static str, note: &'static str) -> Elsewhere {
    Elsewhere {
        table: "login",
        theirs,
        ours: None,
        note,
    }
}

const ELSEWHERE: &[Elsewhere] = &[
    is(
        "login",
        "redirect_uri",
        "callback",
        "callback = \"/auth\": a path, whose host is the request's, or that of `at`",
    ),
    is("login", "redirect_uri_path", "callback", "callback = \"/auth\""),
    is(
        "login",
        "discovery",
        "issuer",
        "issuer = \"https://op.example\"; `discovery_url`, where its document is elsewhere",
    ),
    is("login", "scope", "scopes", "scopes = [\"openid\", \"email\"]"),
    is("login", "logout_path", "logout", "logout = \"/logout\""),
    is(
        "login",
        "redirect_after_logout_uri",
        "after_logout",
        "a page of yours; the provider's own address is discovered, or `end_session_url`",
    ),
    is(
        "login",
        "post_logout_redirect_uri",
        "after_logout",
        "after_logout = \"https://app.example/bye\"",
    ),
    is(
        "login",
        "end_session_endpoint",
        "end_session_url",
        "instead of the one that is discovered",
    ),
    is(
        "login",
        "authorization_params",
        "params",
        "`max_age`, `acr_values` and `prompt` are keys of their own",
    ),
    is(
        "login",
        "token_endpoint_auth_method",
        "client_authentication",
        "the words are the same",
    ),
    is(
        "login",
        "client_rsa_private_key",
        "private_key",
        "private_key = { file = \"client.key\" }",
    ),
    is(
        "login",
        "client_rsa_private_key_id",
        "private_key_id",
        "its `kid`",
    ),
    is("login", "iat_slack", "leeway", "leeway = \"2m\""),
    is(
        "login",
        "session_contents",
        "userinfo",
        "\"login\" for `user`, otherwise \"never\"; what else is kept is what identity headers name",
    ),
    is("login", "display", "params", "params = { display = \"touch\" }"),
    is(
        "route",
        "unauth_action",
        "challenge",
        "challenge = \"401\" for \"deny\"; for \"pass\", accept = [\"login.NAME\", \"anonymous\"]",
    ),
    is("route", "force_reauthorize", "max_age", "max_age = \"1m\""),
    is("session", "storage", "store", "store = \"redis\", say"),
    is(
        "session",
        "secret",
        "sealing_keys",
        "sealing_keys = [{ file = \"sealing-key\" }]",
    ),
    is("session", "idletime", "idle", "idle = \"1h\""),
    nothing(
        "ssl_verify",
        "certificates are always verified; `ca_file` names an authority of your own",
    ),
    nothing("use_pkce", "PKCE is always used"),
    nothing("use_nonce", "a nonce is always sent"),
    nothing("renew_access_token_on_expiry", "that is always done, in time"),
    nothing("access_token_expires_in", "it is renewed in time"),
    nothing("access_token_expires_leeway", "it is renewed in time"),
    nothing(
        "refresh_session_interval",
        "a refresh brings new groups; `max_age` asks for a new login",
    ),
    nothing(
        "revoke_tokens_on_logout",
        "that is always done, where the provider takes it",
    ),
    nothing("accept_none_alg", "such a token is never taken"),
    nothing("accept_unsupported_alg", "such a token is never taken"),
    nothing(
        "symmetric_key",
        "providers sign with keys, and those are discovered",
    ),
    nothing("proxy_opts", "HTTPS_PROXY and NO_PROXY in the environment"),
    nothing("timeout", "a provider has 10 s at most"),
    nothing("keepalive", "connections are kept"),
];

/// What `key` is here, in the table at `way`.
pub(super) fn find(way: &[String], key: &str) -> Option<&'static Elsewhere> {
    let table = way.first()?;
    ELSEWHERE
        .iter()
        .find(|one| one.table == table && one.theirs == key)
}

impl Elsewhere {
    /// What to write instead.
    pub(super) fn help(&self) -> String {
        match self.ours {
            Some(ours) => format!("it is `{ours}` here: {}", self.note),
            None => format!("leave it out: {}", self.note),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::spec;
    use super::*;
    use countersign_core::options::{Field, Kind};

    fn fields(table: &str) -> &'static [Field] {
        let kind = spec::root()
            .iter()
            .find(|field| field.name == table)
            .unwrap()
            .kind;
        let (Kind::Table(table) | Kind::Tables(table) | Kind::Named(table)) = kind else {
            panic!("{table}");
        };
        table.fields
    }

    #[test]
    fn each_names_a_key_of_ours_and_is_none_itself() {
        for one in ELSEWHERE {
            let known = |name: &str| fields(one.table).iter().any(|field| field.name == name);
            assert!(one.ours.is_none_or(known), "{one:?}");
            assert!(!known(one.theirs), "{one:?}");
        }
    }

    #[test]
    fn each_is_on_the_page_about_moving() {
        let page = include_str!("../../../../docs/migrate/lua-resty-openidc.md");
        let there = |word: &str| page.contains(&format!("`{word}")) || page.contains(&format!("_{word}"));
        let missing = ELSEWHERE.iter().map(|one| one.theirs).filter(|word| !there(word));
        assert_eq!(missing.collect::<Vec<_>>(), [""; 0]);
    }
}
