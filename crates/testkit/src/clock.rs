//! A clock that moves when it is told to. Its two hands move together or apart: a wall clock can be stepped by a day
//! while the monotonic one goes on.

use countersign_core::time::{Clock, Monotonic, Now, Timestamp};
use std::sync::Mutex;
use std::time::Duration;

/// Midnight on 2030-01-01, in seconds since the Unix epoch: when every world begins.
pub const MIDNIGHT: i64 = 1_893_456_000;

/// Where the monotonic hand stands at midnight. Not zero, so that arithmetic around zero is not met by chance.
const MONOTONIC_AT_MIDNIGHT: Duration = Duration::from_hours(24);

/// Both hands.
#[derive(Debug)]
pub struct HandClock(Mutex<Hands>);

#[derive(Debug)]
struct Hands {
    /// Since midnight, as told by the monotonic hand.
    since_midnight: Duration,
    /// How far the wall hand was stepped away from the monotonic one, in milliseconds.
    stepped: i64,
}

impl HandClock {
    /// A clock that stands at [`MIDNIGHT`].
    pub const fn new() -> Self {
        Self(Mutex::new(Hands {
            since_midnight: Duration::ZERO,
            stepped: 0,
        }))
    }

    /// Moves both hands forward, to `since_midnight` after midnight. Time does not run backwards: an earlier time is
    /// refused.
    pub fn move_to(&self, since_midnight: Duration) -> Result<(), String> {
        let mut hands = self.0.lock().unwrap();
        if since_midnight < hands.since_midnight {
            return Err(format!(
                "the clock stands at +{:?} and does not go back to +{since_midnight:?}",
                hands.since_midnight
            ));
        }
        hands.since_midnight = since_midnight;
        Ok(())
    }

    /// Moves both hands forward by so much.
    pub fn step(&self, by: Duration) {
        self.0.lock().unwrap().since_midnight += by;
    }

    /// Steps the wall hand alone, as an operator or a broken time server does.
    pub fn step_wall(&self, milliseconds: i64) {
        self.0.lock().unwrap().stepped += milliseconds;
    }
}

impl Default for HandClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for HandClock {
    fn now(&self) -> Now {
        let hands = self.0.lock().unwrap();
        let gone = i64::try_from(hands.since_midnight.as_millis()).unwrap();
        Now {
            wall: Timestamp::from_milliseconds(MIDNIGHT * 1000 + gone + hands.stepped),
            monotonic: Monotonic::default().plus(MONOTONIC_AT_MIDNIGHT + hands.since_midnight),
        }
    }
}

/// Reads a span of time as pages write it: `+90s`, `-61m`, `+24h`, `+1d`, `+500ms`; in milliseconds.
pub fn span(text: &str) -> Result<i64, String> {
    let wrong = || format!("`{text}` is no span of time such as +90s, -1m, +24h or +1d");
    let sign = match text.as_bytes().first() {
        Some(b'+') => 1,
        Some(b'-') => -1,
        Some(_) | None => return Err(wrong()),
    };
    let text = text.get(1..).ok_or_else(wrong)?;
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let unit = match unit {
        "ms" => 1,
        "s" => 1000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return Err(wrong()),
    };
    number
        .parse::<i64>()
        .map(|number| sign * number * unit)
        .map_err(|_| wrong())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hands_move_together_and_the_wall_steps_alone() {
        let clock = HandClock::new();
        let start = clock.now();
        assert_eq!(start.wall.to_string(), "2030-01-01T00:00:00.000Z");
        clock.move_to(Duration::from_mins(1)).unwrap();
        clock.step_wall(-86_400_000);
        let later = clock.now();
        assert_eq!(later.wall.to_string(), "2029-12-31T00:01:00.000Z");
        assert_eq!(later.monotonic.since(start.monotonic), Duration::from_mins(1));
        assert!(clock.move_to(Duration::from_secs(59)).is_err());
    }

    #[test]
    fn spans_are_read_with_their_sign_and_unit() {
        assert_eq!(span("+90s"), Ok(90_000));
        assert_eq!(span("-1m"), Ok(-60_000));
        assert_eq!(span("+500ms"), Ok(500));
        assert_eq!(span("+2d"), Ok(172_800_000));
        for wrong in ["", "90s", "+s", "+1", "+1w", "+-1s"] {
            assert!(span(wrong).is_err(), "{wrong}");
        }
    }
}
