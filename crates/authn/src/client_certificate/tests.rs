//! Certificates as an authenticator sees them: what is remembered, and until when.

use super::{CLAIMS, ClaimKind, build_certificate};
use crate::kinds::Parts;
use crate::pki::{Authority, Key, Revocations as Revoked, San, Template, pem};
use crate::revocations::{RevocationSources, Revocations, RevocationsFactory};
use countersign_core::authn::Authenticator as _;
use countersign_core::certificate::{CertificateJudge, PresentedCertificate};
use countersign_core::claims::{ClaimPath, Value};
use countersign_core::options::{Fault, OptionValue, Values};
use countersign_core::time::{Monotonic, Now, Timestamp};
use countersign_x509::authorities::Authorities;
use countersign_x509::certificate::{Certificate, hexadecimal};
use countersign_x509::crl::{Crl, CrlIndex};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// 2030-01-01T00:00:00Z.
const MIDNIGHT: i64 = 1_893_456_000;

/// Lists that are changed by hand.
#[derive(Debug)]
struct Lists {
    index: Mutex<Arc<CrlIndex>>,
    generation: AtomicU64,
}

#[derive(Debug)]
struct Opens(Arc<Lists>);

impl Revocations for Opens {
    fn index(&self) -> Arc<CrlIndex> {
        Arc::clone(&self.0.index.lock().unwrap())
    }

    fn generation(&self) -> u64 {
        self.0.generation.load(Ordering::Relaxed)
    }

    fn shortcomings(&self, _: bool) -> Vec<String> {
        Vec::new()
    }
}

impl RevocationsFactory for Opens {
    fn open(&self, _: RevocationSources, _: &Arc<Authorities>) -> Result<Arc<dyn Revocations>, Vec<Fault>> {
        Ok(Arc::new(Self(Arc::clone(&self.0))))
    }
}

struct Bench {
    root: Authority,
    lists: Arc<Lists>,
    judge: Arc<dyn CertificateJudge>,
}

impl Bench {
    fn new() -> Self {
        let root = Authority::root("home", Key(1));
        let lists = Lists {
            index: Mutex::new(Arc::new(index(&root, &[9]))),
            generation: AtomicU64::new(1),
        };
        let lists = Arc::new(lists);
        let parts = Parts {
            revocations: Arc::new(Opens(Arc::clone(&lists))),
            ..crate::kinds::offline()
        };
        let mut values = Values::default();
        let file = OptionValue::File("ca.pem".to_owned(), root.pem().into_bytes());
        values.insert("authorities", OptionValue::List(vec![file]));
        let list = OptionValue::Text("/crl.pem".to_owned());
        values.insert("crls", OptionValue::List(vec![list]));
        let (built, _) = build_certificate("test", &values, &parts).unwrap();
        let judge = built.certificate_judge().unwrap();
        Self { root, lists, judge }
    }

    fn presented(&self, template: &Template) -> Arc<PresentedCertificate> {
        Arc::new(PresentedCertificate::new([self.root.issue(template)]).unwrap())
    }

    fn judged(&self, presented: &Arc<PresentedCertificate>, seconds: u64) -> &'static str {
        match self.judge.judge(presented, at(seconds)) {
            Ok(_) => "good",
            Err(failure) => failure.rejection.reason.code(),
        }
    }

    fn revoke(&self, serials: &[u8]) {
        *self.lists.index.lock().unwrap() = Arc::new(index(&self.root, serials));
        self.lists.generation.fetch_add(1, Ordering::Relaxed);
    }
}

fn index(root: &Authority, serials: &[u8]) -> CrlIndex {
    let serials = serials.iter().map(std::slice::from_ref).collect::<Vec<_>>();
    let list = pem("X509 CRL", &root.revoke(&Revoked::of(&serials)));
    let authorities = Authorities::from_pem(&[root.pem().as_bytes()]).unwrap();
    CrlIndex::new(Crl::parse_all(list.as_bytes()).unwrap(), &authorities).unwrap()
}

fn at(seconds: u64) -> Now {
    Now {
        wall: Timestamp::from_seconds(MIDNIGHT).plus(Duration::from_secs(seconds)),
        monotonic: Monotonic::from_milliseconds(seconds * 1000),
    }
}

#[test]
fn a_verdict_is_remembered_and_the_very_principal_with_it() {
    let bench = Bench::new();
    let presented = bench.presented(&Template::client("ann", Key(2)));
    let first = bench.judge.judge(&presented, at(0)).unwrap();
    let again = bench.judge.judge(&presented, at(1)).unwrap();
    assert!(Arc::ptr_eq(&first.principal, &again.principal));
    // The same bytes over another connection are the same chain.
    let other = Arc::new(PresentedCertificate::new([presented.leaf().to_vec()]).unwrap());
    assert!(Arc::ptr_eq(
        &first.principal,
        &bench.judge.judge(&other, at(2)).unwrap().principal
    ));
}

#[test]
fn a_remembered_verdict_ends_with_the_certificate() {
    let bench = Bench::new();
    let template = Template::client("ann", Key(2)).valid("20290101000000Z", "20300101000010Z");
    let presented = bench.presented(&template);
    let check =
        |seconds: u64, expect: &str| assert_eq!(bench.judged(&presented, seconds), expect, "{seconds}");
    check(0, "good");
    check(10, "good");
    check(11, "certificate_expired");
    check(20, "certificate_expired");
}

#[test]
fn another_list_is_asked_at_once_and_so_is_the_one_after() {
    let bench = Bench::new();
    let presented = bench.presented(&Template::client("ann", Key(2)).serial(&[7]));
    assert_eq!(bench.judged(&presented, 0), "good");
    bench.revoke(&[7]);
    assert_eq!(bench.judged(&presented, 0), "certificate_revoked");
    bench.revoke(&[8]);
    assert_eq!(
        bench.judged(&presented, 0),
        "good",
        "what was said by the list before counts no more"
    );
}

#[test]
fn what_does_not_hold_yet_holds_soon_after_it_begins_to() {
    let bench = Bench::new();
    let presented =
        bench.presented(&Template::client("ann", Key(2)).valid("20300101000005Z", "20310101000000Z"));
    assert_eq!(bench.judged(&presented, 4), "certificate_not_yet_valid");
    assert_eq!(bench.judged(&presented, 6), "good");
}

#[test]
fn the_authorities_are_named_to_clients() {
    let bench = Bench::new();
    assert_eq!(bench.judge.hints(), std::slice::from_ref(&bench.root.name));
}

#[test]
fn an_authority_that_is_denied_denies_whatever_it_vouches_for() {
    let root = Authority::root("home", Key(1));
    let template = Template::authority("between", Key(3)).serial(&[0x2a]);
    let between = root.issue(&template);
    let issuing = root.under("between", Key(3));
    let chain = [issuing.issue(&Template::client("ann", Key(2))), between.clone()];
    let presented = Arc::new(PresentedCertificate::new(chain).unwrap());
    let check = |entry: &[(&str, String)], expect: &str| {
        let mut denied = Values::default();
        for (name, text) in entry {
            denied.insert(*name, OptionValue::Text(text.clone()));
        }
        let mut values = Values::default();
        let file = OptionValue::File("ca.pem".to_owned(), root.pem().into_bytes());
        values.insert("authorities", OptionValue::List(vec![file]));
        values.insert("deny", OptionValue::Tables(vec![denied]));
        let (built, _) = build_certificate("test", &values, &crate::kinds::offline()).unwrap();
        let judged = built.certificate_judge().unwrap().judge(&presented, at(0));
        let told = judged.map_or_else(|failure| failure.rejection.detail, |_| "good".to_owned());
        assert_eq!(told, expect, "{entry:?}");
    };
    let of = |der: &[u8]| Certificate::parse(der).unwrap();
    let print = |der: &[u8]| ("fingerprint", hexadecimal(&of(der).sha256()));
    let key = |der: &[u8]| ("spki", hexadecimal(&of(der).spki_sha256()));
    let anchor = Template::authority("home", Key(1)).self_signed();
    check(
        &[print(&between)],
        "CN=between vouches for it, whose fingerprint is in `deny`",
    );
    check(
        &[key(&between)],
        "CN=between vouches for it, whose key is in `deny`",
    );
    check(
        &[("serial", "2A".to_owned()), ("issuer", "CN=home".to_owned())],
        "CN=between vouches for it, whose serial number is in `deny`",
    );
    check(&[key(&anchor)], "CN=home vouches for it, whose key is in `deny`");
    check(&[print(presented.leaf())], "its fingerprint is in `deny`");
    let other = Template::authority("other", Key(4)).self_signed();
    check(&[key(&other)], "good");
}

/// How many claims there are in `value`, which holds others or is one.
fn count(value: Value<'_>) -> usize {
    match value {
        Value::Object(members) => members.map(|(_, value)| count(value)).sum(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => 1,
    }
}

#[test]
fn what_a_certificate_can_say_is_listed_and_nothing_else() {
    let root = Authority::root("home", Key(1));
    let mut values = Values::default();
    let file = OptionValue::File("ca.pem".to_owned(), root.pem().into_bytes());
    values.insert("authorities", OptionValue::List(vec![file]));
    values.insert("trust_domain", OptionValue::Text("home.test".to_owned()));
    let (built, _) = build_certificate("test", &values, &crate::kinds::offline()).unwrap();
    let names = [San::Uri("spiffe://home.test/ann"), San::Email("ann@home.test")];
    let template = Template::client("ann", Key(2)).names(&names);
    let presented = Arc::new(PresentedCertificate::new([root.issue(&template)]).unwrap());
    let judged = built
        .certificate_judge()
        .unwrap()
        .judge(&presented, at(0))
        .unwrap();
    let claims = &judged.principal.claims;
    for (path, kind) in CLAIMS {
        let said = claims.at(&ClaimPath::parse(path).unwrap());
        let said = said.unwrap_or_else(|| panic!("{path} is not said"));
        assert_eq!(matches!(said, Value::Array(_)), kind == ClaimKind::Many, "{path}");
    }
    assert_eq!(
        claims.root().map(|(_, value)| count(value)).sum::<usize>(),
        CLAIMS.len()
    );
}
