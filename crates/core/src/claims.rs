//! What a credential says, as a compact JSON document.
//!
//! A verified token may be remembered many thousand times over, so its claims are kept flat: one text that holds every
//! key, string and number in order, and one array of eight-byte nodes that point into it. Reading is a walk; nothing
//! is allocated. The document is built through [`ClaimsBuilder`], which refuses a member that occurs twice in one
//! object (RFC 7515 section 4, RFC 7519 section 4): two readers would understand such a document differently.

use std::fmt;

/// The largest document that can be built: what a node can point to, far above any header limit.
const MAX_BYTES: usize = 1 << 24;
/// How many members one object may have. Each new key is compared with those before it, so the work for a document
/// nobody has vouched for yet grows with the square of this.
const MAX_MEMBERS: usize = 512;
/// How deep arrays and objects may stand in each other.
const MAX_DEPTH: usize = 64;

/// A JSON object of claims. Cloning copies it; share it inside the principal instead.
#[derive(Clone)]
pub struct Claims {
    text: Box<str>,
    nodes: Box<[Node]>,
}

/// Eight bytes: what the node is, and its place and length. For strings and numbers `at` and `length` are bytes of the
/// text; for arrays and objects `length` is the number of nodes inside, all that follow directly.
#[derive(Clone, Copy)]
struct Node {
    at: u32,
    kind_and_length: u32,
}

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
    const fn new(kind: Kind, at: u32, length: u32) -> Self {
        Self {
            at,
            kind_and_length: (length << 3) | kind as u32,
        }
    }

    fn kind(self) -> Kind {
        KINDS
            .get((self.kind_and_length & 7) as usize)
            .copied()
            .unwrap_or(Kind::Null)
    }

    const fn length(self) -> usize {
        (self.kind_and_length >> 3) as usize
    }

    /// Whether the string this points to is `name`. Most are told apart by their length.
    fn reads(self, text: &str, name: &str) -> bool {
        let at = self.at as usize;
        self.length() == name.len() && text.as_bytes().get(at..at + name.len()) == Some(name.as_bytes())
    }

    /// How many nodes this value takes, itself included.
    fn span(self) -> usize {
        match self.kind() {
            Kind::Array | Kind::Object => 1 + self.length(),
            Kind::Null | Kind::False | Kind::True | Kind::Number | Kind::String => 1,
        }
    }
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
            nodes: Box::new([Node::new(Kind::Object, 0, 0)]),
        }
    }

    /// The document itself.
    pub fn root(&self) -> Members<'_> {
        match self.value_at(0) {
            Some(Value::Object(members)) => members,
            Some(Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_))
            | None => Members(Items {
                claims: self,
                next: 0,
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

    fn value_at(&self, index: usize) -> Option<Value<'_>> {
        let node = *self.nodes.get(index)?;
        let text = || {
            self.text
                .get(node.at as usize..node.at as usize + node.length())
                .unwrap_or("")
        };
        let items = || Items {
            claims: self,
            next: index + 1,
            end: index + node.span(),
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
    next: usize,
    end: usize,
}

#[expect(clippy::copy_iterator, reason = "a cursor of a few words, meant to be copied")]
impl<'a> Iterator for Items<'a> {
    type Item = Value<'a>;

    fn next(&mut self) -> Option<Value<'a>> {
        if self.next >= self.end {
            return None;
        }
        let value = self.claims.value_at(self.next)?;
        self.next += self.claims.nodes.get(self.next)?.span();
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
        while next < end {
            let key = claims.nodes.get(next)?;
            if key.reads(&claims.text, name) {
                return claims.value_at(next + 1);
            }
            next += 1 + claims.nodes.get(next + 1)?.span();
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

/// Why a document could not be built.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ClaimsError {
    /// One object has two members of one name.
    #[error("a member occurs twice")]
    DuplicateMember,
    /// Arrays and objects stand in each other more than 64 deep.
    #[error("nested too deep")]
    TooDeep,
    /// The document is larger than 16 MiB, or one object has more than 512 members.
    #[error("too large")]
    TooLarge,
    /// The calls did not describe one whole object.
    #[error("not one object")]
    NotAnObject,
}

/// Writes a document front to back, as a parser meets it.
#[derive(Debug, Default)]
pub struct ClaimsBuilder {
    text: String,
    nodes: Vec<Node>,
    open: Vec<usize>,
}

impl fmt::Debug for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}+{}", self.at, self.length())
    }
}

impl ClaimsBuilder {
    /// A builder with room for a document of about `bytes`.
    pub fn with_capacity(bytes: usize) -> Self {
        Self {
            text: String::with_capacity(bytes),
            nodes: Vec::with_capacity(bytes / 12),
            open: Vec::new(),
        }
    }

    /// Adds `null`.
    pub fn null(&mut self) -> Result<(), ClaimsError> {
        self.push(Kind::Null, "")
    }

    /// Adds a boolean.
    pub fn bool(&mut self, value: bool) -> Result<(), ClaimsError> {
        self.push(if value { Kind::True } else { Kind::False }, "")
    }

    /// Adds a number in its JSON spelling.
    pub fn number(&mut self, spelling: &str) -> Result<(), ClaimsError> {
        self.push(Kind::Number, spelling)
    }

    /// Adds a string, unescaped.
    pub fn string(&mut self, text: &str) -> Result<(), ClaimsError> {
        self.push(Kind::String, text)
    }

    /// Adds the key of the next member of the open object; refuses one that is there already.
    pub fn key(&mut self, name: &str) -> Result<(), ClaimsError> {
        let object = *self.open.last().ok_or(ClaimsError::NotAnObject)?;
        let mut index = object + 1;
        let mut members = 0;
        while let Some(node) = self.nodes.get(index) {
            if node.reads(&self.text, name) {
                return Err(ClaimsError::DuplicateMember);
            }
            members += 1;
            if members >= MAX_MEMBERS {
                return Err(ClaimsError::TooLarge);
            }
            index += 1 + self.nodes.get(index + 1).map_or(1, |value| value.span());
        }
        self.push(Kind::String, name)
    }

    /// Opens an array; [`ClaimsBuilder::close`] ends it.
    pub fn open_array(&mut self) -> Result<(), ClaimsError> {
        self.open(Kind::Array)
    }

    /// Opens an object; [`ClaimsBuilder::close`] ends it.
    pub fn open_object(&mut self) -> Result<(), ClaimsError> {
        self.open(Kind::Object)
    }

    /// Ends the array or object opened last.
    pub fn close(&mut self) -> Result<(), ClaimsError> {
        let index = self.open.pop().ok_or(ClaimsError::NotAnObject)?;
        let inside = u32::try_from(self.nodes.len() - index - 1).map_err(|_| ClaimsError::TooLarge)?;
        let node = self.nodes.get_mut(index).ok_or(ClaimsError::NotAnObject)?;
        *node = Node::new(node.kind(), node.at, inside);
        Ok(())
    }

    /// The document, when exactly one whole object was written.
    pub fn finish(self) -> Result<Claims, ClaimsError> {
        let whole = self.open.is_empty()
            && self
                .nodes
                .first()
                .is_some_and(|root| root.kind() == Kind::Object && root.span() == self.nodes.len());
        if !whole {
            return Err(ClaimsError::NotAnObject);
        }
        Ok(Claims {
            text: self.text.into_boxed_str(),
            nodes: self.nodes.into_boxed_slice(),
        })
    }

    fn open(&mut self, kind: Kind) -> Result<(), ClaimsError> {
        if self.open.len() >= MAX_DEPTH {
            return Err(ClaimsError::TooDeep);
        }
        self.open.push(self.nodes.len());
        self.push(kind, "")
    }

    fn push(&mut self, kind: Kind, text: &str) -> Result<(), ClaimsError> {
        if self.text.len() + text.len() > MAX_BYTES || self.nodes.len() >= MAX_BYTES {
            return Err(ClaimsError::TooLarge);
        }
        let at = u32::try_from(self.text.len()).map_err(|_| ClaimsError::TooLarge)?;
        let length = u32::try_from(text.len()).map_err(|_| ClaimsError::TooLarge)?;
        self.text.push_str(text);
        self.nodes.push(Node::new(kind, at, length));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Claims {
        let mut builder = ClaimsBuilder::default();
        let build = |b: &mut ClaimsBuilder| -> Result<(), ClaimsError> {
            b.open_object()?;
            b.key("sub")?;
            b.string("ann")?;
            b.key("realm_access")?;
            b.open_object()?;
            b.key("roles")?;
            b.open_array()?;
            b.string("ops")?;
            b.string("dev")?;
            b.close()?;
            b.close()?;
            b.key("exp")?;
            b.number("1893456060.5")?;
            b.key("mail")?;
            b.bool(true)?;
            b.close()
        };
        build(&mut builder).unwrap();
        builder.finish().unwrap()
    }

    #[test]
    fn members_are_found_at_every_depth() {
        let claims = sample();
        assert_eq!(claims.member("sub").and_then(Value::as_str), Some("ann"));
        assert_eq!(claims.member("mail").and_then(Value::as_bool), Some(true));
        assert_eq!(
            claims
                .member("exp")
                .and_then(Value::as_number)
                .and_then(Number::as_f64),
            Some(1_893_456_060.5)
        );
        let roles = claims
            .at(&ClaimPath::parse("realm_access.roles").unwrap())
            .and_then(Value::as_array)
            .unwrap();
        assert_eq!(
            roles.filter_map(Value::as_str).collect::<Vec<_>>(),
            ["ops", "dev"]
        );
        assert!(claims.at(&ClaimPath::parse("sub.roles").unwrap()).is_none());
        assert!(
            claims.member("roles").is_none(),
            "an inner member is not a top-level one"
        );
    }

    #[test]
    fn a_member_that_occurs_twice_is_refused_in_its_object_only() {
        let mut builder = ClaimsBuilder::default();
        builder.open_object().unwrap();
        builder.key("a").unwrap();
        builder.open_object().unwrap();
        builder.key("b").unwrap();
        builder.null().unwrap();
        builder.close().unwrap();
        builder.key("b").unwrap();
        builder.string("a").unwrap();
        assert_eq!(builder.key("a"), Err(ClaimsError::DuplicateMember));
    }

    #[test]
    fn an_unfinished_or_bare_document_is_refused() {
        let mut open = ClaimsBuilder::default();
        open.open_object().unwrap();
        assert_eq!(open.finish().err(), Some(ClaimsError::NotAnObject));
        let mut bare = ClaimsBuilder::default();
        bare.string("x").unwrap();
        assert_eq!(bare.finish().err(), Some(ClaimsError::NotAnObject));
    }

    #[test]
    fn nesting_is_bounded() {
        let mut builder = ClaimsBuilder::default();
        let mut last = Ok(());
        for _ in 0..=MAX_DEPTH {
            last = builder.open_array();
        }
        assert_eq!(last, Err(ClaimsError::TooDeep));
    }

    #[test]
    fn a_path_escapes_dots_and_refuses_empty_names() {
        assert_eq!(ClaimPath::parse(r"https://a\.b/roles").unwrap().0.len(), 1);
        assert!(ClaimPath::parse("a..b").is_none());
        assert!(ClaimPath::parse("").is_none());
    }
}
