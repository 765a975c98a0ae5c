//! Keys and tokens made by OpenSSL alone: no line of ours signs here.

use crate::process::Folder;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Seconds since 1970 by the real clock, which the gateway under test reads too.
#[expect(
    clippy::disallowed_methods,
    reason = "the gateway under test is a process with the real clock"
)]
pub(crate) fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.as_ref().map_or(0, Duration::as_secs)
}

/// The claims of a token that `issuer` might give for the audience `api`, good for ten minutes.
pub(crate) fn claims(issuer: &str, subject: &str) -> Value {
    json!({ "iss": issuer, "sub": subject, "aud": "api", "iat": now(), "exp": now() + 600 })
}

/// A key made by OpenSSL.
#[derive(Debug)]
pub(crate) struct Key {
    algorithm: &'static str,
    private: PathBuf,
    /// The public key in PEM.
    pub(crate) public: PathBuf,
}

impl Key {
    /// Makes a key for `algorithm` in `folder`.
    pub(crate) fn make(folder: &Folder, algorithm: &'static str) -> Self {
        let options: &[&str] = match algorithm {
            "ES256" => &["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"],
            "ES384" => &["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-384"],
            "ES512" => &["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-521"],
            "EdDSA" => &["-algorithm", "ED25519"],
            _ => &["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"],
        };
        let private = folder.0.join(format!("{algorithm}.key"));
        let public = folder.0.join(format!("{algorithm}.pem"));
        openssl(
            Command::new("openssl")
                .arg("genpkey")
                .args(options)
                .arg("-out")
                .arg(&private),
            b"",
        );
        openssl(
            Command::new("openssl")
                .args(["pkey", "-pubout", "-in"])
                .arg(&private)
                .arg("-out")
                .arg(&public),
            b"",
        );
        Self {
            algorithm,
            private,
            public,
        }
    }

    /// A compact JWS over `claims`; `kid` only when there is one.
    pub(crate) fn sign(&self, kid: Option<&str>, claims: &Value) -> String {
        let mut header = json!({ "alg": self.algorithm, "typ": "JWT" });
        if let Some(kid) = kid {
            header["kid"] = json!(kid);
        }
        let input = signing_input(&header, claims);
        let signature = self.signature(input.as_bytes());
        format!("{input}.{}", URL_SAFE_NO_PAD.encode(signature))
    }

    fn signature(&self, input: &[u8]) -> Vec<u8> {
        let digest = match self.algorithm.get(2..) {
            Some("384") => "-sha384",
            Some("512") => "-sha512",
            Some(_) | None => "-sha256",
        };
        match self.algorithm.get(..2) {
            Some("Ed") => {
                let file = self.private.with_extension("input");
                std::fs::write(&file, input).unwrap();
                let mut command = Command::new("openssl");
                command
                    .args(["pkeyutl", "-sign", "-rawin", "-inkey"])
                    .arg(&self.private);
                openssl(command.arg("-in").arg(&file), b"")
            }
            Some("PS") => {
                let padding = [
                    "-sigopt",
                    "rsa_padding_mode:pss",
                    "-sigopt",
                    "rsa_pss_saltlen:digest",
                ];
                dgst(digest, &self.private, &padding, input)
            }
            Some("ES") => {
                let field = match digest {
                    "-sha256" => 32,
                    "-sha384" => 48,
                    _ => 66,
                };
                flat(&dgst(digest, &self.private, &[], input), field)
            }
            _ => dgst(digest, &self.private, &[], input),
        }
    }
}

/// An HS256 token over a shared secret.
pub(crate) fn hmac_token(secret: &str, claims: &Value) -> String {
    let input = signing_input(&json!({ "alg": "HS256", "typ": "JWT" }), claims);
    let secret = format!("key:{secret}");
    let mut command = Command::new("openssl");
    command.args(["dgst", "-sha256", "-mac", "HMAC", "-macopt", &secret, "-binary"]);
    let signature = openssl(&mut command, input.as_bytes());
    format!("{input}.{}", URL_SAFE_NO_PAD.encode(signature))
}

/// The token with other claims under the same signature.
pub(crate) fn tampered(token: &str, claims: &Value) -> String {
    let mut parts = token.split('.');
    let (header, _, signature) = (parts.next().unwrap(), parts.next(), parts.next().unwrap());
    format!("{header}.{}.{signature}", part(claims))
}

/// The same claims without a signature.
pub(crate) fn unsigned(claims: &Value) -> String {
    format!(
        "{}.",
        signing_input(&json!({ "alg": "none", "typ": "JWT" }), claims)
    )
}

/// The key id that a token names.
pub(crate) fn key_id(token: &str) -> String {
    let header = token.split('.').next().unwrap();
    let header = URL_SAFE_NO_PAD.decode(header).unwrap();
    let header = serde_json::from_slice::<Value>(&header).unwrap();
    header["kid"].as_str().unwrap().to_owned()
}

fn signing_input(header: &Value, claims: &Value) -> String {
    format!("{}.{}", part(header), part(claims))
}

fn part(value: &Value) -> String {
    URL_SAFE_NO_PAD.encode(value.to_string())
}

fn dgst(digest: &str, key: &Path, options: &[&str], input: &[u8]) -> Vec<u8> {
    let mut command = Command::new("openssl");
    openssl(
        command
            .args(["dgst", digest, "-binary", "-sign"])
            .arg(key)
            .args(options),
        input,
    )
}

fn openssl(command: &mut Command, input: &[u8]) -> Vec<u8> {
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command
        .spawn()
        .expect("openssl is missing: run `cargo xtask tools`");
    child.stdin.take().unwrap().write_all(input).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    output.stdout
}

/// An ECDSA signature as JOSE wants it (r and s side by side) from the DER that OpenSSL writes.
fn flat(der: &[u8], field: usize) -> Vec<u8> {
    let body = if der[1] == 0x81 { &der[3..] } else { &der[2..] };
    let (r, rest) = integer(body);
    let (s, _) = integer(rest);
    let mut flat = vec![0; 2 * field];
    flat[field - r.len()..field].copy_from_slice(r);
    flat[2 * field - s.len()..].copy_from_slice(s);
    flat
}

fn integer(der: &[u8]) -> (&[u8], &[u8]) {
    let (value, rest) = der[2..].split_at(usize::from(der[1]));
    (value.strip_prefix(&[0]).unwrap_or(value), rest)
}
