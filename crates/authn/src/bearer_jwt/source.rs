//! Where the keys of one `[token.NAME]` come from.

use crate::key_ring::Freshness;
use crate::keys::{KeyLocation, KeySettings, Keys, StaticKeys};
use crate::kinds::Parts;
use countersign_core::options::{Fault, Values};
use countersign_jose::algorithm::Algorithm;
use countersign_jose::jwks::KeySet;
use countersign_jose::key::VerificationKey;
use countersign_oidc::discovery::discovery_url;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;
use std::sync::Arc;
use std::time::Duration;
use url::Url;

/// The keys that name a source. One may be there; none means discovery at the issuer.
pub(super) const KEY_SOURCES: [&str; 5] = [
    "discovery_url",
    "jwk_set_url",
    "jwk_set_file",
    "pem_file",
    "hmac_secret",
];

/// The options as they are read, the faults and warnings as they are found.
pub(crate) struct Reading<'a> {
    pub(crate) values: &'a Values,
    pub(crate) faults: Vec<Fault>,
    pub(crate) warnings: Vec<String>,
}

impl<'a> Reading<'a> {
    pub(crate) const fn of(values: &'a Values) -> Self {
        Self {
            values,
            faults: Vec::new(),
            warnings: Vec::new(),
        }
    }

    pub(crate) fn fault(&mut self, fault: Fault) {
        self.faults.push(fault);
    }

    /// The keys; `None` when a fault was noted.
    pub(super) fn keys(
        &mut self,
        issuer: &Arc<str>,
        algorithms: &[Algorithm],
        parts: &Parts,
    ) -> Option<Arc<dyn Keys>> {
        let values = self.values;
        let named = KEY_SOURCES
            .into_iter()
            .filter(|name| values.has(name))
            .collect::<Vec<_>>();
        let source = match named.as_slice() {
            [] => "",
            [one] => one,
            [_, second, ..] => {
                let message = format!(
                    "the keys come from one place, and these are {}: {}",
                    named.len(),
                    named.join(", ")
                );
                self.fault(Fault::new(second, message).help("keep one of them"));
                return None;
            }
        };
        self.check_freshness();
        match source {
            "jwk_set_file" => self.jwk_set_file(),
            "pem_file" => self.pem_file(),
            "hmac_secret" => self.hmac(algorithms),
            remote => self.remote(remote, issuer, parts),
        }
    }

    fn jwk_set_file(&mut self) -> Option<Arc<dyn Keys>> {
        let (path, bytes) = self.values.file("jwk_set_file")?;
        match KeySet::parse(bytes) {
            Ok((keys, unusable)) => {
                for key in unusable {
                    let name = key
                        .kid
                        .map_or_else(|| format!("number {}", key.index), |kid| format!("{kid:?}"));
                    self.warnings
                        .push(format!("{path}: the key {name} is left out: {}", key.error));
                }
                Some(Arc::new(StaticKeys::new(keys)))
            }
            Err(error) => {
                let help = "what the issuer serves at its `jwks_uri`: { \"keys\": [ … ] }";
                self.fault(Fault::new("jwk_set_file", format!("{path}: {error}")).help(help));
                None
            }
        }
    }

    fn pem_file(&mut self) -> Option<Arc<dyn Keys>> {
        let (path, bytes) = self.values.file("pem_file")?;
        match KeySet::from_pem(bytes) {
            Ok(keys) => Some(Arc::new(StaticKeys::new(keys))),
            Err(error) => {
                let help = "the issuer's public keys as PEM: -----BEGIN PUBLIC KEY-----";
                self.fault(Fault::new("pem_file", format!("{path}: {error}")).help(help));
                None
            }
        }
    }

    fn hmac(&mut self, algorithms: &[Algorithm]) -> Option<Arc<dyn Keys>> {
        let secret = self.values.secret("hmac_secret")?;
        if secret.expose().starts_with(b"-----BEGIN ") {
            let message = "a key in PEM is no shared secret: everybody may know its public half";
            let help = "for an issuer that signs with a key, `pem_file` names the public one";
            self.fault(Fault::new("hmac_secret", message).help(help));
            return None;
        }
        let shared = algorithms.iter().copied().filter(|algorithm| algorithm.is_hmac());
        let shared = shared.collect::<Vec<_>>();
        if shared.is_empty() {
            // What is wrong then is `algorithms`, and was noted there.
            return None;
        }
        match VerificationKey::hmac(secret, &shared) {
            Ok(key) => {
                let warning = "`hmac_secret`: whoever can check these tokens can also make them; prefer keys of which \
                               only the public half is here";
                self.warnings.push(warning.to_owned());
                Some(Arc::new(StaticKeys::new(KeySet::of(key))))
            }
            Err(error) => {
                self.fault(
                    Fault::new("hmac_secret", error.to_string())
                        .help("`openssl rand -hex 32` makes a good one"),
                );
                None
            }
        }
    }

    fn remote(&mut self, source: &str, issuer: &Arc<str>, parts: &Parts) -> Option<Arc<dyn Keys>> {
        let url = match source {
            "" => {
                let found = discovery_url(issuer);
                if found.is_none() {
                    let message =
                        "the keys are discovered at the issuer, so it must be an https URL without query";
                    let help =
                        "or say where the keys are: jwk_set_url, jwk_set_file, pem_file or hmac_secret";
                    self.fault(Fault::new("issuer", message).help(help));
                }
                found
            }
            named => {
                let parsed = self.values.text(named).and_then(|text| Url::parse(text).ok());
                if parsed.is_none() {
                    self.fault(
                        Fault::new(named, "not an absolute URL")
                            .help("write it whole: \"https://HOST/PATH\""),
                    );
                }
                parsed
            }
        };
        let authorities = self.authorities();
        let url = url?;
        let allow_http = self.values.flag("danger_allow_http");
        self.check_url(
            if source.is_empty() { "issuer" } else { source },
            &url,
            allow_http,
        )?;
        let settings = KeySettings {
            freshness: self.freshness(),
            allow_http,
            authorities: authorities?,
        };
        let issuer = Arc::clone(issuer);
        let location = if source == "jwk_set_url" {
            KeyLocation::JwkSet { issuer, url }
        } else {
            KeyLocation::Discovery { issuer, url }
        };
        Some(parts.keys.open(&location, &settings))
    }

    pub(crate) fn check_url(&mut self, at: &str, url: &Url, allow_http: bool) -> Option<()> {
        if !url.username().is_empty() || url.password().is_some() {
            let help = "leave them out: nothing here is fetched with a password";
            self.fault(Fault::new(at, "a URL with a user name or password in it").help(help));
            return None;
        }
        match url.scheme() {
            "https" => Some(()),
            "http" if allow_http => {
                let warning = "`danger_allow_http`: the keys come over plain http, and whoever is on the way can sign \
                               tokens";
                self.warnings.push(warning.to_owned());
                Some(())
            }
            "http" => {
                let help = "write https; for tests, danger_allow_http = true";
                self.fault(Fault::new(at, "the keys would be fetched over plain http").help(help));
                None
            }
            _ => {
                self.fault(Fault::new(at, "not an https URL").help("write https://"));
                None
            }
        }
    }

    /// The authorities of `ca_file`, read far enough to know that there are some: a file without any must not mean the
    /// system's. The outer `None` when a fault was noted.
    #[expect(clippy::option_option, reason = "a fault and no file are two things")]
    pub(crate) fn authorities(&mut self) -> Option<Option<Arc<[u8]>>> {
        authorities(self.values).map_err(|fault| self.fault(fault)).ok()
    }

    pub(crate) fn freshness(&self) -> Freshness {
        let duration =
            |name: &str, default: u64| self.values.duration(name).unwrap_or(Duration::from_secs(default));
        Freshness {
            refresh: duration("refresh", 600),
            unknown_kid_interval: duration("unknown_kid_interval", 30),
            max_staleness: duration("max_staleness", 24 * 3600),
        }
    }

    pub(crate) fn check_freshness(&mut self) {
        let freshness = self.freshness();
        if freshness.max_staleness < freshness.refresh {
            let message = "shorter than `refresh`: the keys would be too old before they are fetched again";
            self.fault(Fault::new("max_staleness", message).help("raise it, or lower `refresh`"));
        }
    }
}

/// The authorities of `ca_file`, as [`Reading::authorities`] reads them; `None` where there is no such file.
pub(crate) fn authorities(values: &Values) -> Result<Option<Arc<[u8]>>, Fault> {
    let Some((path, bytes)) = values.file("ca_file") else {
        return Ok(None);
    };
    let certificates = CertificateDer::pem_slice_iter(bytes).collect::<Result<Vec<_>, _>>();
    if certificates.is_ok_and(|certificates| !certificates.is_empty()) {
        return Ok(Some(bytes.into()));
    }
    let message = format!("{path}: not a PEM file of certificates");
    let help = "the authorities as PEM, one after another: -----BEGIN CERTIFICATE-----";
    Err(Fault::new("ca_file", message).help(help))
}
