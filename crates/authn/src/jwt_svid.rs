//! JWT-SVIDs (SPIFFE JWT-SVID): `[jwt_svid.NAME]`, the tokens of one trust domain's workloads.
//!
//! Such a token needs no `iss`: its `sub`, a SPIFFE ID, says whose it is. It is judged on the path of every token
//! ([`bearer_jwt`](crate::bearer_jwt)) by an expectation of its own, with keys from that trust domain's bundle only.

use crate::bearer_jwt::BearerJwt;
use crate::bearer_jwt::options::{
    CA_FILE, DANGER_ALLOW_HTTP, GROUPS_CLAIM, HEADER, LEEWAY, MAX_STALENESS, PREFIX, REFRESH,
    UNKNOWN_KID_INTERVAL,
};
use crate::bearer_jwt::source::Reading;
use crate::bundle_file::Svid;
use crate::bundles::open_workload_api;
use crate::keys::{KeyLocation, KeySettings, Keys, StaticKeys};
use crate::kinds::{Built, Parts};
use countersign_core::options::{Fault, Field, Kind, Table, Values};
use countersign_core::spiffe::TrustDomain;
use countersign_jose::algorithm::Algorithm;
use countersign_jose::claims::{Expectation, JWT_SVID_ALGORITHMS};
use std::sync::Arc;
use url::Url;

#[cfg(test)]
mod tests;

/// The keys that name a source. One must be there.
const SOURCES: [&str; 3] = ["bundle_file", "bundle_url", "workload_api"];

/// `[jwt_svid.NAME]`
pub const OPTIONS: Table = Table {
    doc: "JWT-SVIDs of the workloads of one SPIFFE trust domain. Their `sub` is a SPIFFE ID of that trust domain, and they \
          need no `iss`. The keys come from one place: `bundle_file`, `bundle_url` or `workload_api`.",
    fields: &[
        Field::required(
            "trust_domain",
            Kind::Text,
            "The trust domain, such as `example.org`, without `spiffe://`.",
        ),
        Field::required(
            "audiences",
            Kind::TEXTS,
            "The audiences accepted: one of them must be in the token.",
        ),
        Field::optional(
            "bundle_file",
            Kind::File,
            "A file with the trust domain's bundle in JSON (`spire-server bundle show -format spiffe`). Of its entries those \
             with `use: jwt-svid` are believed; one without any has withdrawn them all. A reload refuses an older one \
             (`spiffe_sequence`) than one that was in force since the start, wherever that came from.",
        ),
        Field::optional(
            "bundle_url",
            Kind::Url,
            "The trust domain's bundle endpoint, authenticated by Web PKI (`https_web`) or `ca_file`. The same entries are \
             believed; an older bundle than one that counts is not taken, nor one older than a file's since the start. What came from \
             a URL counts for `max_staleness`; a table whose URL another has, too, goes on with what is in force there.",
        ),
        Field::optional(
            "workload_api",
            Kind::Text,
            "The socket of the SPIFFE Workload API on this machine, `unix:/run/spire/agent.sock` or so, which tells the trust \
             domain's keys and every change of them.",
        ),
        Field::optional(
            "algorithms",
            Kind::List(&Kind::Choice(&[
                "RS256", "RS384", "RS512", "ES256", "ES384", "ES512", "PS256", "PS384", "PS512",
            ])),
            "The signature algorithms accepted. Default: all nine of the standard.",
        ),
        CA_FILE,
        HEADER,
        PREFIX,
        LEEWAY,
        Field::optional(
            "required_claims",
            Kind::TEXTS,
            "Claims that must be there besides `sub`, `aud` and `exp`.",
        ),
        GROUPS_CLAIM,
        REFRESH,
        UNKNOWN_KID_INTERVAL,
        MAX_STALENESS,
        DANGER_ALLOW_HTTP,
    ],
};

/// Builds `jwt_svid.name`.
pub fn build(name: &str, values: &Values, parts: &Parts) -> Result<Built, Vec<Fault>> {
    let (authenticator, warnings) = build_token(name, values, parts)?;
    Ok(Built {
        authenticator: Arc::new(authenticator),
        login: None,
        warnings,
    })
}

/// The same, with the type still showing, and the warnings.
pub fn build_token(
    name: &str,
    values: &Values,
    parts: &Parts,
) -> Result<(BearerJwt, Vec<String>), Vec<Fault>> {
    let mut reading = Reading::of(values);
    let full = format!("jwt_svid.{name}");
    let trust_domain = trust_domain(&mut reading);
    let keys = trust_domain
        .as_ref()
        .and_then(|trust_domain| keys(&mut reading, (&full, trust_domain), parts));
    let places = reading.places();
    let groups = reading.path("groups_claim");
    let expectation = expectation(&mut reading, trust_domain);
    match (keys, places, groups, expectation) {
        (Some(keys), Some(places), Some(groups), Some(expectation)) if reading.faults.is_empty() => {
            let token = BearerJwt::assemble(
                &full,
                places,
                keys,
                expectation,
                groups,
                Arc::clone(&parts.tokens),
            );
            Ok((token, reading.warnings))
        }
        _ => Err(reading.faults),
    }
}

fn trust_domain(reading: &mut Reading<'_>) -> Option<TrustDomain> {
    let name = reading.values.text("trust_domain").unwrap_or("");
    match TrustDomain::parse(name) {
        Ok(trust_domain) => Some(trust_domain),
        Err(error) => {
            let help = "trust_domain = \"home.example\"";
            reading.fault(Fault::new("trust_domain", error.to_string()).help(help));
            None
        }
    }
}

/// The algorithms listed, or all; the audiences; and what else may be asked.
fn expectation(reading: &mut Reading<'_>, trust_domain: Option<TrustDomain>) -> Option<Expectation> {
    let listed = reading.values.texts("algorithms").filter_map(Algorithm::parse);
    let mut algorithms = listed.collect::<Vec<_>>();
    if algorithms.is_empty() {
        if reading.values.has("algorithms") {
            reading.fault(Fault::new("algorithms", "the list is empty"));
        }
        algorithms = JWT_SVID_ALGORITHMS.to_vec();
    }
    let audiences =
        reading.audiences("it is what a workload asks its JWT-SVID for, when it means to call here");
    let mut expectation = Expectation::jwt_svid(trust_domain?, audiences, algorithms)?;
    reading.refine(&mut expectation);
    Some(expectation)
}

/// The keys; `None` when a fault was noted.
fn keys(
    reading: &mut Reading<'_>,
    (table, trust_domain): (&str, &TrustDomain),
    parts: &Parts,
) -> Option<Arc<dyn Keys>> {
    reading.check_freshness();
    let named = SOURCES.into_iter().filter(|name| reading.values.has(name));
    match named.collect::<Vec<_>>().as_slice() {
        ["bundle_file"] => from_file(reading, (table, trust_domain), parts),
        ["bundle_url"] => from_endpoint(reading, (table, trust_domain), parts),
        ["workload_api"] => from_workload_api(reading, trust_domain, parts),
        [_, second, ..] => {
            let message = "the bundle comes from one place, and this is another";
            reading.fault(Fault::new(second, message).help("keep one of them"));
            None
        }
        [] | [_] => {
            let message = "nothing says where the trust domain's keys are";
            let help = format!("give one of {}", SOURCES.join(", "));
            reading.fault(Fault::new("trust_domain", message).help(help));
            None
        }
    }
}

fn from_file(
    reading: &mut Reading<'_>,
    (table, trust_domain): (&str, &TrustDomain),
    parts: &Parts,
) -> Option<Arc<dyn Keys>> {
    let file = match parts
        .bundle_files
        .read((table, trust_domain, Svid::Jwt), reading.values)?
    {
        Ok(file) => file,
        Err(fault) => {
            reading.fault(fault);
            return None;
        }
    };
    let (path, bundle) = (file.path, &file.bundle);
    let keys = bundle.jwt_authorities();
    if keys.keys().is_empty() && bundle.lists_jwt_authorities() {
        let message = format!("{path}: no entry of it that signs JWT-SVIDs can be used");
        reading.fault(Fault::new("bundle_file", message));
        return None;
    }
    reading.warnings.extend(file.left_out());
    if keys.keys().is_empty() {
        let warning =
            format!("{path}: no entry of it signs JWT-SVIDs (`use` is `jwt-svid`): no token is accepted");
        reading.warnings.push(warning);
    }
    Some(Arc::new(StaticKeys::of_bundle(keys.clone(), file.in_force)))
}

fn from_endpoint(
    reading: &mut Reading<'_>,
    (table, trust_domain): (&str, &TrustDomain),
    parts: &Parts,
) -> Option<Arc<dyn Keys>> {
    let authorities = reading.authorities();
    let url = reading
        .values
        .text("bundle_url")
        .and_then(|text| Url::parse(text).ok());
    let Some(url) = url else {
        reading.fault(Fault::new("bundle_url", "not an absolute URL"));
        return None;
    };
    let allow_http = reading.values.flag("danger_allow_http");
    reading.check_url("bundle_url", &url, allow_http)?;
    let settings = KeySettings {
        freshness: reading.freshness(),
        allow_http,
        authorities: authorities?,
    };
    let location = KeyLocation::TrustBundle {
        issuer: trust_domain.id().to_string().into(),
        url,
        in_force: parts.bundle_files.fetched((table, trust_domain, Svid::Jwt)),
    };
    Some(parts.keys.open(&location, &settings))
}

fn from_workload_api(
    reading: &mut Reading<'_>,
    trust_domain: &TrustDomain,
    parts: &Parts,
) -> Option<Arc<dyn Keys>> {
    let text = reading.values.text("workload_api")?;
    let (bundles, address) = match open_workload_api(text, parts) {
        Ok(opened) => opened,
        Err(fault) => {
            reading.fault(fault);
            return None;
        }
    };
    let max_staleness = reading.freshness().max_staleness;
    Some(bundles.jwt_authorities(&address, trust_domain, max_staleness))
}
