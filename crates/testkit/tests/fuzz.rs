//! Every decoder of strangers' bytes, under seeded mutations of known inputs: no panic, and what each promises holds.
//!
//! `cargo xtask soak` runs the same targets for longer.

use countersign_core::credential_place::{CredentialPlace, cut_from_headers, cut_from_query};
use countersign_core::gate::{Host, PathOddities, Target, judge_method};
use countersign_core::peer::{Peer, TrustedPeers};
use countersign_core::route::PathPattern;
use countersign_core::spiffe::{MAX_ID_BYTES, SpiffeId, TrustDomain};
use countersign_core::time::Timestamp;
use countersign_jose::algorithm::Algorithm;
use countersign_jose::claims::Expectation;
use countersign_jose::json::parse_object;
use countersign_jose::jwks::{KeySet, Lookup};
use countersign_jose::sign::SigningKey;
use countersign_jose::token::UnverifiedToken;
use countersign_jose::trust_bundle::TrustBundle;
use countersign_jose::verify::verify;
use countersign_oidc::discovery::{discovery_url, jwks_uri};
use countersign_testkit::mutate::{count, mutations};

#[path = "fuzz/certificates.rs"]
mod certificates;
#[path = "fuzz/openid.rs"]
mod openid;

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn a_target_that_passes_is_forwarded_as_it_came_and_has_one_reading() {
    let corpus: [&[u8]; 7] = [
        b"/",
        b"/a/b?c=d",
        b"/public/../admin",
        b"/caf%C3%A9/x;y=1",
        b"//a/./b",
        b"/a%2fb%5c%3b%25",
        b"/a?b#c",
    ];
    let dictionary: [&[u8]; 14] = [
        b"..", b"%2e", b"%2E%2e", b"/", b"//", b"%2f", b"\\", b"%5c", b";", b"%00", b"#", b"%23", b"\x80",
        b"?",
    ];
    mutations(&corpus, &dictionary, count(), |bytes| {
        let asked = text(bytes);
        let Ok(target) = Target::judge(&asked) else { return };
        assert_eq!(target.as_str(), asked, "what was judged is what is forwarded");
        assert!(target.as_str().starts_with(target.path()));
        assert!(target.path().is_ascii() && !target.path().contains(['\\', '#', ' ', '?']));
        if target.oddities() == PathOddities::NONE {
            let url = url::Url::parse("http://h").unwrap().join(&asked).unwrap();
            // A browser escapes these; patterns compare by what an escape stands for.
            let escapes_at_the_browser = target.path().contains(['"', '<', '>', '^', '`', '{', '}']);
            assert!(
                escapes_at_the_browser || url.path() == target.path(),
                "{asked} reads as {url}"
            );
            let resolves = |segment| segment == "." || segment == "..";
            assert!(
                !target.path().contains("//") && !target.path().split('/').any(resolves),
                "{asked}"
            );
        }
    });
}

#[test]
fn a_host_that_passes_reads_the_same_again() {
    let corpus: [&[u8]; 6] = [
        b"app.test",
        b"APP.test.:8443",
        b"[::1]:80",
        b"10.0.0.1",
        b"my_app",
        b"xn--bcher-kva.test",
    ];
    let dictionary: [&[u8]; 9] = [
        b".",
        b":",
        b"[",
        b"]",
        b"@",
        b",",
        b"%2e",
        b":0",
        b"::ffff:1.2.3.4",
    ];
    mutations(&corpus, &dictionary, count(), |bytes| {
        if let Ok(host) = Host::judge(&text(bytes)) {
            let printed = host.to_string();
            assert_eq!(Host::judge(&printed), Ok(host), "{printed}");
            assert!(!printed.contains(['@', ',', ' ', '/', '%']) && printed.is_ascii());
        }
    });
}

#[test]
fn a_spiffe_id_that_passes_has_one_spelling_and_one_trust_domain() {
    let corpus: [&[u8]; 6] = [
        b"spiffe://example.org/ns/staging/sa/default",
        b"spiffe://example.org",
        b"spiffe://user@example.org:443/a?b#c",
        b"spiffe://a_b-c.1/.a/..b/A-_.9",
        b"SPIFFE://Example.org//a/../b/",
        b"spiffe://[::1]/%2e%2e",
    ];
    let dictionary: [&[u8]; 13] = [
        b"spiffe://",
        b"/",
        b"//",
        b"/../",
        b"/./",
        b"@",
        b":",
        b"%2f",
        b"?",
        b"#",
        b"\0",
        b"\r\n",
        b"A",
    ];
    mutations(&corpus, &dictionary, count(), |bytes| {
        let asked = text(bytes);
        let Ok(id) = SpiffeId::parse(&asked) else { return };
        assert_eq!(id.to_string(), asked, "what was judged is what is written");
        assert!(asked.len() <= MAX_ID_BYTES && asked.is_ascii());
        assert_eq!(
            TrustDomain::parse(id.trust_domain().name()).as_ref(),
            Ok(id.trust_domain())
        );
        assert!(id.path().is_empty() || id.path().split('/').skip(1).all(|segment| !segment.is_empty()));
        let url = url::Url::parse(&asked).unwrap();
        assert_eq!(
            url.host_str(),
            Some(id.trust_domain().name()),
            "{asked} reads as {url}"
        );
        assert_eq!(url.path(), id.path(), "{asked} reads as {url}");
    });
}

#[test]
fn patterns_methods_and_forwarded_addresses_never_panic() {
    let corpus: [&[u8]; 6] = [
        b"/**",
        b"/admin/*/x",
        b"/caf%c3%a9/**",
        b"GET",
        b"127.0.0.1, 203.0.113.9",
        b"*.test",
    ];
    let dictionary: [&[u8]; 6] = [b"*", b"**", b"%", b"::", b", ", b"0.0.0.0/0"];
    let peers = TrustedPeers::parse(["10.0.0.0/8", "unix"]).unwrap();
    let peer = Peer::unix();
    let proof = peers.trust(&peer, &http::HeaderMap::new()).unwrap();
    mutations(&corpus, &dictionary, count(), |bytes| {
        let asked = text(bytes);
        if let Ok(pattern) = PathPattern::parse(&asked, false) {
            let plain = asked.replace("/**", "").replace('*', "x");
            let plain = if plain.is_empty() { "/" } else { &plain };
            assert!(pattern.covers(plain), "{asked} covers {plain}");
        }
        drop(judge_method(&asked));
        drop(TrustedPeers::parse([asked.as_str()]));
        let _: Option<std::net::IpAddr> = peers.client_behind(&proof, &[&asked]);
    });
}

#[test]
fn no_mutation_of_a_token_verifies_but_the_token() {
    let key = SigningKey::generate(Algorithm::Es256).unwrap();
    let payload = br#"{"iss":"https://op.test","aud":["api"],"exp":1893456600,"sub":"ann","groups":["ops"]}"#;
    let good = key.sign(r#""kid":"k","typ":"at+jwt""#, payload).unwrap();
    let other = SigningKey::generate(Algorithm::Es256)
        .unwrap()
        .sign(r#""kid":"k""#, payload)
        .unwrap();
    let set = format!(r#"{{"keys":[{}]}}"#, key.public_jwk("k").unwrap());
    let (set, _) = KeySet::parse(set.as_bytes()).unwrap();
    let expectation = Expectation::new(
        "https://op.test".into(),
        vec!["api".into()],
        vec![Algorithm::Es256],
    )
    .unwrap();
    let dictionary: [&[u8]; 10] = [
        b".",
        b"..",
        b"=",
        b"eyJhbGciOiJub25lIn0",
        b"e30",
        b"-",
        b"_",
        b"+",
        b"A",
        b"eyJhbGciOiJIUzI1NiJ9",
    ];
    mutations(
        &[good.as_bytes(), other.as_bytes()],
        &dictionary,
        count(),
        |bytes| {
            let asked = text(bytes);
            let Ok(token) = UnverifiedToken::parse(&asked) else {
                return;
            };
            drop(token.issuer_unverified().map(|issuer| issuer.map(str::to_owned)));
            let Lookup::Found(key) = set.find(token.kid_unverified(), token.algorithm()) else {
                return;
            };
            let verified = verify(token, &key, &expectation, Timestamp::from_seconds(1_893_456_000));
            assert!(verified.is_err() || asked == good, "{asked}");
        },
    );
}

#[test]
fn key_sets_documents_and_claims_never_panic_and_are_strict() {
    let jwk = SigningKey::generate(Algorithm::Es256)
        .unwrap()
        .public_jwk("k")
        .unwrap();
    let set = format!(
        r#"{{"keys":[{jwk},{{"kty":"oct","k":"AA"}},{{"kty":"RSA","n":"AQAB","e":"AQAB","use":"sig"}}]}}"#
    );
    let bundle = format!(
        r#"{{"keys":[{},{{"kty":"EC","use":"x509-svid","x5c":["MIIB"]}}],"spiffe_sequence":1,"spiffe_refresh_hint":300}}"#,
        jwk.replace("\"sig\"", "\"jwt-svid\"")
    );
    let document =
        br#"{"issuer":"https://op.test","jwks_uri":"https://op.test/jwks","scopes_supported":["openid"]}"#;
    let claims = br#"{"a":[1,2.5,-3e2,null,true,{"b":"\u00e9\n"}],"exp":1893456600,"c":{"d":{"e":[]}}}"#;
    let dictionary: [&[u8]; 14] = [
        b"{",
        b"}",
        b"[",
        b"]",
        b",",
        b":",
        b"\"",
        b"\\u0000",
        b"\\ud800",
        b"null",
        b"1e999",
        b"\"kty\":\"EC\"",
        b"\"d\":\"AA\"",
        b"\xff",
    ];
    mutations(
        &[set.as_bytes(), bundle.as_bytes(), document, claims],
        &dictionary,
        count(),
        |bytes| {
            if let Ok((set, _)) = KeySet::parse(bytes) {
                assert!(!set.keys().is_empty());
            }
            if let Ok(bundle) = TrustBundle::parse(bytes) {
                let keys = bundle.jwt_authorities().keys();
                assert!(
                    keys.iter()
                        .all(|key| key.kid().is_some_and(|kid| !kid.is_empty()))
                );
                assert!(!keys.is_empty() || !bundle.x509_authorities().is_empty());
            }
            drop(TrustBundle::parse_jwt_authorities(bytes));
            if let Ok(url) = jwks_uri(bytes, "https://op.test", false) {
                assert_eq!(url.scheme(), "https");
            }
            if parse_object(bytes).is_ok() {
                let same = serde_json::from_slice::<serde_json::Value>(bytes);
                assert!(same.is_ok_and(|value| value.is_object()), "{}", text(bytes));
            }
            drop(discovery_url(&text(bytes)));
        },
    );
}

#[test]
fn cutting_a_credential_leaves_none_of_it_and_all_of_the_rest() {
    let corpus: [&[u8]; 5] = [
        b"token=secret&a=b",
        b"a=1;at=secret; b=\"2\"",
        b"%74oken=secret",
        b"; ;=;at=secret",
        b"a&&token=secret&token",
    ];
    let dictionary: [&[u8]; 8] = [
        b"token=secret",
        b"at=secret",
        b";",
        b"&",
        b"=",
        b"%74",
        b"+",
        b"\"",
    ];
    let places = [
        CredentialPlace::Query("token".into()),
        CredentialPlace::Cookie("at".into()),
    ];
    mutations(&corpus, &dictionary, count(), |bytes| {
        let asked = text(bytes);
        let left = cut_from_query(&places, &asked).unwrap_or_default();
        assert!(
            !url::form_urlencoded::parse(left.as_bytes()).any(|(name, _)| name == "token"),
            "{asked} leaves {left}"
        );
        assert!(left.len() <= asked.len());
        let mut headers = http::HeaderMap::new();
        let Ok(value) = http::HeaderValue::from_bytes(bytes) else {
            return;
        };
        headers.insert("cookie", value);
        cut_from_headers(&places, &mut headers);
        let left = headers
            .get("cookie")
            .map(|value| text(value.as_bytes()))
            .unwrap_or_default();
        let names = left
            .split(';')
            .map(|pair| pair.split('=').next().unwrap_or("").trim().to_owned());
        assert!(
            names.into_iter().all(|name| name != "at"),
            "{asked} leaves {left}"
        );
    });
}
