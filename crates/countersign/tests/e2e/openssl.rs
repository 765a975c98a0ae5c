//! Tokens and keys that OpenSSL made are taken, for every family of algorithms: no signature here is checked by the
//! library that made it.

use crate::forge::{Key, claims};
use crate::fronts::gateway;
use crate::http::{Address, Request};
use crate::process::{Folder, free_addresses, until_open};
use crate::upstream::Upstream;
use std::fmt::Write as _;

const ALGORITHMS: [&str; 10] = [
    "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA",
];

#[test]
fn a_token_made_by_openssl_is_taken_for_every_algorithm() {
    let folder = Folder::new();
    let upstream = Upstream::start();
    let [address] = free_addresses();
    let keys = ALGORITHMS.map(|algorithm| Key::make(&folder, algorithm));
    let mut configuration =
        format!("config = 1\n[[listen]]\naddress = \"{address}\"\nspeak = \"reverse-proxy\"\n");
    let mut accept = Vec::new();
    for (key, algorithm) in keys.iter().zip(ALGORITHMS) {
        let name = algorithm.to_ascii_lowercase();
        write!(
            configuration,
            "[token.{name}]\nissuer = \"https://{name}.example\"\naudiences = [\"api\"]\nalgorithms = [\"{algorithm}\"]\npem_file = \"{}\"\n",
            key.public.display()
        )
        .unwrap();
        accept.push(format!("\"token.{name}\""));
    }
    write!(
        configuration,
        "[[route]]\nhosts = [\"app.test\"]\npaths = [\"/**\"]\naccept = [{}]\nto = \"http://{}\"\n",
        accept.join(", "),
        upstream.address
    )
    .unwrap();
    let configuration = folder.write("countersign.toml", &configuration);
    let mut running = gateway(&configuration, &folder.0.join("state"));
    until_open(&mut running, address);

    let address = Address::Tcp(address);
    let status = |token: &str| {
        Request::get("/page", "app.test")
            .bearer(Some(token))
            .send(&address)
            .status
    };
    for (key, algorithm) in keys.iter().zip(ALGORITHMS) {
        let name = algorithm.to_ascii_lowercase();
        let right = claims(&format!("https://{name}.example"), "ann");
        assert_eq!(status(&key.sign(None, &right)), 200, "{algorithm}");
        // The same key speaks for no other issuer.
        let other = if name == "rs256" { "es256" } else { "rs256" };
        let wrong = claims(&format!("https://{other}.example"), "ann");
        assert_eq!(status(&key.sign(None, &wrong)), 401, "{algorithm}");
    }
    assert_eq!(upstream.take().len(), ALGORITHMS.len());
}
