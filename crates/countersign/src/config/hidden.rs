//! What the lines of a file that a message shows must not show: a secret written where only its name belongs.

use super::nearest::nearest;
use super::spec;
use countersign_core::certificate::SanKind;
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

/// `user:password` of every `scheme://user:password@host`, and of what is so but for its scheme.
fn user_parts(text: &str) -> Vec<Range<usize>> {
    let after = text.match_indices("://").map(|(at, mark)| at + mark.len());
    let whole = after.filter_map(|start| {
        let rest = text.get(start..)?;
        let word = rest.get(..rest.find(WORD_ENDS).unwrap_or(rest.len()))?;
        let authority = word.split(['/', '?', '#']).next().unwrap_or(word);
        // A password may hold what ends the host elsewhere.
        let has_user =
            authority.contains('@') || authority.rsplit_once(':').is_some_and(|(_, port)| !is_port(port));
        let at = word.rfind('@').filter(|_| has_user)?;
        Some(start..start + at)
    });
    let bare = words(text).filter_map(|(start, word)| {
        let at = word.rfind('@')?;
        let (user, _) = word.get(..at)?.split_once(':')?;
        (!word.contains("://") && !is_path(word) && !qualifies(user)).then_some(start..start + at)
    });
    whole.chain(bare).collect()
}

/// What ends a word, in a file as in a message.
const WORD_ENDS: [char; 6] = ['"', '\'', ' ', '\t', '\r', '\n'];

/// The words of a text, each with its place.
fn words(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut start = 0;
    text.split_inclusive(WORD_ENDS).map(move |word| {
        let from = start;
        start += word.len();
        (from, word.trim_end_matches(WORD_ENDS))
    })
}

/// What begins with `/` is a path of ours, or a pattern of such.
fn is_path(word: &str) -> bool {
    word.starts_with('/') && !word.starts_with("//") && !word.contains("://")
}

fn is_port(text: &str) -> bool {
    text.ends_with(']') || !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Whether what stands before a colon says of which authenticator, or of which kind, the name after it is.
fn qualifies(text: &str) -> bool {
    text == "*" || text.contains('.') || SanKind::parse(text).is_some()
}

/// What follows the `?` of every URL, whether or not its scheme is written.
fn queries(text: &str) -> Vec<Range<usize>> {
    let queries = words(text).filter_map(|(start, word)| {
        let query = word.find('?').filter(|_| !is_path(word))?;
        Some(start + query + 1..start + word.len())
    });
    queries.collect()
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
            "sites = [\"https://ann:SE/CRET@app.home.example\", \"ann:SECRET@app.home.example\"]",
            "sites = ['https://ann:a@b/SECRET@app.home.example', '//ann:SECRET@app.home.example']",
            "hosts = [\"https:ann:SECRET@app.home.example\", \"https://ann:/SECRET@app.home.example\"]",
        ] {
            let shown = struck_out(text, &[]);
            assert!(!shown.contains("CRET"), "{shown}");
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
        let message = "\"ann:SE/CRET@app.home.example\": not a host";
        assert_eq!(
            urls_struck_out(message),
            "\"***********@app.home.example\": not a host"
        );
        for message in [
            "ann@home.example at https://sso.example/ann@home?…: none",
            "https://sso.example:8443/ann@home is not https://[::1]/ann@home",
            "\"certificate.people:ann@home.example\" and \"*:ann@home.example\"",
            "email:ann@home.example is no name of it",
        ] {
            assert_eq!(urls_struck_out(message), message);
        }
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
