//! Every text that a person reads on a page: one file, `en.json`. The operator's own may stand in place of any of them.

use super::kinds::Kind;
use super::lines;
use countersign_core::reason;
use minijinja::value::Value;
use serde_json::Value as Json;
use std::sync::LazyLock;

/// The file's name in a folder of own templates.
pub(super) const FILE: &str = "texts.json";

static ENGLISH: LazyLock<Json> =
    LazyLock::new(|| serde_json::from_str(include_str!("en.json")).unwrap_or_default());

/// What is wrong with own texts.
#[derive(Clone, Debug)]
pub(super) struct Wrong {
    /// The key, and the way down to it.
    at: String,
    pub(super) line: Option<usize>,
    pub(super) what: String,
    pub(super) help: String,
}

impl Wrong {
    fn at(at: &str, what: String, help: impl Into<String>) -> Self {
        Self {
            at: at.to_owned(),
            line: None,
            what,
            help: help.into(),
        }
    }
}

/// Texts by their keys.
#[derive(Clone, Debug)]
pub(super) struct Texts {
    all: Value,
    why: Json,
}

impl Texts {
    /// English.
    pub(super) fn english() -> Self {
        Self::of(&ENGLISH)
    }

    /// English, but where `own` says something else; or what is wrong with it.
    pub(super) fn with(own: &str) -> Result<Self, Vec<Wrong>> {
        let read = serde_json::from_str::<Json>(own).map_err(|error| {
            vec![Wrong {
                line: Some(error.line()),
                what: format!("not JSON: {error}"),
                help: "quotes around keys and texts, a comma between two of them and none behind the last"
                    .to_owned(),
                at: String::new(),
            }]
        })?;
        let mut texts = ENGLISH.clone();
        let mut wrong = Vec::new();
        lay_over(&mut texts, &read, "", &mut wrong);
        if wrong.is_empty() {
            return Ok(Self::of(&texts));
        }
        let lines = lines::of_keys(own);
        for one in &mut wrong {
            one.line = lines.get(&one.at).copied();
        }
        Err(wrong)
    }

    fn of(texts: &Json) -> Self {
        Self {
            all: value(texts),
            why: texts.get("why").cloned().unwrap_or_default(),
        }
    }

    /// All of them, for a template.
    pub(super) fn all(&self) -> Value {
        self.all.clone()
    }

    /// Why, in plain words: those for this reason code, or else what it means.
    pub(super) fn why<'a>(&'a self, code: &str, meaning: &'a str) -> &'a str {
        self.why.get(code).and_then(Json::as_str).unwrap_or(meaning)
    }
}

/// The English title of a refusal.
pub(super) fn title_of(kind: Kind) -> &'static str {
    let kinds = ENGLISH.get("refused").and_then(|kinds| kinds.get(kind.key()));
    let title = kinds.and_then(|texts| texts.get("title"));
    title.and_then(Json::as_str).unwrap_or("")
}

fn lay_over(texts: &mut Json, own: &Json, at: &str, wrong: &mut Vec<Wrong>) {
    let below = |key: &str| {
        if at.is_empty() {
            key.to_owned()
        } else {
            format!("{at}.{key}")
        }
    };
    match (texts, own) {
        (Json::String(text), Json::String(own)) => text.clone_from(own),
        (Json::Object(texts), Json::Object(own)) => {
            for (key, own) in own {
                let known = at == "why" && reason::all().any(|(_, code, _)| code == key);
                match texts.get_mut(key) {
                    Some(text) => lay_over(text, own, &below(key), wrong),
                    None if known && own.is_string() => drop(texts.insert(key.clone(), own.clone())),
                    None if known => wrong.push(no_text(&below(key))),
                    None => wrong.push(unknown(&below(key), at, texts)),
                }
            }
        }
        (
            Json::String(_),
            Json::Null | Json::Bool(_) | Json::Number(_) | Json::Array(_) | Json::Object(_),
        ) => {
            wrong.push(no_text(at));
        }
        (
            _,
            Json::Null | Json::Bool(_) | Json::Number(_) | Json::Array(_) | Json::Object(_) | Json::String(_),
        ) => {
            let what = if at.is_empty() { "the whole" } else { at };
            let what = format!("`{what}` is to be an object of texts");
            wrong.push(Wrong::at(
                at,
                what,
                "{ \"title\": \"…\" }, as the built-in texts have it",
            ));
        }
    }
}

fn no_text(at: &str) -> Wrong {
    Wrong::at(at, format!("`{at}` is to be a text"), "a string in quotes")
}

/// A key that is none, among `known` ones below `at`.
fn unknown(key: &str, at: &str, known: &serde_json::Map<String, Json>) -> Wrong {
    let help = if at == "why" {
        "a reason code: `countersign reference --reason-codes` lists them".to_owned()
    } else {
        let known = known.keys().map(String::as_str).collect::<Vec<_>>();
        format!("known there: {}", known.join(", "))
    };
    Wrong::at(key, format!("`{key}` is no text of these pages"), help)
}

fn value(texts: &Json) -> Value {
    match texts {
        Json::Object(members) => {
            Value::from_pairs(members.iter().map(|(key, text)| (key.as_str(), value(text))))
        }
        Json::String(text) => Value::from(text.as_str()),
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::Array(_) => Value::from(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_that_has_plain_words_is_one_and_every_kind_of_refusal_has_a_title() {
        for code in ENGLISH["why"].as_object().unwrap().keys() {
            assert!(reason::all().any(|(_, known, _)| known == code), "{code}");
        }
        for kind in Kind::ALL {
            assert!(!title_of(kind).is_empty(), "{kind:?}");
        }
    }

    #[test]
    fn own_texts_stand_in_place_of_some_and_the_others_stay() {
        let own = r#"{"lang":"de","sign_in":{"title":"Anmelden"},"why":{"group_unmet":"Nein.","no_route":"Nichts."}}"#;
        let texts = Texts::with(own).unwrap();
        assert_eq!(texts.why("group_unmet", ""), "Nein.");
        assert_eq!(texts.why("no_route", ""), "Nichts.");
        assert_eq!(texts.why("busy", "Meaning."), "Meaning.");
        let sign_in = texts.all().get_attr("sign_in").unwrap();
        assert_eq!(sign_in.get_attr("title").unwrap().as_str(), Some("Anmelden"));
        assert!(
            sign_in
                .get_attr("lead")
                .unwrap()
                .as_str()
                .unwrap()
                .starts_with("Choose")
        );
    }

    #[test]
    fn what_is_no_text_of_ours_is_told() {
        let wrong = |own: &str| {
            let wrong = Texts::with(own).unwrap_err().into_iter();
            wrong.map(|one| one.what).collect::<Vec<_>>().join("; ")
        };
        assert!(wrong("{").starts_with("not JSON: "));
        assert_eq!(wrong("[]"), "`the whole` is to be an object of texts");
        assert_eq!(
            wrong(r#"{"sign_in":{"titel":"x","title":1},"why":{"no_such":"x"},"facts":"x"}"#),
            "`facts` is to be an object of texts; `sign_in.titel` is no text of these pages; \
             `sign_in.title` is to be a text; `why.no_such` is no text of these pages"
        );
    }
}
