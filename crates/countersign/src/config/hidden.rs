//! What the lines of a file that a message shows must not show: a secret written where only its name belongs.

use super::nearest::nearest;
use super::spec;
use countersign_core::options::{Field, Kind};
use std::ops::Range;

/// Marks that hold a secret whoever invented them.
const SECRET_MARKS: [&str; 3] = ["secret", "pass", "private"];

/// `text` with secrets struck out byte for byte, so that every place stays where it is: the `known` ones, whatever
/// follows a key that holds a secret, and the user part and the query of URLs.
pub fn struck_out(text: &str, known: &[Range<usize>]) -> String {
    let mut spans = known.to_vec();
    spans.extend(after_secret_keys(text));
    spans.extend(user_parts(text));
    spans.extend(queries(text));
    struck(text, spans)
}

/// A message, with the user part and the query of the URLs that it quotes struck out.
pub fn urls_struck_out(text: &str) -> String {
    let mut spans = user_parts(text);
    // Who wrote the message may have left it out already.
    let is_there = |span: &Range<usize>| !text.get(span.clone()).is_some_and(|query| query.starts_with('…'));
    spans.extend(queries(text).into_iter().filter(is_there));
    struck(text, spans)
}

fn struck(text: &str, spans: Vec<Range<usize>>) -> String {
    let mut shown = text.as_bytes().to_vec();
    for span in spans {
        let struck = shown.get_mut(span).unwrap_or_default().iter_mut();
        struck
            .filter(|byte| !matches!(**byte, b'\n' | b'\r'))
            .for_each(|byte| *byte = b'*');
    }
    // Spans begin and end between characters, so what is left is whole.
    String::from_utf8(shown).unwrap_or_default()
}

/// What stands after the `=` of keys that hold a secret. The text need not be TOML.
fn after_secret_keys(text: &str) -> Vec<Range<usize>> {
    let mut keys = Keys::default();
    for field in &spec::root() {
        keys.collect(field);
    }
    let (mut spans, mut within_secret, mut from) = (Vec::new(), false, 0);
    for (equals, _) in text.match_indices('=') {
        if equals < from {
            continue;
        }
        let before = text.get(..equals).unwrap_or("");
        if let Some(header) = before.get(from..).and_then(last_header) {
            within_secret = keys.secrets.contains(&header);
        }
        from = equals + 1;
        let key = last_word(before);
        let named = within_secret && key != "file" && key != "env";
        if !named && !keys.hold_secret(key) {
            continue;
        }
        let rest = text.get(from..).unwrap_or("");
        let value = rest.trim_start_matches([' ', '\t']);
        if !is_reference(value) {
            let start = text.len() - value.len();
            from = start + extent(value);
            spans.push(start..from);
        }
    }
    spans
}

/// The keys of the configuration, as far as they matter here.
#[derive(Default)]
struct Keys {
    secrets: Vec<&'static str>,
    /// Tables: what they hold has keys of its own.
    tables: Vec<&'static str>,
}

impl Keys {
    fn collect(&mut self, field: &Field) {
        match field.kind {
            Kind::Secret | Kind::List(Kind::Secret) => self.secrets.push(field.name),
            Kind::Table(table) | Kind::Tables(table) | Kind::Named(table) => {
                self.tables.push(field.name);
                table.fields.iter().for_each(|field| self.collect(field));
            }
            Kind::Text
            | Kind::Bool
            | Kind::Integer(..)
            | Kind::Duration(..)
            | Kind::Bytes(..)
            | Kind::Url
            | Kind::Choice(_)
            | Kind::List(_)
            | Kind::File
            | Kind::Path
            | Kind::TextMap => {}
        }
    }

    fn hold_secret(&self, key: &str) -> bool {
        if self.tables.contains(&key) {
            return false;
        }
        let key = key.to_ascii_lowercase();
        SECRET_MARKS.iter().any(|mark| key.contains(mark))
            || nearest(&key, self.secrets.iter().copied()).is_some()
    }
}

/// The last part of the key at the end of `text`.
fn last_word(text: &str) -> &str {
    let text = text.trim_end_matches([' ', '\t', '"', '\'']);
    let word = |character: char| character.is_ascii_alphanumeric() || character == '_' || character == '-';
    let start = text.trim_end_matches(word).len();
    text.get(start..).unwrap_or("")
}

/// The last part of the last table header in `text`.
fn last_header(text: &str) -> Option<&str> {
    let line = text
        .lines()
        .rev()
        .find(|line| line.trim_start().starts_with('['))?;
    let inner = line.split(']').next().unwrap_or(line);
    Some(last_word(inner))
}

/// `{ file = …` or `{ env = …`: that shows no secret.
fn is_reference(value: &str) -> bool {
    let inner = value.strip_prefix('{').map_or("", str::trim_start);
    ["file", "env"].iter().any(|word| {
        inner
            .strip_prefix(word)
            .is_some_and(|rest| rest.trim_start().starts_with('='))
    })
}

/// How many bytes of `value` are its own: to the end of its last line, or of the text where it has none.
fn extent(value: &str) -> usize {
    let closes = |opening: &str, closing: &str| {
        let inner = value.strip_prefix(opening)?;
        let end = inner.find(closing).unwrap_or(inner.len());
        Some((opening.len() + end + closing.len()).min(value.len()))
    };
    let marks = [("\"\"\"", "\"\"\""), ("'''", "'''"), ("[", "]"), ("{", "}")];
    let closed = marks
        .iter()
        .find_map(|(opening, closing)| closes(opening, closing));
    let closed = closed.unwrap_or(0);
    let rest = value.get(closed..).unwrap_or("");
    closed + rest.find('\n').unwrap_or(rest.len())
}

/// `user:password` of every `scheme://user:password@host`.
fn user_parts(text: &str) -> Vec<Range<usize>> {
    let after = text.match_indices("://").map(|(at, mark)| at + mark.len());
    after
        .filter_map(|start| {
            let rest = text.get(start..)?;
            let end = rest
                .find(['/', '"', '\'', '?', '#', ' ', '\n'])
                .unwrap_or(rest.len());
            let at = rest.get(..end)?.rfind('@')?;
            Some(start..start + at)
        })
        .collect()
}

/// What follows the `?` of every URL, whether or not its scheme is written. What begins with `/` is a path of ours, or a
/// pattern of such.
fn queries(text: &str) -> Vec<Range<usize>> {
    let (mut spans, mut start) = (Vec::new(), 0);
    for word in text.split_inclusive(['"', '\'', ' ', '\t', '\r', '\n']) {
        let own = word.trim_end_matches(['"', '\'', ' ', '\t', '\r', '\n']);
        let is_path = own.starts_with('/') && !own.starts_with("//") && !own.contains("://");
        if let Some(query) = own.find('?').filter(|_| !is_path) {
            spans.push(start + query + 1..start + own.len());
        }
        start += word.len();
    }
    spans
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_follows_a_key_that_holds_a_secret_is_struck_out() {
        for text in [
            "hmac_secret = \"SECRET\"",
            "hmac_secret = \"SECRET",
            "hmac_secret=SECRET # SECRET",
            "hmac_secert = 'SECRET'",
            "\"hmac_secret\" = \"SECRET\"",
            "token.a.hmac_secret = \"SECRET\"",
            "hmac_secret = \"\"\"\nSECRET\nSECRET\"\"\"",
            "hmac_secret = '''\nSECRET",
            "hmac_secret = [\n\"SECRET\",\n\"SECRET\"]",
            "hmac_secret = { value = \"SECRET\" }",
            "hmac_secret = { file = \"a\", value = \"SECRET\" }",
            "trusted_secret = { header = \"X-A\", value = \"SECRET\" }",
            "[token.a.hmac_secret]\nkey = \"SECRET\"\nfile = \"a\"\nother = \"SECRET\"",
            "jwk_set_url = \"https://ann:SECRET@op.example/keys\"",
            "url = \"unix:///run/redis.sock?user=ann&pass=SECRET\"",
            "crl_urls = [\"http://op.example/a.crl\", 'http://op.example/b.crl?token=SECRET', \"https://x?SECRET\"]",
            "jwk_set_url = https://op.example/keys?a=https://b/?SECRET",
            "crl_urls = [\"op.example/a.crl?token=SECRET\", '//op.example?SECRET',\"op.example?a=/?SECRET\"]",
            "crl_urls = [ op.example:8080/a.crl?SECRET ]\n",
            "crls=[\"http:/op.example/a.crl?SECRET\"]",
        ] {
            let shown = struck_out(text, &[]);
            assert!(!shown.contains("SECRET"), "{shown}");
            assert_eq!(shown.len(), text.len(), "every place stays where it is");
        }
    }

    #[test]
    fn a_message_quotes_neither_user_nor_query_of_a_url() {
        let message = "\"https://ann:SECRET@sso.example/x?SECRET\": a site, unlike https://b@[::1]";
        let shown = urls_struck_out(message);
        assert_eq!(
            shown,
            "\"https://**********@sso.example/x?******\": a site, unlike https://*@[::1]"
        );
        let message = "ann@home.example at https://sso.example/ann@home?…: none";
        assert_eq!(urls_struck_out(message), message);
    }

    #[test]
    fn the_rest_is_shown() {
        for text in [
            "hmac_secret = { file = \"a\" }\nissuer = \"https://op.example/a@b\"",
            "hmac_secret = { env = \"NAME\" }",
            "[token.secret]\nissuer = \"a\"\n",
            "[token.a]\nissuer = \"a\"\n[token.b.hmac_secret]\nfile = \"a\"\n[token.c]\nissuer = \"c\"",
            "a = b = c",
            "logout = \"/auth?out\"\npaths = ['/a?x=1']",
            "# Which of them?\n",
            "",
        ] {
            assert_eq!(struck_out(text, &[]), text);
        }
        let known = Range { start: 4, end: 9 };
        assert_eq!(struck_out("a = \"äb\"\n", &[known]), "a = *****\n");
    }
}
