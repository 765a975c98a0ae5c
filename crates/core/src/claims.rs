//! What a credential says, as a compact JSON document.
//!
//! A verified token may be remembered many thousand times over, so its claims are kept flat: one text that holds every
//! key, string and number in order, and one array of four-byte nodes that say how it is divided. Reading is a walk;
//! nothing is allocated. The document is built through [`ClaimsBuilder`], which refuses a member that occurs twice in one
//! object (RFC 7515 section 4, RFC 7519 section 4): two readers would understand such a document differently.

use std::fmt;

pub use builder::{ClaimsBuilder, ClaimsError};

mod builder;

/// A JSON object of claims. Cloning copies it; share it inside the principal instead.
#[derive(Clone)]
pub struct Claims {
    text: Box<str>,
    nodes: Box<[Node]>,
}

/// Four bytes: what the node is, and its length. For strings and numbers that is bytes of the text, which follow those
/// of the node before; for arrays and objects the number of nodes inside, all that follow directly.
#[derive(Clone, Copy, Debug)]
struct Node(u32);

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Null,
    False,
    True,
    Number,
    String,
    Array,
    Object,
}

const KINDS: [Kind; 7] = [
    Kind::Null,
    Kind::False,
    Kind::True,
    Kind::Number,
    Kind::String,
    Kind::Array,
    Kind::Object,
];

impl Node {
    const fn new(kind: Kind, length: u32) -> Self {
        Self((length << 3) | kind as u32)
    }

    fn kind(self) -> Kind {
        KINDS.get((self.0 & 7) as usize).copied().unwrap_or(Kind::Null)
    }

    const fn length(self) -> usize {
        (self.0 >> 3) as usize
    }

    /// How many bytes of the text are this node's own.
    fn text_bytes(self) -> usize {
        match self.kind() {
            Kind::Number | Kind::String => self.length(),
            Kind::Null | Kind::False | Kind::True | Kind::Array | Kind::Object => 0,
        }
    }

    /// How many nodes follow that are inside this one.
    fn inside(self) -> usize {
        match self.kind() {
            Kind::Array | Kind::Object => self.length(),
            Kind::Null | Kind::False | Kind::True | Kind::Number | Kind::String => 0,
        }
    }
}

/// A place in a document: the next node, and where its text begins.
#[derive(Clone, Copy, Debug, Default)]
struct Cursor {
    node: usize,
    at: usize,
}

/// One JSON value inside [`Claims`].
#[derive(Clone, Copy, Debug)]
pub enum Value<'a> {
    /// `null`
    Null,
    /// `true` or `false`
    Bool(bool),
    /// A number, as it was written.
    Number(Number<'a>),
    /// A string, unescaped.
    String(&'a str),
    /// An array.
    Array(Items<'a>),
    /// An object.
    Object(Members<'a>),
}

/// A JSON number in its own spelling, so that nothing is lost on the way to whoever asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Number<'a>(&'a str);

impl<'a> Number<'a> {
    /// The number as written.
    pub const fn as_str(self) -> &'a str {
        self.0
    }

    /// The nearest double; `None` when it is not finite.
    pub fn as_f64(self) -> Option<f64> {
        self.0.parse().ok().filter(|number: &f64| number.is_finite())
    }

    /// The number when it is a whole one that fits.
    pub fn as_i64(self) -> Option<i64> {
        self.0.parse().ok()
    }
}

impl Claims {
    /// A document without members.
    pub fn empty() -> Self {
        Self {
            text: "".into(),
            nodes: Box::new([Node::new(Kind::Object, 0)]),
        }
    }

    /// The document itself.
    pub fn root(&self) -> Members<'_> {
        match self.value_at(Cursor::default()) {
            Some(Value::Object(members)) => members,
            Some(Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_))
            | None => Members(Items {
                claims: self,
                next: Cursor::default(),
                end: 0,
            }),
        }
    }

    /// The top-level member called `name`.
    pub fn member(&self, name: &str) -> Option<Value<'_>> {
        self.root().member(name)
    }

    /// Follows `path` from the top, through objects only.
    pub fn at(&self, path: &ClaimPath) -> Option<Value<'_>> {
        let (last, parents) = path.0.split_last()?;
        let mut members = self.root();
        for name in parents {
            match members.member(name)? {
                Value::Object(inner) => members = inner,
                Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
                    return None;
                }
            }
        }
        members.member(last)
    }

    /// Bytes this document holds in memory beside the struct itself.
    pub fn heap_bytes(&self) -> usize {
        self.text.len() + self.nodes.len() * size_of::<Node>()
    }

    fn value_at(&self, cursor: Cursor) -> Option<Value<'_>> {
        let node = *self.nodes.get(cursor.node)?;
        let text = || self.text.get(cursor.at..cursor.at + node.length()).unwrap_or("");
        let items = || {
            let next = Cursor {
                node: cursor.node + 1,
                at: cursor.at,
            };
            Items {
                claims: self,
                next,
                end: next.node + node.length(),
            }
        };
        Some(match node.kind() {
            Kind::Null => Value::Null,
            Kind::False => Value::Bool(false),
            Kind::True => Value::Bool(true),
            Kind::Number => Value::Number(Number(text())),
            Kind::String => Value::String(text()),
            Kind::Array => Value::Array(items()),
            Kind::Object => Value::Object(Members(items())),
        })
    }

    /// The place behind the value at `cursor`.
    fn behind(&self, cursor: Cursor) -> Cursor {
        let Some(node) = self.nodes.get(cursor.node) else {
            return cursor;
        };
        let next = cursor.node + 1;
        let inner = self.nodes.get(next..next + node.inside()).unwrap_or_default();
        let text = node.text_bytes() + inner.iter().map(|node| node.text_bytes()).sum::<usize>();
        Cursor {
            node: next + inner.len(),
            at: cursor.at + text,
        }
    }
}

/// Prints how large the document is and not what it says: claims are personal.
impl fmt::Debug for Claims {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Claims({} nodes)", self.nodes.len())
    }
}

impl<'a> Value<'a> {
    /// The string, when this is one.
    pub fn as_str(self) -> Option<&'a str> {
        if let Value::String(text) = self {
            Some(text)
        } else {
            None
        }
    }

    /// The boolean, when this is one.
    pub fn as_bool(self) -> Option<bool> {
        if let Value::Bool(value) = self {
            Some(value)
        } else {
            None
        }
    }

    /// The number, when this is one.
    pub fn as_number(self) -> Option<Number<'a>> {
        if let Value::Number(number) = self {
            Some(number)
        } else {
            None
        }
    }

    /// The elements, when this is an array.
    pub fn as_array(self) -> Option<Items<'a>> {
        if let Value::Array(items) = self {
            Some(items)
        } else {
            None
        }
    }

    /// The members, when this is an object.
    pub fn as_object(self) -> Option<Members<'a>> {
        if let Value::Object(members) = self {
            Some(members)
        } else {
            None
        }
    }
}

/// The elements of an array, in order.
#[derive(Clone, Copy, Debug)]
pub struct Items<'a> {
    claims: &'a Claims,
    next: Cursor,
    end: usize,
}

#[expect(clippy::copy_iterator, reason = "a cursor of a few words, meant to be copied")]
impl<'a> Iterator for Items<'a> {
    type Item = Value<'a>;

    fn next(&mut self) -> Option<Value<'a>> {
        if self.next.node >= self.end {
            return None;
        }
        let value = self.claims.value_at(self.next)?;
        self.next = self.claims.behind(self.next);
        Some(value)
    }
}

/// The members of an object, in the order they were written.
#[derive(Clone, Copy, Debug)]
pub struct Members<'a>(Items<'a>);

impl<'a> Members<'a> {
    /// The member called `name`.
    pub fn member(self, name: &str) -> Option<Value<'a>> {
        let Items {
            claims,
            mut next,
            end,
        } = self.0;
        while next.node < end {
            let key = claims.nodes.get(next.node)?;
            let value = Cursor {
                node: next.node + 1,
                at: next.at + key.length(),
            };
            // Most names are told apart by their length.
            let same = key.length() == name.len()
                && claims.text.as_bytes().get(next.at..value.at) == Some(name.as_bytes());
            if same {
                return claims.value_at(value);
            }
            next = claims.behind(value);
        }
        None
    }
}

#[expect(clippy::copy_iterator, reason = "a cursor of a few words, meant to be copied")]
impl<'a> Iterator for Members<'a> {
    type Item = (&'a str, Value<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        let key = self.0.next()?.as_str()?;
        Some((key, self.0.next()?))
    }
}

/// A place in a document: member names from the top down, written `realm_access.roles`. A name that itself holds a dot
/// is written with the dot escaped: `https://app\.example/roles`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimPath(Box<[Box<str>]>);

impl ClaimPath {
    /// `sub`.
    pub fn subject() -> Self {
        Self(Box::new(["sub".into()]))
    }

    /// Reads a path; `None` when a name is empty or there are more than 16.
    pub fn parse(text: &str) -> Option<Self> {
        let mut names = vec![String::new()];
        let mut characters = text.chars();
        while let Some(character) = characters.next() {
            match (character, names.last_mut()?) {
                ('.', _) => names.push(String::new()),
                ('\\', name) => name.push(characters.next()?),
                (other, name) => name.push(other),
            }
        }
        let fits = names.len() <= 16 && names.iter().all(|name| !name.is_empty());
        fits.then(|| Self(names.into_iter().map(String::into_boxed_str).collect()))
    }
}

#[cfg(test)]
mod tests;
