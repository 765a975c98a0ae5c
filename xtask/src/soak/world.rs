//! Issuers that change their keys, go down and publish rubbish; and what of theirs is in the state folder.

use super::random::Random;
use crate::Failure;
use crate::http::Publisher;
use crate::tokens::EcKey;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

/// How many key sets an issuer has, one after the other.
const VERSIONS: usize = 4;
/// The longest padding of a key set, in bytes: writing takes as long as a file is long.
const PADDING: usize = 900_000;

/// How an issuer is at the moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Health {
    Up,
    Down,
    Rubbish,
}

/// One key set: a key under a name of its own.
struct Version {
    kid: String,
    key: EcKey,
    document: String,
}

/// An issuer.
pub(crate) struct Issuer {
    /// `t0` and so on: the name of its table, and of the host of its route.
    pub(crate) name: String,
    pub(crate) health: Health,
    /// Which version it publishes, or would.
    pub(crate) published: usize,
    port: u16,
    publisher: Option<Publisher>,
    versions: Vec<Version>,
    stranger: EcKey,
}

impl Issuer {
    pub(crate) fn start(number: usize, random: &mut Random) -> Result<Self, Failure> {
        let name = format!("t{number}");
        let version = |number: usize| -> Result<Version, Failure> {
            let (key, kid) = (EcKey::generate()?, format!("{name}-{number}"));
            let padding = "x".repeat(random.below(PADDING));
            let document = format!(r#"{{"keys":[{}],"padding":"{padding}"}}"#, key.jwk(&kid)?);
            Ok(Version { kid, key, document })
        };
        let versions = (0..VERSIONS).map(version).collect::<Result<Vec<_>, _>>()?;
        let document = versions.first().ok_or("no version")?.document.clone();
        let publisher = Publisher::start(0, document)?;
        Ok(Self {
            name,
            health: Health::Up,
            published: 0,
            port: publisher.port,
            publisher: Some(publisher),
            versions,
            stranger: EcKey::generate()?,
        })
    }

    /// The issuer as tokens name it.
    fn issuer(&self) -> String {
        format!("https://{}.soak.test", self.name)
    }

    /// Its table and route. Only members of `staff` are let in.
    pub(crate) fn tables(&self) -> String {
        format!(
            "[token.{0}]\nissuer = \"{1}\"\naudiences = [\"api\"]\nalgorithms = [\"ES256\"]\n\
             jwk_set_url = \"http://127.0.0.1:{2}/jwks\"\ndanger_allow_http = true\nunknown_kid_interval = \"1s\"\n\
             [[route]]\nhosts = [\"{0}.soak.test\"]\npaths = [\"/**\"]\naccept = [\"token.{0}\"]\n\
             require = {{ groups = [\"staff\"] }}\n",
            self.name,
            self.issuer(),
            self.port
        )
    }

    /// Moves on: perhaps to the next key set, perhaps up or down, perhaps to rubbish.
    pub(crate) fn change(&mut self, random: &mut Random) -> Result<(), Failure> {
        if random.percent(60) {
            self.published = (self.published + 1) % VERSIONS;
        }
        let document = self.version(self.published)?.document.clone();
        self.health = match random.below(10) {
            0 => Health::Down,
            1 => Health::Rubbish,
            _ => Health::Up,
        };
        if self.health == Health::Down {
            self.publisher = None;
            return Ok(());
        }
        let document = if self.health == Health::Rubbish {
            match random.below(4) {
                0 => String::new(),
                1 => r#"{"keys":[]}"#.to_owned(),
                2 => "x".repeat(2 << 20),
                _ => document.chars().take(document.len() / 2).collect(),
            }
        } else {
            document
        };
        match &self.publisher {
            Some(publisher) => publisher.change(document),
            None => self.publisher = Some(Publisher::start(self.port, document)?),
        }
        Ok(())
    }

    fn version(&self, number: usize) -> Result<&Version, Failure> {
        Ok(self.versions.get(number).ok_or("no such version")?)
    }

    fn claims(&self, group: &str) -> Result<String, Failure> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
        Ok(format!(
            r#"{{"iss":"{}","sub":"ann","aud":"api","exp":{},"groups":["{group}"]}}"#,
            self.issuer(),
            now + 3600
        ))
    }

    /// A token of a version, of somebody in `group`.
    pub(crate) fn token(&self, version: usize, group: &str) -> Result<String, Failure> {
        let version = self.version(version)?;
        version.key.sign(&version.kid, &self.claims(group)?)
    }

    /// A token that names a version's key and is signed with another.
    pub(crate) fn forged(&self, version: usize) -> Result<String, Failure> {
        let kid = &self.version(version)?.kid;
        self.stranger.sign(kid, &self.claims("staff")?)
    }

    /// The question a proxy asks about a request to this issuer's host.
    pub(crate) fn question(&self, token: &str) -> String {
        let mut head = "GET /.countersign/decide HTTP/1.1\r\nHost: gateway\r\n".to_owned();
        for (name, value) in [
            ("X-Original-Method", "GET"),
            ("X-Original-URL", &format!("https://{}.soak.test/", self.name)),
            ("X-Original-Host", &format!("{}.soak.test", self.name)),
            ("X-Original-Client", "203.0.113.9"),
            ("Authorization", &format!("Bearer {token}")),
        ] {
            // Writing to a String does not fail.
            let _written = write!(head, "{name}: {value}\r\n");
        }
        head + "\r\n"
    }
}

/// What a state folder holds.
#[derive(Debug, Default)]
pub(crate) struct Kept {
    /// The version of each issuer's kept set, by the issuer's name.
    pub(crate) versions: BTreeMap<String, usize>,
    /// Files a writer left behind when it was killed.
    pub(crate) left_over: usize,
}

/// Reads a state folder. Every kept set must be, byte for byte, one that its issuer has published.
pub(crate) fn kept(state: &Path, issuers: &[Issuer]) -> Result<Kept, Failure> {
    let mut kept = Kept::default();
    for entry in std::fs::read_dir(state)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.starts_with(".keys-") {
            kept.left_over += 1;
        }
        if !name.starts_with("keys-") {
            continue;
        }
        let bytes = std::fs::read(entry.path())?;
        let torn = || format!("{} is torn: {} bytes", entry.path().display(), bytes.len());
        let text = std::str::from_utf8(&bytes).map_err(|_| torn())?;
        let (line, body) = text.split_once('\n').ok_or_else(torn)?;
        let found = issuers.iter().find_map(|issuer| {
            line.contains(&issuer.issuer()).then_some(())?;
            let version = issuer
                .versions
                .iter()
                .position(|version| version.document == body)?;
            Some((issuer.name.clone(), version))
        });
        kept.versions.extend([found.ok_or_else(torn)?]);
    }
    Ok(kept)
}
