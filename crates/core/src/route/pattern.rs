//! Host and path patterns, as routes write them.

use crate::gate::{Host, Target};
use std::fmt;

/// Whose requests a route governs.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum HostPattern {
    /// This host, in lower case.
    Exact(Box<str>),
    /// One or more labels before this suffix, which has its leading dot; never the apex.
    Suffix(Box<str>),
    /// Every host, written `*`.
    Any,
}

/// Why a pattern was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PatternError {
    /// Not a host.
    #[error("not a host name, `*.` and a host name, or `*`")]
    NotAHost,
    /// A port is written.
    #[error("a port has no place here: a route governs a host on every port")]
    Port,
    /// Not a path.
    #[error("not a path that the gate lets through")]
    NotAPath,
    /// A star that is not a whole segment, or `**` before the end.
    #[error("`*` stands for one whole segment and `**` for all that follow, at the end only")]
    Star,
}

impl HostPattern {
    /// Reads `app.test`, `*.test` or `*`.
    pub fn parse(text: &str) -> Result<Self, PatternError> {
        if text == "*" {
            return Ok(Self::Any);
        }
        let (suffix, name) = text.strip_prefix("*.").map_or((false, text), |name| (true, name));
        let host = Host::judge(name).map_err(|_| PatternError::NotAHost)?;
        if host.port().is_some() {
            return Err(PatternError::Port);
        }
        Ok(if suffix {
            Self::Suffix(format!(".{}", host.name()).into())
        } else {
            Self::Exact(host.name().into())
        })
    }

    /// Whether this governs the host of this name.
    pub fn covers(&self, name: &str) -> bool {
        match self {
            Self::Exact(own) => **own == *name,
            Self::Suffix(suffix) => name.len() > suffix.len() && name.ends_with(&**suffix),
            Self::Any => true,
        }
    }
}

impl fmt::Display for HostPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exact(name) => f.write_str(name),
            Self::Suffix(suffix) => write!(f, "*{suffix}"),
            Self::Any => f.write_str("*"),
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Segment {
    /// The bytes of the segment, percent escapes undone.
    Literal(Box<[u8]>),
    One,
}

/// Which paths a route governs: literal segments, `*` for one segment, `**` at the end for any number (also none:
/// `/admin/**` covers `/admin`). Segments compare by the bytes their escapes stand for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PathPattern {
    text: Box<str>,
    segments: Box<[Segment]>,
    open_ended: bool,
    fold_case: bool,
}

/// How specific a pattern is; the greater governs. Length of the literal beginning, then how few wildcards follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Specificity {
    literal_bytes: usize,
    closed: bool,
    segments: usize,
}

impl PathPattern {
    /// Reads a pattern; with `fold_case`, ASCII letters compare without regard to case.
    pub fn parse(text: &str, fold_case: bool) -> Result<Self, PatternError> {
        let (front, open_ended) = match text.strip_suffix("/**") {
            Some(front) => (front, true),
            None => (text, false),
        };
        let whole = if open_ended && front.is_empty() {
            "/"
        } else {
            front
        };
        let target = Target::judge(whole).map_err(|_| PatternError::NotAPath)?;
        if target.query().is_some() {
            return Err(PatternError::NotAPath);
        }
        let segments = if front.is_empty() && open_ended {
            Vec::new()
        } else {
            front.split('/').skip(1).collect()
        };
        let segment = |segment: &str| match segment {
            "*" => Ok(Segment::One),
            literal if literal.contains('*') => Err(PatternError::Star),
            literal => Ok(Segment::Literal(
                Unescaped(literal.as_bytes()).map(fold(fold_case)).collect(),
            )),
        };
        let segments = segments.into_iter().map(segment).collect::<Result<_, _>>()?;
        Ok(Self {
            text: text.into(),
            segments,
            open_ended,
            fold_case,
        })
    }

    /// Whether this governs `path`.
    pub fn covers(&self, path: &str) -> bool {
        let mut asked = path.split('/').skip(1);
        for segment in &self.segments {
            let Some(asked) = asked.next() else { return false };
            let fits = match segment {
                Segment::One => !asked.is_empty(),
                Segment::Literal(bytes) => Unescaped(asked.as_bytes())
                    .map(fold(self.fold_case))
                    .eq(bytes.iter().copied()),
            };
            if !fits {
                return false;
            }
        }
        self.open_ended || asked.next().is_none()
    }

    /// Whether this covers every path that `other` covers.
    pub fn includes(&self, other: &Self) -> bool {
        let (own, others) = (self.segments.len(), other.segments.len());
        let long_enough = if self.open_ended {
            own <= others
        } else {
            own == others && !other.open_ended
        };
        let segment = |(own, others): (&Segment, &Segment)| match (own, others) {
            (Segment::One, Segment::One) => true,
            (Segment::One, Segment::Literal(bytes)) => !bytes.is_empty(),
            (Segment::Literal(_), Segment::One) => false,
            (Segment::Literal(own), Segment::Literal(bytes)) => {
                let folded = bytes.iter().copied().map(fold(self.fold_case));
                let one_case = !other.fold_case || !bytes.iter().any(u8::is_ascii_alphabetic);
                folded.eq(own.iter().copied()) && (self.fold_case || one_case)
            }
        };
        long_enough && self.segments.iter().zip(&other.segments).all(segment)
    }

    /// How this ranks among the patterns that cover one path.
    pub fn specificity(&self) -> Specificity {
        let literal = self.segments.iter().map_while(|segment| match segment {
            Segment::Literal(bytes) => Some(bytes.len() + 1),
            Segment::One => None,
        });
        Specificity {
            literal_bytes: literal.sum(),
            closed: !self.open_ended,
            segments: self.segments.len(),
        }
    }

    /// Whether the two cover the same paths.
    pub fn is_as(&self, other: &Self) -> bool {
        self.segments == other.segments && self.open_ended == other.open_ended
    }
}

impl fmt::Display for PathPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

fn fold(fold_case: bool) -> impl Fn(u8) -> u8 {
    move |byte: u8| {
        if fold_case {
            byte.to_ascii_lowercase()
        } else {
            byte
        }
    }
}

/// The bytes of a segment with its percent escapes undone. The gate has seen that every escape is whole.
struct Unescaped<'a>(&'a [u8]);

impl Iterator for Unescaped<'_> {
    type Item = u8;

    fn next(&mut self) -> Option<u8> {
        let (byte, rest) = self.0.split_first()?;
        if let (b'%', [high, low, after @ ..]) = (byte, rest)
            && let (Some(high), Some(low)) = (char::from(*high).to_digit(16), char::from(*low).to_digit(16))
        {
            self.0 = after;
            return u8::try_from(high * 16 + low).ok();
        }
        self.0 = rest;
        Some(*byte)
    }
}
