//! What a reload needs, and the reload.

use super::{Origin, read, told_whole, warn};
use crate::compose::{self, Loaded};
use crate::config::{Diagnostic, Environment, Severity, Sources, shape};
use crate::reload::{BETWEEN_READINGS, NotTaken, Recorder, judge};
use countersign_authn::kinds::Parts;
use countersign_edge::key_sets::KeySets;
use countersign_edge::log::Log;
use countersign_edge::metrics::Metrics;
use countersign_edge::serve::Shared;
use std::sync::{Arc, Mutex, PoisonError};

/// What every refusal begins with.
const STAYS: &str = "the configuration before stays in force";

/// A running program, as far as a reload is concerned.
#[derive(Debug)]
pub(super) struct Program {
    pub(super) origin: Origin,
    pub(super) environment: Arc<Environment>,
    pub(super) parts: Parts,
    pub(super) key_sets: Arc<KeySets>,
    pub(super) shared: Arc<Shared>,
    pub(super) log: Arc<Log>,
    pub(super) metrics: Arc<Metrics>,
    pub(super) in_force: Mutex<InForce>,
    /// One reload at a time.
    pub(super) reloading: tokio::sync::Mutex<()>,
}

/// The configuration in force.
#[derive(Debug, Clone)]
pub(super) struct InForce {
    pub(super) sources: Sources,
    pub(super) fixed: Fixed,
    pub(super) generation: u64,
}

/// A reload that took nothing.
#[derive(Debug)]
struct Refused {
    /// Why, in one line.
    why: String,
    /// The mistakes, a line each.
    mistakes: Vec<String>,
    /// The same for a person at a terminal.
    rendered: Option<String>,
}

impl From<String> for Refused {
    fn from(why: String) -> Self {
        Self {
            why,
            mistakes: Vec::new(),
            rendered: None,
        }
    }
}

impl Refused {
    fn because_of(told: &[Diagnostic], sources: &Sources) -> Self {
        let errors = told.iter().filter(|one| one.severity == Severity::Error);
        let mistakes = errors
            .map(|one| format!("{}: {}", one.location(sources), one.message))
            .collect::<Vec<_>>();
        Self {
            why: format!("mistakes in it: {}", mistakes.len()),
            mistakes,
            rendered: Some(told_whole(told, sources)),
        }
    }
}

/// A part of the configuration that only a start puts in force: its name, and what it says.
pub(super) type Part = (&'static str, String);

/// What only a start puts in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fixed {
    /// Sockets: a configuration that changes them is not taken, for half of it would not be true.
    sockets: Vec<Part>,
    /// Settings: the rest is taken, and they are said to wait.
    settings: Vec<Part>,
}

impl Program {
    fn in_force(&self) -> InForce {
        self.in_force
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// How many configurations were taken since the start.
    pub(super) fn generation(&self) -> u64 {
        self.in_force().generation
    }

    /// Takes what is in the files now, whole, or nothing of it. Answers with what is to be said about it.
    pub(super) async fn reload(&self) -> Result<String, String> {
        let one_at_a_time = self.reloading.lock().await;
        let taken = self.try_reload().await;
        // Of a configuration that was not taken, too, nothing stays behind.
        self.key_sets.forget_unused();
        drop(one_at_a_time);
        self.metrics.reload(taken.is_ok());
        match &taken {
            Ok(said) => self.log.event("info", "reload", said),
            Err(refused) => {
                for line in &refused.mistakes {
                    self.log.event("error", "configuration", line);
                }
                let text = format!("{STAYS}: {}", refused.why);
                self.log.event("error", "reload_refused", &text);
            }
        }
        taken.map_err(|refused| match refused.rendered {
            Some(rendered) => format!("{STAYS}: {}\n\n{rendered}", refused.why),
            None => format!("{STAYS}: {}", refused.why),
        })
    }

    async fn try_reload(&self) -> Result<String, Refused> {
        let sources = read(&self.origin, &self.environment)?;
        let recorder = Recorder::around(&self.environment);
        drop(shape::read(&sources, recorder.environment()));
        let first = recorder.reading(sources);
        tokio::time::sleep(BETWEEN_READINGS).await;
        let sources = read(&self.origin, &self.environment)?;
        let recorder = Recorder::around(&self.environment);
        let loaded = compose::load(&sources, recorder.environment(), &self.parts);
        let second = recorder.reading(sources);
        let before = self.in_force();
        judge(&before.sources, &first, &second).map_err(|why: NotTaken| why.to_string())?;
        let loaded = loaded.map_err(|told| Refused::because_of(&told, &second.sources))?;
        let fixed = fixed(&loaded);
        if let Some(sockets) = changed(&before.fixed.sockets, &fixed.sockets) {
            return Err(format!("{sockets} changed: that takes a restart").into());
        }
        let said = self.take(loaded, second.sources, before.generation + 1);
        Ok(match changed(&before.fixed.settings, &fixed.settings) {
            Some(settings) => format!("{said}, but for {settings}: that takes a restart"),
            None => said,
        })
    }

    fn take(&self, mut loaded: Loaded, sources: Sources, generation: u64) -> String {
        warn(&loaded, &sources, &self.log);
        loaded.gateway.generation = generation;
        self.shared.swap(loaded.gateway);
        let mut in_force = self.in_force.lock().unwrap_or_else(PoisonError::into_inner);
        in_force.sources = sources;
        in_force.generation = generation;
        format!("configuration {generation} is in force")
    }
}

/// What of `loaded` only a start puts in force.
pub(super) fn fixed(loaded: &Loaded) -> Fixed {
    let listeners = loaded
        .listeners
        .iter()
        .map(|listen| format!("{} {} {:?}", listen.address, listen.speak, listen.access));
    let listeners = listeners.collect::<Vec<_>>().join("\n");
    Fixed {
        sockets: vec![
            ("the addresses, dialects or owners of [[listen]]", listeners),
            ("[status]", format!("{:?}", loaded.status)),
        ],
        settings: vec![
            ("[log]", format!("{:?}", loaded.log)),
            ("[limits]", format!("{:?}", loaded.limits)),
            ("[token_cache]", format!("{:?}", loaded.token_cache)),
        ],
    }
}

/// The names of the parts that differ.
fn changed(before: &[Part], after: &[Part]) -> Option<String> {
    let differ = before.iter().zip(after).filter(|(before, after)| before != after);
    let names = differ.map(|((name, _), _)| *name).collect::<Vec<_>>();
    (!names.is_empty()).then(|| names.join(" and "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::offline_parts;

    const PLAIN: &str = "config = 1\n[[listen]]\naddress = \"unix:/run/a.sock\"\nspeak = \"check\"\n";

    fn fixed_of(text: &str) -> Fixed {
        let sources = Sources::text("a.toml", text);
        fixed(&compose::load(&sources, &Environment::empty(), &offline_parts()).unwrap())
    }

    #[test]
    fn what_only_a_start_puts_in_force_is_told_apart_from_the_rest() {
        let before = fixed_of(PLAIN);
        let sockets = "the addresses, dialects or owners of [[listen]]";
        for (added, socket, setting) in [
            ("mode = \"0660\"\n", Some(sockets), None),
            (
                "[[listen]]\naddress = \"127.0.0.1:1\"\nspeak = \"check\"\n",
                Some(sockets),
                None,
            ),
            ("[status]\naddress = \"127.0.0.1:1\"\n", Some("[status]"), None),
            ("[log]\nformat = \"json\"\n", None, Some("[log]")),
            ("[limits]\nidle = \"10s\"\n", None, Some("[limits]")),
            ("[token_cache]\nentries = 5\n", None, Some("[token_cache]")),
            ("[limits]\nidle = \"75s\"\n[token_cache]\n[log]\n", None, None),
            (
                "[[route]]\nhosts = \"a.example\"\naccept = \"anonymous\"\n[identity_headers]\npreset = \"remote\"\n",
                None,
                None,
            ),
        ] {
            let after = fixed_of(&format!("{PLAIN}{added}"));
            assert_eq!(
                changed(&before.sockets, &after.sockets).as_deref(),
                socket,
                "{added}"
            );
            assert_eq!(
                changed(&before.settings, &after.settings).as_deref(),
                setting,
                "{added}"
            );
        }
    }
}
