//! What is wrong with a configuration, where, and what to write instead.

use super::hidden::{struck_out, urls_struck_out};
use super::source::Sources;
use annotate_snippets::{AnnotationKind, Element, Level, Renderer, Snippet};
use std::ops::Range;

/// How many messages are shown at once; what stays is counted.
pub const MAX_SHOWN: usize = 200;
/// How long a message or an advice may be, in bytes: what it quotes may be of any length.
const MAX_TEXT: usize = 600;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The configuration is refused.
    Error,
    /// It is taken, and the operator should know at each start.
    Warning,
    /// It is taken; `check` mentions it.
    Note,
}

/// A place in a file: the file's number and the bytes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Place {
    /// Which of the sources.
    pub file: usize,
    /// Which bytes of it.
    pub span: Range<usize>,
}

/// One message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// How bad it is.
    pub severity: Severity,
    /// Where; `None` when it is about the whole.
    pub place: Option<Place>,
    /// What is wrong, in one sentence.
    pub message: String,
    /// What to do about it.
    pub help: Option<String>,
    /// Bytes of the same file that no message may show: they may be a secret.
    pub hides: Option<Range<usize>>,
}

impl Diagnostic {
    /// A mistake.
    pub fn error(place: Option<Place>, message: impl Into<String>) -> Self {
        Self {
            severity: Severity::Error,
            place,
            message: cut(urls_struck_out(&message.into())),
            help: None,
            hides: None,
        }
    }

    /// Something to know.
    pub fn warning(place: Option<Place>, message: impl Into<String>) -> Self {
        Self {
            severity: Severity::Warning,
            ..Self::error(place, message)
        }
    }

    /// Something that only `check` mentions.
    pub fn note(place: Option<Place>, message: impl Into<String>) -> Self {
        Self {
            severity: Severity::Note,
            ..Self::error(place, message)
        }
    }

    /// The same with advice.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(cut(urls_struck_out(&help.into())));
        self
    }

    /// The same with advice, if there is some.
    #[must_use]
    pub fn maybe_help(self, help: Option<String>) -> Self {
        match help {
            Some(help) => self.help(help),
            None => self,
        }
    }

    /// The file, and the line and column in it, counted from 1; the first file alone when it is about the whole.
    pub fn place_in<'s>(&self, sources: &'s Sources) -> (&'s str, Option<(usize, usize)>) {
        let found = self.place.as_ref();
        let Some((place, source)) = found.and_then(|place| Some((place, sources.0.get(place.file)?))) else {
            return (sources.0.first().map_or("", |source| source.name.as_str()), None);
        };
        let before = source.text.get(..place.span.start).unwrap_or("");
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or("").chars().count() + 1;
        (source.name.as_str(), Some((line, column)))
    }

    /// `file:line:column`, or the file alone.
    pub fn location(&self, sources: &Sources) -> String {
        match self.place_in(sources) {
            (file, Some((line, column))) => format!("{file}:{line}:{column}"),
            (file, None) => file.to_owned(),
        }
    }
}

fn cut(mut text: String) -> String {
    if text.len() > MAX_TEXT {
        text.truncate(text.floor_char_boundary(MAX_TEXT));
        text.push('…');
    }
    text
}

/// All of `diagnostics` as text for a person, in the order of the files, with the lines they are about. Secrets on those
/// lines are struck out.
pub fn render(diagnostics: &[Diagnostic], sources: &Sources, colours: bool) -> String {
    let renderer = if colours {
        Renderer::styled()
    } else {
        Renderer::plain()
    };
    let shown = sources.0.iter().enumerate().map(|(file, source)| {
        let here = |one: &&Diagnostic| one.place.as_ref().is_some_and(|place| place.file == file);
        let hides = diagnostics
            .iter()
            .filter(here)
            .filter_map(|one| one.hides.clone());
        struck_out(&source.text, &hides.collect::<Vec<_>>())
    });
    let shown = shown.collect::<Vec<_>>();
    let mut sorted = diagnostics.iter().collect::<Vec<_>>();
    sorted.sort_by_key(|one| {
        one.place
            .as_ref()
            .map_or((usize::MAX, 0), |place| (place.file, place.span.start))
    });
    let mut texts = sorted
        .iter()
        .take(MAX_SHOWN)
        .map(|one| {
            let place = one.place.as_ref();
            let source = place.and_then(|place| {
                let (source, text) = (sources.0.get(place.file)?, shown.get(place.file)?);
                Some((source.name.as_str(), text.as_str(), place.span.clone()))
            });
            message(one, source, &renderer)
        })
        .collect::<Vec<_>>();
    if sorted.len() > MAX_SHOWN {
        texts.push(format!("and {} more", sorted.len() - MAX_SHOWN));
    }
    texts.join("\n\n")
}

/// One message; `source` is the file's name, what may be shown of it, and the bytes it is about.
fn message(
    diagnostic: &Diagnostic,
    source: Option<(&str, &str, Range<usize>)>,
    renderer: &Renderer,
) -> String {
    let level = match diagnostic.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
        Severity::Note => Level::NOTE,
    };
    let mut group = level
        .primary_title(diagnostic.message.as_str())
        .elements(Vec::<Element<'_>>::new());
    if let Some((name, text, span)) = source {
        let annotation = AnnotationKind::Primary.span(span);
        group = group.element(Snippet::source(text).path(name).annotation(annotation));
    }
    if let Some(help) = &diagnostic.help {
        group = group.element(Level::HELP.message(help.as_str()));
    }
    renderer.render(&[group])
}
