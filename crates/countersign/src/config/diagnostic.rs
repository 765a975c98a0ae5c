//! What is wrong with a configuration, where, and what to write instead.

use super::source::Sources;
use annotate_snippets::{AnnotationKind, Element, Level, Renderer, Snippet};
use std::ops::Range;

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
}

impl Diagnostic {
    /// A mistake.
    pub fn error(place: Option<Place>, message: impl Into<String>) -> Self {
        Self {
            severity: Severity::Error,
            place,
            message: message.into(),
            help: None,
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
        self.help = Some(help.into());
        self
    }

    /// `file:line:column`, counted from 1; the file's name alone when it is about the whole.
    pub fn location(&self, sources: &Sources) -> String {
        let Some((place, source)) = self
            .place
            .as_ref()
            .and_then(|place| Some((place, sources.0.get(place.file)?)))
        else {
            return sources
                .0
                .first()
                .map_or_else(String::new, |source| source.name.clone());
        };
        let before = source.text.get(..place.span.start).unwrap_or("");
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or("").chars().count() + 1;
        format!("{}:{line}:{column}", source.name)
    }
}

/// All of `diagnostics` as text for a person, in the order of the files, with the lines they are about.
pub fn render(diagnostics: &[Diagnostic], sources: &Sources, colours: bool) -> String {
    let renderer = if colours {
        Renderer::styled()
    } else {
        Renderer::plain()
    };
    let mut sorted = diagnostics.iter().collect::<Vec<_>>();
    sorted.sort_by_key(|one| {
        one.place
            .as_ref()
            .map_or((usize::MAX, 0), |place| (place.file, place.span.start))
    });
    let texts = sorted.into_iter().map(|diagnostic| {
        let level = match diagnostic.severity {
            Severity::Error => Level::ERROR,
            Severity::Warning => Level::WARNING,
            Severity::Note => Level::NOTE,
        };
        let mut group = level
            .primary_title(diagnostic.message.as_str())
            .elements(Vec::<Element<'_>>::new());
        let source = diagnostic
            .place
            .as_ref()
            .and_then(|place| Some((place, sources.0.get(place.file)?)));
        if let Some((place, source)) = source {
            let annotation = AnnotationKind::Primary.span(place.span.clone());
            group = group.element(
                Snippet::source(source.text.as_str())
                    .path(source.name.as_str())
                    .annotation(annotation),
            );
        }
        if let Some(help) = &diagnostic.help {
            group = group.element(Level::HELP.message(help.as_str()));
        }
        renderer.render(&[group])
    });
    texts.collect::<Vec<_>>().join("\n\n")
}
