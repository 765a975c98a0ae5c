//! Three clients that know nothing of us: openid-client, which is certified, mod_auth_openidc of Debian, and JupyterHub.

use super::example::browser;
use super::site::{ANN, BY_KEY, BY_SECRET, Provider, SECRET};
use crate::curl::Place;
use crate::process::{Process, free_addresses, repository, tool, until_open};
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::process::Command;

/// Where Debian keeps Apache's modules.
const MODULES: &str = "/usr/lib/apache2/modules";

#[test]
fn a_certified_client_of_node_logs_in_with_a_certificate() {
    for (proof, lines) in [
        (format!("secret:{SECRET}"), BY_SECRET),
        ("key:client.key".to_owned(), BY_KEY),
    ] {
        let [address] = free_addresses();
        let (back, out) = ("https://app.test/callback", "https://app.test/goodbye");
        let lines = format!("{lines}offline = true\npost_logout_redirect_uris = [\"{out}\"]\n");
        let provider = Provider::with_client(address, back, &lines);
        let mut command = tool("node");
        command
            .arg(repository().join("tests-node/client.mjs"))
            .args([&provider.issuer, "app", &proof, back, out])
            .current_dir(&provider.folder.0)
            .env("NODE_EXTRA_CA_CERTS", provider.folder.path("ca/root.crt"));
        let mut client = Process::start("openid-client", &mut command);
        let asked = told(&mut client, "where the browser goes", "url");
        client.tell(&provider.sends_to(asked["url"].as_str().unwrap()));
        let first = told(&mut client, "what it made of it", "claims");
        for about in [&first["claims"], &first["userinfo"]] {
            assert_eq!(
                (&about["sub"], &about["email"]),
                (&ANN.into(), &ANN.into()),
                "{first}"
            );
        }
        assert_eq!(first["claims"]["iss"], provider.issuer.as_str());
        let next = told(&mut client, "what it was given later", "renewed");
        assert_eq!(
            (&next["renewed"]["sub"], &next["expires_in"]),
            (&ANN.into(), &60.into()),
            "{next}"
        );
        let leaves = told(&mut client, "where the browser logs out", "out");
        assert_eq!(
            provider.sends_to(leaves["out"].as_str().unwrap()),
            format!("{out}?state={}", leaves["state"].as_str().unwrap())
        );
    }
}

/// The line of JSON about `name`.
fn told(client: &mut Process, what: &str, name: &str) -> Value {
    let line = client.line(what, |line| line.starts_with(&format!("{{\"{name}\":")));
    serde_json::from_str(&line).unwrap()
}

/// Apache's module keeps a session of its own, and tells the application the claims in headers. Here a page of Apache's,
/// `page.shtml`, shows what they came to, `out.shtml` is for everybody, and Apache tells which requests it has answered.
fn apache(provider: &Provider, at: SocketAddr, more: &str) -> Process {
    let folder = &provider.folder;
    std::fs::create_dir(folder.0.join("www")).unwrap();
    folder.write(
        "www/page.shtml",
        "<!--#echo var=\"OIDC_CLAIM_sub\" --> at <!--#echo var=\"OIDC_CLAIM_iss\" -->",
    );
    folder.write("www/out.shtml", "Goodbye.");
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
         Listen {at}\n{modules}User nobody\nGroup nogroup\nErrorLog /dev/stderr\nDocumentRoot {root}/www\n\
         CustomLog /dev/stdout \"%m %U%q %>s\"\n\
         TypesConfig /dev/null\nAddType text/html .shtml\nAddOutputFilter INCLUDES .shtml\n\
         OIDCProviderMetadataURL {issuer}/.well-known/openid-configuration\nOIDCCABundlePath {root}/www/root.crt\n\
         OIDCClientID app\nOIDCClientSecret \"{SECRET}\"\nOIDCRedirectURI {origin}/callback\nOIDCPKCEMethod S256\n\
         OIDCCryptoPassphrase passphrase\nOIDCScope \"openid email\"\nOIDCPassClaimsAs environment\n{more}\n\
         <Location />\n  AuthType openid-connect\n  Require valid-user\n  Options +Includes\n</Location>\n\
         <Location /out.shtml>\n  AuthType None\n  Require all granted\n</Location>\n",
        root = folder.0.display(),
        modules = modules.concat(),
        issuer = provider.issuer,
        origin = origin(at),
    );
    let file = folder.write("apache.conf", text);
    let mut command = Command::new("apache2");
    command.args(["-DFOREGROUND", "-f"]).arg(file);
    let mut apache2 = Process::start("apache2", &mut command);
    until_open(&mut apache2, at);
    apache2
}

fn origin(at: SocketAddr) -> String {
    format!("http://localhost:{}", at.port())
}

#[test]
fn mod_auth_openidc_logs_in_with_a_certificate() {
    let [address, at] = free_addresses();
    let origin = origin(at);
    let provider = Provider::start(address, &format!("{origin}/callback"));
    let _apache2 = apache(&provider, at, "");
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

/// In Chromium, which is posted back to it, logs out at the provider and then there.
#[test]
fn mod_auth_openidc_is_posted_the_answer_and_told_of_logouts() {
    let [address, at] = free_addresses();
    let origin = origin(at);
    let (page, out) = (format!("{origin}/page.shtml"), format!("{origin}/out.shtml"));
    let lines = format!(
        "{BY_SECRET}backchannel_logout_uri = \"{origin}/callback?logout=backchannel\"\n\
         post_logout_redirect_uris = [\"{out}\"]\n"
    );
    let provider = Provider::with_client(address, &format!("{origin}/callback"), &lines);
    let mut apache2 = apache(&provider, at, "OIDCResponseMode form_post");
    let mut browser = browser(&provider.folder, Some(ANN));
    let goes = |url: &str, until: &str| json!({ "do": "go", "url": url, "until": until });
    let greeting = format!("{ANN} at {}", provider.issuer);
    let again = format!("Continue as {ANN}");

    let shown = browser.does(&goes(&page, &page));
    assert_eq!((shown.status, shown.text.as_str()), (200, greeting.as_str()));
    assert_eq!(shown.errors, [""; 0]);
    apache2.line("the answer that was posted", |line| line == "POST /callback 302");

    // At the provider: who is signed in is asked, and the module is told.
    let shown = browser.go(&format!("{}/.countersign/logout", provider.issuer));
    assert_eq!(shown.status, 200, "{}", shown.text);
    let shown = browser.press("Sign out", &provider.issuer);
    assert!(shown.text.contains("Your session has ended"), "{}", shown.text);
    apache2.line("that it was told", |line| {
        line == "POST /callback?logout=backchannel 200"
    });
    let shown = browser.does(&goes(&page, &provider.issuer));
    assert!(shown.text.contains(&again), "{}", shown.text);
    let shown = browser.press(&again, &page);
    assert_eq!((shown.status, shown.text.as_str()), (200, greeting.as_str()));

    // At the module: the provider's session ends, and the browser is back.
    let leaves = url::form_urlencoded::byte_serialize(out.as_bytes()).collect::<String>();
    let shown = browser.does(&goes(&format!("{origin}/callback?logout={leaves}"), &out));
    assert_eq!((shown.status, shown.text.as_str()), (200, "Goodbye."));
    let shown = browser.does(&goes(&page, &provider.issuer));
    assert!(shown.text.contains(&again), "{}", shown.text);
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
