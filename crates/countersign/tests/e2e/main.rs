//! The outer tests: the real gateway behind the real nginx, Caddy and Traefik, started with the files of `examples/`,
//! with tokens of a real issuer (oidc-provider) and of OpenSSL. `cargo xtask tools` installs what they need; a test
//! whose tool is missing fails and says so.

// What the tests stand on.
#[cfg(test)]
mod browser;
#[cfg(test)]
mod curl;
#[cfg(test)]
mod forge;
#[cfg(test)]
mod fronts;
#[cfg(test)]
mod http;
#[cfg(test)]
mod issuer;
#[cfg(test)]
mod process;
#[cfg(test)]
mod provider;
#[cfg(test)]
mod tls_front;
#[cfg(test)]
mod upstream;

// Tests.
#[cfg(test)]
mod agree;
#[cfg(test)]
mod answer;
#[cfg(test)]
mod ca;
#[cfg(test)]
mod certificates;
#[cfg(test)]
mod check;
#[cfg(test)]
mod docs;
#[cfg(test)]
mod forged;
#[cfg(test)]
mod hosts;
#[cfg(test)]
mod init;
#[cfg(test)]
mod keys;
#[cfg(test)]
mod login;
#[cfg(test)]
mod openssl;
#[cfg(test)]
mod pages;
#[cfg(test)]
mod passed_on;
#[cfg(test)]
mod reload;
#[cfg(test)]
mod sso;
#[cfg(test)]
mod tokens;
#[cfg(test)]
mod uploads;
