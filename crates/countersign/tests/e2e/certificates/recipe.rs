//! The certificates of the prototype that the example takes the place of, made by its own commands.

use super::site::{Kind, Site, WHAT, openssl};
use crate::fronts::{change, read, reason};
use crate::http::Answer;
use crate::process::{Folder, repository};
use std::process::Command;

/// Its three files of extensions, and the commands of its makefile, without the domain.
fn make(folder: &Folder) {
    let section = |name: &str, extensions: &str| {
        format!(
            "[req]\ndistinguished_name = dn\nx509_extensions = ext\nprompt = no\n[dn]\nCN = {name}\n[ext]\n{extensions}"
        )
    };
    let uri = |path: &str| format!("subjectAltName = URI:spiffe://www.jazstudios.com/{path}\n");
    let root = "basicConstraints = critical, CA:true\nkeyUsage = critical, digitalSignature, keyEncipherment, keyCertSign, cRLSign\n\
                extendedKeyUsage = clientAuth, serverAuth\n";
    let server = "keyUsage = keyEncipherment, dataEncipherment\nextendedKeyUsage = serverAuth\n";
    let client = "basicConstraints = CA:FALSE\nkeyUsage = digitalSignature, keyEncipherment, dataEncipherment\n\
                  extendedKeyUsage = clientAuth\n";
    folder.write("root.cnf", section("root", &format!("{root}{}", uri(""))));
    folder.write(
        "server.cnf",
        section("server", &format!("{server}{}", uri("server"))),
    );
    folder.write("client.cnf", section("joe2", &format!("{client}{}", uri("joe"))));
    openssl(
        folder,
        "req -x509 -nodes -newkey rsa:4096 -keyout root-ca.key -out root-ca.crt -sha256 -days 6000 -subj /CN=jazstudios.com -config root.cnf",
    );
    for name in ["server", "client"] {
        openssl(
            folder,
            &format!(
                "req -new -nodes -newkey rsa:2048 -keyout {name}.key -out {name}.csr -days 30 -config {name}.cnf"
            ),
        );
        openssl(
            folder,
            &format!(
                "x509 -req -in {name}.csr -CA root-ca.crt -CAkey root-ca.key -CAcreateserial -out {name}.crt -days 6000 -sha256 \
                 -extfile {name}.cnf -extensions ext"
            ),
        );
    }
}

/// The example with those files in place of `countersign ca`'s, and names of workloads.
fn start(kind: Kind) -> Site {
    Site::start_edited(kind, |folder| {
        make(folder);
        let configuration = kind.configuration(WHAT, folder);
        change(&configuration, "[\"ca/authorities.pem\"]", "[\"root-ca.crt\"]");
        change(
            &configuration,
            "subject     = \"san.email\"",
            "trust_domain = \"www.jazstudios.com\"",
        );
        change(&configuration, "crls        = [\"ca/crls.pem\"]", "");
        let served = match kind {
            Kind::Nginx => {
                let served = folder.0.join("app.conf");
                change(&served, "ca/authorities.pem", "root-ca.crt");
                served
            }
            Kind::Caddy | Kind::Traefik | Kind::Standalone => configuration,
        };
        change(&served, "ca/issued/app.test.", "server.");
    })
}

/// The prototype's call, as the page for its users has it.
fn the_call(site: &Site) -> Answer {
    let page = read(&repository().join("docs/migrate/nginx-mtls.md"));
    let call = page
        .lines()
        .find_map(|line| line.strip_prefix("$ curl "))
        .unwrap();
    let here = call.replace(":8443", &format!(":{}", site.secure.port()));
    let script = format!("curl -s -i --noproxy '*' --connect-to ::{} {here}", site.secure);
    let mut command = Command::new("bash");
    let output = command
        .args(["-c", &script])
        .current_dir(&site.folder.0)
        .output()
        .unwrap();
    Answer::read(&mut output.stdout.as_slice(), false).unwrap()
}

fn check(kind: Kind) {
    let site = start(kind);
    let options = ["-k", "--header", "Content-Type: application/json"];
    let page = "/.countersign/whoami";
    let joe = the_call(&site);
    assert_eq!(joe.status, 200, "{joe:?}");
    let told = [
        ("SSL_Client_San", "[\"spiffe://www.jazstudios.com/joe\"]"),
        ("SSL_Client_Issuer", "CN=jazstudios.com"),
        ("SSL_Client", "CN=joe2"),
        ("SSL_Client_Verify", "SUCCESS"),
    ];
    for (name, value) in told {
        assert_eq!(joe.header(name), Some(value), "{joe:?}");
    }
    assert!(
        joe.body
            .contains("\"subject\":\"spiffe://www.jazstudios.com/joe\""),
        "{joe:?}"
    );
    let nobody = site.get_with(page, None, &options);
    assert_eq!(
        (nobody.status, reason(&nobody).as_str()),
        (403, "certificate_required")
    );
    assert_eq!(site.get_with("/page", Some("client"), &options).status, 200);
    assert_eq!(
        site.seen().said("X-Auth-Subject"),
        ["spiffe://www.jazstudios.com/joe"]
    );
    if kind == Kind::Standalone {
        let said = site.gateway.written();
        assert!(said.contains("holds no DNS name"), "{said}");
    }
}

#[test]
fn behind_nginx_the_prototypes_own_certificates_and_calls_get_its_answers() {
    check(Kind::Nginx);
}

#[test]
fn standing_alone_the_prototypes_own_certificates_and_calls_get_its_answers() {
    check(Kind::Standalone);
}
