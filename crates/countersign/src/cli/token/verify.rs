//! Tokens judged: against a configuration, by the gateway's own path; against a key, with issuer and audience; or the
//! signature alone.

use crate::compose;
use crate::config::{Environment, Sources};
use crate::output::Output;
use crate::run;
use countersign_authn::bearer_jwt::{BearerJwt, build_token};
use countersign_authn::kinds::Parts;
use countersign_authn::token_cache::{CacheLimits, TokenCache};
use countersign_core::authn::Outcome;
use countersign_core::time::{Clock as _, Now, Timestamp};
use countersign_edge::key_sets::{KeySets, Refresh};
use countersign_edge::system::SystemClock;
use countersign_jose::claims::Expectation;
use countersign_jose::jwks::{KeySet, Lookup};
use countersign_jose::token::{TokenError, UnverifiedToken};
use countersign_jose::verify::{verify, verify_signature};
use serde_json::json;
use std::io::BufRead as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What to judge, and by what.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Args {
    /// Tokens; otherwise one a line from standard input.
    tokens: Vec<String>,
    /// The configuration whose tables judge.
    #[arg(
        long,
        value_name = "FILE-or-folder",
        required_unless_present = "jwk",
        conflicts_with = "jwk"
    )]
    config: Option<PathBuf>,
    /// Only this table: NAME of [token.NAME]. Otherwise the table of the token's issuer.
    #[arg(long, value_name = "NAME", requires = "config")]
    token: Option<String>,
    /// A JWK, a JWK Set or a PEM of public keys.
    #[arg(long, value_name = "FILE")]
    jwk: Option<PathBuf>,
    /// The issuer wanted, with --jwk.
    #[arg(long, requires = "jwk", required_unless_present_any = ["config", "signature_only"])]
    issuer: Option<String>,
    /// The audience wanted, with --jwk.
    #[arg(long, requires = "jwk", required_unless_present_any = ["config", "signature_only"])]
    audience: Option<String>,
    /// The signature alone, with --jwk: the payload stays opaque bytes.
    #[arg(long, requires = "jwk", conflicts_with_all = ["issuer", "audience"])]
    signature_only: bool,
    /// Another now: seconds since 1970, or 2030-01-01T00:00:00Z.
    #[arg(long, value_name = "TIME")]
    at: Option<String>,
    /// One JSON object a line.
    #[arg(long)]
    json: bool,
}

/// Who judges.
enum Judge {
    Tables(Vec<BearerJwt>),
    Keys(KeySet, Expectation),
    Signature(KeySet),
}

/// A verdict: accepted, or the reason code of the refusal.
type Verdict = Result<(), &'static str>;

pub(super) fn run(args: &Args, environment: &Environment, out: &mut Output) -> Result<bool, String> {
    let mut now = SystemClock::new().now();
    if let Some(text) = &args.at {
        now.wall =
            time(text).ok_or("--at is neither seconds since 1970 nor a time such as 2030-01-01T00:00:00Z")?;
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| error.to_string())?;
    let entered = runtime.enter();
    let judge = judge(args, environment)?;
    drop(entered);
    let mut all = true;
    let mut one = |token: &str| {
        let verdict = runtime.block_on(judge.judge(token.trim(), now));
        all &= verdict.is_ok();
        out.line(&worded(verdict, args.json));
    };
    if args.tokens.is_empty() {
        for line in std::io::stdin().lock().lines() {
            let line = line.map_err(|error| error.to_string())?;
            if !line.trim().is_empty() {
                one(&line);
            }
        }
    } else {
        args.tokens.iter().for_each(|token| one(token));
    }
    Ok(all)
}

fn worded(verdict: Verdict, as_json: bool) -> String {
    let (word, reason) = match verdict {
        Ok(()) => ("accepted", "allowed"),
        Err(reason) => ("refused", reason),
    };
    if as_json {
        json!({ "verdict": word, "reason": reason }).to_string()
    } else {
        format!("{word} {reason}")
    }
}

fn judge(args: &Args, environment: &Environment) -> Result<Judge, String> {
    if let Some(config) = &args.config {
        return tables(config, args.token.as_deref(), environment).map(Judge::Tables);
    }
    let path = args.jwk.as_deref().unwrap_or(Path::new(""));
    let bytes = std::fs::read(path).map_err(|error| format!("{}: {error}", path.display()))?;
    let (keys, _) = KeySet::from_operator(&bytes).map_err(|error| format!("{}: {error}", path.display()))?;
    let (Some(issuer), Some(audience)) = (&args.issuer, &args.audience) else {
        return Ok(Judge::Signature(keys));
    };
    let fitting = |algorithm: &countersign_jose::algorithm::Algorithm| {
        keys.keys().iter().any(|key| key.fits(*algorithm))
    };
    let algorithms = countersign_jose::algorithm::Algorithm::ALL
        .into_iter()
        .filter(fitting)
        .collect();
    let expectation = Expectation::new(issuer.as_str().into(), vec![audience.as_str().into()], algorithms);
    Ok(Judge::Keys(
        keys,
        expectation.ok_or("the issuer or the audience is empty")?,
    ))
}

fn tables(config: &Path, only: Option<&str>, environment: &Environment) -> Result<Vec<BearerJwt>, String> {
    let sources = Sources::read(config, environment).map_err(|error| error.to_string())?;
    let ports = run::ports(environment, None).map_err(|error| error.to_string())?;
    let keys: Arc<dyn countersign_authn::keys::KeySetFactory> = KeySets::new(&ports, Refresh::ByHand);
    let tokens = TokenCache::new(
        CacheLimits {
            entries: 0,
            ..CacheLimits::default()
        },
        &*ports.entropy,
    );
    let parts = Parts {
        keys,
        tokens: Arc::new(tokens),
    };
    compose::load(&sources, environment, &parts).map_err(|told| run::told_whole(&told, &sources))?;
    let document = compose::document(&sources, environment);
    let wanted = document
        .values
        .named("token")
        .iter()
        .filter(|(name, _)| only.is_none_or(|only| only == name));
    let built = wanted.map(|(name, values)| build_token(name, values, &parts).map(|(table, _)| table));
    let built = built
        .collect::<Result<Vec<_>, _>>()
        .map_err(|faults| format!("{faults:?}"))?;
    if built.is_empty() {
        Err("no such table in the configuration".to_owned())
    } else {
        Ok(built)
    }
}

impl Judge {
    async fn judge(&self, text: &str, now: Now) -> Verdict {
        match self {
            Self::Tables(tables) => by_tables(tables, text, now).await,
            Self::Keys(keys, expectation) => {
                let token = UnverifiedToken::parse(text).map_err(TokenError::code)?;
                let Lookup::Found(key) = keys.find(token.kid_unverified(), token.algorithm()) else {
                    return Err("key_unknown");
                };
                verify(token, &key, expectation, now.wall)
                    .map(drop)
                    .map_err(|error| error.code())
            }
            Self::Signature(keys) => {
                let token = UnverifiedToken::parse(text).map_err(TokenError::code)?;
                let Lookup::Found(key) = keys.find(token.kid_unverified(), token.algorithm()) else {
                    return Err("key_unknown");
                };
                verify_signature(&token, &key)
                    .map(drop)
                    .map_err(|error| error.code())
            }
        }
    }
}

/// As a route that accepts all of these tables decides.
async fn by_tables(tables: &[BearerJwt], text: &str, now: Now) -> Verdict {
    let mut unclaimed = None;
    for table in tables {
        match table.judge_token(text, now).await {
            Outcome::Authenticated(..) => return Ok(()),
            Outcome::Rejected(rejection, _) => return Err(rejection.reason.code()),
            Outcome::Unavailable(unavailable) => return Err(unavailable.reason.code()),
            Outcome::Unclaimed(rejection) => unclaimed = unclaimed.or(Some(rejection.reason.code())),
            Outcome::Absent(_) => {}
        }
    }
    Err(unclaimed.unwrap_or("no_credential"))
}

/// Seconds since 1970, or an RFC 3339 time in UTC.
fn time(text: &str) -> Option<Timestamp> {
    if let Ok(seconds) = text.parse() {
        return Some(Timestamp::from_seconds(seconds));
    }
    // The one spelling we print ourselves, found by halving: no second calendar is written for it.
    let wanted = text.strip_suffix('Z')?.split('.').next()?;
    let (mut low, mut high) = (0_i64, 253_402_300_799_i64);
    while low < high {
        let middle = low + (high - low) / 2;
        let printed = Timestamp::from_seconds(middle).to_string();
        if printed.split('.').next()? < wanted {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    (Timestamp::from_seconds(low).to_string().split('.').next()? == wanted)
        .then(|| Timestamp::from_seconds(low))
}
