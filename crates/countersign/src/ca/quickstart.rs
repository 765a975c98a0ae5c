//! All at once, in memory: an authority, a server, a client, and the client's bundle.

use super::names::{Kind, Name};
use super::pkcs12::{Bundle, bundle, password};
use super::{Authority, CaError, Foundation, Issued, PrivateKey, Wish, days};
use countersign_core::entropy::Entropy;
use countersign_core::secret::Secret;
use countersign_core::time::Timestamp;

/// What is wanted.
#[derive(Clone, Copy, Debug)]
pub struct Quick<'a, T> {
    /// What the authority is called.
    pub name: &'a str,
    /// The server's names.
    pub server: &'a [T],
    /// The client's names.
    pub client: &'a [T],
}

/// What was made.
#[derive(Debug)]
pub struct Quickstart {
    /// The authority.
    pub authority: Authority,
    /// The server.
    pub server: Party,
    /// The client.
    pub client: Party,
    /// The client's key and certificates as PKCS#12.
    pub bundle: Vec<u8>,
    /// What opens the bundle.
    pub password: Secret<String>,
}

/// Somebody with a certificate.
#[derive(Debug)]
pub struct Party {
    /// The certificate.
    pub issued: Issued,
    /// Its key.
    pub key: PrivateKey,
}

impl Quickstart {
    /// Makes it all.
    pub fn make<T: AsRef<str>>(
        wish: &Quick<'_, T>,
        now: Timestamp,
        entropy: &dyn Entropy,
    ) -> Result<Self, CaError> {
        let mut authority = Authority::found(Foundation::usual(wish.name), now, entropy)?;
        let mut party = |kind, names: &[T]| {
            let names = Name::parse_all(kind, names)?;
            let key = PrivateKey::generate()?;
            let file = names.first().map(Name::file_stem).unwrap_or_default();
            let wish = Wish {
                kind,
                names: &names,
                days: days(kind).0,
                file: &file,
                folder: None,
                requested: false,
            };
            let issued = authority.issue(wish, key.public_half(), now, entropy)?;
            Ok::<_, CaError>(Party { issued, key })
        };
        let (server, client) = (
            party(Kind::Server, wish.server)?,
            party(Kind::Client, wish.client)?,
        );
        let password = password(entropy);
        let certificates = [
            client.issued.der.clone(),
            authority.intermediate.clone(),
            authority.root.clone(),
        ];
        let name = client.issued.record.names.first().map_or("", String::as_str);
        let bundle = bundle(
            Bundle::Modern,
            &client.key,
            &certificates,
            name,
            &password,
            entropy,
        )?;
        Ok(Self {
            authority,
            server,
            client,
            bundle,
            password,
        })
    }
}
