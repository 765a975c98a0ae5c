//! The streams of a Workload API. The library that speaks its protocol is seen here only.

use super::JwtAuthorities;
use super::feed::{Bundles, Messages, Source};
use countersign_authn::bundles::{WorkloadApiAddress, X509Authorities};
use countersign_core::BoxFuture;
use countersign_core::spiffe::TrustDomain;
use countersign_jose::trust_bundle::TrustBundle;
use futures_util::stream::StreamExt as _;
use spiffe::{JwtBundle, JwtBundleSet, WorkloadApiClient, WorkloadApiError, X509BundleSet};
use std::error::Error;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

/// How long a stream may take to be opened.
const DEADLINE: Duration = Duration::from_secs(5);

/// `FetchX509Bundles` (SPIFFE Workload API, section 5.2.2).
pub(super) struct X509Stream(String);

/// `FetchJWTBundles` (section 6.2.3).
pub(super) struct JwtStream(String);

impl X509Stream {
    pub(super) fn of(address: &WorkloadApiAddress) -> Self {
        Self(address.to_string())
    }
}

impl JwtStream {
    pub(super) fn of(address: &WorkloadApiAddress) -> Self {
        Self(address.to_string())
    }
}

impl Source<X509Authorities> for X509Stream {
    fn open(&self) -> BoxFuture<'_, Result<Messages<X509Authorities>, String>> {
        Box::pin(in_time(async move {
            let client = WorkloadApiClient::connect_to(&self.0).await?;
            let stream = client.stream_x509_bundles().await?;
            Ok(stream
                .map(move |message| {
                    // The connection is the client's, and lives as long as the stream.
                    let _client = &client;
                    message.map(|set| x509(&set)).map_err(|error| told(&error))
                })
                .boxed())
        }))
    }
}

impl Source<JwtAuthorities> for JwtStream {
    fn open(&self) -> BoxFuture<'_, Result<Messages<JwtAuthorities>, String>> {
        Box::pin(in_time(async move {
            let client = WorkloadApiClient::connect_to(&self.0).await?;
            let stream = client.stream_jwt_bundles().await?;
            Ok(stream
                .map(move |message| {
                    // The connection is the client's, and lives as long as the stream.
                    let _client = &client;
                    message.map(|set| jwt(&set)).map_err(|error| told(&error))
                })
                .boxed())
        }))
    }
}

async fn in_time<T>(opened: impl Future<Output = Result<T, WorkloadApiError>>) -> Result<T, String> {
    match tokio::time::timeout(DEADLINE, opened).await {
        Ok(opened) => opened.map_err(|error| told(&error)),
        Err(_) => Err(format!("no answer within {} s", DEADLINE.as_secs())),
    }
}

/// The certificates as they came. Our own rules about names decide which trust domains there are.
fn x509(set: &X509BundleSet) -> Bundles<X509Authorities> {
    let bundles = set.iter().filter_map(|(name, bundle)| {
        let certificates = bundle.authorities().iter();
        let certificates = certificates.map(|certificate| Box::from(certificate.as_bytes()));
        Some((TrustDomain::parse(name.as_str()).ok()?, certificates.collect()))
    });
    bundles.collect()
}

fn jwt(set: &JwtBundleSet) -> Bundles<JwtAuthorities> {
    let bundles = set.iter().filter_map(|(name, bundle)| {
        let text = key_set(bundle);
        let keys = TrustBundle::parse_jwt_authorities(&text);
        let authorities = JwtAuthorities {
            keys: keys.map(Arc::new).map_err(|error| error.to_string().into()),
            text: text.into(),
        };
        Some((TrustDomain::parse(name.as_str()).ok()?, authorities))
    });
    bundles.collect()
}

/// The bundle as a JWK Set, its keys in one order.
fn key_set(bundle: &JwtBundle) -> Vec<u8> {
    let mut keys = bundle
        .jwt_authorities()
        .map(|authority| authority.jwk_json())
        .collect::<Vec<_>>();
    keys.sort_unstable();
    let mut text = b"{\"keys\":[".to_vec();
    text.extend(keys.join(b",".as_slice()));
    text.extend(b"]}");
    text
}

/// The error with its causes, for the log.
fn told(error: &WorkloadApiError) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(deeper) = cause {
        let words = deeper.to_string();
        if !text.contains(&words) {
            text = format!("{text}: {words}");
        }
        cause = deeper.source();
    }
    text
}
