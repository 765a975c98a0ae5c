//! The OpenID Provider: what applications ask of us, and what they are told (OpenID Connect Core section 3.1, seen from the
//! other side).
//!
//! Reading order: [`site`] and [`client`] (who may ask), [`authorize`] and [`scope`] (what the browser brings), [`response`] (what it takes
//! back), [`token`] (what a client redeems), [`assertion`] (how it may sign for itself), [`claims`] (what it is told about the
//! user), [`logout`] (how that ends), [`metadata`] (what we say of ourselves).

use std::borrow::Cow;

pub mod assertion;
pub mod authorize;
pub mod claims;
pub mod client;
pub mod logout;
pub mod metadata;
pub mod response;
pub mod scope;
pub mod site;
pub mod token;

/// `words` as an `error_description` may have them: printable ASCII without quotes and backslashes (RFC 6749 section 5.2).
fn description(words: &str) -> Cow<'_, str> {
    let is_plain = |character: char| matches!(character, ' '..='~') && !matches!(character, '"' | '\\');
    if words.chars().all(is_plain) {
        return Cow::Borrowed(words);
    }
    let mut plain = String::with_capacity(words.len());
    for character in words.chars() {
        match character {
            '\u{2026}' => plain.push_str("..."),
            other if is_plain(other) => plain.push(other),
            _ => plain.push('\''),
        }
    }
    Cow::Owned(plain)
}

#[cfg(test)]
mod tests {
    use super::description;

    #[test]
    fn a_description_is_plain_ascii() {
        assert_eq!(description("a `b` c"), "a `b` c");
        assert_eq!(
            description("a \"b\" \\ `not_\u{2026}` \u{e9}"),
            "a 'b' ' `not_...` '"
        );
    }
}
