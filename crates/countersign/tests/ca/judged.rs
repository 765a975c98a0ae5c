//! What is issued here, judged by the very code of the gateway: now, and as time goes on.

use super::Desk;
use countersign::ca::certificates;
use countersign_core::time::{Clock as _, Timestamp};
use countersign_edge::system::SystemClock;
use countersign_x509::authorities::Authorities;
use countersign_x509::crl::{Crl, CrlIndex};
use countersign_x509::verify::{Checks, VerifyError, verify};
use std::time::Duration;

fn read(desk: &Desk, name: &str) -> Vec<u8> {
    std::fs::read(desk.0.0.join(name)).unwrap()
}

/// Whom the gateway takes a client for, `days` from now.
fn judged(desk: &Desk, client: &str, days: u64) -> Result<String, VerifyError> {
    let chain = String::from_utf8(read(desk, &format!("ca/issued/{client}.crt"))).unwrap();
    let chain = certificates(&chain).unwrap();
    let authorities = Authorities::from_pem(&[&read(desk, "ca/authorities.pem")]).unwrap();
    let lists = Crl::parse_all(&read(desk, "ca/crls.pem")).unwrap();
    let lists = CrlIndex::new(lists, &authorities).unwrap();
    let at: Timestamp = SystemClock::new()
        .now()
        .wall
        .plus(Duration::from_hours(24 * days));
    let chain = chain.iter().map(Vec::as_slice);
    let verified = verify(chain, &authorities, Some(&lists), Checks::default(), at)?;
    Ok(verified.leaf().subject().rfc4514())
}

#[test]
fn a_client_is_taken_until_it_ends_or_is_revoked_or_the_lists_are_old() {
    let desk = Desk::with_authority();
    desk.good(&["issue", "client", "ann", "--days", "60"]);
    desk.good(&["issue", "client", "ben", "ben@example.org"]);
    desk.good(&["issue", "workload", "spiffe://example.org/web", "--file", "web"]);
    desk.good(&["issue", "server", "app.example"]);
    assert_eq!(judged(&desk, "ann", 0).as_deref(), Ok("CN=ann"));
    assert_eq!(
        judged(&desk, "web", 0).as_deref(),
        Ok("CN=spiffe://example.org/web")
    );
    assert_eq!(judged(&desk, "app.example", 0), Err(VerifyError::Purpose));
    assert_eq!(judged(&desk, "ann", 29).as_deref(), Ok("CN=ann"));
    let late = judged(&desk, "ann", 31);
    assert!(matches!(late, Err(VerifyError::CrlExpired(_))), "{late:?}");
    assert_eq!(judged(&desk, "ann", 61), Err(VerifyError::Expired));
    desk.good(&["crl", "--of", "intermediate", "--days", "90"]);
    assert_eq!(judged(&desk, "ann", 59).as_deref(), Ok("CN=ann"));
    desk.good(&["renew", "intermediate"]);
    assert_eq!(judged(&desk, "ann", 0).as_deref(), Ok("CN=ann"));
    desk.good(&["revoke", "ann"]);
    assert_eq!(judged(&desk, "ann", 0), Err(VerifyError::Revoked));
    assert_eq!(judged(&desk, "ben", 0).as_deref(), Ok("CN=ben"));
    desk.good(&["revoke", "intermediate"]);
    assert_eq!(judged(&desk, "ben", 0), Err(VerifyError::Revoked));
}

#[test]
fn another_authority_of_the_same_name_vouches_for_nobody() {
    let desk = Desk::with_authority();
    desk.good(&["issue", "client", "ann"]);
    desk.good(&["init", "--folder", "other"]);
    desk.good(&["issue", "client", "ann", "--folder", "other"]);
    let theirs = desk.0.0.join("other/issued/ann.crt");
    std::fs::copy(theirs, desk.0.0.join("ca/issued/theirs.crt")).unwrap();
    assert!(judged(&desk, "theirs", 0).is_err());
    assert!(judged(&desk, "ann", 0).is_ok());
}
