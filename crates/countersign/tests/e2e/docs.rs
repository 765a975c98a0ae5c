//! The documentation, followed: every command in it is given as it stands and gets the answer it is shown to get, or is
//! named below with the test that gives it.

use crate::process::repository;
use page::Page;
use session::Shell;
use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

mod elsewhere;
mod page;
mod place;
mod session;

use elsewhere::{CHORES, GIVEN};
use place::{FOLLOWED, Followed};

/// Where the tests of the program are.
const TESTS: &str = "crates/countersign/tests";
/// Programs whose names begin a command, where prose or a comment names one.
const PROGRAMS: [&str; 12] = [
    "countersign",
    "cargo",
    "nginx",
    "caddy",
    "traefik",
    "systemctl",
    "curl",
    "openssl",
    "rustup",
    "apt-get",
    "docker",
    "npm",
];

/// Every page there is, and every comment of the examples that is a page's in the reader's eyes.
fn files() -> Vec<String> {
    let list = Command::new("git")
        .args(["ls-files", "-co", "--exclude-standard"])
        .current_dir(repository())
        .output()
        .unwrap();
    let list = String::from_utf8(list.stdout).unwrap();
    let files = list.lines().filter(|file| repository().join(file).is_file());
    files.map(str::to_owned).collect()
}

fn is_page(file: &str) -> bool {
    Path::new(file)
        .extension()
        .is_some_and(|extension| extension == "md")
}

fn pages() -> Vec<Page> {
    let pages = files();
    // The scenario pages are run by a test of their own, block by block.
    let pages = pages
        .iter()
        .filter(|file| is_page(file) && !file.contains("/tests/scenarios/"));
    let pages = pages.map(|file| Page::read(file)).collect::<Vec<_>>();
    assert!(pages.len() > 15, "git lists the pages of this repository");
    pages
}

/// Commands in the comments of the examples: `#   countersign check countersign.toml`.
fn commented() -> Vec<(String, String)> {
    let examples = files();
    let examples = examples.iter().filter(|file| file.starts_with("examples/"));
    let lines = examples.flat_map(|file| {
        let text = String::from_utf8(std::fs::read(repository().join(file)).unwrap()).unwrap();
        let lines = text.lines().filter_map(|line| line.strip_prefix("#   "));
        let lines = lines.map(|line| (file.clone(), line.to_owned()));
        lines.collect::<Vec<_>>()
    });
    lines.filter(|(_, line)| is_command(line)).collect()
}

fn is_command(text: &str) -> bool {
    let mut words = text.split(' ');
    let program = words.next().unwrap_or_default();
    PROGRAMS.contains(&program) && words.next().is_some()
}

/// Whether `command` is `known`, or goes on where it ends.
fn begins_with(command: &str, known: &str) -> bool {
    let rest = command.strip_prefix(known);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '\n']))
}

fn is_followed(page: &str, heading: &str) -> bool {
    let mut followed = FOLLOWED.iter();
    followed.any(|followed| followed.page == page && followed.heading == heading)
}

fn is_given_elsewhere(command: &str) -> bool {
    let given = GIVEN.iter().map(|given| given.command).chain(CHORES);
    given.into_iter().any(|known| begins_with(command, known))
}

#[test]
fn every_section_with_commands_can_be_followed() {
    for followed in &FOLLOWED {
        follow(followed);
    }
}

/// Writes the section's files and gives its commands, from the first to the last.
fn follow(followed: &Followed) {
    let page = Page::read(followed.page);
    let section = page.section(followed.heading);
    let mut shell = Shell::open((followed.place)());
    let mut given = 0;
    for block in section {
        if let Some(file) = block.file() {
            shell.write(file, &block.lines.join("\n"));
        } else if block.is_commands() {
            for command in block.commands() {
                shell.give(&command);
                given += 1;
            }
        }
    }
    let (page, heading) = (followed.page, followed.heading);
    assert!(given > 0, "{page} has no commands below {heading:?}");
}

#[test]
fn every_command_of_the_docs_is_given_by_a_test() {
    let pages = pages();
    let (mut blocks, mut followed) = (Vec::new(), Vec::new());
    for page in &pages {
        for block in page.blocks.iter().filter(|block| block.is_commands()) {
            let lines = block.commands().into_iter().map(|command| command.line);
            if is_followed(&page.file, &block.heading) {
                followed.extend(lines);
            } else {
                blocks.extend(lines.map(|line| (page.file.clone(), line)));
            }
        }
    }
    let mut faults = Vec::new();
    let mut told = |file: &str, command: &str| faults.push(format!("{file}: `{command}`"));
    for (file, command) in blocks.iter().filter(|(_, command)| !is_given_elsewhere(command)) {
        told(file, command);
    }
    let spans = pages.iter().flat_map(|page| {
        let spans = page.spans.iter().filter(|span| is_command(span));
        spans.map(|span| (page.file.clone(), span.clone()))
    });
    let named = spans.chain(commented()).collect::<Vec<_>>();
    for (file, command) in &named {
        let shown = followed.iter().any(|followed| begins_with(followed, command));
        if !shown && !is_given_elsewhere(command) {
            told(file, command);
        }
    }
    assert!(
        faults.is_empty(),
        "{}\nno test gives these: follow the section (docs/place.rs), or name the test (docs/elsewhere.rs)",
        faults.join("\n")
    );
    let all = blocks.iter().chain(&named).map(|(_, command)| command);
    let all = all.collect::<BTreeSet<_>>();
    for given in GIVEN.iter().map(|given| given.command).chain(CHORES) {
        let used = all.iter().any(|command| begins_with(command, given));
        assert!(used, "no page names `{given}` any more");
    }
}

#[test]
fn what_is_said_to_be_given_elsewhere_is() {
    let files = files();
    for given in &GIVEN {
        let (file, folder) = (
            format!("{TESTS}/{}.rs", given.binary),
            format!("{TESTS}/{}/", given.binary),
        );
        let own = files
            .iter()
            .filter(|own| **own == file || own.starts_with(&folder));
        let mut own =
            own.map(|file| String::from_utf8(std::fs::read(repository().join(file)).unwrap()).unwrap());
        let functions = ["#[test]\nfn", "#[tokio::test]\nasync fn"];
        let functions = functions.map(|head| format!("{head} {}()", given.test));
        assert!(
            own.any(|text| functions.iter().any(|function| text.contains(function))),
            "{} has no test {}, which is to give `{}`",
            given.binary,
            given.test,
            given.command
        );
    }
    let chores = std::fs::read(repository().join("xtask/src/main.rs")).unwrap();
    let chores = String::from_utf8(chores).unwrap();
    for chore in CHORES {
        assert!(chores.contains(&format!("\n  {chore} ")), "`{chore}` is no chore");
    }
}

#[test]
fn the_program_is_where_it_is_installed_from() {
    let manifest = repository().join("crates/countersign/Cargo.toml");
    let manifest = String::from_utf8(std::fs::read(manifest).unwrap()).unwrap();
    assert!(manifest.contains("[[bin]]\nname = \"countersign\""));
}

#[test]
fn a_link_of_the_docs_leads_somewhere() {
    let mut faults = Vec::new();
    for file in files().iter().filter(|file| is_page(file)) {
        let text = String::from_utf8(std::fs::read(repository().join(file)).unwrap()).unwrap();
        for link in text.split("](").skip(1) {
            let link = link.split([')', '#']).next().unwrap_or_default();
            let folder = repository().join(file).parent().unwrap().to_owned();
            if !link.is_empty() && !link.contains("://") && !folder.join(link).exists() {
                faults.push(format!("{file} links to {link}"));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}
