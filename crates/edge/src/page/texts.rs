//! Every text that a person reads on a page: one file, `en.json`. The operator's own may stand in place of any of them.

use super::kinds::Kind;
use countersign_core::reason;
use minijinja::value::Value;
use serde_json::Value as Json;
use std::sync::LazyLock;

/// The file's name in a folder of own templates.
pub(super) const FILE: &str = "texts.json";

static ENGLISH: LazyLock<Json> =
    LazyLock::new(|| serde_json::from_str(include_str!("en.json")).unwrap_or_default());

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
    pub(super) fn with(own: &[u8]) -> Result<Self, Vec<String>> {
        let own = serde_json::from_slice::<Json>(own).map_err(|error| vec![format!("not JSON: {error}")])?;
        let mut texts = ENGLISH.clone();
        let mut wrong = Vec::new();
        lay_over(&mut texts, &own, "", &mut wrong);
        if wrong.is_empty() {
            Ok(Self::of(&texts))
        } else {
            Err(wrong)
        }
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

fn lay_over(texts: &mut Json, own: &Json, at: &str, wrong: &mut Vec<String>) {
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
                    None => wrong.push(format!("`{}` is no text of these pages", below(key))),
                }
            }
        }
        (
            Json::String(_),
            Json::Null | Json::Bool(_) | Json::Number(_) | Json::Array(_) | Json::Object(_),
        ) => {
            wrong.push(format!("`{at}` is to be a text"));
        }
        (
            _,
            Json::Null | Json::Bool(_) | Json::Number(_) | Json::Array(_) | Json::Object(_) | Json::String(_),
        ) => {
            let at = if at.is_empty() { "the whole" } else { at };
            wrong.push(format!("`{at}` is to be an object of texts"));
        }
    }
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
        let own = br#"{"lang":"de","sign_in":{"title":"Anmelden"},"why":{"group_unmet":"Nein.","no_route":"Nichts."}}"#;
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
        let wrong = |own: &str| Texts::with(own.as_bytes()).unwrap_err().join("; ");
        assert!(wrong("{").starts_with("not JSON: "));
        assert_eq!(wrong("[]"), "`the whole` is to be an object of texts");
        assert_eq!(
            wrong(r#"{"sign_in":{"titel":"x","title":1},"why":{"no_such":"x"},"facts":"x"}"#),
            "`facts` is to be an object of texts; `sign_in.titel` is no text of these pages; \
             `sign_in.title` is to be a text; `why.no_such` is no text of these pages"
        );
    }
}
