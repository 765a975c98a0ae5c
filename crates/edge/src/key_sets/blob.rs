//! A key set as it is kept on disk: a line that says whose it is and when it was fetched, then the set as it came.
//!
//! The line binds it to everything the fetch depended on. A blob that says anything else is not read: keys fetched for
//! one issuer, or while plain http was allowed, are nobody else's.

use aws_lc_rs::digest::{SHA256, digest};
use countersign_authn::keys::{KeyLocation, KeySettings};
use countersign_core::time::Timestamp;
use serde_json::{Value, json};
use std::fmt::Write as _;

/// What the blobs of key sets begin with.
pub const A_KEY_SET: &str = "keys-";

/// The version of the form.
const FORM: &str = "countersign-keys-1";

/// What a blob is bound to.
pub(super) struct Binding<'a> {
    location: &'a KeyLocation,
    settings: &'a KeySettings,
}

impl<'a> Binding<'a> {
    pub(super) const fn new(location: &'a KeyLocation, settings: &'a KeySettings) -> Self {
        Self { location, settings }
    }

    /// The name of the blob: a hash, since an issuer is no file name.
    pub(super) fn name(&self) -> String {
        let hash = hex(self.to_json().to_string().as_bytes());
        format!("{A_KEY_SET}{}", hash.get(..32).unwrap_or(&hash))
    }

    fn to_json(&self) -> Value {
        let way = match self.location {
            KeyLocation::Discovery { .. } => "discovery",
            KeyLocation::JwkSet { .. } => "jwk_set",
            KeyLocation::TrustBundle { .. } => "trust_bundle",
        };
        let authorities = self.settings.authorities.as_ref().map(|pem| hex(pem));
        json!([
            FORM,
            way,
            &**self.location.issuer(),
            self.location.url().as_str(),
            self.settings.allow_http,
            authorities
        ])
    }
}

pub(super) fn write(binding: &Binding<'_>, fetched: Timestamp, body: &[u8]) -> Vec<u8> {
    let line = json!([binding.to_json(), fetched.milliseconds()]).to_string();
    [line.as_bytes(), b"\n", body].concat()
}

/// When the set was fetched, and the set; `None` when the blob is not this binding's.
pub(super) fn read<'b>(binding: &Binding<'_>, bytes: &'b [u8]) -> Option<(Timestamp, &'b [u8])> {
    let end = bytes.iter().position(|byte| *byte == b'\n')?;
    let (line, body) = bytes.split_at_checked(end)?;
    let (bound, fetched) = serde_json::from_slice::<(Value, i64)>(line).ok()?;
    let ours = bound == binding.to_json();
    ours.then_some((Timestamp::from_milliseconds(fetched), body.get(1..)?))
}

fn hex(bytes: &[u8]) -> String {
    let hash = digest(&SHA256, bytes);
    hash.as_ref().iter().fold(String::new(), |mut text, byte| {
        // Writing to a String does not fail.
        let _written = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use countersign_authn::bundle_file::{BundleFiles, Svid};
    use countersign_authn::key_ring::Freshness;
    use countersign_core::kept::is_name;
    use countersign_core::spiffe::TrustDomain;
    use std::time::Duration;
    use url::Url;

    fn location(issuer: &str, url: &str) -> KeyLocation {
        KeyLocation::JwkSet {
            issuer: issuer.into(),
            url: Url::parse(url).unwrap(),
        }
    }

    fn settings() -> KeySettings {
        KeySettings {
            freshness: Freshness {
                refresh: Duration::from_mins(10),
                unknown_kid_interval: Duration::from_secs(30),
                max_staleness: Duration::from_hours(24),
            },
            allow_http: false,
            authorities: None,
        }
    }

    #[test]
    fn a_blob_is_read_by_the_set_that_wrote_it_and_by_no_other() {
        let (own, settings) = (location("https://a", "https://a/k"), settings());
        let binding = Binding::new(&own, &settings);
        let blob = write(&binding, Timestamp::from_seconds(7), b"{\"keys\":[]}\n");
        let read_by = |location: &KeyLocation, settings: &KeySettings| {
            let binding = Binding::new(location, settings);
            assert!(is_name(&binding.name()), "{}", binding.name());
            read(&binding, &blob).map(|(fetched, body)| (fetched, body.to_vec()))
        };
        let expect = Some((Timestamp::from_seconds(7), b"{\"keys\":[]}\n".to_vec()));
        let domain = TrustDomain::parse("a").unwrap();
        assert_eq!(read_by(&own, &settings), expect);
        for other in [
            location("https://b", "https://a/k"),
            location("https://a", "https://a/k2"),
            location("https://a\",\"https://a/k", "https://a/k"),
            KeyLocation::Discovery {
                issuer: "https://a".into(),
                url: Url::parse("https://a/k").unwrap(),
            },
            KeyLocation::TrustBundle {
                issuer: "https://a".into(),
                url: Url::parse("https://a/k").unwrap(),
                in_force: BundleFiles::default().fetched(("jwt_svid.a", &domain, Svid::Jwt)),
            },
        ] {
            assert_eq!(read_by(&other, &settings), None, "{other:?}");
        }
        let mut in_the_clear = settings.clone();
        in_the_clear.allow_http = true;
        assert_eq!(read_by(&own, &in_the_clear), None);
        let mut private = settings.clone();
        private.authorities = Some(b"pem".as_slice().into());
        assert_eq!(read_by(&own, &private), None);
    }

    #[test]
    fn a_broken_blob_is_nobodys() {
        let (own, settings) = (location("https://a", "https://a/k"), settings());
        let binding = Binding::new(&own, &settings);
        let whole = write(&binding, Timestamp::from_seconds(7), b"{}");
        for broken in [
            b"".as_slice(),
            b"\n",
            b"{}\n{}",
            b"[1,2]\n{}",
            whole.get(..40).unwrap(),
        ] {
            assert_eq!(read(&binding, broken), None);
        }
    }
}
