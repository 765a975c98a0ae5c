//! What verifying costs inside the process, in CPU time. `cargo xtask bench handshake` runs it and reads what it prints: a
//! line for each round, its fields parted by tabs.
//!
//!   cargo bench -p countersign-x509 --bench verify -- revocation REVOKED ROUNDS

#![expect(clippy::print_stdout, reason = "a measurement prints its figures")]
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a measurement that cannot go on ends"
)]

use aws_lc_rs::digest::{SHA256, digest};
use countersign_core::time::Timestamp;
use countersign_x509::authorities::Authorities;
use countersign_x509::crl::{Crl, CrlIndex};
use countersign_x509::verify::{Checks, verify};
use pki::{Authority, Key, Revocations, San, Template};

#[path = "../../authn/benches/decision/clock.rs"]
mod clock;
/// The test kit's authority.
#[path = "../../testkit/src/pki.rs"]
#[expect(dead_code, unreachable_pub, reason = "the test kit's, where it is public")]
mod pki;

/// In 2030, when all that the test kit makes holds.
const NOW: Timestamp = Timestamp::from_seconds(1_900_000_000);
/// How many certificates are verified in turn, so that each look-up in a list is at another place.
const CHAINS: u32 = 4096;
/// How many of them in one go.
const AT_ONCE: u32 = 32;

fn main() {
    let arguments = std::env::args().skip(1).collect::<Vec<_>>();
    if !arguments.iter().any(|argument| argument == "--bench") {
        return; // `cargo test --benches` only wants to know that it builds
    }
    let words = arguments.iter().map(String::as_str);
    let words = words.filter(|word| *word != "--bench").collect::<Vec<_>>();
    match words.as_slice() {
        ["revocation", revoked, rounds] => revocation(revoked.parse().unwrap(), rounds.parse().unwrap()),
        _ => panic!("revocation REVOKED ROUNDS"),
    }
}

/// Of each round: the microseconds one chain takes without a list, and with one that revokes so many others.
fn revocation(revoked: usize, rounds: u32) {
    let root = Authority::root("Root", Key(1));
    let intermediate = root.under("Intermediate", Key(2));
    let authorities = Authorities::from_pem(&[root.pem().as_bytes()]).unwrap();
    let lists = [list(&root, 0), list(&intermediate, revoked)];
    assert_eq!(lists[1].revoked(), revoked);
    let index = CrlIndex::new(lists, &authorities).unwrap();
    let chains = (0..CHAINS)
        .map(|number| {
            let client = Template::client("ann", Key(3))
                .serial(&serial(&format!("good {number}")))
                .names(&[San::Uri("spiffe://bench.test/ann")]);
            [intermediate.issue(&client), intermediate.certificate.clone()]
        })
        .collect::<Vec<_>>();
    let took = |chains: &[[Vec<u8>; 2]], crls: Option<&CrlIndex>| {
        let mut turn = chains.iter();
        clock::microseconds(AT_ONCE, || {
            let chain = turn.next().unwrap().iter().map(Vec::as_slice);
            drop(verify(chain, &authorities, crls, Checks::default(), NOW).unwrap());
        })
    };
    // Whose key signed a list is found out once, when it comes in.
    took(&chains, Some(&index));
    for _ in 0..rounds {
        // A few without, a few with, and so on: whatever else this machine does falls on both.
        let pieces = chains.chunks_exact(AT_ONCE as usize);
        let took = pieces.map(|piece| (took(piece, None), took(piece, Some(&index))));
        let (mut without, mut with): (Vec<_>, Vec<_>) = took.unzip();
        println!("revocation\t{}\t{}", median(&mut without), median(&mut with));
    }
}

fn median(figures: &mut [f64]) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}

fn list(authority: &Authority, revoked: usize) -> Crl {
    let serials = (0..revoked).map(|number| serial(&format!("revoked {number}")));
    let serials = serials.collect::<Vec<_>>();
    let serials = serials.iter().map(<[u8; 16]>::as_slice).collect::<Vec<_>>();
    Crl::parse(&authority.revoke(&Revocations::of(&serials))).unwrap()
}

/// A serial number as good authorities choose them: 16 bytes that nobody could guess.
fn serial(name: &str) -> [u8; 16] {
    let digest = digest(&SHA256, name.as_bytes());
    let mut serial = <[u8; 16]>::try_from(&digest.as_ref()[..16]).unwrap();
    // Positive, and no zeros in front.
    serial[0] = serial[0] & 0x3f | 0x40;
    serial
}
