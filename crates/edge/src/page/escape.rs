//! Text of others, as it may stand on a page of ours.

use minijinja::value::Value;
use std::borrow::Cow;

/// Text of others, as it may stand between tags and in quoted attributes; what changes the direction of text, or is not
/// seen, is shown as a question mark.
pub(super) fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '&' => escaped.push_str("&amp;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => escaped.push('?'),
            other if other.is_control() => escaped.push('?'),
            other => escaped.push(other),
        }
    }
    escaped
}

/// What a template's `{{ … }}` writes. Whatever is not markup of ours is escaped, and no template can turn that off.
pub(super) fn written(value: &Value) -> Cow<'_, str> {
    match value.as_str() {
        Some(markup) if value.is_safe() => Cow::Borrowed(markup),
        Some(text) => Cow::Owned(escaped(text)),
        None if value.is_none() || value.is_undefined() => Cow::Borrowed(""),
        None => Cow::Owned(escaped(&value.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_of_others_is_text_on_a_page() {
        assert_eq!(
            escaped("<b a=\"1\" c='2'>&\u{202e}\u{7}é"),
            "&lt;b a=&quot;1&quot; c=&#39;2&#39;&gt;&amp;??é"
        );
    }
}
