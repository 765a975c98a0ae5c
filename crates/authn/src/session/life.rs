//! What becomes of a session that is asked for: pure decisions over its times.

use super::{Gone, SessionRecord};
use countersign_core::time::{Monotonic, Now, Timestamp};
use std::time::Duration;

/// A session that another tab's login has taken the place of ends so soon: until then a page that is loading goes on.
pub const LEAVES_WITHIN: Duration = Duration::from_mins(1);

/// Whether a session that ends at `ends`, used or not, is about to: it takes nobody's place.
pub fn is_leaving(ends: Timestamp, now: Timestamp) -> bool {
    ends <= now.plus(LEAVES_WITHIN)
}

/// How often the end of a session in use is moved in the store, at most.
pub const WRITTEN_BACK: Duration = Duration::from_mins(1);
/// After the first renewal that failed, so long passes before the next; after each further one twice as long.
const FIRST_HOLD_OFF: Duration = Duration::from_secs(2);
/// And never longer than this.
const LONGEST_HOLD_OFF: Duration = Duration::from_mins(1);

/// Two renewals of one session are so far apart at least, whatever its issuer says of its tokens: one whose tokens end
/// at once must not be asked with every request.
const BETWEEN_RENEWALS: Duration = Duration::from_secs(10);

/// What a request gets that asks for a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Life {
    /// The session as it is.
    Serve,
    /// The session as it is, while it is renewed behind.
    ServeAndRenew,
    /// The session when it was renewed: its access token has ended.
    RenewFirst,
    /// Nothing for now: it does not hold before it is renewed, and its issuer could not be asked shortly ago.
    Wait,
    /// None.
    Gone(Gone),
}

/// What becomes of `record` at `now`, when it ends unused at `idle_ends` and is to be renewed from `renew_at` on.
pub fn judge(
    record: &SessionRecord,
    idle_ends: Timestamp,
    renew_at: Option<Timestamp>,
    now: Timestamp,
) -> Life {
    if now >= record.ends {
        return Life::Gone(Gone::Over);
    }
    if now >= idle_ends {
        return Life::Gone(Gone::Idle);
    }
    if renew_at.is_none_or(|at| now < at) {
        return Life::Serve;
    }
    if record.access_ends.is_none_or(|end| now < end) {
        Life::ServeAndRenew
    } else {
        Life::RenewFirst
    }
}

/// When `record` is to be renewed, where `wanted` is when its login would.
pub fn renew_at(record: &SessionRecord, wanted: Option<Timestamp>) -> Option<Timestamp> {
    let earliest = if record.renewed > record.began {
        record.renewed.plus(BETWEEN_RENEWALS)
    } else {
        record.began
    };
    wanted.map(|at| at.max(earliest))
}

/// When `record` ends if it is not used after `used`.
pub fn end(record: &SessionRecord, used: Timestamp) -> Timestamp {
    record.ends.min(used.plus(record.idle))
}

/// When a session's end was last moved in the store, and to where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WrittenEnd {
    /// When.
    pub at: Monotonic,
    /// To where.
    pub end: Timestamp,
}

/// Whether a use of `record` at `now` moves its end in the store. That is at once where it is not known when it was
/// `written` last; else once a minute, and for a session that may rest for less than four, once a quarter of that: so much
/// earlier than its idle time may it end at worst.
pub fn is_write_due(record: &SessionRecord, written: Option<WrittenEnd>, now: Now) -> bool {
    let every = WRITTEN_BACK.min(record.idle / 4);
    written.is_none_or(|written| {
        now.monotonic.since(written.at) >= every && end(record, now.wall) != written.end
    })
}

/// How long no renewal is tried after `failures` of them in a row: ever longer, and as long as the issuer has `asked` for, within
/// reason.
pub fn hold_off(failures: u32, asked: Option<Duration>) -> Duration {
    let times = 1_u32.checked_shl(failures.saturating_sub(1)).unwrap_or(u32::MAX);
    let own = FIRST_HOLD_OFF.saturating_mul(times);
    own.max(asked.unwrap_or_default()).min(LONGEST_HOLD_OFF)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::fixtures::{BEGAN, record, with_tokens};

    fn after(seconds: u64) -> Timestamp {
        BEGAN.plus(Duration::from_secs(seconds))
    }

    #[test]
    fn a_session_ends_with_its_whole_time_or_unused_and_not_with_its_tokens() {
        let (session, idle_ends) = (with_tokens(), after(8 * 3600));
        let at = |now| judge(&session, idle_ends, None, now);
        assert_eq!(at(BEGAN), Life::Serve);
        assert_eq!(at(after(8 * 3600 - 1)), Life::Serve, "its access token has ended");
        assert_eq!(at(after(8 * 3600)), Life::Gone(Gone::Idle));
        assert_eq!(at(after(24 * 3600)), Life::Gone(Gone::Over));
    }

    #[test]
    fn a_due_renewal_is_waited_for_only_when_the_access_token_has_ended() {
        let (session, idle_ends) = (with_tokens(), after(8 * 3600));
        let at = |now| judge(&session, idle_ends, Some(after(240)), now);
        assert_eq!(at(after(239)), Life::Serve);
        assert_eq!(at(after(240)), Life::ServeAndRenew);
        assert_eq!(at(after(299)), Life::ServeAndRenew);
        assert_eq!(at(after(300)), Life::RenewFirst);
        assert_eq!(at(after(8 * 3600)), Life::Gone(Gone::Idle));
        let endless = judge(&record(), idle_ends, Some(BEGAN), after(300));
        assert_eq!(endless, Life::ServeAndRenew, "nobody said when it ends");
    }

    #[test]
    fn an_issuer_whose_tokens_end_at_once_is_not_asked_with_every_request() {
        let began = with_tokens();
        assert_eq!(renew_at(&began, Some(BEGAN)), Some(BEGAN));
        let renewed = SessionRecord {
            renewed: after(60),
            ..with_tokens()
        };
        assert_eq!(renew_at(&renewed, Some(after(60))), Some(after(70)));
        assert_eq!(renew_at(&renewed, Some(after(300))), Some(after(300)));
        assert_eq!(renew_at(&renewed, None), None);
    }

    #[test]
    fn the_end_of_a_session_in_use_is_moved_once_a_minute() {
        let session = record();
        let now = |seconds: u64| Now {
            wall: after(seconds),
            monotonic: Monotonic::from_milliseconds(seconds * 1000),
        };
        let written = Some(WrittenEnd {
            at: now(0).monotonic,
            end: end(&session, BEGAN),
        });
        assert!(is_write_due(&session, None, now(1)));
        assert!(!is_write_due(&session, written, now(59)));
        assert!(is_write_due(&session, written, now(60)));
        let short = SessionRecord {
            idle: Duration::from_secs(40),
            ..record()
        };
        assert!(!is_write_due(&short, written, now(9)));
        assert!(is_write_due(&short, written, now(10)));
    }

    #[test]
    fn an_end_that_cannot_move_is_not_written_again() {
        let session = record();
        let late = Now {
            wall: after(23 * 3600),
            monotonic: Monotonic::from_milliseconds(23 * 3_600_000),
        };
        let written = Some(WrittenEnd {
            at: Monotonic::from_milliseconds(0),
            end: session.ends,
        });
        assert_eq!(end(&session, late.wall), session.ends);
        assert!(!is_write_due(&session, written, late));
    }

    #[test]
    fn renewals_that_fail_are_tried_ever_later_and_never_given_up() {
        let seconds = [0, 1, 2, 3, 5, 6, 40, u32::MAX].map(|failures| hold_off(failures, None).as_secs());
        assert_eq!(seconds, [2, 2, 4, 8, 32, 60, 60, 60]);
        let asked = |seconds| Some(Duration::from_secs(seconds));
        let seconds = [0, 7, 3600].map(|seconds| hold_off(2, asked(seconds)).as_secs());
        assert_eq!(seconds, [4, 7, 60]);
    }
}
