//! Pieces of TOML.

/// A basic string (TOML 1.0, "String"). JSON's escapes are TOML's, but for one character that JSON leaves as it is.
pub(super) fn quoted(text: &str) -> String {
    serde_json::Value::from(text)
        .to_string()
        .replace('\u{7f}', "\\u007f")
}

/// An array of strings, on one line.
pub(super) fn list<T: AsRef<str>>(texts: &[T]) -> String {
    let each = texts.iter().map(|text| quoted(text.as_ref()));
    format!("[{}]", each.collect::<Vec<_>>().join(", "))
}

/// A name that can name a table and a file: letters, digits and `-`.
pub(super) fn table_name(label: &str) -> String {
    let plain = |character: char| {
        if character.is_ascii_alphanumeric() {
            character.to_ascii_lowercase()
        } else {
            '-'
        }
    };
    let name = label.chars().map(plain).collect::<String>();
    let words = name.split('-').filter(|word| !word.is_empty());
    words.collect::<Vec<_>>().join("-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again() {
        let odd = "a\"b\\c\u{7f}\u{1}\n\u{9b}é木";
        let toml = format!("a = {}\nb = {}", quoted(odd), list(&[odd, "x"]));
        let read = toml.parse::<toml::Table>().unwrap();
        assert_eq!(read["a"].as_str(), Some(odd));
        assert_eq!(read["b"].as_array().unwrap().len(), 2);
    }

    #[test]
    fn a_label_becomes_a_name() {
        assert_eq!(table_name("Test endpoint"), "test-endpoint");
        assert_eq!(table_name("../../etc/x"), "etc-x");
        assert_eq!(table_name("木"), "");
    }
}
