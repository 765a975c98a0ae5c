//! Which entries of a bundle vouch for what, and what is no bundle.

use super::*;
use crate::algorithm::Algorithm;
use crate::jwks::Lookup;
use crate::sign::SigningKey;

/// Any bytes will do: they are not read here.
const CERTIFICATE: &str = "MIIBAgMEBQ==";

fn jwk(algorithm: Algorithm, kid: &str, usage: &str) -> String {
    let jwk = SigningKey::generate(algorithm).unwrap().public_jwk(kid).unwrap();
    jwk.replace(r#""use":"sig""#, &format!(r#""use":"{usage}""#))
}

fn x509(x5c: &str) -> String {
    format!(r#"{{"kty":"EC","crv":"P-256","x":"AA","y":"AA","use":"x509-svid"{x5c}}}"#)
}

fn bundle(entries: &[&str], more: &str) -> String {
    format!(r#"{{"keys":[{}]{more}}}"#, entries.join(","))
}

#[test]
fn each_entry_vouches_for_what_its_use_says() {
    let (jwt, x509) = (
        jwk(Algorithm::Es256, "j1", "jwt-svid"),
        x509(&format!(r#","x5c":["{CERTIFICATE}"]"#)),
    );
    let text = bundle(
        &[&jwt, &x509],
        r#","spiffe_sequence":12035488,"spiffe_refresh_hint":300,"more":{}"#,
    );
    let read = TrustBundle::parse(text.as_bytes()).unwrap();
    assert_eq!(read.sequence(), Some(12_035_488));
    assert_eq!(read.refresh_hint(), Some(Duration::from_mins(5)));
    assert!(read.left_out().is_empty());
    assert_eq!(read.x509_authorities(), [Box::from([0x30, 0x82, 1, 2, 3, 4, 5])]);
    let find = |kid, algorithm| read.jwt_authorities().find(kid, algorithm);
    assert!(matches!(find(Some("j1"), Algorithm::Es256), Lookup::Found(_)));
    assert!(matches!(find(Some("j2"), Algorithm::Es256), Lookup::Unknown));
    assert!(matches!(find(Some("j1"), Algorithm::Rs256), Lookup::Unknown));
    let plain = TrustBundle::parse(bundle(&[&jwt], "").as_bytes()).unwrap();
    assert_eq!((plain.sequence(), plain.refresh_hint()), (None, None));
}

#[test]
fn an_entry_that_cannot_be_used_is_left_out_by_its_own_name() {
    use EntryError as E;
    let good = jwk(Algorithm::Es256, "good", "jwt-svid");
    let other = |text: &str, by: &str| good.replace(text, by);
    let cases = [
        (other(r#","use":"jwt-svid""#, ""), E::UseMissing),
        (other("jwt-svid", "sig"), E::UseUnknown("sig".to_owned())),
        (
            other("jwt-svid", "JWT-SVID"),
            E::UseUnknown("JWT-SVID".to_owned()),
        ),
        (other(r#""kid":"good","#, ""), E::KeyIdMissing),
        (other(r#""kid":"good""#, r#""kid":"""#), E::KeyIdMissing),
        (other(r#""kid":"good""#, r#""kid":7"#), E::KeyIdMissing),
        (
            r#"{"kty":"oct","k":"c2VjcmV0","kid":"s","use":"jwt-svid"}"#.to_owned(),
            E::Key(KeyError::SharedSecret),
        ),
        (
            r#"{"kty":"new","kid":"n","use":"jwt-svid"}"#.to_owned(),
            E::Key(KeyError::Kind("new".to_owned())),
        ),
        (
            other(r#""kty":"EC""#, r#""kty":"EC","d":"AA""#),
            E::Key(KeyError::Private),
        ),
        (x509(""), E::CertificateMissing),
        (x509(r#","x5c":[]"#), E::CertificateMissing),
        (
            x509(&format!(r#","x5c":["{CERTIFICATE}","{CERTIFICATE}"]"#)),
            E::CertificatesMany(2),
        ),
        (x509(r#","x5c":["%%"]"#), E::CertificateMalformed),
        (x509(r#","x5c":[7]"#), E::CertificateMalformed),
        (
            x509(&format!(r#","x5c":"{CERTIFICATE}""#)),
            E::CertificateMalformed,
        ),
    ];
    for (entry, expect) in cases {
        let text = bundle(&[&entry, &good], "");
        let read = TrustBundle::parse(text.as_bytes()).unwrap();
        assert_eq!(read.jwt_authorities().keys().len(), 1, "{entry}");
        assert!(read.x509_authorities().is_empty(), "{entry}");
        let [left_out] = read.left_out() else {
            panic!("{entry}: {:?}", read.left_out());
        };
        assert_eq!((left_out.index, &left_out.error), (0, &expect), "{entry}");
        let alone = TrustBundle::parse(bundle(&[&entry], "").as_bytes());
        assert_eq!(alone.err(), Some(TrustBundleError::NothingUsable(1)), "{entry}");
    }
    let told = LeftOut {
        index: 3,
        kid: Some("k\"1".to_owned()),
        error: E::UseMissing,
    };
    assert_eq!(told.to_string(), r#"entry 3 ("k\"1"): `use` is missing"#);
}

#[test]
fn what_is_no_bundle_is_told_by_its_own_name() {
    use TrustBundleError as E;
    let good = jwk(Algorithm::Es256, "good", "jwt-svid");
    let failed = |text: &str| TrustBundle::parse(text.as_bytes()).err();
    for (more, expect) in [
        (r#","spiffe_sequence":0"#, None),
        (r#","spiffe_sequence":18446744073709551615"#, None),
        (r#","spiffe_sequence":18446744073709551616"#, Some(E::Sequence)),
        (r#","spiffe_sequence":-1"#, Some(E::Sequence)),
        (r#","spiffe_sequence":1.5"#, Some(E::Sequence)),
        (r#","spiffe_sequence":"1""#, Some(E::Sequence)),
        (r#","spiffe_sequence":null"#, Some(E::Sequence)),
        (r#","spiffe_refresh_hint":-1"#, Some(E::RefreshHint)),
        (r#","spiffe_refresh_hint":1e3"#, Some(E::RefreshHint)),
        (r#","spiffe_refresh_hint":[]"#, Some(E::RefreshHint)),
    ] {
        assert_eq!(failed(&bundle(&[&good], more)), expect, "{more}");
    }
    for text in [
        "",
        "[]",
        "{}",
        r#"{"keys":{}}"#,
        r#"{"keys":[1]}"#,
        r#"{"keys":[],"keys":[]}"#,
    ] {
        assert!(matches!(failed(text), Some(E::Malformed(_))), "{text}");
    }
    assert_eq!(failed(&" ".repeat(MAX_SET_BYTES + 1)), Some(E::TooLarge));
    let many = vec!["{}"; MAX_KEYS + 1];
    assert_eq!(failed(&bundle(&many, "")), Some(E::TooLarge));
}

#[test]
fn a_bundle_withdraws_what_it_has_no_entry_for() {
    let jwt = jwk(Algorithm::Es256, "a", "jwt-svid");
    let other = jwk(Algorithm::Es256, "b", "wit-svid");
    let unsaid = jwt.replace(r#","use":"jwt-svid""#, "");
    let (good, bad) = (
        x509(&format!(r#","x5c":["{CERTIFICATE}"]"#)),
        x509(r#","x5c":["%%"]"#),
    );
    for (entries, lists) in [
        (&[][..], (false, false)),
        (&[&*jwt], (true, false)),
        (&[&*good], (false, true)),
        (&[&*jwt, &good], (true, true)),
        // One that cannot be used is not gone.
        (&[&*jwt, &bad], (true, true)),
        (&[&*jwt, &unsaid], (true, true)),
        // One for something else is neither (section 4.2.2).
        (&[&*jwt, &other], (true, false)),
    ] {
        let text = bundle(entries, r#","spiffe_sequence":9"#);
        let read = TrustBundle::parse(text.as_bytes()).unwrap();
        let listed = (read.lists_jwt_authorities(), read.lists_x509_authorities());
        assert_eq!((listed, read.sequence()), (lists, Some(9)), "{text}");
    }
}

/// SPIRE leaves `use` out there.
#[test]
fn the_workload_api_may_leave_use_out() {
    let named = jwk(Algorithm::Es256, "named", "jwt-svid");
    let plain = jwk(Algorithm::Es256, "plain", "jwt-svid").replace(r#","use":"jwt-svid""#, "");
    let other = jwk(Algorithm::Es256, "other", "sig");
    let certificate = x509(&format!(r#","x5c":["{CERTIFICATE}"]"#));
    let read = |entries: &[&str]| TrustBundle::parse_jwt_authorities(bundle(entries, "").as_bytes());
    let kids = read(&[&named, &plain, &other, &certificate]).unwrap();
    let kids = kids.keys().iter().map(|key| key.kid()).collect::<Vec<_>>();
    assert_eq!(kids, [Some("named"), Some("plain")]);
    assert_eq!(
        read(&[&other, &certificate]).err(),
        Some(TrustBundleError::NothingUsable(1))
    );
}
