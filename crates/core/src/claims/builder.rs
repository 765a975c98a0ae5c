//! How a document is written: front to back, as a parser meets it, within bounds.

use super::{Claims, Kind, Node};

/// The largest document that can be built: what a node can point to, far above any header limit.
const MAX_BYTES: usize = 1 << 24;
/// How many members one object may have. Each new key is compared with those before it, so the work for a document
/// nobody has vouched for yet grows with the square of this.
const MAX_MEMBERS: usize = 512;
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
    open: Vec<usize>,
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
