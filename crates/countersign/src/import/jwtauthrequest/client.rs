//! One of their clients: a table for its tokens, and a route that answers at its endpoints.

use super::Import;
use super::text::{list, quoted, table_name};
use super::theirs::Client;
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
            self.write(&format!("\n# {} was left out: see the report.", quoted(label)));
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
            let what =
                format!("{label}: `debug`: the log says why each token was refused, and never shows one");
            self.tell("dropped", &what);
        }
        self.route(client, &table);
    }

    fn issuer(&mut self, client: &Client) -> Option<String> {
        let label = &client.label;
        if let Some(issuer) = &client.issuer {
            self.tell("kept", &format!("{label}: `issuer` {issuer}, exactly"));
            self.write(&format!("issuer     = {}", quoted(issuer)));
            return Some(issuer.clone());
        }
        self.used.issuer = true;
        let Some(issuer) = self.wishes.issuer.clone() else {
            self.write("# issuer   = \"…\"             # missing");
            self.leave_to_do(format!(
                "{label}: no `issuer`: theirs checks none then, ours always does; give --issuer or --from-token TOKEN"
            ));
            return None;
        };
        self.tell(
            "bettered",
            &format!("{label}: no `issuer` was checked; now it is {issuer}"),
        );
        self.write(&format!("issuer     = {}", quoted(&issuer)));
        Some(issuer)
    }

    fn audiences(&mut self, client: &Client) {
        let label = &client.label;
        if !client.audience.is_empty() {
            let audiences = client.audience.join(", ");
            self.tell("kept", &format!("{label}: `audience`: any of {audiences}"));
            self.write(&format!("audiences  = {}", list(&client.audience)));
            return;
        }
        self.used.audience = true;
        if let Some(audience) = self.wishes.audience.clone() {
            self.tell(
                "bettered",
                &format!("{label}: no `audience` was checked; now it is {audience}"),
            );
            self.write(&format!("audiences  = {}", list(&[audience])));
        } else {
            self.write("# audiences = [\"…\"]          # missing");
            self.leave_to_do(format!(
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
            self.tell(
                "bettered",
                &format!("{label}: `allowed-algo` is empty, which allows everything; now {names}{why}"),
            );
            return Some(algorithms);
        }
        let mut algorithms = Vec::new();
        for name in &client.allowed_algo {
            match Algorithm::parse(name) {
                Some(algorithm) => algorithms.push(algorithm),
                None => self.leave_to_do(format!(
                    "{label}: the algorithm {name:?} of `allowed-algo` is not accepted here"
                )),
            }
        }
        let shared = algorithms.iter().filter(|algorithm| algorithm.is_hmac()).count();
        if shared > 0 && shared < algorithms.len() {
            self.leave_to_do(format!(
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
        self.tell(
            "kept",
            &format!("{label}: `allowed-algo` {allowed}, each bound to its key"),
        );
        Some(algorithms)
    }

    /// Where in the header the token is.
    fn place(&mut self, client: &Client) {
        let label = &client.label;
        let name = client.token_name.as_deref().unwrap_or(HEADER);
        let prefix = client.trim_prefix.as_deref().unwrap_or("");
        if client.token_name.is_none() {
            self.tell(
                "bettered",
                &format!("{label}: no `token-name`; the token is in {HEADER}"),
            );
        }
        let in_authorization = name.eq_ignore_ascii_case(HEADER);
        if in_authorization && (prefix.is_empty() || prefix.eq_ignore_ascii_case("bearer ")) {
            self.write("allow_bare = true           # theirs takes a token without `Bearer `, too");
            self.tell(
                "kept",
                &format!(
                    "{label}: `token-name` {name} and `trim-prefix` {prefix:?}: a token after `Bearer ` (case does not \
                     count) or alone"
                ),
            );
            return;
        }
        if !in_authorization {
            self.write(&format!("header     = {}", quoted(name)));
        }
        self.tell("kept", &format!("{label}: `token-name` {name}"));
        if prefix.is_empty() {
            self.tell(
                "kept",
                &format!("{label}: `trim-prefix` is empty: the token alone"),
            );
        } else {
            self.write(&format!("prefix     = {}", quoted(prefix)));
            self.tell("kept", &format!("{label}: `trim-prefix` {prefix:?}, exactly"));
            self.tell(
                "dropped",
                &format!("{label}: a token without that prefix, which theirs takes, is refused from now on"),
            );
        }
    }

    fn query(&mut self, client: &Client) {
        let label = &client.label;
        let mut names = vec![client.token_name.as_deref().unwrap_or(HEADER)];
        if names != [QUERY] {
            names.push(QUERY);
        }
        let told = names.join("=, ");
        if self.wishes.query_token {
            self.write(&format!("query      = {}", list(&names)));
            self.tell(
                "kept",
                &format!(
                    "{label}: a token in the query ({told}=), as --query-token asks; it is kept out of our log, and one sent \
                     in two places is refused"
                ),
            );
        } else {
            self.tell(
                "dropped",
                &format!(
                    "{label}: a token in the query ({told}=): URLs end up in logs and histories; --query-token keeps it"
                ),
            );
        }
    }

    fn claims(&mut self, client: &Client) {
        let label = &client.label;
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
            self.tell(
                "bettered",
                &format!("{label}: no `required-claims`; now {always}"),
            );
        } else {
            let listed = client.required_claims.join(", ");
            self.tell("kept", &format!("{label}: `required-claims` {listed}; {always}"));
        }
    }

    fn route(&mut self, client: &Client, table: &str) {
        let label = &client.label;
        if client.endpoints.is_empty() {
            self.leave_to_do(format!("{label}: no `endpoints`: it answers nowhere"));
        }
        for endpoint in &client.endpoints {
            let first = self.endpoints.insert(endpoint.clone(), label.clone());
            if let Some(first) = first {
                self.leave_to_do(format!(
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
            self.tell("kept", &format!("{label}: `name`, as the route's"));
        }
        self.tell(
            "kept",
            &format!("{label}: `endpoints` {}", client.endpoints.join(", ")),
        );
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
