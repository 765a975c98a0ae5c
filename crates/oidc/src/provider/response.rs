//! What the browser takes back (RFC 6749 section 4.1.2, RFC 9207, OAuth 2.0 Form Post Response Mode).

use super::authorize::{AnswerTo, Refusal};
use crate::relying_party::authorization::ResponseMode;
use countersign_core::secret::Secret;
use url::Url;

/// What is told.
#[derive(Clone, Copy, Debug)]
pub enum Told<'a> {
    /// A code, taken once.
    Code(&'a Secret<String>),
    /// That there is none, and why.
    Error(Refusal),
}

/// How the browser takes it back.
#[derive(Clone, Debug)]
pub enum Delivery {
    /// It is sent there.
    Redirect(Secret<String>),
    /// It sends a form there, each field by its name.
    Form {
        /// Where to.
        action: Box<str>,
        /// What it holds.
        fields: Vec<(&'static str, Secret<String>)>,
    },
}

impl AnswerTo {
    /// Tells the client. `issuer` is who we are, so that an answer is not taken for another provider's (RFC 9207).
    pub fn deliver(&self, told: Told<'_>, issuer: &str) -> Delivery {
        let plain = |text: &str| Secret::new(text.to_owned());
        let mut fields = match told {
            Told::Code(code) => vec![("code", plain(code.expose()))],
            Told::Error(Refusal { error, description }) => vec![
                ("error", plain(error)),
                ("error_description", plain(&super::description(description))),
            ],
        };
        fields.extend(self.state.as_deref().map(|state| ("state", plain(state))));
        fields.push(("iss", plain(issuer)));
        match self.mode {
            ResponseMode::FormPost => Delivery::Form {
                action: self.redirect_uri.clone(),
                fields,
            },
            ResponseMode::Query => Delivery::Redirect(self.with_query(&fields)),
        }
    }

    /// The redirect URI with `fields` after a query of its own.
    fn with_query(&self, fields: &[(&'static str, Secret<String>)]) -> Secret<String> {
        // It was compared with what the operator registered, which was read as a URL; a client sees what it knows.
        let Ok(mut url) = Url::parse(&self.redirect_uri) else {
            return Secret::new(String::new());
        };
        let pairs = fields.iter().map(|(name, value)| (*name, value.expose()));
        url.query_pairs_mut().extend_pairs(pairs);
        Secret::new(url.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::provider::client::{Client, ClientLogout, ClientProof, RegisteredClient};
    use std::sync::Arc;

    fn answer(redirect_uri: &str, mode: ResponseMode) -> AnswerTo {
        let client = RegisteredClient {
            id: "grafana".into(),
            redirect_uris: vec![redirect_uri.into()],
            proof: ClientProof::None,
            offline: false,
            bind: true,
            logout: ClientLogout::default(),
        };
        AnswerTo {
            client: Client::Registered(Arc::new(client)),
            redirect_uri: redirect_uri.into(),
            mode,
            state: Some("a b&c".into()),
        }
    }

    #[test]
    fn a_code_goes_back_with_the_state_and_our_name() {
        let code = Secret::new("c-1".to_owned());
        let told = answer("https://app.test/back?x=1", ResponseMode::Query)
            .deliver(Told::Code(&code), "https://sso.test");
        let Delivery::Redirect(location) = told else {
            panic!()
        };
        assert_eq!(
            location.expose(),
            "https://app.test/back?x=1&code=c-1&state=a+b%26c&iss=https%3A%2F%2Fsso.test"
        );
    }

    #[test]
    fn a_form_holds_the_same() {
        let why = Refusal {
            error: "login_required",
            description: "no certificate",
        };
        let told = answer("https://app.test/back", ResponseMode::FormPost)
            .deliver(Told::Error(why), "https://sso.test");
        let Delivery::Form { action, fields } = told else {
            panic!()
        };
        assert_eq!(*action, *"https://app.test/back");
        let fields = fields
            .iter()
            .map(|(name, value)| (*name, value.expose().as_str()));
        assert_eq!(
            fields.collect::<Vec<_>>(),
            [
                ("error", "login_required"),
                ("error_description", "no certificate"),
                ("state", "a b&c"),
                ("iss", "https://sso.test")
            ]
        );
    }
}
