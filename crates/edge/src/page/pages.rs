//! The pages in force: templates, texts and style, ours or the operator's own.

use super::escape::{escaped, written};
use super::kinds::Kind;
use super::shown::TEMPLATES;
use super::texts::{self, Texts};
use super::{Undressed, Words, samples};
use crate::body::Body;
use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use countersign_core::request::RequestId;
use http::header::CONTENT_SECURITY_POLICY;
use http::{HeaderValue, Response};
use minijinja::value::{Kwargs, Value};
use minijinja::{Environment, Error, ErrorKind, UndefinedBehavior};
use std::error::Error as _;
use std::fmt;
use std::io;
use std::sync::{Arc, LazyLock};

/// The style's file in a folder of own templates.
const STYLE: &str = "style.css";
/// How many steps of the engine one page may take. Ours take a few hundred.
const MAX_STEPS: u64 = 50_000;
/// How large an own page may become, in bytes. Ours stay under 20 KB.
const MAX_BYTES: usize = 256 * 1024;
/// What helps with most mistakes in templates.
const OF_TEMPLATES: &str =
    "docs/pages.md says what a template has at hand; a copy of the built-in one is a good beginning";

static BUILT_IN: LazyLock<Arc<Pages>> = LazyLock::new(|| Arc::new(Pages::default()));

/// What is wrong with a template, a text or a style.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    /// The file's name.
    pub file: String,
    /// The line, when it is known; from 1.
    pub line: Option<usize>,
    /// What is wrong.
    pub what: String,
    /// What to write instead.
    pub help: String,
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "{}:{line}: {}", self.file, self.what),
            None => write!(f, "{}: {}", self.file, self.what),
        }
    }
}

impl From<Error> for Mistake {
    fn from(error: Error) -> Self {
        // The innermost knows best: a block fails because of what is in it.
        let mut inmost = &error;
        while let Some(inner) = inmost.source().and_then(|inner| inner.downcast_ref::<Error>()) {
            inmost = inner;
        }
        let what = match inmost.detail() {
            Some(detail) => format!("{}: {detail}", inmost.kind()),
            None => inmost.kind().to_string(),
        };
        Self {
            file: inmost.name().or(error.name()).unwrap_or("").to_owned(),
            line: inmost.line().or(error.line()),
            what,
            help: OF_TEMPLATES.to_owned(),
        }
    }
}

/// Templates, texts and style.
#[derive(Debug)]
pub struct Pages {
    engine: Environment<'static>,
    texts: Texts,
    style: Value,
    /// The page's own style, as the policy names it.
    style_source: String,
}

/// The built-in ones.
impl Default for Pages {
    fn default() -> Self {
        let mut engine = engine();
        for (name, template) in TEMPLATES {
            // That ours are sound is a test.
            drop(engine.add_template(name, template));
        }
        Self::of(engine, Texts::english(), include_str!("style.css"))
    }
}

impl Pages {
    /// Ours, shared.
    pub fn built_in() -> Arc<Self> {
        Arc::clone(&BUILT_IN)
    }

    /// The files that a folder of own templates may hold.
    pub fn files() -> impl Iterator<Item = &'static str> {
        let templates = TEMPLATES.iter().map(|(name, _)| *name);
        templates.chain([texts::FILE, STYLE])
    }

    /// Ours, but where one of `own` (names and contents) stands in their place. All of them are tried on every page
    /// with sample data first.
    pub fn with(own: &[(String, Vec<u8>)]) -> Result<Self, Vec<Mistake>> {
        let mut pages = Self::default();
        let mut mistakes = Vec::new();
        for (name, content) in own {
            let told = pages.take(name, content);
            mistakes.extend(told.err().into_iter().flatten());
        }
        mistakes.extend(pages.tried());
        if mistakes.is_empty() {
            Ok(pages)
        } else {
            Err(mistakes)
        }
    }

    fn of(engine: Environment<'static>, texts: Texts, style: &str) -> Self {
        Self {
            engine,
            texts,
            style: Value::from_safe_string(style.to_owned()),
            style_source: source(style),
        }
    }

    fn take(&mut self, name: &str, content: &[u8]) -> Result<(), Vec<Mistake>> {
        let wrong = |what: &str, help: &str| Mistake {
            file: name.to_owned(),
            line: None,
            what: what.to_owned(),
            help: help.to_owned(),
        };
        let text =
            std::str::from_utf8(content).map_err(|_| vec![wrong("not UTF-8 text", "save it as UTF-8")])?;
        if name == texts::FILE {
            let told = |one: texts::Wrong| Mistake {
                line: one.line,
                ..wrong(&one.what, &one.help)
            };
            self.texts = Texts::with(text).map_err(|all| all.into_iter().map(told).collect::<Vec<_>>())?;
            return Ok(());
        }
        if name == STYLE {
            if text.to_ascii_lowercase().contains("</style") {
                let help = "it stands in the page between <style> and </style>: leave these out";
                return Err(vec![wrong("a style cannot hold `</style`", help)]);
            }
            // As a browser reads it, who hashes it for the policy.
            let text = text.replace("\r\n", "\n").replace('\r', "\n");
            let engine = std::mem::take(&mut self.engine);
            *self = Self::of(engine, self.texts.clone(), &text);
            return Ok(());
        }
        let taken = self.engine.add_template_owned(name.to_owned(), text.to_owned());
        taken.map_err(|error| vec![error.into()])
    }

    /// What goes wrong with sample data; each mistake once.
    fn tried(&self) -> Vec<Mistake> {
        let mut mistakes = Vec::new();
        for (_, words) in samples::all() {
            match self.text(&words) {
                Err(mistake) if !mistakes.contains(&mistake) => mistakes.push(mistake),
                Err(_) | Ok(_) => {}
            }
        }
        mistakes
    }

    /// Every page with something on it, as an answer that waits to be dressed: to be looked at.
    pub fn samples() -> Vec<(String, Response<Body>)> {
        let all = samples::all().into_iter();
        all.map(|(name, words)| (name, super::render(&words))).collect()
    }

    /// Gives a page its body and its policy; any other answer stays as it is. A template that fails is told, and the
    /// built-in one stands in for it.
    pub fn dress(&self, response: &mut Response<Body>) -> Option<(Mistake, RequestId)> {
        let Undressed(words) = response.extensions_mut().remove::<Undressed>()?;
        let policy = self.policy(&words);
        if let Ok(policy) = HeaderValue::from_str(&policy) {
            response.headers_mut().insert(CONTENT_SECURITY_POLICY, policy);
        }
        if words.head {
            return None;
        }
        match self.text(&words) {
            Ok(text) => {
                *response.body_mut() = Body::full(Bytes::from(text));
                None
            }
            Err(mistake) => {
                let id = words.id;
                if !std::ptr::eq(self, Arc::as_ptr(&BUILT_IN)) {
                    response.extensions_mut().insert(Undressed(words));
                    drop(BUILT_IN.dress(response));
                }
                Some((mistake, id))
            }
        }
    }

    fn policy(&self, words: &Words) -> String {
        let targets = words.page.form_targets();
        let forms = if targets.is_empty() {
            "'none'".to_owned()
        } else {
            targets.join(" ")
        };
        let script = words
            .page
            .script()
            .map_or_else(String::new, |script| format!("; script-src {}", source(script)));
        format!(
            "default-src 'none'; style-src {}{script}; base-uri 'none'; form-action {forms}; frame-ancestors 'none'",
            self.style_source
        )
    }

    /// The page as text.
    fn text(&self, words: &Words) -> Result<String, Mistake> {
        let template = self.engine.get_template(words.page.template())?;
        let shown = Value::from_pairs([
            ("text", self.texts.all()),
            ("style", self.style.clone()),
            ("kind", Value::from(Kind::of(words.status).key())),
            ("status", Value::from(words.status.as_u16())),
            ("reason", Value::from(words.code)),
            ("why", Value::from(self.texts.why(words.code, words.meaning))),
            ("request", Value::from(words.id.to_string())),
            (
                "retry_after",
                words.retry_after.map_or(Value::from(()), Value::from),
            ),
            ("page", words.page.shown()),
        ]);
        let mut bounded = Bounded::default();
        let rendered = template.render_captured_to(shown, &mut bounded).map(drop);
        if bounded.full {
            return Err(Mistake {
                file: words.page.template().to_owned(),
                line: None,
                what: format!("the page is larger than {} KiB", MAX_BYTES / 1024),
                help: "a picture in the page is better small".to_owned(),
            });
        }
        rendered?;
        // What was written is text.
        Ok(String::from_utf8_lossy(&bounded.page).into_owned())
    }
}

/// What is within a page, as its policy names it (Content Security Policy Level 3 section 2.3.1).
fn source(text: &str) -> String {
    let hash = BASE64_STANDARD.encode(digest(&SHA256, text.as_bytes()));
    format!("'sha256-{hash}'")
}

/// An engine that escapes all it writes, knows no other files, and stops.
fn engine() -> Environment<'static> {
    let mut engine = Environment::new();
    engine.set_undefined_behavior(UndefinedBehavior::Strict);
    engine.set_fuel(Some(MAX_STEPS));
    engine.set_debug(true);
    engine.remove_filter("safe");
    engine.set_formatter(|out, _, value| Ok(out.write_str(&written(value))?));
    engine.add_function("say", |text: String, names: Kwargs| say(&text, &names));
    engine
}

/// `text` with each `{name}` in it replaced by what the name stands for, which is set off from our own words.
fn say(text: &str, names: &Kwargs) -> Result<Value, Error> {
    let mut said = String::with_capacity(text.len() + 64);
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        let (name, after) = after.split_once('}').ok_or_else(|| unsaid(text))?;
        if !names.has(name) {
            return Err(unsaid(text));
        }
        let value: Value = names.get(name)?;
        said.push_str(&escaped(before));
        said.push_str("<strong>");
        said.push_str(&written(&value));
        said.push_str("</strong>");
        rest = after;
    }
    said.push_str(&escaped(rest));
    Ok(Value::from_safe_string(said))
}

fn unsaid(text: &str) -> Error {
    let detail = format!("the text \"{text}\" has a `{{…}}` that stands for nothing on this page");
    Error::new(ErrorKind::InvalidOperation, detail)
}

/// Takes as many bytes as a page may have.
#[derive(Default)]
struct Bounded {
    page: Vec<u8>,
    full: bool,
}

impl io::Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.full = self.page.len().saturating_add(bytes.len()) > MAX_BYTES;
        if self.full {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        self.page.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
