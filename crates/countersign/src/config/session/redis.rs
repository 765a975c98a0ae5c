//! `[session]` with `store = "redis"`: which Redis, and how it is come by.

use super::{StorePlan, whole};
use countersign_core::options::{Fault, Values};
use countersign_core::secret::Secret;
use countersign_edge::store::redis::{Address, AddressError};

const URLS: &str = "write \"rediss://HOST:PORT\", \"redis://HOST:PORT\" where nobody listens in, or \"unix:///PATH\" for a \
                    socket of this machine";

/// Which Redis, and how it is come by.
#[derive(Clone, Debug)]
pub struct RedisPlan {
    /// Where it listens.
    pub address: Address,
    /// As whom.
    pub username: Option<String>,
    /// The password.
    pub password: Option<Secret<Vec<u8>>>,
    /// The database.
    pub database: u32,
    /// Who vouches for it, in PEM; `None` for those this machine trusts.
    pub authorities: Option<Vec<u8>>,
}

/// Reads what is said of it.
pub(super) fn plan(values: &Values, faults: &mut Vec<Fault>) -> StorePlan {
    if !values.has("sealing_keys") {
        let message =
            "a store that several nodes share needs keys that they share, and `sealing_keys` is missing";
        let help = "write sealing_keys = [{ file = \"/path/to/key\" }], the same on every node; `openssl rand -base64 48` \
                    makes one";
        faults.push(Fault::new("store", message).help(help));
    }
    let Some(text) = values.text("url") else {
        let message = "`url` is missing: which Redis?";
        faults.push(Fault::new("store", message).help("write url = \"rediss://redis.home.example:6379\""));
        return StorePlan::default();
    };
    let (address, database) = match Address::read(text) {
        Ok(read) => read,
        Err(error) => {
            faults.push(Fault::new("url", error.to_string()).help(advice(error)));
            return StorePlan::default();
        }
    };
    if values.has("authorities") {
        nobody_vouched_for(&address, faults);
    }
    StorePlan::Redis(RedisPlan {
        address,
        username: values.text("username").map(ToOwned::to_owned),
        password: values.secret("password").cloned(),
        database: which(values, database, faults),
        authorities: values.file("authorities").map(|(_, bytes)| bytes.to_vec()),
    })
}

fn advice(error: AddressError) -> &'static str {
    match error {
        AddressError::Foreign => URLS,
        AddressError::Credentials => "write password = { file = \"/path/to/password\" } beside it",
        AddressError::More => "write `database` beside it, or \"redis://HOST:PORT/3\", \"unix:///PATH?db=3\"",
        AddressError::NotWhole => "write \"unix:///run/redis/redis.sock\", with three slashes",
        AddressError::Long(_) => "`unixsocket` in redis.conf names a shorter one",
    }
}

fn nobody_vouched_for(address: &Address, faults: &mut Vec<Fault>) {
    let (message, help) = match address {
        Address::Network { with_tls: true, .. } => return,
        Address::Network { with_tls: false, .. } => {
            ("without TLS nobody vouches for it", "write rediss:// in `url`")
        }
        Address::Socket(_) => (
            "at a socket there is no TLS, and nobody vouches for it",
            "leave it out: who may open the socket is up to its owner and mode",
        ),
    };
    faults.push(Fault::new("authorities", message).help(help));
}

/// The database, which both `url` and `database` may name.
fn which(values: &Values, in_url: Option<u16>, faults: &mut Vec<Fault>) -> u32 {
    let own = whole::<u32>(values, "database");
    match (own, in_url.map(u32::from)) {
        (Some(own), Some(other)) if own != other => {
            let message = format!("`url` names database {other}, and this is another");
            faults.push(Fault::new("database", message).help("one of them is enough"));
            own
        }
        (Some(number), _) | (None, Some(number)) => number,
        (None, None) => 0,
    }
}
