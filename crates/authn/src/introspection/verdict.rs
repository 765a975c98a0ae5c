//! What became of a question.

use crate::presented::Binding;
use countersign_core::principal::Principal;
use countersign_core::reason::{RejectionReason, UnavailableReason};
use countersign_oidc::introspection::ActiveTimes;
use std::sync::Arc;
use std::time::Duration;

/// A token that the issuer called active and that is one we take.
#[derive(Debug)]
pub(super) struct Active {
    /// Whom it proves.
    pub(super) principal: Arc<Principal>,
    /// When it holds: to be checked again whenever it is used.
    pub(super) times: ActiveTimes,
    /// What must be shown with it, each time.
    pub(super) bound: Option<Binding>,
}

/// The end of a question, shared by all who asked it.
#[derive(Clone, Debug)]
pub(super) enum Verdict {
    /// It holds.
    Active(Arc<Active>),
    /// It does not.
    Refused(RejectionReason, Arc<str>),
    /// The issuer could not be asked, or says nothing that can be believed.
    Unavailable {
        reason: UnavailableReason,
        detail: Arc<str>,
        retry_after: Duration,
    },
}
