//! Client certificates end to end: the examples as they stand, with certificates of `countersign ca`, of OpenSSL and of
//! nobody, in the hands of curl and `openssl s_client`.

mod browser;
mod expiring;
mod forged;
mod large;
mod migrated;
mod misdirected;
mod nginx;
mod recipe;
mod refused;
mod revoked;
pub(crate) mod site;
mod told;
