//! Which name of a certificate is the subject: one, by its kind, or none. Text is never searched in a distinguished name.

use countersign_core::certificate::SanKind;
use countersign_x509::certificate::Certificate;
use countersign_x509::name::is_attribute;

/// What is the subject.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum SubjectChoice {
    /// The one name of this kind.
    San(SanKind),
    /// The one value of this attribute of the subject.
    Attribute(Box<str>),
    /// The subject's distinguished name.
    SubjectDn,
    /// The issuer's distinguished name and the serial number.
    IssuerAndSerial,
}

impl SubjectChoice {
    /// Reads the option; fails with what is wrong, and what could be meant.
    pub(super) fn parse(text: &str) -> Result<Self, &'static str> {
        const KINDS: [SanKind; 4] = [SanKind::Email, SanKind::Dns, SanKind::Uri, SanKind::Upn];
        if let Some(kind) = text.strip_prefix("san.") {
            let kind = KINDS.into_iter().find(|known| known.name() == kind);
            return kind
                .map(Self::San)
                .ok_or("`san.` goes with email, dns, uri or upn");
        }
        if let Some(attribute) = text.strip_prefix("subject.") {
            return if is_attribute(attribute) {
                Ok(Self::Attribute(attribute.into()))
            } else {
                Err("`subject.` goes with an attribute such as CN, emailAddress, UID, O or OU")
            };
        }
        match text {
            "subject_dn" => Ok(Self::SubjectDn),
            "issuer_and_serial" => Ok(Self::IssuerAndSerial),
            _ => Err(
                "known are: san.email, san.dns, san.uri, san.upn, subject.CN and the like, subject_dn, \
                      issuer_and_serial",
            ),
        }
    }

    /// The subject; fails with what there is instead of exactly one.
    pub(super) fn of(&self, leaf: &Certificate) -> Result<String, String> {
        match self {
            Self::San(kind) => {
                // A name that is not well formed for its kind could be meant as this one.
                if let Some(other) = leaf.misshapen_names().first() {
                    return Err(format!("one of its names cannot be read: {}", other.fault));
                }
                let names = leaf.sans().iter().filter(|name| name.kind() == *kind);
                let names = names.map(|name| name.text().into_owned());
                one(names.collect(), &format!("names of kind {}", kind.name()))
            }
            Self::Attribute(name) => one(leaf.subject().attribute(name), &format!("attributes {name}")),
            Self::SubjectDn => Some(leaf.subject().rfc4514())
                .filter(|text| !text.is_empty())
                .ok_or_else(|| "its distinguished name is empty".to_owned()),
            Self::IssuerAndSerial => Ok(format!("{} {}", leaf.serial_text(), leaf.issuer().rfc4514())),
        }
    }
}

/// The only one of `values`, when it can be a subject: what is written in a header and compared as it stands.
fn one(values: Vec<String>, what: &str) -> Result<String, String> {
    let count = values.len();
    let mut values = values.into_iter();
    match (values.next(), count) {
        (Some(value), 1) => {
            let sound = !value.is_empty() && value.trim() == value && !value.chars().any(char::is_control);
            sound
                .then_some(value)
                .ok_or_else(|| format!("of its {what} the only one is empty or has odd characters"))
        }
        _ => Err(format!("it has {count} {what}, and exactly one is wanted")),
    }
}
