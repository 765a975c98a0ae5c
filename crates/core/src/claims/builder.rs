//! How a document is written: front to back, as a parser meets it, within bounds.

use super::{Claims, Kind, Node};
use std::ops::Range;

/// The largest document that can be built: what a node can point to, far above any header limit.
const MAX_BYTES: usize = 1 << 24;
/// How many members one object may have.
const MAX_MEMBERS: usize = 512;
/// Up to how many members each new key is compared with those before it. In a larger object the keys are sorted when it
/// ends, so that the work for a document nobody has vouched for yet does not grow with the square of its size.
const COMPARED_MEMBERS: usize = 32;
/// How deep arrays and objects may stand in each other.
pub(super) const MAX_DEPTH: usize = 64;

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
    /// Arrays and objects that are open: the node, and the first of its keys.
    open: Vec<(usize, usize)>,
    /// Where the keys of the open objects stand in the text.
    keys: Vec<Range<usize>>,
}

impl ClaimsBuilder {
    /// A builder with room for a document of about `bytes`.
    pub fn with_capacity(bytes: usize) -> Self {
        Self {
            text: String::with_capacity(bytes),
            nodes: Vec::with_capacity(bytes / 12),
            open: Vec::new(),
            keys: Vec::with_capacity(16),
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

    /// Adds the key of the next member of the open object. One that is there already is refused, here or when the object
    /// is closed.
    pub fn key(&mut self, name: &str) -> Result<(), ClaimsError> {
        let (_, first) = *self.open.last().ok_or(ClaimsError::NotAnObject)?;
        let taken = self.keys.get(first..).unwrap_or_default();
        if taken.len() >= MAX_MEMBERS {
            return Err(ClaimsError::TooLarge);
        }
        let repeats =
            |key: &Range<usize>| key.len() == name.len() && self.text.get(key.clone()) == Some(name);
        if taken.len() < COMPARED_MEMBERS && taken.iter().any(repeats) {
            return Err(ClaimsError::DuplicateMember);
        }
        let at = self.text.len();
        self.push(Kind::String, name)?;
        self.keys.push(at..self.text.len());
        Ok(())
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
        let (index, first) = self.open.pop().ok_or(ClaimsError::NotAnObject)?;
        if self.repeats_a_key(first) {
            return Err(ClaimsError::DuplicateMember);
        }
        self.keys.truncate(first);
        let inside = u32::try_from(self.nodes.len() - index - 1).map_err(|_| ClaimsError::TooLarge)?;
        let node = self.nodes.get_mut(index).ok_or(ClaimsError::NotAnObject)?;
        *node = Node::new(node.kind(), inside);
        Ok(())
    }

    /// The document, when exactly one whole object was written.
    pub fn finish(self) -> Result<Claims, ClaimsError> {
        let whole = self.open.is_empty()
            && self
                .nodes
                .first()
                .is_some_and(|root| root.kind() == Kind::Object && 1 + root.inside() == self.nodes.len());
        if !whole {
            return Err(ClaimsError::NotAnObject);
        }
        Ok(Claims {
            text: self.text.into_boxed_str(),
            nodes: self.nodes.into_boxed_slice(),
        })
    }

    /// Whether two keys of a large object are equal, whose first key is `first` and which ends here.
    fn repeats_a_key(&mut self, first: usize) -> bool {
        let keys = self.keys.get_mut(first..).unwrap_or_default();
        if keys.len() <= COMPARED_MEMBERS {
            return false;
        }
        let text = self.text.as_bytes();
        keys.sort_unstable_by_key(|key| text.get(key.clone()));
        keys.windows(2)
            .any(|pair| matches!(pair, [one, next] if text.get(one.clone()) == text.get(next.clone())))
    }

    fn open(&mut self, kind: Kind) -> Result<(), ClaimsError> {
        if self.open.len() >= MAX_DEPTH {
            return Err(ClaimsError::TooDeep);
        }
        self.open.push((self.nodes.len(), self.keys.len()));
        self.push(kind, "")
    }

    fn push(&mut self, kind: Kind, text: &str) -> Result<(), ClaimsError> {
        if self.text.len() + text.len() > MAX_BYTES || self.nodes.len() >= MAX_BYTES {
            return Err(ClaimsError::TooLarge);
        }
        let length = u32::try_from(text.len()).map_err(|_| ClaimsError::TooLarge)?;
        self.text.push_str(text);
        self.nodes.push(Node::new(kind, length));
        Ok(())
    }
}
