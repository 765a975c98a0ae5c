//! A certificate authority that a person can use: a root, an intermediate, and what they sign.
//!
//! [`Authority`] is the whole of it in memory: time and randomness are passed in, files are the commands' (`cli::ca`).
//! [`names`] says what a certificate may be called, [`index`] what is remembered.

mod authority;
mod der;
mod derivation;
mod encryption;
pub mod index;
mod key;
mod make;
pub mod names;
mod pem;
pub mod pkcs12;
mod quickstart;
pub mod request;
mod revocation;

pub use authority::{Authority, Foundation, Issued, Wish, sha256};
pub use encryption::EncryptionError;
pub use key::{KeyError, PrivateKey, is_locked};
pub use make::{Life, Role};
pub use pem::{certificate as certificate_pem, certificates, first_certificate};
pub use quickstart::{Party, Quick, Quickstart};
pub use revocation::LIST_DAYS;

use names::{Kind, NameError};

/// Why the authority did nothing.
#[derive(Debug, thiserror::Error)]
pub enum CaError {
    /// Something about the names.
    #[error(transparent)]
    Name(#[from] NameError),
    /// Something could not be locked.
    #[error(transparent)]
    Encryption(#[from] EncryptionError),
    /// Something about a key.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// A key that is needed is not here.
    #[error("the {0}'s key is needed for this, and is not here")]
    KeyAway(&'static str),
    /// The key is not the one of the certificate.
    #[error("the {0}'s key is not the key of its certificate")]
    OtherKey(&'static str),
    /// Too long a life.
    #[error("{days} days are too many: {} {what} holds at most {most}", article(what))]
    TooManyDays {
        /// What was asked for.
        days: u32,
        /// Of what.
        what: &'static str,
        /// What is allowed.
        most: u32,
    },
    /// No life at all.
    #[error("one day is the least")]
    NoDays,
    /// The authority itself has ended.
    #[error("the {role} has ended on {on}: {remedy}")]
    Ended {
        /// Which of the two.
        role: &'static str,
        /// The day.
        on: String,
        /// What to do.
        remedy: &'static str,
    },
    /// The authority itself was called back.
    #[error("the {0} was revoked, and signs nothing any more: make a new authority in another folder")]
    Revoked(&'static str),
    /// A name of an authority that no certificate has room for.
    #[error("the authority's name is empty, longer than 48 characters, or has characters that are not seen")]
    AuthorityName,
    /// A time beyond the year 9999.
    #[error("the clock, or the life that was asked for, is beyond what a certificate can tell")]
    NoDate,
    /// The dice repeat themselves.
    #[error("the source of randomness gives the same serial number again and again")]
    Repeated,
    /// The certificate file is none.
    #[error("the {0}'s certificate file holds no certificate, or not the one of the index")]
    OtherCertificate(&'static str),
    /// What the library that writes certificates says.
    #[error("the certificate could not be written: {0}")]
    Unwritten(#[from] rcgen::Error),
}

fn article(what: &str) -> &'static str {
    if what.starts_with(['a', 'e', 'i', 'o', 'u']) {
        "an"
    } else {
        "a"
    }
}

/// The days that a certificate holds when nobody says otherwise, and at most.
pub const fn days(kind: Kind) -> (u32, u32) {
    match kind {
        // What browsers take from public authorities, and a good measure for all others.
        Kind::Server | Kind::Client => (90, 397),
        Kind::Workload => (1, 7),
    }
}
