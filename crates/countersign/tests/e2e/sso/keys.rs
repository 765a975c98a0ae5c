//! What the provider signs, checked by OpenSSL with the key that is served in PEM: what an application does that knows
//! neither OpenID Connect nor JWK Sets.

use super::site::{Provider, SECRET};
use crate::curl::Place;
use crate::process::{Folder, free_addresses};
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde_json::Value;
use std::os::unix::fs::MetadataExt as _;
use std::process::Command;

const BACK: &str = "https://app.test/callback";

impl Provider {
    /// An ID Token for somebody with a certificate.
    fn id_token(&self) -> String {
        let issuer = &self.issuer;
        let asked = format!(
            "{issuer}/.countersign/authorize?client_id=app&redirect_uri={BACK}&response_type=code&scope=openid&\
             code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&code_challenge_method=S256"
        );
        let back = url::Url::parse(&self.sends_to(&asked)).unwrap();
        let code = back
            .query_pairs()
            .find(|(name, _)| name == "code")
            .unwrap()
            .1
            .into_owned();
        let answer = self.post(
            &format!("{issuer}/.countersign/token"),
            &[
                ("grant_type", "authorization_code"),
                ("code", &code),
                ("redirect_uri", BACK),
                ("client_id", "app"),
                ("client_secret", SECRET),
                ("code_verifier", "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"),
            ],
        );
        let answer = serde_json::from_str::<Value>(&answer).unwrap();
        answer["id_token"].as_str().unwrap().to_owned()
    }

    /// The key in PEM, as it is served.
    fn pem(&self) -> String {
        let Place {
            status, body: pem, ..
        } = self.follow(&format!("{}/.countersign/keys.pem", self.issuer));
        assert_eq!(status, 200, "{pem}");
        pem
    }

    fn openssl_says(&self, token: &str, pem: &str) -> String {
        openssl_says(&self.folder, token, pem)
    }

    /// A token of now holds by the key of now, and a token that was changed does not.
    fn is_checked_by_openssl(&self) -> String {
        let (token, pem) = (self.id_token(), self.pem());
        let header = BASE64_URL_SAFE_NO_PAD
            .decode(token.split('.').next().unwrap())
            .unwrap();
        let header = serde_json::from_slice::<Value>(&header).unwrap();
        assert_eq!(header["alg"], "RS256");
        assert_eq!(self.openssl_says(&token, &pem), "Verified OK");
        let changed = token.replacen('.', ".AA", 1);
        assert_eq!(self.openssl_says(&changed, &pem), "Verification failure");
        pem
    }
}

/// What OpenSSL says of the signature of `token` by the key `pem`.
pub(super) fn openssl_says(folder: &Folder, token: &str, pem: &str) -> String {
    let (message, signature) = token.rsplit_once('.').unwrap();
    folder.write("message", message);
    folder.write("keys.pem", pem);
    folder.write("signature", BASE64_URL_SAFE_NO_PAD.decode(signature).unwrap());
    let mut command = Command::new("openssl");
    command
        .args(["dgst", "-sha256", "-verify", "keys.pem"])
        .args(["-signature", "signature", "message"])
        .current_dir(&folder.0);
    let output = command.output().unwrap();
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

#[test]
fn the_old_key_of_4096_bits_signs_in_either_of_its_forms_and_openssl_checks_it_with_the_key_in_pem() {
    for form in [
        "genrsa -traditional -out provider.key 4096",
        "genrsa -out provider.key 4096",
    ] {
        let [address] = free_addresses();
        let signs = "key = { file = \"provider.key\" }";
        let provider = Provider::signing(address, BACK, signs, Some(form));
        let text = crate::fronts::read(&provider.folder.0.join("provider.key"));
        assert_eq!(
            text.starts_with("-----BEGIN RSA PRIVATE KEY-----"),
            form.contains("-traditional")
        );
        let pem = provider.is_checked_by_openssl();
        let mut command = Command::new("openssl");
        command
            .args(["pkey", "-in", "provider.key", "-pubout"])
            .current_dir(&provider.folder.0);
        assert_eq!(pem, String::from_utf8(command.output().unwrap().stdout).unwrap());
    }
}

#[test]
fn a_key_that_is_made_is_kept_for_its_user_alone_and_outlives_a_restart() {
    let [address] = free_addresses();
    let mut provider = Provider::signing(address, BACK, "key_algorithm = \"RS256\"", None);
    let (token, pem) = (provider.id_token(), provider.is_checked_by_openssl());
    let file = provider.folder.0.join("state/provider-keys");
    assert_eq!(file.metadata().unwrap().mode() & 0o777, 0o600);
    provider.restart();
    assert_eq!(provider.pem(), pem);
    assert_eq!(provider.openssl_says(&token, &provider.pem()), "Verified OK");
    // Where others could have read it, it is not believed.
    let open = std::os::unix::fs::PermissionsExt::from_mode(0o644);
    std::fs::set_permissions(&file, open).unwrap();
    provider.restart();
    let Place { status, .. } = provider.follow(&format!("{}/.countersign/keys.pem", provider.issuer));
    assert_eq!(status, 503);
}
