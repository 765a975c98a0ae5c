//! What the slowest conditions cost that are still allowed. Each kind of rule grows with a number; the largest number
//! that is judged, and not refused for being too much, is the slowest of its kind.

use crate::clock::microseconds;
use crate::worst::{KINDS, Kind, Rule};
use countersign_authn::condition::compile;
use countersign_core::certificate::ClientCertificate;
use countersign_core::claims::ClaimPath;
use countersign_core::gate::{Host, Scheme, Target};
use countersign_core::identity_headers::Written;
use countersign_core::policy::Condition;
use countersign_core::principal::{AuthenticationMethod, FactPaths, Principal};
use countersign_core::request::{Forwarder, OriginalRequest, RequestId};
use countersign_jose::json::parse_object;
use http::{HeaderMap, Method};
use std::hint::black_box;
use std::sync::Arc;

/// As much as a token of 16 KiB can say.
const MAX_PAYLOAD_BYTES: usize = 12_100;
/// What the log says of a judgement that would take too long.
const TOO_MUCH: &str = "too much work for the values it looks at";

/// Prints, for each kind of rule, its name, the number it grew to, how it was answered, and the microseconds of each
/// round.
pub(crate) fn measure(rounds: u32) {
    for kind in &KINDS {
        let Some((number, judged)) = largest(kind) else {
            println!("rules\t{}\t0\trefused, however small", kind.name);
            continue;
        };
        // Some 20 ms for each figure.
        let times = if microseconds(10, || judged.judge()) > 10.0 {
            50
        } else {
            5000
        };
        let answer = judged.answer().unwrap_or_else(|| "true".to_owned());
        let figures = (0..rounds).map(|_| microseconds(times, || judged.judge()).to_string());
        let figures = figures.collect::<Vec<_>>().join("\t");
        println!("rules\t{}\t{number}\t{answer}\t{figures}", kind.name);
    }
}

/// A rule, and what it is asked about.
struct Judged {
    condition: Arc<dyn Condition>,
    principal: Principal,
    request: OriginalRequest,
}

impl Judged {
    /// `None` when there can be no such rule, token or request.
    fn new(rule: &Rule) -> Option<Self> {
        if rule.claims.len() > MAX_PAYLOAD_BYTES {
            return None;
        }
        Some(Self {
            condition: compile(&rule.text).ok()?.condition,
            principal: principal(&rule.claims)?,
            request: request(&rule.query)?,
        })
    }

    fn judge(&self) {
        let judged = self.condition.judge(&self.principal, black_box(&self.request));
        drop(black_box(judged));
    }

    /// Why not, when it is a no.
    fn answer(&self) -> Option<String> {
        let unmet = self.condition.judge(&self.principal, &self.request).err()?;
        Some(unmet.detail)
    }
}

/// The largest rule of its kind that is judged.
fn largest(kind: &Kind) -> Option<(usize, Judged)> {
    let allowed = |number: usize| {
        let judged = Judged::new(&(kind.rule)(number))?;
        (judged.answer().as_deref() != Some(TOO_MUCH)).then_some(judged)
    };
    let (mut below, mut above) = (0, kind.most + 1);
    while above - below > 1 {
        let middle = usize::midpoint(below, above);
        if allowed(middle).is_some() {
            below = middle;
        } else {
            above = middle;
        }
    }
    Some((below, allowed(below).filter(|_| below > 0)?))
}

fn principal(claims: &str) -> Option<Principal> {
    Some(Principal {
        authenticator: "token.bench".into(),
        method: AuthenticationMethod::Token,
        issuer: "https://op.bench.test".into(),
        claims: parse_object(claims.as_bytes()).ok()?,
        written: Written::default(),
        tokens: None,
        facts: Arc::new(FactPaths {
            subject: ClaimPath::subject(),
            groups: ClaimPath::parse("groups")?,
            trust_unverified_email: false,
            leeway: FactPaths::LEEWAY,
        }),
    })
}

fn request(query: &str) -> Option<OriginalRequest> {
    Some(OriginalRequest {
        id: RequestId(1),
        method: Method::GET,
        scheme: Scheme::Https,
        host: Host::judge("app.bench.test").ok()?,
        target: Target::judge(&format!("/page?{query}")).ok()?,
        client: Some([203, 0, 113, 9].into()),
        headers: HeaderMap::new(),
        forwarder: Forwarder::Us,
        certificate: ClientCertificate::default(),
    })
}
