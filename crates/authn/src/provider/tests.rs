//! Which of several verdicts counts.

use super::person::rank;
use countersign_core::authn::{Presented, Rejection};
use countersign_core::certificate::Failure;
use countersign_core::reason::RejectionReason;

fn failure(reason: RejectionReason, is_passing: bool) -> Failure {
    Failure {
        rejection: Rejection {
            reason,
            presented: Presented::Ambient,
            authenticator: "certificate.people".into(),
            detail: String::new(),
        },
        words: "",
        is_passing,
        proves: None,
    }
}

#[test]
fn who_is_revoked_is_out_whatever_others_cannot_tell_and_a_stranger_is_one_to_all() {
    use RejectionReason as R;
    let ranks = [
        (R::CertificateRevoked, false, 0),
        (R::CertificateDenied, false, 0),
        (R::RevocationUnknown, true, 1),
        // Nobody has told the authorities yet.
        (R::CertificateUnknownAuthority, true, 1),
        (R::CertificateExpired, false, 2),
        (R::CertificateUnknownAuthority, false, 3),
    ];
    for (reason, is_passing, wanted) in ranks {
        assert_eq!(rank(&failure(reason, is_passing)), wanted, "{reason:?}");
    }
}
