//! Hosts, as judged.

use super::ascii::Ascii;
use super::{Scheme, Unreadable};
use crate::reason::UnreadableReason;
use std::fmt;

/// What stands in the labels of a host's name.
const IN_NAMES: Ascii = Ascii::alphanumeric_and(b"-_");
/// A host as judged: lower case, without a trailing dot.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Host {
    name: Box<str>,
    port: Option<u16>,
}

impl Host {
    /// Reads `name`, `name:port`, `address` or `[address]:port` (RFC 9110 section 7.2). Refused: userinfo, commas,
    /// spaces, bytes outside ASCII, empty labels, port 0 and ports over 65535.
    pub fn judge(text: &str) -> Result<Self, Unreadable> {
        let refused = |why: &str| Unreadable::new(UnreadableReason::HostMalformed, why);
        let (name, port) = split_port(text).ok_or_else(|| refused("not a host with an optional port"))?;
        let port = match port {
            None => None,
            Some(digits) if digits.len() <= 5 && digits.bytes().all(|byte| byte.is_ascii_digit()) => {
                let number = digits
                    .parse::<u16>()
                    .map_err(|_| refused("the port is over 65535"))?;
                if number == 0 {
                    return Err(refused("the port is 0"));
                }
                Some(number)
            }
            Some(_) => return Err(refused("the port is not a number")),
        };
        if let Some(address) = name.strip_prefix('[') {
            let address = address
                .strip_suffix(']')
                .and_then(|inner| inner.parse::<std::net::Ipv6Addr>().ok());
            let address = address.ok_or_else(|| refused("not an IPv6 address in brackets"))?;
            return Ok(Self {
                name: format!("[{address}]").into_boxed_str(),
                port,
            });
        }
        let name = name.strip_suffix('.').unwrap_or(name);
        if name.len() > 253 || !is_name(name) {
            return Err(refused("not a host name"));
        }
        Ok(Self {
            name: name.to_ascii_lowercase().into_boxed_str(),
            port,
        })
    }

    /// The name or address, in lower case; IPv6 addresses in brackets.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The port, when one was written.
    pub const fn port(&self) -> Option<u16> {
        self.port
    }

    /// The port, written or meant.
    pub fn port_for(&self, scheme: Scheme) -> u16 {
        self.port.unwrap_or(scheme.default_port())
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.port {
            Some(port) => write!(f, "{}:{port}", self.name),
            None => f.write_str(&self.name),
        }
    }
}

/// Labels of 1 to 63 letters, digits, `-` and `_`, with single dots between them.
fn is_name(name: &str) -> bool {
    let (mut sound, mut label) = (true, 0_usize);
    for byte in name.bytes() {
        if byte == b'.' {
            sound &= (1..=63).contains(&label);
            label = 0;
        } else {
            sound &= IN_NAMES.holds(byte);
            label += 1;
        }
    }
    sound && (1..=63).contains(&label)
}

/// The host text and what follows the colon, if there is one.
fn split_port(text: &str) -> Option<(&str, Option<&str>)> {
    let end = if text.starts_with('[') {
        text.find(']')? + 1
    } else {
        text.bytes().position(|byte| byte == b':').unwrap_or(text.len())
    };
    let (name, rest) = text.split_at_checked(end)?;
    match rest.strip_prefix(':') {
        Some(port) => Some((name, Some(port))),
        None => rest.is_empty().then_some((name, None)),
    }
}
