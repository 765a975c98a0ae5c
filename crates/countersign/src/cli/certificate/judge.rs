//! Who judges certificates here: authorities and lists that were named, or a table of a configuration.

use super::files::{authorities, lists};
use crate::cli::token::judge::fetching_parts;
use crate::config::{Environment, Sources};
use crate::{compose, run};
use countersign_authn::client_certificate::build_certificate;
use countersign_authn::kinds::Parts;
use countersign_core::authn::Authenticator as _;
use countersign_core::certificate::{CertificateJudge, Failure, Judged, PresentedCertificate};
use countersign_core::time::{Clock as _, Now, Timestamp};
use countersign_edge::kept_folder::KeptFolder;
use countersign_edge::key_sets::Refresh;
use countersign_edge::revocation_lists::RevocationLists;
use countersign_edge::system::SystemClock;
use countersign_x509::authorities::Authorities;
use countersign_x509::certificate::Certificate;
use countersign_x509::crl::CrlIndex;
use countersign_x509::verify::{Checks, VerifiedChain, VerifyError, verify};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Who judges.
#[derive(Debug)]
pub(super) enum Judge {
    /// These authorities, with these lists.
    Named(Box<Authorities>, Option<CrlIndex>),
    /// A table, and what it knows of revocations.
    Table(Arc<dyn CertificateJudge>, Lists),
}

/// Whether a table looks at revocation lists.
#[derive(Debug)]
pub(super) enum Lists {
    /// It has none.
    None,
    /// It has, and where what a gateway knows besides is kept, if anything is.
    Some(Option<PathBuf>),
}

/// Whom a certificate proves.
#[derive(Debug)]
pub(super) struct Proved {
    /// Who they are.
    pub(super) subject: String,
    /// The table that says so.
    pub(super) authenticator: Option<String>,
    /// Their groups, by that table.
    pub(super) groups: Vec<String>,
    /// The SPIFFE ID, by that table.
    pub(super) spiffe_id: Option<String>,
    /// Who vouches for it, the anchor last, where it was a path that was asked for.
    pub(super) path: Vec<String>,
    /// Until when all of the path holds.
    pub(super) holds_until: Option<Timestamp>,
    /// What the anchor says of itself, where it was a path that was asked for: it counts for nothing.
    pub(super) anchor: Option<Anchor>,
}

/// What an anchor says of itself.
#[derive(Debug)]
pub(super) struct Anchor {
    /// Its names.
    pub(super) names: Vec<String>,
    /// What its certificate may be used for, where it says so.
    pub(super) usages: Vec<String>,
    /// Until when it holds.
    pub(super) not_after: Timestamp,
}

impl Anchor {
    fn of(certificate: &Certificate) -> Self {
        let names = certificate.sans().iter();
        let usages = certificate.extended_key_usages().unwrap_or_default().iter();
        Self {
            names: names.map(|name| name.text().into_owned()).collect(),
            usages: usages.map(|usage| usage.name().to_owned()).collect(),
            not_after: certificate.not_after(),
        }
    }
}

/// Why a certificate was refused.
#[derive(Debug)]
pub(super) struct Refused {
    /// The reason code.
    pub(super) reason: &'static str,
    /// What was wrong.
    pub(super) detail: String,
    /// The same in OpenSSL's words.
    pub(super) words: &'static str,
}

impl Judge {
    /// Judges by the authorities and lists of these files.
    pub(super) fn named(
        authority_files: &[PathBuf],
        list_files: &[PathBuf],
        environment: &Environment,
    ) -> Result<Self, String> {
        let authorities = authorities(authority_files, environment)?;
        let index = index(list_files, &authorities)?;
        Ok(Self::Named(Box::new(authorities), index))
    }

    /// Judges as the one table `[certificate.NAME]` of `sources` does, or the one of that name, by what the gateway knows
    /// of revocations in the folder `state`. Lists with a URL are fetched once.
    pub(super) fn table(
        sources: &Sources,
        wanted: Option<&str>,
        environment: &Environment,
        state: &Path,
        mut say: impl FnMut(String),
    ) -> Result<Self, String> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| error.to_string())?;
        let _entered = runtime.enter();
        let kept = Arc::new(KeptFolder::of_another(state.to_owned()));
        let ports = run::ports(environment, kept).map_err(|error| error.to_string())?;
        let lists = RevocationLists::new(&ports, Refresh::ByHand);
        let known = runtime.block_on(lists.restore());
        let parts = Parts {
            revocations: Arc::clone(&lists) as _,
            ..fetching_parts(environment)?
        };
        compose::load(sources, environment, &parts).map_err(|told| {
            let told = run::told_whole(&told, sources);
            format!("the configuration has mistakes\n\n{told}")
        })?;
        let document = compose::document(sources, environment);
        let tables = document.values.named("certificate");
        let wanted = wanted.map(|name| name.strip_prefix("certificate.").unwrap_or(name));
        let named = tables.iter().find(|(name, _)| Some(name.as_str()) == wanted);
        let only = (wanted.is_none() && tables.len() == 1).then(|| tables.first());
        let (name, values) = named
            .or(only.flatten())
            .ok_or_else(|| which(tables.iter().map(|(name, _)| name.as_str()), wanted))?;
        let looked_at = match known {
            _ if !values.has("crls") && !values.has("crl_urls") => Lists::None,
            Ok(0) => {
                say(nothing_known(state));
                Lists::Some(None)
            }
            Ok(_) => Lists::Some(Some(state.to_owned())),
            Err(why) => {
                return Err(format!(
                    "what a gateway knows of revocations cannot be read in {}: {why}",
                    state.display()
                ));
            }
        };
        let (built, _) = build_certificate(name, values, &parts)
            .map_err(|_| format!("[certificate.{name}] cannot be built"))?;
        let judge = built.certificate_judge();
        runtime.block_on(lists.tick(SystemClock::new().now()));
        judge
            .map(|judge| Self::Table(judge, looked_at))
            .ok_or_else(|| format!("[certificate.{name}] judges nothing"))
    }

    /// Why revocation is no part of it; `None` when it is.
    pub(super) const fn leaves_revocation(&self) -> Option<&'static str> {
        match self {
            Self::Named(_, Some(_)) | Self::Table(_, Lists::Some(_)) => None,
            Self::Named(_, None) => Some("there is no --crl"),
            Self::Table(_, Lists::None) => Some("the table has neither crls nor crl_urls"),
        }
    }

    /// The state folder whose revocations count, where there are any.
    pub(super) fn state_folder(&self) -> Option<&Path> {
        match self {
            Self::Named(..) | Self::Table(_, Lists::None) => None,
            Self::Table(_, Lists::Some(known_in)) => known_in.as_deref(),
        }
    }

    /// Judges what a client would present.
    pub(super) fn judge(&self, presented: &Arc<PresentedCertificate>, now: Now) -> Result<Proved, Refused> {
        match self {
            Self::Named(authorities, index) => {
                let chain = presented.chain();
                let verified = verify(chain, authorities, index.as_ref(), Checks::default(), now.wall);
                verified.map(Proved::from).map_err(Refused::from)
            }
            Self::Table(judge, _) => judge
                .judge(presented, now)
                .map(Proved::from)
                .map_err(Refused::from),
        }
    }
}

/// What to say where the verdict is that of a gateway that has just begun.
fn nothing_known(state: &Path) -> String {
    let state = state.display();
    format!(
        "note: no revocations are kept in {state}: if a gateway runs, name its state folder with --state FOLDER"
    )
}

/// What to say when it is not clear which table is meant.
fn which<'a>(names: impl Iterator<Item = &'a str>, wanted: Option<&str>) -> String {
    let names = names
        .map(|name| format!("[certificate.{name}]"))
        .collect::<Vec<_>>()
        .join(", ");
    match (names.is_empty(), wanted) {
        (true, _) => "the configuration has no table [certificate.NAME]".to_owned(),
        (false, Some(wanted)) => {
            format!("the configuration has no table [certificate.{wanted}]; it has {names}")
        }
        (false, None) => format!("the configuration has {names}: say which with --certificate NAME"),
    }
}

/// The lists of these files; `None` when there are none.
fn index(files: &[PathBuf], authorities: &Authorities) -> Result<Option<CrlIndex>, String> {
    if files.is_empty() {
        return Ok(None);
    }
    let mut all = Vec::new();
    let mut of_file = Vec::<&Path>::new();
    for path in files {
        for list in lists(path)? {
            all.push(list);
            of_file.push(path);
        }
    }
    CrlIndex::new(all, authorities)
        .map(Some)
        .map_err(|(list, error)| {
            let path = of_file.get(list).map(|path| path.display().to_string());
            format!("{}: {error}", path.unwrap_or_default())
        })
}

impl From<VerifiedChain> for Proved {
    fn from(chain: VerifiedChain) -> Self {
        Self {
            subject: named(chain.leaf()),
            authenticator: None,
            groups: Vec::new(),
            spiffe_id: None,
            path: chain.issuers().map(named).collect(),
            holds_until: Some(chain.holds_until()),
            anchor: chain.anchor().map(Anchor::of),
        }
    }
}

impl From<Judged> for Proved {
    fn from(judged: Judged) -> Self {
        let principal = &judged.principal;
        Self {
            subject: principal.subject().to_owned(),
            authenticator: Some(principal.authenticator.to_string()),
            groups: principal.groups().map(str::to_owned).collect(),
            spiffe_id: judged.facts.spiffe_id.as_deref().map(str::to_owned),
            path: Vec::new(),
            holds_until: None,
            anchor: None,
        }
    }
}

impl From<VerifyError> for Refused {
    fn from(error: VerifyError) -> Self {
        Self {
            reason: error.reason().code(),
            detail: error.to_string(),
            words: error.openssl(),
        }
    }
}

impl From<Failure> for Refused {
    fn from(failure: Failure) -> Self {
        Self {
            reason: failure.rejection.reason.code(),
            detail: failure.rejection.detail,
            words: failure.words,
        }
    }
}

/// A certificate's subject; its first name where the subject is empty.
fn named(certificate: &Certificate) -> String {
    let subject = certificate.subject().nginx();
    let first = certificate.sans().first();
    match (subject.is_empty(), first) {
        (true, Some(name)) => name.text().into_owned(),
        (true, None) => format!("serial {}", certificate.serial_text()),
        (false, _) => subject,
    }
}
