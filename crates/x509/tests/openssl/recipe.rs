//! Certificates made with the commands of others hold: the recipe of the nginx and njs prototype, keys of every kind, and
//! lists of `openssl ca`.

use crate::Folder;
use countersign_core::certificate::SubjectAlternativeName::Uri;
use countersign_core::time::Timestamp;
use countersign_x509::authorities::Authorities;
use countersign_x509::certificate::Certificate;
use countersign_x509::crl::{Crl, CrlIndex};
use countersign_x509::pem::sections;
use countersign_x509::verify::{Checks, VerifiedChain, VerifyError, verify};

/// Shortly after what OpenSSL makes now begins to be valid: it knows no other time.
fn now(folder: &Folder) -> Timestamp {
    let text = folder.read("root-ca.crt");
    let sections = sections(&text).unwrap();
    let root = Certificate::parse(&sections.first().unwrap().der).unwrap();
    Timestamp::from_seconds(root.not_before().seconds() + 3600)
}

fn verified(folder: &Folder, client: &str, lists: Option<&[&str]>) -> Result<VerifiedChain, VerifyError> {
    let authorities = Authorities::from_pem(&[&folder.read("root-ca.crt")]).unwrap();
    let lists = lists.map(|files| {
        let lists = files.iter().map(|file| Crl::parse(&folder.read(file)).unwrap());
        CrlIndex::new(lists, &authorities).unwrap()
    });
    let chain = sections(&folder.read(client)).unwrap();
    let chain = chain.iter().map(|section| section.der.as_slice());
    verify(
        chain,
        &authorities,
        lists.as_ref(),
        Checks::default(),
        now(folder),
    )
}

/// A root as the prototype's makefile makes it, of this kind of key.
fn root(folder: &Folder, key: &str) {
    folder.write(
        "root-ca.cnf",
        "[req]\ndistinguished_name = dn\nx509_extensions = ext\nprompt = no\n[dn]\nCN = root\n[ext]\n\
         basicConstraints = critical, CA:true\n\
         keyUsage = critical, digitalSignature, keyEncipherment, keyCertSign, cRLSign\n\
         extendedKeyUsage = clientAuth, serverAuth\n\
         subjectAltName = URI:spiffe://www.jazstudios.com/\n",
    );
    folder.openssl(&format!("genpkey {key} -out root-ca.key"));
    folder.openssl(
        "req -x509 -new -nodes -key root-ca.key -sha256 -days 6000 -subj /CN=jazstudios.com -config root-ca.cnf -out root-ca.crt",
    );
}

/// A client's certificate of it: the subject of the request, the names of the extension file.
fn client(folder: &Folder, key: &str, digest: &str) {
    folder.write(
        "client.cnf",
        "[req]\ndistinguished_name = dn\nprompt = no\n[dn]\nCN = joe2\n[ext]\nbasicConstraints = CA:FALSE\n\
         keyUsage = digitalSignature, keyEncipherment, dataEncipherment\nextendedKeyUsage = clientAuth\n\
         subjectAltName = URI:spiffe://www.jazstudios.com/joe\n",
    );
    folder.openssl(&format!("genpkey {key} -out client.key"));
    folder.openssl("req -new -key client.key -days 30 -config client.cnf -out client.csr");
    folder.openssl(&format!(
        "x509 -req -in client.csr -CA root-ca.crt -CAkey root-ca.key -CAcreateserial -days 6000 {digest} -extfile client.cnf -extensions ext -out client.crt",
    ));
}

/// MT-41 and MT-43: an authority with usages and a name of its own, and a client of it.
#[test]
fn the_client_of_the_prototypes_recipe_holds() {
    let folder = Folder::new();
    let rsa = "-algorithm RSA -pkeyopt rsa_keygen_bits:4096";
    root(&folder, rsa);
    client(&folder, "-algorithm RSA -pkeyopt rsa_keygen_bits:2048", "-sha256");
    let chain = verified(&folder, "client.crt", None).unwrap();
    assert_eq!(chain.leaf().subject().nginx(), "CN=joe2");
    assert_eq!(chain.leaf().issuer().nginx(), "CN=jazstudios.com");
    assert_eq!(
        chain.leaf().sans(),
        [Uri("spiffe://www.jazstudios.com/joe".into())]
    );
    let anchor = chain.anchor().unwrap();
    assert_eq!(anchor.sans(), [Uri("spiffe://www.jazstudios.com/".into())]);
    assert_eq!(anchor.extended_key_usages().map(<[_]>::len), Some(2));
    // The root itself is nobody's client.
    let itself = verified(&folder, "root-ca.crt", None).unwrap_err();
    assert_eq!(itself, VerifyError::AuthorityAsClient);
}

#[test]
fn keys_and_signatures_of_every_kind_that_is_accepted_hold() {
    let ec = |curve: &str| format!("-algorithm EC -pkeyopt ec_paramgen_curve:{curve}");
    let rsa = |bits: u32| format!("-algorithm RSA -pkeyopt rsa_keygen_bits:{bits}");
    let pss = "-sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:-1";
    for (authority, key, digest, expect) in [
        (rsa(2048), rsa(2048), "-sha256".to_owned(), None),
        (rsa(2048), ec("P-256"), "-sha384".to_owned(), None),
        (rsa(2048), ec("P-384"), "-sha512".to_owned(), None),
        (rsa(2048), ec("P-521"), format!("-sha256 {pss}"), None),
        (ec("P-256"), rsa(2048), "-sha256".to_owned(), None),
        (ec("P-384"), ec("P-256"), "-sha384".to_owned(), None),
        (ec("P-521"), ec("P-256"), "-sha512".to_owned(), None),
        (
            "-algorithm ED25519".to_owned(),
            "-algorithm ED25519".to_owned(),
            String::new(),
            None,
        ),
        (
            rsa(2048),
            rsa(1024),
            "-sha256".to_owned(),
            Some(VerifyError::WeakKey),
        ),
        (
            rsa(2048),
            ec("secp256k1"),
            "-sha256".to_owned(),
            Some(VerifyError::WeakKey),
        ),
        (
            rsa(2048),
            "-algorithm ED448".to_owned(),
            "-sha256".to_owned(),
            Some(VerifyError::WeakKey),
        ),
        (
            rsa(1024),
            ec("P-256"),
            "-sha256".to_owned(),
            Some(VerifyError::Signature),
        ),
        (
            rsa(2048),
            ec("P-256"),
            "-sha1".to_owned(),
            Some(VerifyError::SignatureAlgorithm),
        ),
        (
            ec("P-256"),
            ec("P-256"),
            "-sha1".to_owned(),
            Some(VerifyError::SignatureAlgorithm),
        ),
    ] {
        let folder = Folder::new();
        root(&folder, &authority);
        client(&folder, &key, &digest);
        let error = verified(&folder, "client.crt", None).err();
        assert_eq!(error, expect, "{authority} {key} {digest}");
    }
}

#[test]
fn a_key_on_brainpool_does_not_hold_and_one_for_rsa_pss_alone_does() {
    for (key, expect) in [
        (
            "-algorithm EC -pkeyopt ec_paramgen_curve:brainpoolP256r1",
            Some(VerifyError::WeakKey),
        ),
        ("-algorithm RSA-PSS -pkeyopt rsa_keygen_bits:2048", None),
    ] {
        let folder = Folder::new();
        root(&folder, "-algorithm EC -pkeyopt ec_paramgen_curve:P-256");
        client(&folder, key, "-sha256");
        assert_eq!(verified(&folder, "client.crt", None).err(), expect, "{key}");
    }
}

#[test]
fn lists_of_openssl_are_read_in_both_versions() {
    let folder = Folder::new();
    root(&folder, "-algorithm EC -pkeyopt ec_paramgen_curve:P-256");
    client(
        &folder,
        "-algorithm EC -pkeyopt ec_paramgen_curve:P-256",
        "-sha256",
    );
    folder.write("index.txt", "");
    folder.write("number", "1000\n");
    folder.write(
        "ca.cnf",
        "[ca]\ndefault_ca = x\n[x]\ndatabase = index.txt\ncrlnumber = number\ndefault_md = sha256\ndefault_crl_days = 30\n\
         crl_extensions = ext\n[ext]\nauthorityKeyIdentifier = keyid\n",
    );
    let plain = String::from_utf8(folder.read("ca.cnf")).unwrap();
    folder.write(
        "plain.cnf",
        plain
            .replace("crl_extensions = ext\n", "")
            .replace("crlnumber = number\n", ""),
    );
    let list = |config: &str, out: &str| {
        folder.openssl(&format!(
            "ca -config {config} -gencrl -cert root-ca.crt -keyfile root-ca.key -out {out}"
        ));
        Crl::parse(&folder.read(out)).unwrap()
    };
    assert_eq!(list("ca.cnf", "empty.pem").number(), [0x10, 0]);
    list("plain.cnf", "plain-empty.pem");
    for empty in ["empty.pem", "plain-empty.pem"] {
        assert!(verified(&folder, "client.crt", Some(&[empty])).is_ok(), "{empty}");
    }
    folder.openssl("ca -config ca.cnf -revoke client.crt -crl_reason keyCompromise -cert root-ca.crt -keyfile root-ca.key");
    assert_eq!(list("ca.cnf", "revoked.pem").revoked(), 1);
    assert_eq!(list("plain.cnf", "plain-revoked.pem").revoked(), 1);
    folder.openssl("crl -in revoked.pem -outform DER -out revoked.der");
    for revoked in ["revoked.pem", "revoked.der", "plain-revoked.pem"] {
        let error = verified(&folder, "client.crt", Some(&[revoked])).unwrap_err();
        assert_eq!(error, VerifyError::Revoked, "{revoked}");
    }
}
