//! Everything that touches the world: sockets, the clock, randomness, HTTP to others.
//!
//! Begin with [`serve`], the path of a request as one function. Around it: [`listen`], [`tls`] and [`status`] (sockets),
//! [`integration`] and [`page`] (how the question is read and the answer written), [`proxy`] and [`body`] (the way to
//! the application), `errands` (browsers that log in and out), `behind` (what an answer does not wait
//! for), [`rate`] (how often one may ask), [`observe`], [`log`],
//! [`audit`] and [`metrics`] (what is left behind), [`key_sets`] and [`http_client`] (the issuers' keys), [`provider_keys`]
//! (our own), [`sessions`] (logins, kept), `workload_api` (trust bundles, live), [`kept_folder`], [`store`], [`system`] (the ports), [`admin`].

pub mod admin;
pub mod audit;
mod behind;
pub mod body;
mod errands;
pub mod gateway;
pub mod http_client;
pub mod integration;
pub mod kept_folder;
pub mod key_sets;
pub mod listen;
pub mod log;
pub mod metrics;
pub mod observe;
pub mod page;
pub mod provider_keys;
pub mod proxy;
pub mod rate;
mod regular_file;
pub mod revocation_lists;
pub mod serve;
pub mod sessions;
pub mod status;
pub mod store;
pub mod system;
pub mod tls;
mod whoami;
#[cfg(feature = "workload-api")]
pub mod workload_api;

#[cfg(test)]
mod fakes;
