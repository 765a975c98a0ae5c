use super::*;
use countersign_core::claims::{ClaimPath, Claims};
use countersign_core::principal::{AuthenticationMethod, FactPaths};
use countersign_core::time::Timestamp;
use countersign_jose::json::parse_object;
use std::collections::BTreeSet;

#[derive(Debug)]
struct Fixed(u8);

impl Entropy for Fixed {
    fn fill(&self, bytes: &mut [u8]) {
        bytes.fill(self.0);
    }
}

fn cache(entries: u32, bytes: u64) -> TokenCache {
    TokenCache::new(CacheLimits { entries, bytes }, &Fixed(7))
}

fn now(wall: i64, monotonic: u64) -> Now {
    Now {
        wall: Timestamp::from_seconds(wall),
        monotonic: Monotonic::from_milliseconds(monotonic * 1000),
    }
}

fn remembered(claims: Claims, expires: i64) -> Remembered {
    let subject = ClaimPath::subject();
    let principal = Principal {
        authenticator: "token.a".into(),
        method: AuthenticationMethod::Token,
        issuer: "https://op".into(),
        claims,
        written: countersign_core::identity_headers::Written::default(),
        tokens: None,
        facts: Arc::new(FactPaths {
            subject: subject.clone(),
            groups: subject,
            trust_unverified_email: false,
            leeway: FactPaths::LEEWAY,
        }),
    };
    Remembered {
        bound: None,
        principal: Arc::new(principal),
        times: TokenTimes {
            expires: Timestamp::from_seconds(expires),
            not_before: None,
            issued_at: None,
        },
        key: Thumbprint([1; 32]),
    }
}

/// Attack rows 100, 107 and 108: a token is found by whoever verified it and by nobody else.
#[test]
fn a_key_is_one_judges_and_one_tokens() {
    let cache = cache(10, 1 << 20);
    let judges = [cache.judge(), cache.judge(), cache.judge()];
    assert_eq!(judges.iter().collect::<BTreeSet<_>>().len(), 3);
    let mut keys = BTreeSet::new();
    for judge in judges {
        for token in ["", "a", "aa", "a.b.c", "a.b.d", "\0a", "a\0"] {
            assert!(
                keys.insert(cache.key(judge, token.as_bytes()).unwrap().0),
                "{judge} {token:?}"
            );
        }
    }
    let other = TokenCache::new(CacheLimits::default(), &Fixed(8));
    assert!(
        !keys.contains(&other.key(0, b"a").unwrap().0),
        "another process, another salt"
    );
    assert_eq!(cache.key(0, b"a").unwrap(), cache.key(0, b"a").unwrap());
}

#[test]
fn an_entry_lives_300_seconds_or_to_the_tokens_end() {
    let cache = cache(10, 1 << 20);
    let (short, long) = (cache.key(0, b"short").unwrap(), cache.key(0, b"long").unwrap());
    cache.remember(short, remembered(Claims::empty(), 1060), now(1000, 50));
    cache.remember(long, remembered(Claims::empty(), 9000), now(1000, 50));
    let found = |key: &TokenKey, second: u64| cache.recall(key, now(0, second).monotonic).is_some();
    assert!(found(&short, 50) && found(&short, 109));
    assert!(!found(&short, 110));
    assert!(found(&long, 349));
    assert!(!found(&long, 350));
    cache.remember(short, remembered(Claims::empty(), 900), now(1000, 50));
    assert!(
        !found(&short, 50),
        "a token that lives on leeway alone is not remembered"
    );
    cache.forget(&long);
    assert!(!found(&long, 51));
    assert_eq!(cache.stats().hits, 3);
}

#[test]
fn the_cache_holds_no_more_than_its_entries_and_bytes() {
    let by_entries = cache(100, 1 << 20);
    for number in 0..1000 {
        let key = by_entries.key(0, number.to_string().as_bytes()).unwrap();
        by_entries.remember(key, remembered(Claims::empty(), 9000), now(0, 0));
    }
    let stats = by_entries.stats();
    assert!(stats.entries <= 100, "{stats:?}");
    assert!(stats.bytes <= 1 << 20, "{stats:?}");
    let text = format!("{{\"sub\":\"{}\"}}", "x".repeat(10_000));
    let by_bytes = cache(1000, 1 << 20);
    for number in 0..1000 {
        let key = by_bytes.key(0, number.to_string().as_bytes()).unwrap();
        let claims = parse_object(text.as_bytes()).unwrap();
        by_bytes.remember(key, remembered(claims, 9000), now(0, 0));
    }
    let stats = by_bytes.stats();
    assert!(stats.entries <= 105 && stats.entries > 50, "{stats:?}");
    assert!(stats.bytes <= 1 << 20, "{stats:?}");
}

#[test]
fn with_no_entries_nothing_is_remembered() {
    let cache = cache(0, 1 << 20);
    assert_eq!(cache.key(0, b"a"), None);
    let key = TokenKey([1; 16]);
    cache.remember(key, remembered(Claims::empty(), 9000), now(0, 0));
    assert!(cache.recall(&key, now(0, 0).monotonic).is_none());
    assert_eq!(cache.stats().entries, 0);
}

#[test]
fn a_bad_signature_is_remembered_shortly_and_by_its_key() {
    let cache = cache(10, 1 << 20);
    let key = cache.key(0, b"a").unwrap();
    cache.remember_bad(key, Thumbprint([9; 32]), now(0, 100).monotonic);
    assert_eq!(
        cache.recall_bad(&key, now(0, 109).monotonic),
        Some(Thumbprint([9; 32]))
    );
    assert_eq!(cache.recall_bad(&key, now(0, 110).monotonic), None);
    assert_eq!(
        cache.recall_bad(&cache.key(1, b"a").unwrap(), now(0, 101).monotonic),
        None
    );
    for number in 0..5000 {
        cache.remember_bad(
            cache.key(0, number.to_string().as_bytes()).unwrap(),
            Thumbprint([9; 32]),
            now(0, 0).monotonic,
        );
    }
    assert!(cache.bad.len() <= BAD_ENTRIES);
}

/// What the identity headers take once they were written: a box, the text with four bytes a line, and its count.
fn written_once(lines: usize, text: usize) -> usize {
    let block = |bytes: usize| (bytes + 8).next_multiple_of(16).max(32);
    block(48) + block(lines * 4 + text) + block(24)
}

/// What one remembered token takes: the heap blocks it owns, counted one by one, and its share of the cache's tables
/// at their largest. The issue allows its payload and 768 bytes.
#[test]
fn a_remembered_token_takes_its_payload_and_768_bytes_at_most() {
    let payload = r#"{"iss":"https://op.example/realms/home","sub":"248289761001","aud":["api","account"],"exp":1893456000,"iat":1893455700,"auth_time":1893455000,"jti":"4e7d1d0b-52d5-4a5c-9b8e-0e2f7a9e6a11","azp":"web","scope":"openid email profile","sid":"1f3c7d9e-28c7-41e0-b1b1-6d6e0a7e5a42","email_verified":true,"name":"Ann Example","preferred_username":"ann","given_name":"Ann","family_name":"Example","email":"ann@home.example","realm_access":{"roles":["offline_access","uma_authorization","default-roles-home"]},"groups":["operators","developers","home"]}"#;
    let claims = parse_object(payload.as_bytes()).unwrap();
    let block = |bytes: usize| (bytes + 8).next_multiple_of(16).max(32);
    let counts = 16;
    let claims_heap = claims.heap_bytes() + 2 * 16;
    let owned = block(counts + size_of::<Entry>())
        + block(counts + size_of::<Principal>())
        + claims_heap
        + written_once(5, 120);
    // The library's own estimate; its tables double, so at worst half of them is empty.
    let tables = (size_of::<TokenKey>() + size_of::<Arc<Entry>>() + 21) * 2;
    let total = owned + tables;
    assert!(total <= payload.len() + 768, "{total} for {}", payload.len());
    assert!(owned + tables <= usize::try_from(ENTRY_BYTES).unwrap() + claims.heap_bytes() + 128);
}
