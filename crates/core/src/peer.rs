//! Who is at the other end of our own socket, and whether it may tell us about the original request.

use crate::certificate::PresentedCertificate;
use crate::secret::Secret;
use http::{HeaderMap, HeaderName};
use ipnet::IpNet;
use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

/// How many addresses of an `X-Forwarded-For` chain are read.
const MAX_FORWARDED_ADDRESSES: usize = 32;

/// Where the peer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PeerAddress {
    /// An address; IPv4-mapped IPv6 addresses are folded to IPv4 first.
    Ip(IpAddr),
    /// The other end of a unix socket.
    Unix,
}

/// The far end of our own socket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peer {
    /// Where it is.
    pub address: PeerAddress,
    /// What it showed in the TLS handshake, if there was one.
    pub certificate: Option<Arc<PresentedCertificate>>,
}

impl Peer {
    /// The peer at `address`, without a certificate.
    pub fn at(address: IpAddr) -> Self {
        Self {
            address: PeerAddress::Ip(address.to_canonical()),
            certificate: None,
        }
    }

    /// The peer at the other end of a unix socket.
    pub const fn unix() -> Self {
        Self {
            address: PeerAddress::Unix,
            certificate: None,
        }
    }
}

/// Proof that a peer may tell us about the original request. Made by [`TrustedPeers::trust`] only.
///
/// ```compile_fail,E0451
/// # use countersign_core::peer::{Peer, TrustedPeer};
/// let peer = Peer::unix();
/// let forged = TrustedPeer { peer: &peer };
/// ```
#[derive(Clone, Copy, Debug)]
pub struct TrustedPeer<'a> {
    peer: &'a Peer,
}

impl TrustedPeer<'_> {
    /// The peer that is trusted.
    pub const fn peer(&self) -> &Peer {
        self.peer
    }
}

/// Which peers may tell us about the original request. Empty trusts nobody.
#[derive(Clone, Default)]
pub struct TrustedPeers {
    unix: bool,
    ranges: Vec<IpNet>,
    secret: Option<(HeaderName, Secret<Vec<u8>>)>,
}

/// Why a list of trusted peers was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TrustedPeersError {
    /// An entry is neither `unix` nor an address nor a range.
    #[error("`{0}` is neither \"unix\", nor an address, nor a range such as 10.1.0.0/16")]
    NotAPeer(String),
    /// The entries together cover a whole address family, or nearly.
    #[error("`{0}` covers (with the others) so much of its address family that it trusts everybody")]
    Everybody(String),
}

impl TrustedPeers {
    /// Reads the entries of a configuration. A set that covers a quarter of an address family or more is refused:
    /// it is everybody, written in halves.
    pub fn parse<'a>(entries: impl IntoIterator<Item = &'a str>) -> Result<Self, TrustedPeersError> {
        let mut peers = Self::default();
        for entry in entries {
            if entry == "unix" {
                peers.unix = true;
                continue;
            }
            let range = entry
                .parse::<IpNet>()
                .or_else(|_| entry.parse::<IpAddr>().map(IpNet::from))
                .map_err(|_| TrustedPeersError::NotAPeer(entry.to_owned()))?;
            let range = fold_mapped(range);
            peers.ranges.push(range);
            if peers.covered_share(range.addr().is_ipv4()) >= 0.25 {
                return Err(TrustedPeersError::Everybody(entry.to_owned()));
            }
        }
        Ok(peers)
    }

    /// Also trusts whoever sends `secret` in the header `name`.
    #[must_use]
    pub fn with_secret(mut self, name: HeaderName, secret: Secret<Vec<u8>>) -> Self {
        self.secret = Some((name, secret));
        self
    }

    /// Whether nobody is trusted.
    pub fn is_empty(&self) -> bool {
        !self.unix && self.ranges.is_empty() && self.secret.is_none()
    }

    /// The header that carries the shared secret, if one is configured. It is never forwarded.
    pub fn secret_header(&self) -> Option<&HeaderName> {
        self.secret.as_ref().map(|(name, _)| name)
    }

    /// Proof that `peer`, which sent `headers`, is in the set.
    pub fn trust<'a>(&self, peer: &'a Peer, headers: &HeaderMap) -> Option<TrustedPeer<'a>> {
        let by_address = match peer.address {
            PeerAddress::Unix => self.unix,
            PeerAddress::Ip(address) => self.covers(address),
        };
        (by_address || self.knows_secret(headers)).then_some(TrustedPeer { peer })
    }

    /// The client's address as told by a trusted peer: `forwarded_for` is read from the right, past addresses that
    /// are trusted themselves, to the first that is not. `None` when a value met on the way is not an address, or
    /// the chain does not end within 32.
    pub fn client_behind(&self, peer: &TrustedPeer<'_>, forwarded_for: &[&str]) -> Option<IpAddr> {
        let chain = forwarded_for
            .iter()
            .rev()
            .flat_map(|line| line.rsplit(','))
            .map(str::trim);
        let mut last = match peer.peer.address {
            PeerAddress::Ip(address) => Some(address),
            PeerAddress::Unix => None,
        };
        for text in chain.take(MAX_FORWARDED_ADDRESSES) {
            let address = text.parse::<IpAddr>().ok()?.to_canonical();
            last = Some(address);
            if !self.covers(address) {
                return last;
            }
        }
        last
    }

    /// How much of IPv4 (or of IPv6) the ranges cover, 0 to 1.
    fn covered_share(&self, ipv4: bool) -> f64 {
        let family = self
            .ranges
            .iter()
            .filter(|range| range.addr().is_ipv4() == ipv4)
            .copied()
            .collect::<Vec<_>>();
        IpNet::aggregate(&family)
            .iter()
            .map(|range| 0.5_f64.powi(i32::from(range.prefix_len())))
            .sum()
    }

    fn covers(&self, address: IpAddr) -> bool {
        self.ranges.iter().any(|range| range.contains(&address))
    }

    fn knows_secret(&self, headers: &HeaderMap) -> bool {
        let Some((name, secret)) = &self.secret else {
            return false;
        };
        let mut values = headers.get_all(name).iter();
        match (values.next(), values.next()) {
            (Some(value), None) => secret.ct_eq(value.as_bytes()),
            (None, _) | (Some(_), Some(_)) => false,
        }
    }
}

/// `::ffff:a.b.c.d/96+n` is the IPv4 range it maps; the whole mapped block is the whole family.
fn fold_mapped(range: IpNet) -> IpNet {
    match (
        range.addr().to_canonical(),
        range.addr().is_ipv6(),
        range.prefix_len(),
    ) {
        (IpAddr::V4(mapped), true, bits) => {
            ipnet::Ipv4Net::new(mapped, bits.saturating_sub(96)).map_or(range, IpNet::from)
        }
        (IpAddr::V4(_) | IpAddr::V6(_), _, _) => range,
    }
}

impl fmt::Debug for TrustedPeers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "TrustedPeers(unix: {}, ranges: {:?}, secret: {})",
            self.unix,
            self.ranges,
            self.secret.is_some()
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn nobody_is_trusted_unless_named() {
        let nobody = TrustedPeers::default();
        assert!(nobody.trust(&Peer::unix(), &HeaderMap::new()).is_none());
        assert!(
            nobody
                .trust(&Peer::at(ip("127.0.0.1")), &HeaderMap::new())
                .is_none()
        );
        let one = TrustedPeers::parse(["127.0.0.1"]).unwrap();
        assert!(one.trust(&Peer::at(ip("127.0.0.1")), &HeaderMap::new()).is_some());
        assert!(
            one.trust(&Peer::at(ip("::ffff:127.0.0.1")), &HeaderMap::new())
                .is_some()
        );
        assert!(one.trust(&Peer::at(ip("127.0.0.2")), &HeaderMap::new()).is_none());
        assert!(one.trust(&Peer::unix(), &HeaderMap::new()).is_none());
    }

    #[test]
    fn a_list_that_trusts_everybody_is_refused() {
        for entry in [
            "0.0.0.0/0",
            "::/0",
            "0.0.0.0/1",
            "128.0.0.0/1",
            "::/1",
            "8000::/1",
            "::ffff:0:0/96",
            "::ffff:0.0.0.0/97",
        ] {
            let refused = TrustedPeers::parse([entry]).err();
            assert_eq!(
                refused,
                Some(TrustedPeersError::Everybody(entry.to_owned())),
                "{entry}"
            );
        }
        assert!(matches!(
            TrustedPeers::parse(["localhost"]),
            Err(TrustedPeersError::NotAPeer(_))
        ));
    }

    #[test]
    fn the_client_is_read_from_the_right_past_trusted_peers() {
        let peers = TrustedPeers::parse(["10.0.0.0/8"]).unwrap();
        let peer = Peer::at(ip("10.0.0.1"));
        let proof = peers.trust(&peer, &HeaderMap::new()).unwrap();
        let check = |lines: &[&str], expect: Option<&str>| {
            assert_eq!(peers.client_behind(&proof, lines), expect.map(ip), "{lines:?}");
        };
        check(&["127.0.0.1, 203.0.113.9"], Some("203.0.113.9"));
        check(&["1.2.3.4", "203.0.113.9, 10.0.0.7"], Some("203.0.113.9"));
        check(&["::ffff:203.0.113.9"], Some("203.0.113.9"));
        check(&["203.0.113.9, unknown"], None);
        check(&["203.0.113.9:80"], None);
        check(&[""], None);
        check(&[], Some("10.0.0.1"));
    }

    #[test]
    fn a_shared_secret_is_sent_once_and_exactly() {
        let name = HeaderName::from_static("x-gateway-secret");
        let peers = TrustedPeers::default().with_secret(name.clone(), Secret::new(b"long enough".to_vec()));
        let peer = Peer::at(ip("192.0.2.1"));
        let mut headers = HeaderMap::new();
        assert!(peers.trust(&peer, &headers).is_none());
        headers.insert(name.clone(), "long enough".parse().unwrap());
        assert!(peers.trust(&peer, &headers).is_some());
        headers.append(name, "long enough".parse().unwrap());
        assert!(peers.trust(&peer, &headers).is_none());
    }
}
