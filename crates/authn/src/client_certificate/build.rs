//! From checked values to an authenticator: all that can be wrong with `[certificate.NAME]`, told at once.

use super::ClientCertificate;
use super::believed::Believed;
use super::deny::{DenyList, Has};
use super::groups::{Groups, Pattern};
use super::judge::{Judge, Remembered};
use super::subject::SubjectChoice;
use crate::bundle_file::{BundleInForce, Svid};
use crate::bundles::open_workload_api;
use crate::kinds::{Built, Parts};
use crate::revocations::{RevocationSources, Revocations};
use countersign_core::claims::ClaimPath;
use countersign_core::options::{Fault, Values};
use countersign_core::principal::FactPaths;
use countersign_core::shown_url::shown_url;
use countersign_core::spiffe::TrustDomain;
use countersign_x509::authorities::Authorities;
use countersign_x509::name::is_attribute;
use std::sync::Arc;
use std::time::Duration;
use url::Url;

/// The keys that name whom to believe. One must be there.
const SOURCES: [&str; 3] = ["authorities", "bundle_file", "workload_api"];

/// Builds `certificate.name`.
pub fn build(name: &str, values: &Values, parts: &Parts) -> Result<Built, Vec<Fault>> {
    let (authenticator, warnings) = build_certificate(name, values, parts)?;
    Ok(Built {
        authenticator: Arc::new(authenticator),
        login: None,
        warnings,
    })
}

/// The same, with the type still showing, and the warnings.
pub fn build_certificate(
    name: &str,
    values: &Values,
    parts: &Parts,
) -> Result<(ClientCertificate, Vec<String>), Vec<Fault>> {
    let mut building = Building {
        table: format!("certificate.{name}"),
        values,
        parts,
        faults: Vec::new(),
        warnings: Vec::new(),
        bundle: None,
    };
    let trust_domain = building.trust_domain();
    let believed = building.believed(trust_domain.as_ref());
    let subject = building.subject(trust_domain.is_some());
    let groups = building.groups();
    let deny = building.deny(trust_domain.as_ref(), believed.as_ref());
    let revocations = believed.as_ref().and_then(|known| building.revocations(known));
    let accept_stale = building.accept_stale();
    if let Some(revocations) = &revocations {
        let said = revocations.shortcomings(accept_stale);
        building.warnings.extend(said);
    }
    let Building {
        table,
        faults,
        warnings,
        bundle,
        ..
    } = building;
    match (believed, ClaimPath::parse("groups")) {
        (Some(believed), Some(groups_path)) if faults.is_empty() => {
            let judge = Judge {
                name: table.into(),
                believed,
                _bundle: bundle,
                revocations,
                accept_stale,
                trust_domain,
                subject,
                groups,
                deny,
                paths: Arc::new(FactPaths {
                    subject: ClaimPath::subject(),
                    groups: groups_path,
                    trust_unverified_email: false,
                    leeway: FactPaths::LEEWAY,
                }),
                remembered: Remembered::default(),
            };
            let judge = Arc::new(judge);
            Ok((ClientCertificate { judge }, warnings))
        }
        _ => Err(faults),
    }
}

struct Building<'v> {
    table: String,
    values: &'v Values,
    parts: &'v Parts,
    faults: Vec<Fault>,
    warnings: Vec<String>,
    /// That of `bundle_file`.
    bundle: Option<Arc<BundleInForce>>,
}

impl Building<'_> {
    /// Whom the table believes: one of three places says so.
    fn believed(&mut self, trust_domain: Option<&TrustDomain>) -> Option<Believed> {
        let named = SOURCES.into_iter().filter(|name| self.values.has(name));
        let named = named.collect::<Vec<_>>();
        match named.as_slice() {
            ["authorities"] => self.authorities().map(Believed::Fixed),
            ["bundle_file"] => {
                self.needs_trust_domain("bundle_file")?;
                self.bundle_file(trust_domain?).map(Believed::Fixed)
            }
            ["workload_api"] => {
                self.needs_trust_domain("workload_api")?;
                self.workload_api(trust_domain?)
            }
            [_, second, ..] => {
                let message = "the authorities come from one place, and this is another";
                self.faults
                    .push(Fault::new(second, message).help("keep one of them"));
                None
            }
            [] | [_] => self.nobody(),
        }
    }

    fn nobody<T>(&mut self) -> Option<T> {
        let message = "`authorities` is missing: nobody vouches for a certificate";
        let help =
            "authorities = \"ca.pem\": the certificates of your own authority, never those of the system";
        self.faults.push(Fault::new("authorities", message).help(help));
        None
    }

    fn needs_trust_domain(&mut self, at: &str) -> Option<()> {
        if self.values.has("trust_domain") {
            return Some(());
        }
        let message = "a bundle is one trust domain's, and `trust_domain` does not say which";
        let help = "trust_domain = \"home.example\"";
        self.faults.push(Fault::new(at, message).help(help));
        None
    }

    fn bundle_file(&mut self, trust_domain: &TrustDomain) -> Option<Arc<Authorities>> {
        let files = &self.parts.bundle_files;
        let file = match files.read((&self.table, trust_domain, Svid::X509), self.values)? {
            Ok(file) => file,
            Err(fault) => {
                self.faults.push(fault);
                return None;
            }
        };
        let (path, bundle) = (file.path, &file.bundle);
        let listed = bundle.x509_authorities();
        let authorities = if bundle.lists_x509_authorities() {
            Authorities::all_anchors(listed.iter().map(AsRef::as_ref))
        } else {
            Ok(Authorities::default())
        };
        let why = match authorities {
            Ok(authorities) => {
                self.warnings.extend(file.left_out());
                if listed.is_empty() {
                    self.warnings.push(format!(
                        "{path}: no entry of it signs X.509-SVIDs (`use` is `x509-svid`): no certificate is accepted"
                    ));
                }
                self.bundle = Some(file.in_force);
                return Some(Arc::new(authorities));
            }
            Err(_) if listed.is_empty() => "no entry of it that signs X.509-SVIDs can be used".to_owned(),
            Err(error) => error.to_string(),
        };
        self.faults
            .push(Fault::new("bundle_file", format!("{path}: {why}")));
        None
    }

    fn workload_api(&mut self, trust_domain: &TrustDomain) -> Option<Believed> {
        if let Some(list) = ["crls", "crl_urls"]
            .into_iter()
            .find(|name| self.values.has(name))
        {
            let message = "a revocation list is held against the authorities of this table, and `workload_api` changes them";
            let help = "leave it out: certificates that live for hours are not revoked; or name the authorities in a file";
            self.faults.push(Fault::new(list, message).help(help));
        }
        let address = self.values.text("workload_api").unwrap_or("");
        match open_workload_api(address, self.parts) {
            Ok((bundles, address)) => Some(Believed::live(bundles.watch(&address, trust_domain))),
            Err(fault) => {
                self.faults.push(fault);
                None
            }
        }
    }

    fn authorities(&mut self) -> Option<Arc<Authorities>> {
        let mut files = self.values.files("authorities").peekable();
        if files.peek().is_none() {
            return self.nobody();
        }
        let files = files.collect::<Vec<_>>();
        let texts = files.iter().map(|(_, bytes)| *bytes).collect::<Vec<_>>();
        match Authorities::from_pem(&texts) {
            Ok(authorities) => Some(Arc::new(authorities)),
            Err(error) => {
                let file = error.file().and_then(|file| files.get(file));
                let message = match file {
                    Some((path, _)) => format!("{path}: {error}"),
                    None => error.to_string(),
                };
                let fault = Fault::new("authorities", message);
                let place = error.file().map(|file| file.to_string());
                self.faults.push(match place {
                    Some(place) => Fault::new(&place, fault.message).within("authorities"),
                    None => fault,
                });
                None
            }
        }
    }

    fn trust_domain(&mut self) -> Option<TrustDomain> {
        let text = self.values.text("trust_domain")?;
        match TrustDomain::parse(text) {
            Ok(domain) => Some(domain),
            Err(error) => {
                let fault = Fault::new("trust_domain", error.to_string());
                self.faults.push(fault.help("trust_domain = \"home.example\""));
                None
            }
        }
    }

    fn subject(&mut self, has_trust_domain: bool) -> Option<SubjectChoice> {
        let Some(text) = self.values.text("subject") else {
            return (!has_trust_domain && !self.values.has("trust_domain"))
                .then_some(SubjectChoice::SubjectDn);
        };
        match SubjectChoice::parse(text) {
            Ok(SubjectChoice::IssuerAndSerial) => {
                let warning = "`subject`: with `issuer_and_serial` everybody is somebody else once their certificate is renewed";
                self.warnings.push(warning.to_owned());
                Some(SubjectChoice::IssuerAndSerial)
            }
            Ok(choice) => Some(choice),
            Err(help) => {
                let message = format!("{text:?} is nothing that a certificate's subject could be");
                self.faults.push(Fault::new("subject", message).help(help));
                None
            }
        }
    }

    fn groups(&mut self) -> Groups {
        let mut attributes: Vec<Box<str>> = Vec::new();
        for (index, name) in self.values.texts("group_attributes").enumerate() {
            if is_attribute(name) {
                attributes.push(name.into());
                continue;
            }
            let message = format!("{name:?} is no attribute of a distinguished name that is known here");
            let fault = Fault::new(&index.to_string(), message).within("group_attributes");
            self.faults.push(fault.help("group_attributes = [\"OU\"]"));
        }
        let mut patterns = Vec::new();
        for (text, group) in self.values.text_map("groups") {
            match Pattern::parse(text) {
                Ok(pattern) if !group.is_empty() => patterns.push((pattern, group.as_str().into())),
                Ok(_) => {
                    let fault = Fault::new(text, "the group's name is empty").within("groups");
                    self.faults.push(fault);
                }
                Err(wrong) => {
                    let fault = Fault::new(text, wrong.message).within("groups");
                    self.faults.push(fault.help(wrong.help));
                }
            }
        }
        Groups {
            attributes: attributes.into(),
            patterns: patterns.into(),
        }
    }

    fn deny(&mut self, domain: Option<&TrustDomain>, believed: Option<&Believed>) -> DenyList {
        let tables = self.values.tables("deny");
        let has = match domain {
            Some(domain) => Has::SpiffeIdsOf(domain),
            None if self.values.has("trust_domain") => Has::Unread,
            None => Has::NoSpiffeIds,
        };
        let deny = DenyList::read(tables, has, &mut self.faults);
        if let Some(Believed::Fixed(authorities)) = believed {
            let strangers = deny.strangers(authorities);
            let warnings = strangers.iter().map(|index| {
                let issuer = tables.get(*index).and_then(|entry| entry.text("issuer"));
                format!(
                    "`deny`: none of the authorities is {}: the entry denies only what an authority of that name issued \
                     which clients bring along",
                    issuer.unwrap_or_default()
                )
            });
            self.warnings.extend(warnings);
        }
        deny
    }

    fn revocations(&mut self, believed: &Believed) -> Option<Arc<dyn Revocations>> {
        let url = self.values.texts("crls").find_map(url_in);
        if let Some(url) = url {
            let message = format!("{}: a URL, where the path of a file belongs", shown_url(url));
            let help = if url.starts_with("file:") {
                "write the path alone"
            } else {
                "name it in `crl_urls`: those are fetched"
            };
            self.faults.push(Fault::new("crls", message).help(help));
            return None;
        }
        let (paths, urls) = (self.values.texts("crls"), self.values.texts("crl_urls"));
        let sources = RevocationSources {
            paths: paths.map(Into::into).collect(),
            urls: urls.filter_map(|url| Url::parse(url).ok()).collect(),
            refresh: self
                .values
                .duration("crl_refresh")
                .unwrap_or(Duration::from_mins(10)),
        };
        for url in &sources.urls {
            if !url.username().is_empty() || url.password().is_some() {
                let help = "leave them out: nothing here is fetched with a password";
                let fault = Fault::new("crl_urls", "a URL with a user name or password in it");
                self.faults.push(fault.help(help));
                return None;
            }
            if !matches!(url.scheme(), "http" | "https") {
                let url = shown_url(url.as_str());
                let message = format!("{url}: a list is fetched over http or https (it is signed itself)");
                self.faults.push(Fault::new("crl_urls", message));
                return None;
            }
        }
        if sources.paths.is_empty() && sources.urls.is_empty() {
            if self.values.has("crls") || self.values.has("crl_urls") {
                let message = "an empty list revokes nothing";
                let at = if self.values.has("crls") {
                    "crls"
                } else {
                    "crl_urls"
                };
                self.faults
                    .push(Fault::new(at, message).help("leave it out, or fill it"));
            } else {
                let warning =
                    "neither `crls` nor `crl_urls` is set: nobody notices when a certificate is revoked";
                self.warnings.push(warning.to_owned());
            }
            return None;
        }
        let Believed::Fixed(authorities) = believed else {
            return None;
        };
        match self.parts.revocations.open(sources, authorities) {
            Ok(revocations) => Some(revocations),
            Err(faults) => {
                self.faults.extend(faults);
                None
            }
        }
    }

    fn accept_stale(&mut self) -> bool {
        let accept = self.values.flag("danger_accept_stale_crl");
        if accept {
            let warning = "`danger_accept_stale_crl`: a certificate that was revoked after the last list was made is taken";
            self.warnings.push(warning.to_owned());
        }
        accept
    }
}

/// The URL that `path` is, where it was written as one: a path that is not whole has the folder of the configuration in front.
fn url_in(path: &str) -> Option<&str> {
    let scheme = path.find("://")?;
    let start = path.get(..scheme)?.rfind('/').map_or(0, |slash| slash + 1);
    path.get(start..)
}
