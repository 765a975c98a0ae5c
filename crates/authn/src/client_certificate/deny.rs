//! Certificates that are refused although they hold.

use countersign_core::options::{Fault, Values};
use countersign_core::spiffe::SpiffeId;
use countersign_x509::certificate::{Certificate, hexadecimal};

/// The list.
#[derive(Clone, Debug, Default)]
pub(super) struct DenyList(Box<[Denied]>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Denied {
    /// In capitals, without leading zeros; the issuer in either form.
    Serial {
        serial: Box<str>,
        issuer: Box<str>,
    },
    Fingerprint(Box<str>),
    Spki(Box<str>),
    SpiffeId(SpiffeId),
}

impl DenyList {
    /// Reads the tables of `deny`.
    pub(super) fn read(tables: &[Values], faults: &mut Vec<Fault>) -> Self {
        let mut denied = Vec::new();
        for (index, values) in tables.iter().enumerate() {
            match entry(values) {
                Ok(entry) => denied.push(entry),
                Err(fault) => faults.push(fault.within(index.to_string()).within("deny")),
            }
        }
        Self(denied.into())
    }

    /// What of `leaf` is denied.
    pub(super) fn why(&self, leaf: &Certificate, spiffe_id: Option<&SpiffeId>) -> Option<&'static str> {
        self.0.iter().find_map(|denied| match denied {
            Denied::Serial { serial, issuer } => {
                let named = **issuer == *leaf.issuer().nginx() || **issuer == *leaf.issuer().rfc4514();
                (named && **serial == *canonical(&leaf.serial_text())).then_some("its serial number")
            }
            Denied::Fingerprint(print) => {
                (**print == *hexadecimal(&leaf.sha256())).then_some("its fingerprint")
            }
            Denied::Spki(print) => (**print == *hexadecimal(&leaf.spki_sha256())).then_some("its key"),
            Denied::SpiffeId(id) => (Some(id) == spiffe_id).then_some("its SPIFFE ID"),
        })
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
            let serial = serial.replace(':', "");
            if serial.is_empty() || !serial.bytes().all(|byte| byte.is_ascii_hexdigit()) {
                return Err(Fault::new("serial", "not a number in hexadecimal digits"));
            }
            Ok(Denied::Serial {
                serial: canonical(&serial).into(),
                issuer: issuer.into(),
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
    let digits = text.replace(':', "").to_ascii_lowercase();
    if digits.len() == 64 && digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Ok(digits.into());
    }
    Err(
        Fault::new(at, "not a SHA-256 in hexadecimal digits, of which there are 64")
            .help("openssl x509 -in client.crt -noout -fingerprint -sha256"),
    )
}

fn canonical(serial: &str) -> String {
    let digits = serial.trim_start_matches('0').to_ascii_uppercase();
    if digits.is_empty() { "0".to_owned() } else { digits }
}
