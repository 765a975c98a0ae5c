//! Who judges tokens here: the tables of a configuration, keys with an issuer and an audience, or keys alone.

use crate::cli::offline_parts;
use crate::config::{Environment, Sources};
use crate::{compose, run};
use countersign_authn::bearer_jwt::{BearerJwt, build_token};
use countersign_authn::jwt_svid;
use countersign_authn::keys::StaticKeys;
use countersign_authn::kinds::Parts;
use countersign_core::authn::{Outcome, Rejection};
use countersign_core::principal::Principal;
use countersign_core::reason::{AnswerReason, RejectionReason};
use countersign_core::time::Now;
use countersign_edge::kept_folder::KeptMemory;
use countersign_edge::key_sets::Refresh;
use countersign_jose::algorithm::Algorithm;
use countersign_jose::claims::Expectation;
use countersign_jose::jwks::{KeySet, Lookup, UnusableKey};
use countersign_jose::token::UnverifiedToken;
use countersign_jose::verify::verify_signature;
use std::path::Path;
use std::sync::Arc;

/// Who judges.
#[derive(Debug)]
pub(super) enum Judge {
    /// As a route that accepts all of these tables.
    Tables(Vec<BearerJwt>),
    /// By the one issuer that was named.
    Issuer(Box<BearerJwt>),
    /// The signature alone.
    Signature(KeySet),
}

/// What became of a token.
#[derive(Debug)]
pub(super) enum Verdict {
    /// It holds. Whose it is, where that was judged.
    Accepted(Option<Arc<Principal>>),
    /// It does not, or could not be judged: the reason code, and what came and what was wanted.
    Refused(&'static str, String),
}

impl Verdict {
    pub(super) const fn is_accepted(&self) -> bool {
        matches!(self, Self::Accepted(_))
    }

    /// The reason code.
    pub(super) const fn reason(&self) -> &'static str {
        match self {
            Self::Accepted(_) => AnswerReason::Allowed.code(),
            Self::Refused(reason, _) => reason,
        }
    }
}

/// What tables are built from when they fetch their issuers' keys and remember nothing. Needs a runtime around it.
pub(in crate::cli) fn fetching_parts(environment: &Environment) -> Result<Parts, String> {
    let ports =
        run::ports(environment, Arc::new(KeptMemory::default())).map_err(|error| error.to_string())?;
    Ok(run::Asked::new(&ports, Refresh::ByHand).parts(offline_parts().tokens))
}

impl From<Rejection> for Verdict {
    fn from(rejection: Rejection) -> Self {
        Self::Refused(rejection.reason.code(), rejection.detail)
    }
}

impl Judge {
    /// Judges as the tables of `sources` do, or one of them.
    pub(super) fn tables(
        sources: &Sources,
        only: Option<&str>,
        environment: &Environment,
        parts: &Parts,
    ) -> Result<Self, String> {
        compose::load(sources, environment, parts).map_err(|told| {
            format!(
                "the configuration has mistakes\n\n{}",
                run::told_whole(&told, sources)
            )
        })?;
        let document = compose::document(sources, environment);
        let tables = document
            .values
            .named("token")
            .iter()
            .map(|table| ("token", table));
        let svids = document.values.named("jwt_svid").iter();
        let tables = tables.chain(svids.map(|table| ("jwt_svid", table)));
        let (mut built, mut names) = (Vec::new(), Vec::new());
        for (kind, (name, values)) in tables {
            names.push(format!("[{kind}.{name}]"));
            if only.is_none_or(|only| only == name) {
                let built_one = match kind {
                    "token" => build_token(name, values, parts),
                    _ => jwt_svid::build_token(name, values, parts),
                };
                built.extend(built_one.ok().map(|(table, _)| table));
            }
        }
        if !built.is_empty() {
            return Ok(Self::Tables(built));
        }
        let names = names.join(", ");
        Err(match only {
            Some(only) if !names.is_empty() => {
                format!("the configuration has no table [token.{only}]; it has {names}")
            }
            Some(_) | None => "the configuration has no table [token.NAME]".to_owned(),
        })
    }

    /// Judges by the keys of a JWK, JWK Set or PEM: the whole check by the issuer and audience, or the signature alone
    /// where they are not given. The keys that were left out are told, too.
    pub(super) fn keys(
        path: &Path,
        expected: Option<(&str, &str)>,
        environment: &Environment,
    ) -> Result<(Self, Vec<UnusableKey>), String> {
        let told = |why: String| format!("{}: {why}", path.display());
        let bytes = environment.whole(path)?;
        let (keys, left_out) = KeySet::from_operator(&bytes).map_err(|error| told(error.to_string()))?;
        let Some((issuer, audience)) = expected else {
            return Ok((Self::Signature(keys), left_out));
        };
        let fits = |algorithm: &Algorithm| keys.keys().iter().any(|key| key.fits(*algorithm));
        let algorithms = Algorithm::ALL.into_iter().filter(fits).collect();
        let audiences = vec![audience.into()];
        let expectation = Expectation::new(issuer.into(), audiences, algorithms)
            .ok_or("the issuer or the audience is empty")?;
        let keys = Arc::new(StaticKeys::new(keys));
        let table = BearerJwt::with_keys("--jwk", keys, expectation, offline_parts().tokens);
        Ok((Self::Issuer(Box::new(table)), left_out))
    }

    /// Judges `token` at `now`.
    pub(super) async fn judge(&self, token: &str, now: Now) -> Verdict {
        match self {
            Self::Tables(tables) => by_tables(tables, token, now).await,
            Self::Issuer(table) => match table.judge_token(token, now).await {
                // Here one issuer was named as the right one, so another is not unknown but wrong.
                Outcome::Unclaimed(rejection) if rejection.reason == RejectionReason::UnknownIssuer => {
                    Verdict::Refused(RejectionReason::IssuerWrong.code(), rejection.detail)
                }
                told @ (Outcome::Unclaimed(_)
                | Outcome::Authenticated(..)
                | Outcome::Rejected(..)
                | Outcome::Unavailable(_)
                | Outcome::Absent(_)) => verdict(told),
            },
            Self::Signature(keys) => by_signature(keys, token),
        }
    }
}

/// As a route that accepts all of these tables decides.
async fn by_tables(tables: &[BearerJwt], token: &str, now: Now) -> Verdict {
    let mut unclaimed: Option<Rejection> = None;
    for table in tables {
        match table.judge_token(token, now).await {
            // What a table says of its own issuer's token tells more than that another does not know the issuer.
            Outcome::Unclaimed(rejection) => {
                unclaimed = unclaimed
                    .filter(|known| known.reason != RejectionReason::UnknownIssuer)
                    .or(Some(rejection));
            }
            told @ (Outcome::Authenticated(..)
            | Outcome::Rejected(..)
            | Outcome::Unavailable(_)
            | Outcome::Absent(_)) => return verdict(told),
        }
    }
    unclaimed.map_or_else(absent, Verdict::from)
}

fn verdict(outcome: Outcome) -> Verdict {
    match outcome {
        Outcome::Authenticated(principal, _) => Verdict::Accepted(Some(principal)),
        Outcome::Rejected(rejection, _) | Outcome::Unclaimed(rejection) => rejection.into(),
        Outcome::Unavailable(unavailable) => Verdict::Refused(unavailable.reason.code(), unavailable.detail),
        Outcome::Absent(_) => absent(),
    }
}

fn absent() -> Verdict {
    Verdict::Refused(AnswerReason::NoCredential.code(), String::new())
}

/// The payload stays bytes that nobody looks at.
fn by_signature(keys: &KeySet, token: &str) -> Verdict {
    let refused = |reason: RejectionReason| Verdict::Refused(reason.code(), String::new());
    let token = match UnverifiedToken::parse(token) {
        Ok(token) => token,
        Err(error) => return Verdict::Refused(error.code(), error.to_string()),
    };
    let key = match keys.find(token.kid_unverified(), token.algorithm()) {
        Lookup::Found(key) => key,
        Lookup::Ambiguous => return refused(RejectionReason::KeyAmbiguous),
        Lookup::Unknown => return refused(RejectionReason::KeyUnknown),
    };
    match verify_signature(&token, &key) {
        Ok(_) => Verdict::Accepted(None),
        Err(error) => Verdict::Refused(error.code(), error.to_string()),
    }
}
