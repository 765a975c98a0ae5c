//! Who we are at the provider's, and how we prove it.

use crate::bearer_jwt::source::Reading;
use countersign_core::options::Fault;
use countersign_core::secret::Secret;
use countersign_jose::algorithm::Algorithm;
use countersign_jose::sign::SigningKey;
use countersign_oidc::relying_party::client::{
    AuthenticationMethod, Client, ClientAuthentication, PrivateKeyJwt,
};
use std::sync::Arc;

/// The client; `None` when a fault was noted.
pub(crate) fn client(reading: &mut Reading<'_>, issuer: &str) -> Option<Client> {
    let values = reading.values;
    let id = values.text("client_id").unwrap_or("");
    let method = match values
        .text("client_authentication")
        .map(AuthenticationMethod::parse)
    {
        Some(Err(why)) => {
            let help = "`private_key_jwt` with `private_key`; or `client_secret_basic`, `client_secret_post`, `none`";
            reading.fault(Fault::new("client_authentication", why).help(help));
            return None;
        }
        Some(Ok(method)) => method,
        None if values.has("private_key") => AuthenticationMethod::PrivateKeyJwt,
        // Which way the secret goes is the provider's to say.
        None if values.has("client_secret") => {
            let secret = secret(reading)?;
            return Some(Client {
                id: id.into(),
                authentication: ClientAuthentication::SecretAsTaken(secret),
            });
        }
        None => AuthenticationMethod::None,
    };
    let needs = match method {
        AuthenticationMethod::SecretBasic | AuthenticationMethod::SecretPost => Some("client_secret"),
        AuthenticationMethod::PrivateKeyJwt => Some("private_key"),
        AuthenticationMethod::None => None,
    };
    for name in ["client_secret", "private_key"] {
        if needs == Some(name) && !values.has(name) {
            let message = format!("`{}` needs `{name}`", method.name());
            let help = format!("write {name} = {{ file = \"/path/to/it\" }} beside it");
            reading.fault(Fault::new("client_authentication", message).help(help));
        } else if needs != Some(name) && values.has(name) {
            let message = format!("it is not sent with `{}`", method.name());
            reading.fault(
                Fault::new(name, message).help("leave it out, or name another `client_authentication`"),
            );
        }
    }
    let authentication = match method {
        AuthenticationMethod::None => ClientAuthentication::None,
        AuthenticationMethod::SecretBasic => ClientAuthentication::SecretBasic(secret(reading)?),
        AuthenticationMethod::SecretPost => ClientAuthentication::SecretPost(secret(reading)?),
        AuthenticationMethod::PrivateKeyJwt => {
            ClientAuthentication::PrivateKeyJwt(Arc::new(private_key(reading, issuer)?))
        }
    };
    Some(Client {
        id: id.into(),
        authentication,
    })
}

/// The secret as text: a line break at its end is the editor's.
fn secret(reading: &mut Reading<'_>) -> Option<Secret<String>> {
    let bytes = reading.values.secret("client_secret")?.expose();
    let text = std::str::from_utf8(bytes)
        .ok()
        .map(|text| text.trim_end_matches(['\r', '\n']));
    match text {
        Some(text) if !text.is_empty() => Some(Secret::new(text.to_owned())),
        Some(_) | None => {
            let help =
                "put the secret, as the provider gave it, into the file or variable that is named here";
            reading.fault(Fault::new("client_secret", "empty, or not text").help(help));
            None
        }
    }
}

fn private_key(reading: &mut Reading<'_>, issuer: &str) -> Option<PrivateKeyJwt> {
    let values = reading.values;
    let pem = values.secret("private_key")?.expose();
    let algorithm = values.text("private_key_algorithm").and_then(Algorithm::parse);
    let key = match algorithm {
        Some(algorithm) => SigningKey::from_pem(algorithm, pem),
        None => SigningKey::from_any_pem(pem),
    };
    let Ok(key) = key else {
        let which = algorithm.map(|algorithm| format!(" for {}", algorithm.name()));
        let message = format!("not a private key in PEM (PKCS#8){}", which.unwrap_or_default());
        let help = "`openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256` makes one";
        reading.fault(Fault::new("private_key", message).help(help));
        return None;
    };
    let mut key = PrivateKeyJwt::new(key, values.text("private_key_id"), issuer)?;
    key.for_token_endpoint = values.text("assertion_audience") == Some("token_endpoint");
    Some(key)
}
