//! Drives a gateway through a page, once behind each face.

use super::browser::Browser;
use super::caught::Caught;
use super::certificates::{self, Certificates};
use super::expect;
use super::observe::{keeps_its_promises, said};
use super::page::{Ask, Line, Page, Step, What};
use super::plan::{Minted, Plan};
use super::provider;
use super::question::Face;
use crate::clock::span;
use crate::upstream::Upstream;
use crate::world::World;
use bytes::Bytes;
use countersign_core::BoxFuture;
use countersign_core::peer::Peer;
use http::{Request, Response};
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// Files beside a configuration, by name.
pub type Files = BTreeMap<String, String>;

/// Makes gateways from configurations: the program under test, all of it but its sockets.
pub trait Program: Sync {
    /// A gateway for `config` in `world`, with `files` beside the configuration; or everything that was said against
    /// it. `world` is the second gateway's too when one is started after another.
    fn start(&self, config: &str, files: &Files, world: &World) -> Result<Arc<dyn Gateway>, String>;

    /// The text of the shared configuration called `name`.
    fn shared(&self, name: &str) -> Option<String>;
}

/// A running gateway.
pub trait Gateway: Send + Sync {
    /// Asks its listener that speaks `face`.
    fn ask(&self, face: Face, request: Request<Bytes>, peer: Peer) -> BoxFuture<'_, Response<Bytes>>;

    /// The same over TLS, in a handshake for `name` in which the peer showed its certificate if it was asked for one.
    fn ask_secured<'a>(
        &'a self,
        face: Face,
        name: &'a str,
        request: Request<Bytes>,
        peer: Peer,
    ) -> BoxFuture<'a, Response<Bytes>>;

    /// Does what is due in the background.
    fn tick(&self) -> BoxFuture<'_, ()>;

    /// Takes another configuration, or says everything against it and goes on with the one it has.
    fn reload(&self, config: &str, files: &Files) -> Result<(), String>;

    /// The log lines written since this was last called, each a JSON object.
    fn take_log(&self) -> Vec<String>;
}

/// Something that did not go as the page says.
#[derive(Clone, Debug)]
pub struct Failure {
    /// The page.
    pub page: String,
    /// The line that asked.
    pub line: usize,
    /// Behind which face.
    pub face: &'static str,
    /// What went wrong, in one or more lines.
    pub message: String,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{} ({}): {}", self.page, self.line, self.face, self.message)
    }
}

/// What running a page came to.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    /// How many requests were answered.
    pub requests: usize,
    /// What went wrong.
    pub failures: Vec<Failure>,
}

/// Runs `page` behind every face its configurations have.
pub fn run(page: &Page, program: &dyn Program) -> Outcome {
    let mut outcome = Outcome::default();
    for face in Face::ALL
        .into_iter()
        .filter(|face| runs_behind(page, program, *face))
    {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        let course = runtime.block_on(async {
            let mut course = Course::new(page, program, face).await;
            for step in &page.steps {
                course.step(step).await;
            }
            course.outcome
        });
        outcome.requests += course.requests;
        outcome.failures.extend(course.failures);
    }
    outcome
}

/// A configuration without listeners of its own stands behind the three faces that guard an application; another
/// behind those it names.
fn stands_behind(config: &str, face: Face) -> bool {
    if config.contains("[[listen]]") {
        config.contains(&format!("\"{}\"", face.name()))
    } else {
        face != Face::Check
    }
}

/// Whether some configuration of the page stands behind this face.
fn runs_behind(page: &Page, program: &dyn Program, face: Face) -> bool {
    page.steps.iter().any(|step| match &step.what {
        What::Configure { shared, text } => {
            let shared = shared.as_deref().and_then(|name| program.shared(name));
            stands_behind(&(shared.unwrap_or_default() + text), face)
        }
        What::Refuse { .. } => face == Face::ReverseProxy,
        What::Reload { .. }
        | What::World(_)
        | What::Keys { .. }
        | What::File { .. }
        | What::Certificate { .. }
        | What::Ask(_) => false,
    })
}

/// One run of a page behind one face.
pub(super) struct Course<'a> {
    page: &'a Page,
    program: &'a dyn Program,
    pub(super) face: Face,
    pub(super) upstream: Upstream,
    pub(super) world: World,
    files: Files,
    pub(super) certificates: Certificates,
    pub(super) config: String,
    pub(super) gateway: Option<Arc<dyn Gateway>>,
    /// The configuration in force does not stand behind this face: nothing is asked until the next.
    idle: bool,
    minted: Minted,
    pub(super) browsers: BTreeMap<String, Browser>,
    /// Ways back from providers, by name.
    pub(super) held: BTreeMap<String, String>,
    pub(super) caught: Caught,
    outcome: Outcome,
}

impl<'a> Course<'a> {
    async fn new(page: &'a Page, program: &'a dyn Program, face: Face) -> Self {
        Self {
            page,
            program,
            face,
            upstream: Upstream::start().await.unwrap(),
            world: World::new(),
            files: provider::listener_files().into(),
            certificates: Certificates::new(),
            config: String::new(),
            gateway: None,
            idle: false,
            minted: Minted::new(),
            browsers: BTreeMap::new(),
            held: BTreeMap::new(),
            caught: Caught::default(),
            outcome: Outcome::default(),
        }
    }

    fn fail(&mut self, line: usize, message: impl Into<String>) {
        let (page, face) = (self.page.name.clone(), self.face.name());
        self.outcome.failures.push(Failure {
            page,
            line,
            face,
            message: message.into(),
        });
    }

    async fn step(&mut self, step: &Step) {
        let done = match &step.what {
            What::Configure { shared, text } => self.configure(shared.as_deref(), text),
            What::Reload { .. }
            | What::Refuse { reload: true, .. }
            | What::World(_)
            | What::Keys { .. }
            | What::Ask(_)
                if self.idle =>
            {
                Ok(())
            }
            What::Refuse { text, answer, reload } => self.refuse(text, answer, *reload),
            What::Reload { text } => self.reload(text),
            What::World(lines) => self.change_world(lines).await,
            What::Keys { issuer, text } => self.world.network.set_keys(issuer, text),
            What::File { name, text } => certificates::fill_in(&crate::keys::fill_in(text))
                .map(|text| drop(self.files.insert(name.clone(), text))),
            What::Certificate { name, text } => {
                certificates::client(text).map(|chain| drop(self.certificates.insert(name.clone(), chain)))
            }
            What::Ask(ask) => self.ask(step.line, ask).await,
        };
        if let Err(message) = done {
            self.fail(step.line, message);
        }
    }

    fn configure(&mut self, shared: Option<&str>, text: &str) -> Result<(), String> {
        let shared = match shared {
            None => String::new(),
            Some(name) => self
                .program
                .shared(name)
                .ok_or(format!("there is no shared configuration `{name}`"))?,
        };
        let whole = shared + text;
        self.idle = !stands_behind(&whole, self.face);
        if self.idle {
            return Ok(());
        }
        self.world = World::new();
        self.browsers.clear();
        self.held.clear();
        self.caught.clear();
        self.config = self.behind_face(&whole);
        self.start()
    }

    fn start(&mut self) -> Result<(), String> {
        self.gateway = None;
        let gateway = self.program.start(&self.config, &self.files, &self.world);
        self.gateway = Some(gateway.map_err(|said| format!("the configuration is refused:\n{said}"))?);
        Ok(())
    }

    fn refuse(&self, text: &str, answer: &[String], reload: bool) -> Result<(), String> {
        let config = self.behind_face(text);
        let taken = if reload {
            let gateway = self.gateway.as_ref().ok_or("nothing runs yet")?;
            gateway.reload(&config, &self.files)
        } else {
            let started = self.program.start(&config, &self.files, &World::new());
            started.map(drop)
        };
        match taken {
            Ok(()) => Err("the configuration is taken".into()),
            Err(said) => match answer.iter().find(|piece| !said.contains(piece.as_str())) {
                Some(piece) => Err(format!("nothing says `{piece}`:\n{said}")),
                None => Ok(()),
            },
        }
    }

    fn reload(&mut self, text: &str) -> Result<(), String> {
        self.config = self.behind_face(text);
        let gateway = self.gateway.as_ref().ok_or("nothing runs yet")?;
        gateway
            .reload(&self.config, &self.files)
            .map_err(|said| format!("the configuration is refused:\n{said}"))
    }

    /// The configuration as it stands behind this face: with the version, a listener and, where the gateway is the
    /// proxy, the application behind every route that names none.
    fn behind_face(&self, text: &str) -> String {
        let version = if text.lines().any(|line| line.starts_with("config")) {
            ""
        } else {
            "config = 1\n"
        };
        let listener = match self.face {
            _ if text.contains("[[listen]]") => "",
            Face::ReverseProxy if provider::needs_tls(text) => &provider::listener(text),
            Face::ReverseProxy if text.contains("[certificate.") => {
                "\n[[listen]]\naddress = \"unix:/run/countersign.test.sock\"\nspeak = \"reverse-proxy\"\ntrusted_peers = [\"unix\"]\n"
            }
            Face::AuthRequest => {
                "\n[[listen]]\naddress = \"unix:/run/countersign.test.sock\"\nspeak = \"auth-request\"\ntrusted_peers = [\"unix\"]\n"
            }
            Face::ForwardAuth => {
                "\n[[listen]]\naddress = \"unix:/run/countersign.test.sock\"\nspeak = \"forward-auth\"\ntrusted_peers = [\"unix\"]\n"
            }
            Face::ReverseProxy => "\n[[listen]]\naddress = \"127.0.0.1:8080\"\nspeak = \"reverse-proxy\"\n",
            Face::Check => "\n[[listen]]\naddress = \"127.0.0.1:8081\"\nspeak = \"check\"\n",
        };
        let text = if self.face == Face::ReverseProxy {
            self.with_application(text)
        } else {
            text.to_owned()
        };
        let certificate = if listener.is_empty() || listener.contains("[[listen.host]]") {
            String::new()
        } else {
            certificates::passed_on(&text, self.face)
        };
        format!("{version}{text}{listener}{certificate}")
    }

    fn with_application(&self, text: &str) -> String {
        let to = format!("\nto = \"http://{}\"", self.upstream.address());
        let mut pieces = text.split("[[route]]");
        let head = pieces.next().unwrap_or("").to_owned();
        pieces.fold(head, |text, piece| {
            let table = piece.split("\n[").next().unwrap_or(piece);
            let own = table
                .lines()
                .any(|line| line.split('=').next().is_some_and(|key| key.trim() == "to"));
            text + "[[route]]" + if own { "" } else { &to } + piece
        })
    }

    async fn change_world(&mut self, lines: &[Line]) -> Result<(), String> {
        for Line { text, .. } in lines {
            let (word, rest) = text.split_once(' ').unwrap_or((text, ""));
            match (word, rest) {
                ("at", time) => self.move_to(time)?,
                ("wall", step) => self.world.clock.step_wall(span(step)?),
                ("restart", "") => self.start()?,
                ("tick", "") => self.gateway.as_ref().ok_or("nothing runs yet")?.tick().await,
                ("kept", "forgotten") => self.world.kept.forget(),
                ("kept", "truncated") => self.world.kept.truncate(),
                ("kept", "swapped") => self.world.kept.swap(),
                ("kept", "broken") => self.world.kept.break_it(true),
                ("kept", "whole") => self.world.kept.break_it(false),
                ("store", "away") => self.world.store_away.store(true, Ordering::Relaxed),
                ("store", "keeps everything") => self.world.store_keeps.store(true, Ordering::Relaxed),
                ("store", "back") => {
                    self.world.store_away.store(false, Ordering::Relaxed);
                    self.world.store_keeps.store(false, Ordering::Relaxed);
                }
                ("browser", rest) if rest.contains(" copies ") => {
                    let (name, other) = rest.split_once(" copies ").unwrap_or_default();
                    let copied = self.browsers.get(other).cloned();
                    let copied = copied.ok_or(format!("no browser `{other}`"))?;
                    drop(self.browsers.insert(name.to_owned(), copied));
                }
                ("browser", rest) => {
                    let (name, part) = rest
                        .split_once(" forgets ")
                        .ok_or("a browser forgets something")?;
                    let known = self.browsers.get_mut(name);
                    known.ok_or(format!("no browser `{name}`"))?.forget(part);
                }
                (issuer, change) if self.world.network.knows(issuer) => {
                    self.world.network.change(issuer, change)?;
                }
                _ => return Err(format!("the world knows no `{text}`")),
            }
        }
        Ok(())
    }

    fn move_to(&self, time: &str) -> Result<(), String> {
        let milliseconds = u64::try_from(span(time)?).map_err(|_| "time begins at midnight")?;
        self.world.clock.move_to(Duration::from_millis(milliseconds))
    }

    async fn ask(&mut self, line: usize, ask: &Ask) -> Result<(), String> {
        let plan = Plan::read(ask, &self.world)?;
        if !plan.faces.is_empty() && !plan.faces.contains(&self.face) {
            return Ok(());
        }
        if let Some(time) = &plan.at {
            self.move_to(time)?;
        }
        for (issuer, change) in &plan.issuers {
            self.world.network.change(issuer, change)?;
        }
        let gateway = self.gateway.as_ref().ok_or("nothing runs yet")?;
        drop(self.upstream.take());
        drop(self.world.network.take_requests());
        drop(gateway.take_log());
        gateway.tick().await;
        let mut fetched = Vec::new();
        for count in 1..=plan.times {
            self.wait(&plan, count).await;
            let text = self.filled_in(&ask.request);
            let (mut request, tokens) = plan.request(&text, count, &self.certificates, &mut self.minted)?;
            request.certificate = self.shown(&plan, &request.host)?;
            self.outcome.requests += 1;
            let mut observed = match &plan.browser {
                None => self.exchange(&request, &plan).await?,
                Some(name) => self.browse(name, request, &plan).await?,
            };
            if let Some(name) = &plan.catch {
                self.caught.keep(name, &observed)?;
            }
            let cookies = self.browsers.values().flat_map(Browser::secrets);
            let unlogged = cookies.chain(self.caught.secrets()).collect::<Vec<_>>();
            if provider::issuer(&self.config).is_some() {
                // What the answer has left behind it comes to its end.
                let gateway = self.gateway.as_ref().ok_or("nothing runs yet")?;
                gateway.tick().await;
                observed.log.extend(gateway.take_log());
            }
            observed.told = self.tell_of_logouts().await?;
            fetched.extend(self.world.network.take_requests());
            if count == plan.times {
                observed.fetched = std::mem::take(&mut fetched);
            }
            let answer = if count == plan.times {
                &ask.answer[..]
            } else {
                &ask.answer[..1]
            };
            let problems = expect::check(answer, &observed)?;
            for (at, problem) in problems {
                self.fail(at, format!("{problem}\n{}", said(&ask.request, &observed)));
            }
            if let Err(broken) = keeps_its_promises(&observed, &tokens, &unlogged, &self.world) {
                self.fail(line, format!("{broken}\n{}", said(&ask.request, &observed)));
            }
        }
        Ok(())
    }
}
