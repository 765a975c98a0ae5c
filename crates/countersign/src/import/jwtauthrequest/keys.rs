//! Where a client's keys come from: its HMAC secret, a JWK Set, or discovery at the issuer.

use super::text::quoted;
use super::theirs::Client;
use super::{Import, Verdict};
use countersign_core::secret::Secret;
use countersign_core::shown_url::shown_url;
use countersign_jose::algorithm::Algorithm;
use url::Url;

/// What an empty `allowed-algo` means: HS* with a secret, as far as it is long enough for them, and otherwise RS*, PS*
/// and ES*. And a word on what was left out.
pub(super) fn implied(secret: Option<&Secret<Vec<u8>>>) -> (Vec<Algorithm>, String) {
    let all = Algorithm::ALL.into_iter();
    let Some(secret) = secret else {
        let public = all.filter(|algorithm| !algorithm.is_hmac() && *algorithm != Algorithm::EdDsa);
        return (public.collect(), String::new());
    };
    let length = secret.expose().len();
    let (fitting, short): (Vec<_>, Vec<_>) = all
        .filter(|algorithm| algorithm.is_hmac())
        .partition(|algorithm| *algorithm == Algorithm::Hs256 || needed(*algorithm) <= length);
    let left_out = short.iter().map(|algorithm| algorithm.name()).collect::<Vec<_>>();
    let why = if left_out.is_empty() {
        String::new()
    } else {
        format!(" ({} want a longer secret)", left_out.join(" and "))
    };
    (fitting, why)
}

/// The least bytes of a secret (RFC 7518 section 3.2).
const fn needed(algorithm: Algorithm) -> usize {
    match algorithm {
        Algorithm::Hs384 => 48,
        Algorithm::Hs512 => 64,
        Algorithm::Hs256
        | Algorithm::Rs256
        | Algorithm::Rs384
        | Algorithm::Rs512
        | Algorithm::Ps256
        | Algorithm::Ps384
        | Algorithm::Ps512
        | Algorithm::Es256
        | Algorithm::Es384
        | Algorithm::Es512
        | Algorithm::EdDsa => 32,
    }
}

impl Import<'_> {
    pub(super) fn keys(
        &mut self,
        client: &Client,
        table: &str,
        algorithms: &[Algorithm],
        issuer: Option<&str>,
    ) {
        let label = &client.label;
        if algorithms.iter().any(|algorithm| algorithm.is_hmac()) {
            match &client.hmac {
                Some(secret) => self.secret(client, table, algorithms, secret),
                None => self.leave_to_do(&format!("{label}: HS* is allowed and there is no `HMAC`")),
            }
            return;
        }
        if client.hmac.is_some() {
            let what = "no HS* is allowed, so it is not used";
            self.tell_of(client, Verdict::Dropped, "HMAC", what);
        }
        if let Some(url) = self.wishes.jwks.clone() {
            self.used.jwks = true;
            self.used.jwks_issuers.extend(issuer.map(str::to_owned));
            self.write(&format!("jwk_set_url = {}", quoted(url.as_str())));
            let shown = shown_url(url.as_str());
            let what = format!("its keys come from {shown}, and are refreshed in the background");
            self.tell_of(client, Verdict::Kept, "issuer", what);
            if url.scheme() != "https" {
                self.leave_to_do(&format!(
                    "{label}: keys over plain http: whoever is on the way can sign tokens; name an https URL, or write \
                     `danger_allow_http = true` into [token.{table}]"
                ));
            }
            return;
        }
        let discovered =
            issuer.is_some_and(|issuer| Url::parse(issuer).is_ok_and(|url| url.scheme() == "https"));
        if discovered {
            let what =
                "its keys are discovered there; the last good ones are kept on disk, for when it is down";
            self.tell_of(client, Verdict::Bettered, "issuer", what);
        } else {
            self.leave_to_do(&format!(
                "{label}: the issuer is no https URL, so its keys cannot be discovered; give --jwks URL"
            ));
        }
    }

    fn secret(&mut self, client: &Client, table: &str, algorithms: &[Algorithm], secret: &Secret<Vec<u8>>) {
        let label = &client.label;
        let file = format!("{table}.secret");
        let needed = algorithms.iter().map(|algorithm| needed(*algorithm)).max();
        let (needed, length) = (needed.unwrap_or(0), secret.expose().len());
        if length < needed {
            self.leave_to_do(&format!(
                "{label}: the HMAC secret has {length} bytes, too short: {needed} are the least for {} (RFC 7518 section \
                 3.2); make a longer one (`openssl rand -hex 32`), for the issuer of the tokens, too",
                algorithms
                    .iter()
                    .map(|algorithm| algorithm.name())
                    .collect::<Vec<_>>()
                    .join(", ")
            ));
        }
        if secret.expose().ends_with(b"\n") || secret.expose().ends_with(b"\r") {
            self.leave_to_do(&format!(
                "{label}: the HMAC secret ends with a line break, which a secret file cannot hold; make another"
            ));
        }
        self.write(&format!("hmac_secret = {{ file = {} }}", quoted(&file)));
        let what = format!("it is in {file}, which only you can read");
        self.tell_of(client, Verdict::Bettered, "HMAC", what);
        self.done
            .secrets
            .push((file, Secret::new(secret.expose().clone())));
    }
}
