//! kill -9 at any moment: while key sets are fetched and written, while a configuration is reloaded. Whatever was in the
//! middle, the next start comes up, knows the last good keys, and lets nobody in who should not be.

use super::random::Random;
use super::world::{Health, Issuer, Kept, kept};
use crate::gateway::{Gateway, free_port};
use crate::http::{Answer, Connection};
use crate::{Failure, say};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

const ISSUERS: usize = 4;
/// The latest a gateway is killed after its answers were checked, in milliseconds.
const LATEST: usize = 300;
/// The same where its configuration changes: a reload reads twice, a second apart.
const LATEST_RELOADING: usize = 1500;
/// How long a write is waited for.
const LONGEST_WAIT: Duration = Duration::from_secs(1);
/// How often progress is told.
const TOLD: usize = 20;

/// How long to go on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    pub(crate) kills: usize,
    pub(crate) seconds: u64,
}

/// What happened so far.
#[derive(Debug, Default)]
struct Count {
    answers: usize,
    sets_written: usize,
    most_left_over: usize,
    slowest_start: Duration,
}

/// When a gateway is killed.
enum Moment {
    After(Duration),
    /// While a file is written in this folder.
    Writing(PathBuf),
}

struct Soak {
    folder: PathBuf,
    state: PathBuf,
    configuration: PathBuf,
    port: u16,
    issuers: Vec<Issuer>,
    random: Random,
    count: Count,
    writings: usize,
}

/// Kills and starts.
pub(crate) fn run(folder: &Path, seed: u64, limits: Limits) -> Result<(), Failure> {
    let begun = Instant::now();
    let mut random = Random::new(seed);
    let issuers = (0..ISSUERS).map(|number| Issuer::start(number, &mut random));
    let mut soak = Soak {
        folder: folder.to_owned(),
        state: folder.join("state"),
        configuration: folder.join("countersign.toml"),
        port: free_port()?,
        issuers: issuers.collect::<Result<_, _>>()?,
        random,
        count: Count::default(),
        writings: 0,
    };
    std::fs::create_dir_all(&soak.state)?;
    let mut done = 0;
    while done < limits.kills && begun.elapsed().as_secs() < limits.seconds {
        let told = |failure: Failure| format!("seed {seed}, kill {}: {failure}", done + 1);
        soak.round().map_err(told)?;
        done += 1;
        if done % TOLD == 0 {
            soak.tell(done, limits.kills);
        }
    }
    if done % TOLD != 0 {
        soak.tell(done, limits.kills);
    }
    Ok(())
}

impl Soak {
    fn tell(&self, done: usize, of: usize) {
        let count = &self.count;
        say(&format!(
            "  kill {done} of {of}: every start came up (slowest {} ms), {} answers as they should be, {} sets written, \
             none torn, at most {} temporary files left behind",
            count.slowest_start.as_millis(),
            count.answers,
            count.sets_written,
            count.most_left_over
        ));
    }

    /// Changes the world, starts, checks, disturbs, kills.
    fn round(&mut self) -> Result<(), Failure> {
        for issuer in &mut self.issuers {
            issuer.change(&mut self.random)?;
        }
        self.write_configuration(None)?;
        let before = self.look()?;
        let begun = Instant::now();
        let mut gateway = Gateway::start(&self.configuration, &self.state, &self.folder.join("log"))?;
        let first = self.issuers.first().ok_or("no issuer")?;
        let nobody = first.question("x");
        gateway.until(self.port, &nobody, |answer| answer.status == 401)?;
        self.count.slowest_start = self.count.slowest_start.max(begun.elapsed());
        self.check(&mut gateway, &before)?;
        self.disturb(&mut gateway)?;
        let after = self.look()?;
        let written = after.versions.iter().filter(|(name, version)| {
            let known = before.versions.get(*name);
            known != Some(*version)
        });
        self.count.sets_written += written.count();
        Ok(())
    }

    fn look(&mut self) -> Result<Kept, Failure> {
        let kept = kept(&self.state, &self.issuers)?;
        self.count.most_left_over = self.count.most_left_over.max(kept.left_over);
        Ok(kept)
    }

    /// Every issuer's tokens are judged by the keys it publishes, or by those that were kept where it does not.
    fn check(&mut self, gateway: &mut Gateway, before: &Kept) -> Result<(), Failure> {
        for issuer in &self.issuers {
            let known = match issuer.health {
                Health::Up => Some(issuer.published),
                Health::Down | Health::Rubbish => before.versions.get(&issuer.name).copied(),
            };
            let told = |failure: Failure| {
                let health = issuer.health;
                format!("{} ({health:?}, knows {known:?}): {failure}", issuer.name)
            };
            let mut expect = |what: &str, token: String, statuses: &[u16]| -> Result<(), Failure> {
                let question = issuer.question(&token);
                let wanted = |answer: &Answer| statuses.contains(&answer.status);
                let got = gateway.until(self.port, &question, wanted);
                self.count.answers += 1;
                got.map(drop)
                    .map_err(|failure| told(format!("{what}, wanted {statuses:?}: {failure}").into()).into())
            };
            let version = known.unwrap_or(issuer.published);
            let (good, outsider): (&[u16], &[u16]) = match known {
                Some(_) => (&[200], &[403]),
                None => (&[503], &[503]),
            };
            expect("a good token", issuer.token(version, "staff")?, good)?;
            expect(
                "somebody of another group",
                issuer.token(version, "guests")?,
                outsider,
            )?;
            expect("a forged token", issuer.forged(version)?, &[401, 503])?;
        }
        Ok(())
    }

    /// Makes it fetch, write and reload until it is killed.
    fn disturb(&mut self, gateway: &mut Gateway) -> Result<(), Failure> {
        let reloads = self.random.percent(30);
        let latest = if reloads { LATEST_RELOADING } else { LATEST };
        let moment = if self.random.percent(50) {
            Moment::After(Duration::from_millis(u64::try_from(self.random.below(latest))?))
        } else {
            Moment::Writing(self.state.clone())
        };
        let killer = kill_at(gateway.id(), moment)?;
        if reloads {
            let torn = self.random.percent(50).then(|| self.random.below(2000));
            self.write_configuration(torn)?;
            gateway.signal("HUP")?;
        }
        while !killer.is_finished() {
            for at in 0..self.issuers.len() {
                let issuer = self.issuers.get_mut(at).ok_or("no issuer")?;
                issuer.change(&mut self.random)?;
                self.nobody_enters(at)?;
            }
        }
        killer.join().map_err(|_| "nobody killed it")??;
        gateway.kill()
    }

    /// Whatever state everything is in: no forged token enters, and nobody of another group. A gateway that was killed
    /// gives no answer.
    fn nobody_enters(&mut self, at: usize) -> Result<(), Failure> {
        let issuer = self.issuers.get(at).ok_or("no issuer")?;
        let published = issuer.published;
        for (token, may_enter) in [
            (issuer.token(published, "staff")?, true),
            (issuer.forged(published)?, false),
            (issuer.token(published, "guests")?, false),
        ] {
            let question = issuer.question(&token);
            let asked = Connection::open(self.port).and_then(|mut connection| connection.ask(&question));
            let Ok(answer) = asked else { return Ok(()) };
            self.count.answers += 1;
            if !may_enter && answer.status == 200 {
                return Err(format!("{} lets in whom it should not", issuer.name).into());
            }
        }
        Ok(())
    }

    /// Writes the configuration, each time with another comment; or only its first bytes, as an editor that was
    /// interrupted.
    fn write_configuration(&mut self, only: Option<usize>) -> Result<(), Failure> {
        self.writings += 1;
        let listen = format!(
            "config = 1\n# writing {}\n[log]\nlevel = \"events\"\n[[listen]]\naddress = \"127.0.0.1:{}\"\n\
             speak = \"auth-request\"\ntrusted_peers = [\"127.0.0.1\"]\n",
            self.writings, self.port
        );
        let tables = self.issuers.iter().map(Issuer::tables).collect::<String>();
        let text = listen + &tables;
        let end = only.unwrap_or(text.len()).min(text.len());
        std::fs::write(&self.configuration, text.get(..end).unwrap_or(&text))?;
        Ok(())
    }
}

/// Another thread kills, so that it comes in the middle of whatever is done here. The process that will do it is there
/// beforehand: a file is written within a millisecond or two.
fn kill_at(id: u32, moment: Moment) -> Result<JoinHandle<std::io::Result<()>>, Failure> {
    let mut killer = Command::new("sh")
        .args(["-c", &format!("read moment; kill -KILL {id}")])
        .stdin(Stdio::piped())
        .spawn()?;
    Ok(std::thread::spawn(move || {
        match moment {
            Moment::After(delay) => std::thread::park_timeout(delay),
            Moment::Writing(folder) => until_writing(&folder)?,
        }
        drop(killer.stdin.take());
        killer.wait().map(drop)
    }))
}

/// Waits for a temporary file in `folder`, but not for ever.
fn until_writing(folder: &Path) -> std::io::Result<()> {
    let files = || -> std::io::Result<BTreeSet<_>> {
        let names = std::fs::read_dir(folder)?.map(|entry| entry.map(|entry| entry.file_name()));
        let names = names.filter(|name| {
            name.as_ref()
                .map_or(true, |name| name.to_string_lossy().starts_with(".keys-"))
        });
        names.collect()
    };
    let (before, begun) = (files()?, Instant::now());
    while begun.elapsed() < LONGEST_WAIT && files()?.is_subset(&before) {}
    Ok(())
}
