//! Patterns of distinguished names. They are held against the attributes, never against a printed form, in which a value
//! can look like another attribute.

use super::attributes::{object_identifier, rfc4514_identifier};
use super::text::{Form, decoded, identity, write_escaped, write_hexadecimal};
use super::{Attribute, Name};
use crate::der::dotted;
use crate::text_pattern::TextPattern;

/// A distinguished name as RFC 4514 or OpenSSL writes it, most special first, in which `*` stands for any text of one
/// value, and for any number of relative names where it stands alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamePattern(Box<[Relative]>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Relative {
    /// Any number of relative names, also none.
    Any,
    /// One with these attributes and no other.
    Of(Box<[(Box<[u8]>, Value)]>),
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Value {
    Text(TextPattern),
    /// The value with its tag and length.
    Der(Box<[u8]>),
}

/// Why a text is no distinguished name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NamePatternError {
    /// A part is not `TYPE=value`.
    #[error("{0:?} is no attribute and its value: a name is written CN=ann,O=Example")]
    NoValue(String),
    /// A type that is not known.
    #[error("{0:?} is no attribute of a distinguished name that is known here")]
    Type(String),
    /// Two attributes of one type in one relative name.
    #[error("one relative name has two attributes {0:?}")]
    Twice(String),
    /// A `\` before nothing that can be escaped, or bytes that are no UTF-8.
    #[error("{0:?} has a `\\` before nothing that it escapes, or bytes that are no UTF-8")]
    Escape(String),
    /// A star, where there is none.
    #[error("`*` is no part of this name; one that is itself is written \\*")]
    Star,
}

/// One character of a text, or what it means there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sign {
    /// A byte of a value, written as itself or escaped.
    Byte(u8),
    /// `,` `+` `=` `*` or a space that nothing escapes.
    Mark(u8),
}

/// Those in one relative name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Types {
    /// Each is there once.
    Differ,
    /// As a certificate has them.
    AsTheyAre,
}

impl NamePattern {
    /// Reads a pattern.
    pub fn parse(text: &str) -> Result<Self, NamePatternError> {
        Self::of(&signs(text)?, Types::Differ)
    }

    fn of(signs: &[Sign], types: Types) -> Result<Self, NamePatternError> {
        let relatives = signs.split(|sign| *sign == Sign::Mark(b','));
        relatives
            .map(|relative| {
                let relative = trimmed(relative);
                if *relative == [Sign::Mark(b'*')] {
                    return Ok(Relative::Any);
                }
                let mut attributes = Vec::<(Box<[u8]>, Value)>::new();
                for part in relative.split(|sign| *sign == Sign::Mark(b'+')) {
                    let (oid, value) = attribute(part)?;
                    if types == Types::Differ && attributes.iter().any(|(other, _)| *other == oid) {
                        return Err(NamePatternError::Twice(shown(part)));
                    }
                    attributes.push((oid, value));
                }
                Ok(Relative::Of(attributes.into()))
            })
            .collect::<Result<_, _>>()
            .map(Self)
    }

    /// Reads one name, in which nothing stands for something else.
    pub fn parse_name(text: &str) -> Result<Self, NamePatternError> {
        if signs(text)?.contains(&Sign::Mark(b'*')) {
            return Err(NamePatternError::Star);
        }
        Self::parse(text)
    }

    /// How [`Name::nginx`] writes the name that `text` is, in the order in which it stands there. Each star is itself, as
    /// in what is printed. `None` where it is none, and where no text of a value is written but its DER, which nothing
    /// here says.
    pub fn as_nginx(text: &str) -> Option<String> {
        Self::printed(text)?.written(Form::OpenSsl)
    }

    /// The same as [`Name::rfc4514`] writes it.
    pub fn as_rfc4514(text: &str) -> Option<String> {
        Self::printed(text)?.written(Form::Rfc4514)
    }

    /// To be written again, and never held against a name.
    fn printed(text: &str) -> Option<Self> {
        if text.is_empty() {
            return Some(Self(Box::default()));
        }
        let mut signs = signs(text).ok()?;
        for sign in &mut signs {
            if *sign == Sign::Mark(b'*') {
                *sign = Sign::Byte(b'*');
            }
        }
        Self::of(&signs, Types::AsTheyAre).ok()
    }

    fn written(&self, form: Form) -> Option<String> {
        let relatives = self.0.iter().map(|relative| match relative {
            Relative::Any => None,
            Relative::Of(attributes) => {
                let attributes = attributes.iter().map(|(oid, value)| {
                    let mut text = String::new();
                    let name = form.name_of(oid);
                    match (name, value) {
                        (Some(name), Value::Text(pattern)) => {
                            text.push_str(name);
                            text.push('=');
                            write_escaped(&mut text, pattern.literal()?, form);
                        }
                        (None, Value::Text(_)) => return None,
                        (name, Value::Der(der)) => {
                            text.push_str(&name.map_or_else(|| dotted(oid), |name| Some(name.to_owned()))?);
                            text.push_str("=#");
                            write_hexadecimal(&mut text, der);
                        }
                    }
                    Some(text)
                });
                Some(attributes.collect::<Option<Vec<_>>>()?.join("+"))
            }
        });
        Some(relatives.collect::<Option<Vec<_>>>()?.join(","))
    }

    /// Whether every name fits.
    pub fn says_nothing(&self) -> bool {
        self.0.iter().all(|relative| *relative == Relative::Any)
    }

    /// Whether it fits `name`. A value that is not plain text ([`Name::attribute`]) fits no text.
    pub fn fits(&self, name: &Name) -> bool {
        let attributes = name.attributes();
        let relatives = relatives(&attributes);
        self.fits_in_order(&relatives, plain)
    }

    /// Whether it names `name`, written most special first or most general first, whatever is in the values.
    pub fn names(&self, name: &Name) -> bool {
        let attributes = name.attributes();
        let mut relatives = relatives(&attributes);
        let either = self.fits_in_order(&relatives, any);
        relatives.reverse();
        either || self.fits_in_order(&relatives, any)
    }

    /// What stands between two `Any` is looked for from the most special on, as the first place is right for each.
    fn fits_in_order(&self, name: &[Vec<&Attribute<'_>>], text: Text) -> bool {
        let mut pieces = self.0.split(|relative| *relative == Relative::Any);
        let fits = |piece: &[Relative], name: &[Vec<&Attribute<'_>>]| {
            piece.len() == name.len()
                && piece
                    .iter()
                    .zip(name)
                    .all(|(wanted, there)| wanted.fits(there, text))
        };
        let Some(first) = pieces.next() else { return false };
        let Some((last, between)) = pieces
            .collect::<Vec<_>>()
            .split_last()
            .map(|(last, between)| (*last, between.to_vec()))
        else {
            return fits(first, name);
        };
        let Some((begin, rest)) = name.split_at_checked(first.len()) else {
            return false;
        };
        let Some((mut inner, end)) = rest
            .len()
            .checked_sub(last.len())
            .and_then(|at| rest.split_at_checked(at))
        else {
            return false;
        };
        if !fits(first, begin) || !fits(last, end) {
            return false;
        }
        for piece in between.into_iter().filter(|piece| !piece.is_empty()) {
            let mut places = inner.windows(piece.len());
            let Some(at) = places.position(|place| fits(piece, place)) else {
                return false;
            };
            inner = inner.get(at + piece.len()..).unwrap_or_default();
        }
        true
    }
}

/// How the text of a value is read.
type Text = fn(&Attribute<'_>) -> Option<String>;

fn plain(attribute: &Attribute<'_>) -> Option<String> {
    identity(attribute.tag, attribute.content)
}

fn any(attribute: &Attribute<'_>) -> Option<String> {
    decoded(attribute.tag, attribute.content).ok().flatten()
}

impl Relative {
    fn fits(&self, there: &[&Attribute<'_>], text: Text) -> bool {
        let Self::Of(attributes) = self else { return false };
        // The types differ, so as many as there are wanted means each once.
        attributes.len() == there.len()
            && attributes.iter().all(|(oid, value)| {
                let mut there = there.iter().filter(|attribute| *attribute.oid == **oid);
                there.any(|attribute| match value {
                    Value::Der(der) => **der == *attribute.whole,
                    Value::Text(pattern) => text(attribute).is_some_and(|text| pattern.fits(&text)),
                })
            })
    }
}

/// The relative names, the most special first.
fn relatives<'a>(attributes: &'a [Attribute<'a>]) -> Vec<Vec<&'a Attribute<'a>>> {
    let mut relatives = Vec::<Vec<&Attribute<'_>>>::new();
    for attribute in attributes.iter().rev() {
        match relatives.last_mut() {
            Some(last)
                if last
                    .first()
                    .is_some_and(|first| first.relative == attribute.relative) =>
            {
                last.push(attribute);
            }
            Some(_) | None => relatives.push(vec![attribute]),
        }
    }
    relatives
}

fn attribute(part: &[Sign]) -> Result<(Box<[u8]>, Value), NamePatternError> {
    let mut halves = part.splitn(2, |sign| *sign == Sign::Mark(b'='));
    let (Some(name), Some(value)) = (halves.next(), halves.next()) else {
        return Err(NamePatternError::NoValue(shown(part)));
    };
    let name = shown(trimmed(name));
    let oid = object_identifier(&name).or_else(|| rfc4514_identifier(&name));
    let oid = oid.ok_or(NamePatternError::Type(name))?;
    let value = trimmed(value);
    let value = match der(value) {
        Some(der) => Value::Der(der.into()),
        None => Value::Text(text(value)?),
    };
    Ok((oid.into(), value))
}

/// `#` and hexadecimal digits.
fn der(value: &[Sign]) -> Option<Vec<u8>> {
    let [Sign::Mark(b'#'), digits @ ..] = value else {
        return None;
    };
    let digits = digits.iter().map(|sign| match sign {
        Sign::Byte(byte) | Sign::Mark(byte) => hexadecimal_digit(*byte),
    });
    let digits = digits.collect::<Option<Vec<_>>>()?;
    let pairs = digits.chunks_exact(2);
    (!digits.is_empty() && pairs.remainder().is_empty()).then(|| {
        pairs
            .map(|pair| pair.iter().fold(0, |byte, digit| byte << 4 | digit))
            .collect()
    })
}

fn text(value: &[Sign]) -> Result<TextPattern, NamePatternError> {
    let pieces = value.split(|sign| *sign == Sign::Mark(b'*'));
    let pieces = pieces.map(|piece| {
        let bytes = piece.iter().map(|sign| match sign {
            Sign::Byte(byte) | Sign::Mark(byte) => *byte,
        });
        String::from_utf8(bytes.collect()).map_err(|_| NamePatternError::Escape(shown(value)))
    });
    pieces.collect::<Result<Vec<_>, _>>().map(TextPattern::of)
}

/// Without the spaces around it that nothing escapes.
fn trimmed(mut signs: &[Sign]) -> &[Sign] {
    while let [Sign::Mark(b' '), rest @ ..] | [rest @ .., Sign::Mark(b' ')] = signs {
        signs = rest;
    }
    signs
}

fn signs(text: &str) -> Result<Vec<Sign>, NamePatternError> {
    let escape = || NamePatternError::Escape(text.to_owned());
    let mut bytes = text.bytes();
    let mut signs = Vec::new();
    while let Some(byte) = bytes.next() {
        signs.push(match byte {
            b'\\' => {
                let escaped = bytes.next().ok_or_else(escape)?;
                match hexadecimal_digit(escaped) {
                    Some(high) => {
                        let low = bytes.next().and_then(hexadecimal_digit).ok_or_else(escape)?;
                        Sign::Byte(high << 4 | low)
                    }
                    None if escaped.is_ascii_punctuation() || escaped == b' ' => Sign::Byte(escaped),
                    None => return Err(escape()),
                }
            }
            b',' | b'+' | b'=' | b'*' | b' ' | b'#' => Sign::Mark(byte),
            _ => Sign::Byte(byte),
        });
    }
    Ok(signs)
}

fn hexadecimal_digit(byte: u8) -> Option<u8> {
    char::from(byte)
        .to_digit(16)
        .and_then(|digit| u8::try_from(digit).ok())
}

fn shown(signs: &[Sign]) -> String {
    let bytes = signs.iter().map(|sign| match sign {
        Sign::Byte(byte) | Sign::Mark(byte) => *byte,
    });
    String::from_utf8_lossy(&bytes.collect::<Vec<_>>()).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pki::{common, relatives};

    const CN: &str = "2.5.4.3";
    const O: &str = "2.5.4.10";
    const OU: &str = "2.5.4.11";

    fn name(parts: &[&[(&str, &str)]]) -> Name {
        let parts = parts.iter().map(|relative| {
            let relative = relative.iter().map(|(dots, text)| (*dots, 0x0c, text.as_bytes()));
            relative.collect::<Vec<_>>()
        });
        let parts = parts.collect::<Vec<_>>();
        Name::parse(&relatives(&parts.iter().map(Vec::as_slice).collect::<Vec<_>>())).unwrap()
    }

    fn fits(pattern: &str, name: &Name) -> bool {
        NamePattern::parse(pattern).unwrap().fits(name)
    }

    #[test]
    fn no_value_of_an_attribute_looks_like_another_attribute() {
        for value in [
            "x,O=Acme",
            "x\\,O=Acme",
            "OU=admins",
            "O=Acme",
            ",O=Acme",
            "x+O=Acme",
        ] {
            let name = Name::parse(&common(value)).unwrap();
            for pattern in [
                "*,O=Acme",
                "*,OU=admins,*",
                "CN=*,O=Acme",
                "CN=x,O=Acme",
                "CN=*+O=Acme",
            ] {
                assert!(!fits(pattern, &name), "{pattern} {value}");
            }
        }
    }

    #[test]
    fn relative_names_fit_one_by_one_and_a_lone_star_is_any_number_of_them() {
        let ann = name(&[&[(O, "Acme")], &[(OU, "staff")], &[(CN, "ann")]]);
        for (pattern, expected) in [
            ("CN=ann,OU=staff,O=Acme", true),
            ("CN=a*,OU=*,O=Acme", true),
            ("CN = ann, OU = staff, O = Acme", true),
            ("2.5.4.3=ann,OU=staff,O=Acme", true),
            ("*,O=Acme", true),
            ("CN=ann,*", true),
            ("*,OU=staff,*", true),
            ("CN=ann,*,OU=staff,*,O=Acme", true),
            ("CN=a*", false),
            ("CN=ann,O=Acme", false),
            ("*,OU=staff", false),
            ("*,CN=ann,CN=ann,*", false),
            ("O=Acme,OU=staff,CN=ann", false),
            ("CN=Ann,*", false),
        ] {
            assert_eq!(fits(pattern, &ann), expected, "{pattern}");
        }
        let several = name(&[&[(CN, "ann"), (OU, "staff")]]);
        assert!(fits("CN=ann+OU=staff", &several) && fits("OU=*+CN=*", &several));
        assert!(!fits("CN=ann", &several) && !fits("CN=ann,OU=staff", &several));
    }

    #[test]
    fn escapes_are_read_and_what_is_hidden_fits_no_text() {
        let odd = Name::parse(&common("a,b*#é ")).unwrap();
        assert!(fits("CN=a\\,b\\*\\#é\\ ", &odd) && fits("CN=a\\2cb\\2A#\\C3\\A9\\20", &odd));
        assert!(!fits("CN=a\\,b\\*\\#é", &odd));
        let hidden = Name::parse(&common("an\u{200b}n")).unwrap();
        assert!(!fits("CN=a*", &hidden));
        let form = NamePattern::parse_name(&hidden.rfc4514()).unwrap();
        assert!(form.names(&hidden), "but it is known again by its printed form");
    }

    #[test]
    fn a_printed_name_is_known_again_in_either_form_and_either_order() {
        let mail = ("1.2.840.113549.1.9.1", "a@example.org");
        let name = name(&[&[(O, "A, B+C")], &[(CN, " x#"), mail]]);
        for text in [name.rfc4514(), name.nginx()] {
            assert!(NamePattern::parse_name(&text).unwrap().names(&name), "{text}");
        }
        let turned = "O = A\\, B\\+C, CN=\\ x#+emailAddress=a@example.org";
        assert!(NamePattern::parse_name(turned).unwrap().names(&name));
        assert_eq!(NamePattern::parse_name("CN=*"), Err(NamePatternError::Star));
    }

    #[test]
    fn what_is_no_name_is_refused() {
        for text in [
            "",
            "admins",
            "/O=Acme/CN=ann",
            "CN=a,",
            "CN=a,,O=b",
            "XX=a",
            "*OU=admins*",
            "CN=a+CN=b",
            "CN=\\",
            "CN=\\g",
            "CN=\\c3",
        ] {
            assert!(NamePattern::parse(text).is_err(), "{text}");
        }
        assert!(NamePattern::parse("*,*").unwrap().says_nothing());
    }
}
