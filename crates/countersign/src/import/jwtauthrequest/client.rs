//! One of their clients: a table for its tokens, and a route that answers at its endpoints.

use super::text::{list, quoted, table_name};
use super::theirs::Client;
use super::{Import, Verdict};
use countersign_jose::algorithm::Algorithm;

/// Claims that are required of every token here.
const ALWAYS_REQUIRED: [&str; 4] = ["iss", "aud", "exp", "sub"];
/// The name of the query parameter that theirs takes whatever `token-name` says.
const QUERY: &str = "token";
/// Where a token is when nothing is said.
const HEADER: &str = "Authorization";

impl Import<'_> {
    pub(super) fn client(&mut self, client: &Client) {
        let label = &client.label;
        let Some(algorithms) = self.algorithms(client) else {
            self.write(&format!(
                "\n# {} was left out: see the report.",
                table_name(label)
            ));
            return;
        };
        let table = unused(&mut self.tables, table_name(label), "client");
        self.write(&format!("\n[token.{table}]"));
        let issuer = self.issuer(client);
        self.audiences(client);
        let names = algorithms
            .iter()
            .map(|algorithm| algorithm.name())
            .collect::<Vec<_>>();
        self.write(&format!("algorithms = {}", list(&names)));
        self.keys(client, &table, &algorithms, issuer.as_deref());
        self.place(client);
        self.query(client);
        self.claims(client);
        if client.has_debug {
            let what = "the log says why each token was refused, and never shows one";
            self.tell_of(client, Verdict::Dropped, "debug", what);
        }
        self.route(client, &table);
    }

    fn issuer(&mut self, client: &Client) -> Option<String> {
        let label = &client.label;
        if let Some(issuer) = &client.issuer {
            self.tell_of(client, Verdict::Kept, "issuer", format!("{issuer}, exactly"));
            self.write(&format!("issuer     = {}", quoted(issuer)));
            return Some(issuer.clone());
        }
        self.used.issuer = true;
        let Some(issuer) = self.wishes.issuer.clone() else {
            self.write("# issuer   = \"…\"             # missing");
            self.leave_to_do(&format!(
                "{label}: no `issuer`: theirs checks none then, ours always does; give --issuer or --from-token TOKEN"
            ));
            return None;
        };
        let what = format!("none was checked; now it is {issuer}");
        self.tell_of(client, Verdict::Bettered, "issuer", what);
        self.write(&format!("issuer     = {}", quoted(&issuer)));
        Some(issuer)
    }

    fn audiences(&mut self, client: &Client) {
        let label = &client.label;
        if !client.audience.is_empty() {
            let audiences = client.audience.join(", ");
            self.tell_of(client, Verdict::Kept, "audience", format!("any of {audiences}"));
            self.write(&format!("audiences  = {}", list(&client.audience)));
            return;
        }
        self.used.audience = true;
        if let Some(audience) = self.wishes.audience.clone() {
            let what = format!("none was checked; now it is {audience}");
            self.tell_of(client, Verdict::Bettered, "audience", what);
            self.write(&format!("audiences  = {}", list(&[audience])));
        } else {
            self.write("# audiences = [\"…\"]          # missing");
            self.leave_to_do(&format!(
                "{label}: no `audience`: theirs checks none then, ours always does; give --audience or --from-token TOKEN"
            ));
        }
    }

    /// The algorithms; `None` when this client cannot be taken over.
    fn algorithms(&mut self, client: &Client) -> Option<Vec<Algorithm>> {
        let label = &client.label;
        if client.allowed_algo.is_empty() {
            let (algorithms, why) = super::keys::implied(client.hmac.as_ref());
            let names = algorithms
                .iter()
                .map(|algorithm| algorithm.name())
                .collect::<Vec<_>>();
            let names = names.join(", ");
            let what = format!("it is empty, which allows everything; now {names}{why}");
            self.tell_of(client, Verdict::Bettered, "allowed-algo", what);
            return Some(algorithms);
        }
        let mut algorithms = Vec::new();
        for name in &client.allowed_algo {
            match Algorithm::parse(name) {
                Some(algorithm) => algorithms.push(algorithm),
                None => self.leave_to_do(&format!(
                    "{label}: the algorithm {name:?} of `allowed-algo` is not accepted here"
                )),
            }
        }
        let shared = algorithms.iter().filter(|algorithm| algorithm.is_hmac()).count();
        if shared > 0 && shared < algorithms.len() {
            self.leave_to_do(&format!(
                "{label}: `allowed-algo` mixes HS* with others ({}), so that a public key can pose as the secret: this \
                 client is refused; make two of it",
                client.allowed_algo.join(", ")
            ));
            return None;
        }
        if algorithms.is_empty() {
            return None;
        }
        let allowed = client.allowed_algo.join(", ");
        let what = format!("{allowed}, each bound to its key");
        self.tell_of(client, Verdict::Kept, "allowed-algo", what);
        Some(algorithms)
    }

    /// Where in the header the token is.
    fn place(&mut self, client: &Client) {
        let name = client.token_name.as_deref().unwrap_or(HEADER);
        let prefix = client.trim_prefix.as_deref().unwrap_or("");
        if client.token_name.is_none() {
            let what = format!("none is named; the token is in {HEADER}");
            self.tell_of(client, Verdict::Bettered, "token-name", what);
        } else {
            self.tell_of(client, Verdict::Kept, "token-name", name);
        }
        let in_authorization = name.eq_ignore_ascii_case(HEADER);
        if in_authorization && (prefix.is_empty() || prefix.eq_ignore_ascii_case("bearer ")) {
            self.write("allow_bare = true           # theirs takes a token without `Bearer `, too");
            let what = format!("{prefix:?}: a token after `Bearer ` (case does not count) or alone");
            self.tell_of(client, Verdict::Kept, "trim-prefix", what);
            return;
        }
        if !in_authorization {
            self.write(&format!("header     = {}", quoted(name)));
        }
        if prefix.is_empty() {
            self.tell_of(client, Verdict::Kept, "trim-prefix", "none: the token alone");
            return;
        }
        self.write(&format!("prefix     = {}", quoted(prefix)));
        self.tell_of(
            client,
            Verdict::Kept,
            "trim-prefix",
            format!("{prefix:?}, exactly"),
        );
        let what = "a token without it, which theirs takes, is refused from now on";
        self.tell_of(client, Verdict::Dropped, "trim-prefix", what);
    }

    fn query(&mut self, client: &Client) {
        let mut names = vec![client.token_name.as_deref().unwrap_or(HEADER)];
        if names != [QUERY] {
            names.push(QUERY);
        }
        let told = names.join("=, ");
        if self.wishes.query_token {
            self.write(&format!("query      = {}", list(&names)));
            let what = format!(
                "a token in the query ({told}=), as --query-token asks; it is kept out of our log, and one sent in two places \
                 is refused"
            );
            self.tell_of(client, Verdict::Kept, "token-name", what);
        } else {
            let what = format!(
                "a token in the query ({told}=): URLs end up in logs and histories; --query-token keeps it"
            );
            self.tell_of(client, Verdict::Dropped, "token-name", what);
        }
    }

    fn claims(&mut self, client: &Client) {
        let further = client
            .required_claims
            .iter()
            .filter(|claim| !ALWAYS_REQUIRED.contains(&claim.as_str()))
            .collect::<Vec<_>>();
        if !further.is_empty() {
            self.write(&format!("required_claims = {}", list(&further)));
        }
        let always = "iss, aud, exp and sub are required always";
        if client.required_claims.is_empty() {
            let what = format!("none were; now {always}");
            self.tell_of(client, Verdict::Bettered, "required-claims", what);
        } else {
            let listed = client.required_claims.join(", ");
            let what = format!("{listed}; {always}");
            self.tell_of(client, Verdict::Kept, "required-claims", what);
        }
    }

    fn route(&mut self, client: &Client, table: &str) {
        let label = &client.label;
        if client.endpoints.is_empty() {
            self.leave_to_do(&format!("{label}: no `endpoints`: it answers nowhere"));
        }
        for endpoint in &client.endpoints {
            let first = self.endpoints.insert(endpoint.clone(), label.clone());
            if let Some(first) = first {
                self.leave_to_do(&format!(
                    "{label}: {endpoint} is an endpoint of {first} as well, and which of them answers there is not known; \
                     keep it in one"
                ));
            }
        }
        let name = unused(&mut self.routes, label.clone(), "client");
        let endpoints = list(&client.endpoints);
        self.write("\n[[route]]");
        self.write(&format!("name      = {}", quoted(&name)));
        self.write("hosts     = [\"*\"]");
        // Paths of its own: this route answers at its endpoints alone.
        self.write(&format!("paths     = {endpoints}"));
        self.write(&format!("endpoint  = {endpoints}"));
        self.write(&format!("accept    = [\"token.{table}\"]"));
        self.write("challenge = \"403\"");
        if client.has_name {
            self.tell_of(client, Verdict::Kept, "name", "it is the route's");
        }
        self.tell_of(client, Verdict::Kept, "endpoints", client.endpoints.join(", "));
    }
}

/// `wished`, or, when it is empty or taken, another name like it; `taken` has it from now on.
fn unused(taken: &mut std::collections::BTreeSet<String>, wished: String, else_called: &str) -> String {
    let wished = if wished.is_empty() {
        else_called.to_owned()
    } else {
        wished
    };
    let mut name = wished.clone();
    let mut number = 1;
    while !taken.insert(name.clone()) {
        number += 1;
        name = format!("{wished}-{number}");
    }
    name
}
