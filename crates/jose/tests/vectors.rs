//! Published examples: RFC 7515 appendix A, RFC 8037 appendix A. (RFC 7520's are among Wycheproof's.)

#![expect(clippy::unwrap_used, reason = "a test panics when it must")]

use countersign_jose::algorithm::Algorithm;
use countersign_jose::json::parse_object;
use countersign_jose::jwks::{KeySet, Lookup};
use countersign_jose::key::{KeyError, VerificationKey};
use countersign_jose::token::UnverifiedToken;
use countersign_jose::verify::verify_signature;

/// What appendices A.1 to A.3 sign, line ends and all.
const PAYLOAD: &[u8] = b"{\"iss\":\"joe\",\r\n \"exp\":1300819380,\r\n \"http://example.com/is_root\":true}";
const ENCODED: &str =
    "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";

fn public(jwk: &str) -> VerificationKey {
    VerificationKey::from_jwk(parse_object(jwk.as_bytes()).unwrap().root()).unwrap()
}

fn payload(token: &str, key: &VerificationKey) -> Vec<u8> {
    verify_signature(&UnverifiedToken::parse(token).unwrap(), key).unwrap()
}

#[test]
fn rfc_7515_appendix_a_1_hs256() {
    let jwk = concat!(
        r#"{"kty":"oct","k":"AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUu"#,
        r#"TwjAzZr1Z9CAow"}"#
    );
    let jwk = parse_object(jwk.as_bytes()).unwrap();
    assert_eq!(
        VerificationKey::from_jwk(jwk.root()).err(),
        Some(KeyError::SharedSecret)
    );
    let key = VerificationKey::from_secret_jwk(jwk.root()).unwrap();
    let token = format!(
        "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.{ENCODED}.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
    );
    assert_eq!(payload(&token, &key), PAYLOAD);
}

#[test]
fn rfc_7515_appendix_a_2_rs256() {
    let key = public(concat!(
        r#"{"kty":"RSA","e":"AQAB","n":""#,
        "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0B",
        "m4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5",
        "z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7",
        "aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ",
        r#""}"#
    ));
    let signature = concat!(
        "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2F",
        "p5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQB",
        "MHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeY",
        "I2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw"
    );
    let token = format!("eyJhbGciOiJSUzI1NiJ9.{ENCODED}.{signature}");
    assert_eq!(payload(&token, &key), PAYLOAD);
}

#[test]
fn rfc_7515_appendix_a_3_es256() {
    let key = public(concat!(
        r#"{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","#,
        r#""y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}"#
    ));
    let token = format!(
        "eyJhbGciOiJFUzI1NiJ9.{ENCODED}.\
         DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q"
    );
    assert_eq!(payload(&token, &key), PAYLOAD);
}

#[test]
fn rfc_7515_appendix_a_4_es512() {
    let key = public(concat!(
        r#"{"kty":"EC","crv":"P-521","#,
        r#""x":"AekpBQ8ST8a8VcfVOTNl353vSrDCLLJXmPk06wTjxrrjcBpXp5EOnYG_NjFZ6OvLFV1jSfS9tsz4qUxcWceqwQGk","#,
        r#""y":"ADSmRA43Z1DSNx_RvcLI87cdL07l6jQyyBXMoxVg_l2Th-x3S1WDhjDly79ajL4Kkd0AZMaZmh9ubmf63e3kyMj2"}"#
    ));
    let token = concat!(
        "eyJhbGciOiJFUzUxMiJ9.UGF5bG9hZA.AdwMgeerwtHoh-l192l60hp9wAHZFVJbLfD_UxMi70cwnZOYaRI1bKPWROc-mZZqwqT2SI-KGDKB34XO0aw_7Xdt",
        "AG8GaSwFKdCAPZgoXD2YBJZCPEX3xKpRwcdOO8KpEHwJjyqOgzDO7iKvU8vcnwNrmxYbSW9ERBXukOXolLzeO_Jn"
    );
    assert_eq!(payload(token, &key), b"Payload");
}

#[test]
fn rfc_8037_appendix_a_4_ed25519_from_a_jwk_and_from_a_pem() {
    let token = |header: &str| {
        format!(
            "{header}.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc.\
             hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg"
        )
    };
    let jwk = public(r#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#);
    let pem = b"-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\n-----END PUBLIC KEY-----\n";
    let Lookup::Found(pem) = KeySet::from_pem(pem).unwrap().find(None, Algorithm::EdDsa) else {
        panic!("one key fits")
    };
    for key in [&jwk, &*pem] {
        assert_eq!(
            payload(&token("eyJhbGciOiJFZERTQSJ9"), key),
            b"Example of Ed25519 signing"
        );
    }
}
