//! OpenID Providers that people log in at, for `cargo xtask interop login`.

use super::{FOR_TESTS, Tool, debian, kept, node, policy};
use crate::{Failure, run, say};
use std::path::PathBuf;
use std::process::Command;

/// What runs and builds them.
const FOR_PROVIDERS: [Tool; 4] = [
    ("java", "default-jre-headless"),
    ("mvn", "maven"),
    ("unzip", "unzip"),
    ("go", "golang-go"),
];
const KEYCLOAK: &str = "26.5.5";
const ZITADEL: &str = "github.com/zitadel/oidc/v3/example/server@v3.51.17";
/// Ory Hydra is no program that `go install` takes: it wants a library in a version of its makers' own.
const HYDRA: &str = "v2.3.0";
const HYDRA_MODULE: &str = "module countersign.test/hydra

go 1.24

require github.com/ory/hydra/v2 v2.3.0

replace github.com/gobuffalo/pop/v6 => github.com/ory/pop/v6 v6.2.1-0.20241121111754-e5dfc0f3344b
";
/// Maven's own plug-in that puts an artifact into a folder.
const COPY: &str = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy";

/// Everything `cargo xtask interop login` needs.
pub(crate) fn for_logins() -> Result<(), Failure> {
    debian(&[FOR_TESTS.as_slice(), &FOR_PROVIDERS].concat())?;
    policy()?;
    node::with_packages()?;
    unpack_keycloak()?;
    build_zitadel()?;
    build_hydra()
}

/// Where Keycloak is unpacked.
pub(crate) fn keycloak() -> PathBuf {
    kept().join("keycloak").join(format!("keycloak-{KEYCLOAK}"))
}

/// The program of zitadel's example.
pub(crate) fn zitadel() -> PathBuf {
    kept().join("zitadel/server")
}

fn build_zitadel() -> Result<(), Failure> {
    if zitadel().exists() {
        return Ok(());
    }
    say(&format!("building {ZITADEL}"));
    run(Command::new("go")
        .args(["install", ZITADEL])
        .env("GOBIN", kept().join("zitadel")))
}

fn unpack_keycloak() -> Result<(), Failure> {
    if keycloak().join("bin/kc.sh").exists() {
        return Ok(());
    }
    let folder = kept().join("keycloak");
    std::fs::create_dir_all(&folder)?;
    say(&format!("installing Keycloak {KEYCLOAK}"));
    run(Command::new("mvn")
        .args(["-q", "-B", COPY])
        .arg(format!(
            "-Dartifact=org.keycloak:keycloak-quarkus-dist:{KEYCLOAK}:zip"
        ))
        .arg(format!("-DoutputDirectory={}", folder.display())))?;
    let archive = folder.join(format!("keycloak-quarkus-dist-{KEYCLOAK}.zip"));
    run(Command::new("unzip")
        .args(["-q", "-o"])
        .arg(&archive)
        .arg("-d")
        .arg(&folder))?;
    std::fs::remove_file(archive)?;
    Ok(())
}

/// The program of Ory Hydra.
pub(crate) fn hydra() -> PathBuf {
    kept().join("hydra").join(HYDRA).join("hydra")
}

fn build_hydra() -> Result<(), Failure> {
    if hydra().exists() {
        return Ok(());
    }
    let folder = kept().join("hydra").join(HYDRA);
    std::fs::create_dir_all(&folder)?;
    std::fs::write(folder.join("go.mod"), HYDRA_MODULE)?;
    say(&format!("building Ory Hydra {HYDRA}: some minutes"));
    run(Command::new("go").arg("-C").arg(&folder).args([
        "build",
        "-mod=mod",
        "-tags",
        "sqlite",
        "-o",
        "hydra",
        "github.com/ory/hydra/v2",
    ]))
}
