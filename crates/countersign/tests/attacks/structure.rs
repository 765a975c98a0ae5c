//! What no answer can show and the code can: how secrets are compared.

use std::path::{Path, PathBuf};
use std::process::Command;

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The shipped code, without its tests: each file's lines that are no comments, from the root of the repository.
fn shipped() -> Vec<(String, Vec<String>)> {
    let list = Command::new("git")
        .args(["ls-files", "-co", "--exclude-standard", "crates/*.rs"])
        .current_dir(repository())
        .output()
        .unwrap();
    let list = String::from_utf8(list.stdout).unwrap();
    let shipped = list.lines().filter(|file| {
        file.contains("/src/")
            && !file.contains("testkit")
            && !file.contains("tests")
            && repository().join(file).exists()
    });
    let shipped = shipped.map(|file| {
        let text = std::fs::read(repository().join(file)).unwrap();
        let text = String::from_utf8(text).unwrap();
        let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap();
        let lines = code.lines().map(str::trim).filter(|line| !line.starts_with("//"));
        (file.to_owned(), lines.map(str::to_owned).collect())
    });
    shipped.collect()
}

/// Every line of the shipped code that holds `text`, with its file.
fn lines_with(text: &str) -> Vec<(String, String)> {
    let files = shipped().into_iter();
    let lines = files.flat_map(|(file, lines)| lines.into_iter().map(move |line| (file.clone(), line)));
    lines.filter(|(_, line)| line.contains(text)).collect()
}

/// Attack 133: an early exit tells how much of a forged MAC was right. By structure rather than by a clock: a MAC is
/// computed to be checked in one place, and compared there by AWS-LC in constant time; a configured secret has no `==`,
/// and what is taken out of its wrapping is never compared.
#[test]
fn secrets_and_macs_are_compared_in_constant_time_and_in_one_place_each() {
    let macs = lines_with("hmac::");
    let macs = macs.iter().filter(|(_, line)| !line.starts_with("use "));
    let macs = macs
        .map(|(file, line)| (file.as_str(), line.as_str()))
        .collect::<Vec<_>>();
    let expected = [
        // A key's thumbprint, which is public within the process.
        ("crates/jose/src/key.rs", "let tag = hmac::sign("),
        (
            "crates/jose/src/key.rs",
            "let expected = hmac::sign(key, message);",
        ),
        // The name under which sessions are found together: given to the store, and compared with nothing.
        (
            "crates/authn/src/session/seal.rs",
            "let tag = hmac::sign(&self.index,",
        ),
        // Written into a bundle for others to check.
        ("crates/countersign/src/ca/pkcs12.rs", "let seal = hmac::sign("),
    ];
    for (file, line) in &macs {
        let computes =
            line.contains("hmac::sign(") || line.contains("hmac::verify(") || line.contains("Context");
        let known = expected
            .iter()
            .any(|(own, begin)| own == file && line.starts_with(begin));
        let signs = *file == "crates/jose/src/sign.rs";
        assert!(
            !computes || known || signs,
            "{file}: {line}: a MAC is checked in jose/key.rs alone"
        );
    }
    let key = shipped()
        .into_iter()
        .find(|(file, _)| file == "crates/jose/src/key.rs");
    let key = key.unwrap().1.concat();
    let checked = "let expected = hmac::sign(key, message);constant_time::verify_slices_are_equal(expected.as_ref(), signature)";
    assert!(
        key.contains(checked),
        "the MAC goes nowhere but into the comparison"
    );
    assert_eq!(key.matches("expected").count(), 2, "and is looked at once");

    let secret = shipped()
        .into_iter()
        .find(|(file, _)| file == "crates/core/src/secret.rs");
    let secret = secret.unwrap().1.concat();
    assert!(
        secret.contains("#[derive(Clone)]pub struct Secret<T: Zeroize>(T);"),
        "a Secret has no =="
    );
    assert!(
        !secret.contains("PartialEq") && !secret.contains("Deref") && !secret.contains("AsRef<[u8]> for")
    );
    let peer = lines_with("ct_eq(");
    assert!(
        peer.iter().any(|(file, _)| file == "crates/core/src/peer.rs"),
        "{peer:?}"
    );

    for (file, line) in lines_with("expose()") {
        let compares = [
            "==",
            "!=",
            ".eq(",
            ".cmp(",
            ".contains(",
            "starts_with(",
            "ends_with(",
        ];
        let compares = compares.iter().any(|comparison| line.contains(comparison));
        // What an operator wrote into a file, when the configuration is read: nobody else chooses what it is compared with.
        let at_loading = file.contains("/import/") || file.ends_with("/bearer_jwt/source.rs");
        assert!(!compares || at_loading, "{file}: {line}: use Secret::ct_eq");
    }
}
