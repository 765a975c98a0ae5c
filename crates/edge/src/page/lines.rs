//! On which line of a JSON text each of its keys stands, for messages about them.

use std::collections::HashMap;

/// The line of each key by its path (`sign_in.title`), from 1. `text` is JSON, as somebody else has found.
pub(super) fn of_keys(text: &str) -> HashMap<String, usize> {
    let mut keys = Keys::default();
    let mut rest = text;
    while let Some(at) = rest.find(['"', '{', '}', '\n']) {
        let (_, after) = rest.split_at(at);
        rest = after.get(1..).unwrap_or_default();
        match after.as_bytes().first() {
            Some(b'"') => {
                let (literal, behind) = literal(after);
                rest = behind;
                if behind.trim_start().starts_with(':') {
                    keys.key(literal);
                }
            }
            Some(b'{') => keys.open.push(std::mem::take(&mut keys.last)),
            Some(b'}') => drop(keys.open.pop()),
            Some(_) | None => keys.line += 1,
        }
    }
    keys.lines
}

#[derive(Default)]
struct Keys {
    /// How many lines are behind.
    line: usize,
    /// The keys of the objects that are open; that of the whole is empty.
    open: Vec<String>,
    last: String,
    lines: HashMap<String, usize>,
}

impl Keys {
    fn key(&mut self, literal: &str) {
        self.last = serde_json::from_str(literal).unwrap_or_default();
        let way = self.open.iter().filter(|key| !key.is_empty());
        let way = way.chain([&self.last]).map(String::as_str).collect::<Vec<_>>();
        self.lines.insert(way.join("."), self.line + 1);
    }
}

/// The string that `text` begins with, quotes and all, and what is behind it.
fn literal(text: &str) -> (&str, &str) {
    let mut escaped = true;
    let end = text.char_indices().find(|(at, character)| {
        let ends = *character == '"' && !escaped && *at > 0;
        escaped = *character == '\\' && !escaped;
        ends
    });
    text.split_at(end.map_or(text.len(), |(at, _)| at + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_key_has_its_line() {
        let text = "{\n \"a\": \"{ \\\" \\\\\",\n \"b\":\n {\"a\" : \"\", \n\"\\u0063\": {}, \"d\": \"x:\"}\n , \"e\": [{\"f\": 1}] }";
        let lines = of_keys(text);
        let mut lines = lines
            .iter()
            .map(|(key, line)| (key.as_str(), *line))
            .collect::<Vec<_>>();
        lines.sort_unstable();
        assert_eq!(
            lines,
            [
                ("a", 2),
                ("b", 3),
                ("b.a", 4),
                ("b.c", 5),
                ("b.d", 5),
                ("e", 6),
                ("e.f", 6)
            ]
        );
        assert!(of_keys("").is_empty() && of_keys("[\"a\"]").is_empty());
    }
}
