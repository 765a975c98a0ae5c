//! Certificates that are refused although they hold.

use countersign_core::options::{Fault, Values};
use countersign_core::spiffe::{SpiffeId, TrustDomain};
use countersign_x509::authorities::Authorities;
use countersign_x509::certificate::{Certificate, canonical_serial, canonical_sha256, hexadecimal};
use countersign_x509::name::NamePattern;
use countersign_x509::verify::VerifiedChain;

/// The list.
#[derive(Clone, Debug, Default)]
pub(super) struct DenyList(Box<[Denied]>);

/// What is known of the certificates beside the list.
#[derive(Clone, Copy, Debug)]
pub(super) enum Has<'a> {
    /// Their SPIFFE IDs are of this trust domain.
    SpiffeIdsOf(&'a TrustDomain),
    /// None of them has one.
    NoSpiffeIds,
    /// Their trust domain cannot be read.
    Unread,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Denied {
    Serial {
        /// As [`Certificate::serial_text`] writes it.
        serial: Box<str>,
        issuer: NamePattern,
    },
    Fingerprint(Box<str>),
    Spki(Box<str>),
    SpiffeId(SpiffeId),
}

impl DenyList {
    /// Reads the tables of `deny`. An entry that could never be met is a fault.
    pub(super) fn read(tables: &[Values], has: Has<'_>, faults: &mut Vec<Fault>) -> Self {
        let mut denied = Vec::new();
        for (index, values) in tables.iter().enumerate() {
            match entry(values).and_then(|entry| entry.within(has)) {
                Ok(entry) => denied.push(entry),
                Err(fault) => faults.push(fault.within(index.to_string()).within("deny")),
            }
        }
        Self(denied.into())
    }

    /// The entries, counted from 0, whose issuer is none of `authorities`: they deny only what an authority issued that
    /// clients bring along.
    pub(super) fn strangers(&self, authorities: &Authorities) -> Vec<usize> {
        let stranger = |denied: &Denied| match denied {
            Denied::Serial { issuer, .. } => !authorities.all().any(|one| issuer.names(one.subject())),
            Denied::Fingerprint(_) | Denied::Spki(_) | Denied::SpiffeId(_) => false,
        };
        let entries = self.0.iter().enumerate();
        entries
            .filter(|(_, denied)| stranger(denied))
            .map(|(index, _)| index)
            .collect()
    }

    /// What of the path is denied: of the leaf, or of an authority that vouches for it, whose name is told then.
    pub(super) fn why(&self, chain: &VerifiedChain, spiffe_id: Option<&SpiffeId>) -> Option<String> {
        if let Some(what) = self.of(chain.leaf(), spiffe_id) {
            return Some(format!("its {what} is in `deny`"));
        }
        chain.issuers().find_map(|authority| {
            let what = self.of(authority, None)?;
            let name = authority.subject().rfc4514();
            Some(format!("{name} vouches for it, whose {what} is in `deny`"))
        })
    }

    fn of(&self, certificate: &Certificate, spiffe_id: Option<&SpiffeId>) -> Option<&'static str> {
        self.0.iter().find_map(|denied| match denied {
            Denied::Serial { serial, issuer } => (issuer.names(certificate.issuer())
                && **serial == *certificate.serial_text())
            .then_some("serial number"),
            Denied::Fingerprint(print) => {
                (**print == *hexadecimal(&certificate.sha256())).then_some("fingerprint")
            }
            Denied::Spki(print) => (**print == *hexadecimal(&certificate.spki_sha256())).then_some("key"),
            Denied::SpiffeId(id) => (Some(id) == spiffe_id).then_some("SPIFFE ID"),
        })
    }
}

impl Denied {
    /// The same, if a certificate of such a table can be meant.
    fn within(self, has: Has<'_>) -> Result<Self, Fault> {
        let Self::SpiffeId(id) = &self else {
            return Ok(self);
        };
        let message = match has {
            Has::Unread => return Ok(self),
            Has::SpiffeIdsOf(domain) if id.trust_domain() == domain => return Ok(self),
            Has::SpiffeIdsOf(domain) => format!("it is not of {domain}, as every SPIFFE ID of this table is"),
            Has::NoSpiffeIds => {
                "no certificate of this table has a SPIFFE ID: `trust_domain` is missing".to_owned()
            }
        };
        Err(Fault::new("spiffe_id", message).help("put it where its trust domain is, or deny a fingerprint"))
    }
}

fn entry(values: &Values) -> Result<Denied, Fault> {
    const ONE: &str = "one of `fingerprint`, `spki`, `spiffe_id`, or `serial` with its `issuer`";
    let whole = |message: &str| Fault {
        at: Vec::new(),
        message: message.to_owned(),
        help: Some(ONE.to_owned()),
    };
    let texts = ["serial", "issuer", "fingerprint", "spki", "spiffe_id"].map(|name| values.text(name));
    match texts {
        [Some(serial), Some(issuer), None, None, None] => {
            let serial = canonical_serial(serial).ok_or_else(|| {
                Fault::new("serial", "not a number in hexadecimal digits")
                    .help("the digits after `serial=` that `openssl x509 -noout -serial` prints")
            })?;
            let issuer = NamePattern::parse_name(issuer).map_err(|error| {
                Fault::new("issuer", error.to_string()).help(
                    "issuer = \"CN=Issuing CA,O=Example\", as `countersign certificate inspect` prints it",
                )
            })?;
            Ok(Denied::Serial {
                serial: serial.into(),
                issuer,
            })
        }
        [None, None, Some(print), None, None] => digest(print, "fingerprint").map(Denied::Fingerprint),
        [None, None, None, Some(print), None] => digest(print, "spki").map(Denied::Spki),
        [None, None, None, None, Some(id)] => match SpiffeId::parse(id) {
            Ok(id) => Ok(Denied::SpiffeId(id)),
            Err(error) => Err(Fault::new("spiffe_id", error.to_string())),
        },
        [None, Some(_), ..] | [Some(_), None, ..] => Err(whole(
            "a serial number is unique within its issuer only: `serial` and `issuer` go together",
        )),
        [None, None, None, None, None] => Err(whole("nothing is denied here")),
        _ => Err(whole("more than one thing is denied here")),
    }
}

fn digest(text: &str, at: &str) -> Result<Box<str>, Fault> {
    canonical_sha256(text).map(Into::into).ok_or_else(|| {
        Fault::new(at, "not a SHA-256 in hexadecimal digits, of which there are 64")
            .help("openssl x509 -in client.crt -noout -fingerprint -sha256")
    })
}
