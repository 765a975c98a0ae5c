//! Three clients that know nothing of us: openid-client, which is certified, mod_auth_openidc of Debian, and JupyterHub.

use super::site::{ANN, Provider, SECRET};
use crate::curl::Place;
use crate::process::{Process, free_addresses, repository, tool, until_open};
use serde_json::Value;
use std::process::Command;

/// Where Debian keeps Apache's modules.
const MODULES: &str = "/usr/lib/apache2/modules";

#[test]
fn a_certified_client_of_node_logs_in_with_a_certificate() {
    let [address] = free_addresses();
    let back = "https://app.test/callback";
    let provider = Provider::start(address, back);
    let mut command = tool("node");
    command
        .current_dir(repository().join("tests-node"))
        .args(["client.mjs", &provider.issuer, "app", SECRET, back])
        .env("NODE_EXTRA_CA_CERTS", provider.folder.path("ca/root.crt"));
    let mut client = Process::start("openid-client", &mut command);
    let asked = client.line("where the browser goes", |line| line.contains("\"url\""));
    let asked = serde_json::from_str::<Value>(&asked).unwrap();
    client.tell(&provider.sends_to(asked["url"].as_str().unwrap()));
    let told = client.line("what it made of it", |line| line.contains("\"claims\""));
    let told = serde_json::from_str::<Value>(&told).unwrap();
    for about in [&told["claims"], &told["userinfo"]] {
        assert_eq!(
            (&about["sub"], &about["email"]),
            (&ANN.into(), &ANN.into()),
            "{told}"
        );
    }
    assert_eq!(told["claims"]["iss"], provider.issuer.as_str());
}

/// Apache's module keeps a session of its own, and tells the application the claims in headers. Here a page of Apache's shows
/// what they came to.
#[test]
fn mod_auth_openidc_logs_in_with_a_certificate() {
    let [address, apache] = free_addresses();
    let origin = format!("http://localhost:{}", apache.port());
    let provider = Provider::start(address, &format!("{origin}/callback"));
    let folder = &provider.folder;
    std::fs::create_dir(folder.0.join("www")).unwrap();
    folder.write(
        "www/page.shtml",
        "<!--#echo var=\"OIDC_CLAIM_sub\" --> at <!--#echo var=\"OIDC_CLAIM_iss\" -->",
    );
    // Its workers are nobody, who may not look into the authority's folder.
    std::fs::copy(folder.0.join("ca/root.crt"), folder.0.join("www/root.crt")).unwrap();
    let modules = [
        "mpm_event",
        "authn_core",
        "authz_core",
        "authz_user",
        "auth_openidc",
        "include",
        "mime",
        "env",
    ];
    let modules = modules.map(|name| format!("LoadModule {name}_module {MODULES}/mod_{name}.so\n"));
    let text = format!(
        "ServerName localhost\nServerRoot {root}\nPidFile {root}/apache.pid\nDefaultRuntimeDir {root}\n\
         Listen {apache}\n{modules}User nobody\nGroup nogroup\nErrorLog /dev/stderr\nDocumentRoot {root}/www\n\
         TypesConfig /dev/null\nAddType text/html .shtml\nAddOutputFilter INCLUDES .shtml\n\
         OIDCProviderMetadataURL {issuer}/.well-known/openid-configuration\nOIDCCABundlePath {root}/www/root.crt\n\
         OIDCClientID app\nOIDCClientSecret \"{SECRET}\"\nOIDCRedirectURI {origin}/callback\nOIDCPKCEMethod S256\n\
         OIDCCryptoPassphrase passphrase\nOIDCScope \"openid email\"\nOIDCPassClaimsAs environment\n\
         <Location />\n  AuthType openid-connect\n  Require valid-user\n  Options +Includes\n</Location>\n",
        root = folder.0.display(),
        modules = modules.concat(),
        issuer = provider.issuer,
    );
    let file = folder.write("apache.conf", text);
    let mut command = Command::new("apache2");
    command.args(["-DFOREGROUND", "-f"]).arg(file);
    let mut apache2 = Process::start("apache2", &mut command);
    until_open(&mut apache2, apache);
    let Place {
        url,
        status,
        body: shown,
    } = provider.follow(&format!("{origin}/page.shtml"));
    assert_eq!(
        (url.as_str(), status),
        (format!("{origin}/page.shtml").as_str(), 200),
        "{shown}"
    );
    assert!(
        shown.contains(&format!("{ANN} at {}", provider.issuer)),
        "{shown}"
    );
}

#[test]
fn jupyterhub_logs_in_with_a_certificate() {
    let [address, hub] = free_addresses();
    let origin = format!("http://localhost:{}", hub.port());
    let provider = Provider::start(address, &format!("{origin}/hub/oauth_callback"));
    let program = repository().join(".tools/venv/bin/jupyterhub");
    assert!(program.exists(), "jupyterhub is missing: run `cargo xtask tools`");
    let mut command = Command::new(program);
    command
        .arg("-f")
        .arg(repository().join("tests-python/jupyterhub_config.py"))
        .current_dir(&provider.folder.0)
        .env("ISSUER", &provider.issuer)
        .env("ORIGIN", &origin)
        .env("SECRET", SECRET)
        .env("SSL_CERT_FILE", provider.folder.path("ca/root.crt"));
    let mut jupyterhub = Process::start("jupyterhub", &mut command);
    until_open(&mut jupyterhub, hub);
    let there = format!("{origin}/hub/token");
    let Place {
        url,
        status,
        body: shown,
    } = provider.follow(&format!("{origin}/hub/oauth_login?next=%2Fhub%2Ftoken"));
    assert_eq!((url, status), (there, 200), "{shown}");
    assert!(shown.contains(&format!("user: \"{ANN}\"")), "{shown}");
}
