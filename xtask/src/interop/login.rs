//! `cargo xtask interop login`: a person with a real browser logs in at real OpenID Providers, is renewed, and is logged out
//! from either side. Each provider is started on loopback with a realm of our own, each step is a line of a table.

use crate::{Failure, cargo, say, target, tools};
use browser::{Browser, Shown};
use site::Ports;
use std::path::{Path, PathBuf};
use visit::Visit;

mod browser;
mod hydra;
mod keycloak;
mod service;
mod site;
mod visit;
mod zitadel;

/// A client of the provider's, and a login of ours.
struct Login {
    name: &'static str,
    /// Lines of `[login.NAME]`: its client, and whatever is special.
    options: String,
}

/// A provider that runs, with a user named ann.
trait Provider {
    fn name(&self) -> &'static str;

    /// As its discovery document says it.
    fn issuer(&self) -> String;

    /// What the URL of its form begins with.
    fn form(&self) -> String {
        let issuer = self.issuer();
        issuer.splitn(4, '/').take(3).collect::<Vec<_>>().join("/")
    }

    /// The logins of the site that stands alone, each of a client of the provider's.
    fn logins(&self) -> Vec<Login>;

    /// The client of the site beside nginx, and the secret of every client that has one.
    fn client(&self) -> (&'static str, &'static str);

    /// Whether it sends browsers back after a logout.
    fn leads_back(&self) -> bool;

    /// Ann fills in the form that is shown, and is where the URL begins with `until`.
    fn sign_in(&self, browser: &mut Browser, until: &str) -> Result<Shown, Failure>;

    /// What its administrators can do, where it has any.
    fn administrators(&self) -> Option<&dyn Administrators>;

    /// Whether clients are told of logouts behind the browser's back.
    fn tells_of_logouts(&self, login: &str) -> bool;

    /// Whether its access tokens last less than a minute.
    fn is_short_lived(&self) -> bool;
}

/// Who can do something about people.
trait Administrators {
    /// Ends ann's sessions.
    fn end_sessions(&self) -> Result<(), Failure>;

    /// Says whether ann may log in; `false` where there is no such thing.
    fn enable(&self, enabled: bool) -> Result<bool, Failure>;
}

/// The program as built for tests: it is asked by one person.
fn program() -> PathBuf {
    target().join("debug/countersign")
}

/// The whole chore, for providers of these names, or all.
pub(crate) fn run(names: &[&str]) -> Result<(), Failure> {
    let known = [
        ("keycloak", keycloak as Start),
        ("zitadel", zitadel),
        ("hydra", hydra),
    ];
    if let Some(other) = names
        .iter()
        .find(|name| known.iter().all(|(own, _)| own != *name))
    {
        let all = known.map(|(name, _)| name).join(", ");
        return Err(format!("no provider {other:?}: {all}").into());
    }
    tools::for_logins()?;
    cargo(&["build", "-p", "countersign"])?;
    let mut faults = Vec::new();
    for (name, start) in known {
        if !names.is_empty() && !names.contains(&name) {
            continue;
        }
        let folder = target().join("interop-login").join(name);
        drop(std::fs::remove_dir_all(&folder));
        std::fs::create_dir_all(&folder)?;
        let ports = Ports::free()?;
        site::application(ports.application)?;
        say(&format!(
            "\n{name}, in {}\n\n| login | what | found |\n|---|---|---|",
            folder.display()
        ));
        let provider = start(&folder, ports)?;
        visits(provider.as_ref(), &folder, ports, &mut faults)?;
    }
    if faults.is_empty() {
        return Ok(());
    }
    Err(format!("did not go well:\n{}", faults.join("\n")).into())
}

type Start = fn(&Path, Ports) -> Result<Box<dyn Provider>, Failure>;

fn zitadel(folder: &Path, ports: Ports) -> Result<Box<dyn Provider>, Failure> {
    Ok(Box::new(zitadel::Zitadel::start(folder, ports)?))
}

fn hydra(folder: &Path, ports: Ports) -> Result<Box<dyn Provider>, Failure> {
    Ok(Box::new(hydra::Hydra::start(folder, ports)?))
}

fn keycloak(folder: &Path, ports: Ports) -> Result<Box<dyn Provider>, Failure> {
    Ok(Box::new(keycloak::Keycloak::start(folder, ports)?))
}

/// Everything with one provider.
fn visits(
    provider: &dyn Provider,
    folder: &Path,
    ports: Ports,
    faults: &mut Vec<String>,
) -> Result<(), Failure> {
    let _alone = site::alone(folder, ports, provider)?;
    let (_gateway, _nginx, root) = site::beside_nginx(folder, ports, provider)?;
    let mut browser = Browser::start(folder, Some(&root))?;
    let mut visits = provider
        .logins()
        .into_iter()
        .map(|login| Visit {
            provider,
            name: login.name,
            url: ports.alone(login.name, ""),
            logout: "/.countersign/logout",
            tells: provider.tells_of_logouts(login.name),
        })
        .collect::<Vec<_>>();
    visits.push(Visit {
        provider,
        name: "beside nginx",
        url: ports.nginx(""),
        logout: "/logout",
        tells: false,
    });
    // A provider that was just started takes its time over its first pages.
    for visit in &visits {
        drop(browser.go(&visit.page()));
    }
    for visit in visits {
        browser.anew()?;
        for (what, step) in Visit::STEPS {
            let found = step(&visit, &mut browser);
            let told = match &found {
                Ok(told) => told.clone(),
                Err(why) => format!("**{why}**"),
            };
            say(&format!("| {} | {what} | {told} |", visit.name));
            if let Err(why) = found {
                faults.push(format!("{}, {}, {what}: {why}", provider.name(), visit.name));
                break;
            }
        }
    }
    Ok(())
}
