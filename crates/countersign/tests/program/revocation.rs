//! How long a revocation takes to count, as the start tells it.

use super::gateway::{Folder, Gateway};
use countersign_testkit::pki::{Authority, Key, Revocations};

const CONFIG: &str = r#"config = 1

[[listen]]
address = "127.0.0.1:0"
speak = "auth-request"
trusted_peers = ["127.0.0.1"]

[certificate.staff]
authorities = ["root.pem"]
crls = ["lists.crl"]
crl_urls = ["https://127.0.0.1:1/home.crl"]
crl_refresh = "90s"

[[route]]
hosts = ["app.test"]
paths = ["/**"]
accept = ["certificate.staff"]
"#;

#[test]
fn the_start_tells_how_long_a_revocation_takes() {
    let folder = Folder::new();
    let root = Authority::root("Home", Key(1));
    folder.write("root.pem", root.pem());
    folder.write("lists.crl", root.revoke(&Revocations::of(&[])));
    let mut gateway = Gateway::start(&folder, &folder.write("a.toml", CONFIG));
    let files = gateway.line("crl_watched");
    assert!(files.contains("files are looked at every 1 s"), "{files}");
    let urls = gateway.line("crl_watched");
    assert!(
        urls.contains("https://127.0.0.1:1/home.crl: fetched every 90 s"),
        "{urls}"
    );
}
