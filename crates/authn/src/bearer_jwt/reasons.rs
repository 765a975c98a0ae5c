//! Which reason code a failed step becomes.

use countersign_core::reason::RejectionReason;
use countersign_jose::claims::ClaimError;
use countersign_jose::token::TokenError;
use countersign_jose::verify::VerifyError;

pub(super) const fn of_token(error: TokenError) -> RejectionReason {
    match error {
        TokenError::TooLarge => RejectionReason::TokenTooLarge,
        TokenError::Malformed => RejectionReason::TokenMalformed,
        TokenError::Encrypted => RejectionReason::TokenEncrypted,
        TokenError::AlgorithmNone => RejectionReason::AlgorithmNone,
        TokenError::AlgorithmUnknown => RejectionReason::AlgorithmUnknown,
        TokenError::CriticalHeader => RejectionReason::CriticalHeader,
        TokenError::KeyInHeader => RejectionReason::KeyInHeader,
    }
}

pub(crate) const fn of_claim(error: &ClaimError) -> RejectionReason {
    match error {
        ClaimError::Missing(_) => RejectionReason::ClaimMissing,
        ClaimError::Type(_) => RejectionReason::ClaimType,
        ClaimError::Issuer { .. } => RejectionReason::IssuerWrong,
        ClaimError::Audience { .. } => RejectionReason::AudienceWrong,
        ClaimError::Expired(_) => RejectionReason::TokenExpired,
        ClaimError::NotYetValid(_) => RejectionReason::TokenNotYetValid,
        ClaimError::IssuedInFuture(_) => RejectionReason::TokenIssuedInFuture,
        ClaimError::TokenType(_) => RejectionReason::TokenType,
    }
}

pub(super) const fn of_verification(error: &VerifyError) -> RejectionReason {
    match error {
        VerifyError::AlgorithmNotAllowed(_) => RejectionReason::AlgorithmNotAllowed,
        VerifyError::Signature => RejectionReason::SignatureInvalid,
        VerifyError::Token(error) => of_token(*error),
        VerifyError::Claim(error) => of_claim(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use countersign_core::time::Timestamp;

    #[test]
    fn both_crates_have_one_word_for_a_failure() {
        let time = Timestamp::from_seconds(0);
        let claims = [
            ClaimError::Missing("x".into()),
            ClaimError::Type("x".into()),
            ClaimError::Issuer {
                got: String::new(),
                wanted: "x".into(),
            },
            ClaimError::Audience {
                got: Vec::new(),
                wanted: Vec::new(),
                hint: "",
            },
            ClaimError::Expired(time),
            ClaimError::NotYetValid(time),
            ClaimError::IssuedInFuture(time),
            ClaimError::TokenType(String::new()),
        ];
        for error in claims {
            assert_eq!(of_claim(&error).code(), error.code());
            let error = VerifyError::Claim(error);
            assert_eq!(of_verification(&error).code(), error.code());
        }
        let tokens = [
            TokenError::TooLarge,
            TokenError::Malformed,
            TokenError::Encrypted,
            TokenError::AlgorithmNone,
            TokenError::AlgorithmUnknown,
            TokenError::CriticalHeader,
            TokenError::KeyInHeader,
        ];
        for error in tokens {
            assert_eq!(of_token(error).code(), error.code());
        }
        for error in [VerifyError::AlgorithmNotAllowed("x"), VerifyError::Signature] {
            assert_eq!(of_verification(&error).code(), error.code());
        }
    }
}
