//! Times as a person writes them on the command line.

use countersign_core::time::{Clock as _, Now, Timestamp};
use countersign_edge::system::SystemClock;

/// The first and the last second that four digits of a year can tell.
const YEARS: (i64, i64) = (-62_167_219_200, 253_402_300_799);
/// How much of a time says day and second: `2030-01-01T00:00:00`.
const CIVIL: usize = 19;

/// The time of the machine, or the other now that `--at` says.
pub(in crate::cli) fn now(at: Option<&str>) -> Result<Now, String> {
    let mut now = SystemClock::new().now();
    if let Some(text) = at {
        now.wall = instant(text)
            .ok_or("--at is neither a time such as 2030-01-01T00:00:00Z nor seconds since 1970")?;
    }
    Ok(now)
}

/// Seconds since 1970, or a time of RFC 3339 (section 5.6): `2030-01-01T00:00:00Z`, `2030-01-01T02:00:00.5+02:00`.
fn instant(text: &str) -> Option<Timestamp> {
    if let Ok(seconds) = text.parse() {
        return Some(Timestamp::from_seconds(seconds));
    }
    let text = text.to_ascii_uppercase();
    let (civil, rest) = text.split_at_checked(CIVIL)?;
    let (milliseconds, zone) = fraction(rest)?;
    let seconds = civil_seconds(civil)?.checked_sub(offset_seconds(zone)?)?;
    Some(Timestamp::from_milliseconds(
        seconds.checked_mul(1000)?.checked_add(milliseconds)?,
    ))
}

/// The second that prints as `civil`, found by halving: there is one calendar here, that of [`Timestamp`], and what it
/// never prints is no time.
fn civil_seconds(civil: &str) -> Option<i64> {
    let (mut low, mut high) = YEARS;
    while low < high {
        let middle = low + (high - low) / 2;
        if *printed(middle) < *civil {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    (printed(low) == civil).then_some(low)
}

fn printed(seconds: i64) -> String {
    let mut text = Timestamp::from_seconds(seconds).to_string();
    text.truncate(CIVIL);
    text
}

/// The milliseconds of `.25Z`, and what follows.
fn fraction(rest: &str) -> Option<(i64, &str)> {
    let Some(rest) = rest.strip_prefix('.') else {
        return Some((0, rest));
    };
    let end = rest.find(|character: char| !character.is_ascii_digit())?;
    let (digits, zone) = rest.split_at_checked(end)?;
    let padded = format!("{digits:0<3}");
    let milliseconds = padded.get(..3)?.parse().ok()?;
    (!digits.is_empty()).then_some((milliseconds, zone))
}

/// How far `Z` or `+02:00` is from UTC.
fn offset_seconds(zone: &str) -> Option<i64> {
    if zone == "Z" {
        return Some(0);
    }
    let (sign, digits) = match zone.split_at_checked(1)? {
        ("+", digits) => (1, digits),
        ("-", digits) => (-1, digits),
        _ => return None,
    };
    let (hours, minutes) = digits.split_once(':')?;
    let number = |text: &str, end: i64| {
        let plain = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
        text.parse::<i64>().ok().filter(|number| plain && *number < end)
    };
    Some(sign * (number(hours, 24)? * 3600 + number(minutes, 60)? * 60))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_read_in_every_spelling_of_rfc_3339() {
        let check = |text: &str, expect: i64| {
            assert_eq!(instant(text).map(Timestamp::milliseconds), Some(expect), "{text}");
        };
        check("0", 0);
        check("-1", -1000);
        check("1893456000", 1_893_456_000_000);
        check("2030-01-01T00:00:00Z", 1_893_456_000_000);
        check("2030-01-01t00:00:00z", 1_893_456_000_000);
        check("2030-01-01T02:00:00+02:00", 1_893_456_000_000);
        check("2029-12-31T18:30:00-05:30", 1_893_456_000_000);
        check("2030-01-01T00:00:00.25Z", 1_893_456_000_250);
        check("2030-01-01T00:00:00.123456789Z", 1_893_456_000_123);
        check("1969-12-31T23:59:59Z", -1000);
        check("2000-02-29T00:00:00Z", 951_782_400_000);
        check("9999-12-31T23:59:59Z", 253_402_300_799_000);
    }

    #[test]
    fn what_is_no_time_is_none() {
        for text in [
            "",
            "now",
            "2030-01-01",
            "2030-01-01T00:00:00",
            "2030-13-01T00:00:00Z",
            "2030-02-29T00:00:00Z",
            "2030-01-01T24:00:00Z",
            "2030-01-01 00:00:00Z",
            "2030-01-01T00:00:00.Z",
            "2030-01-01T00:00:00+2:00",
            "2030-01-01T00:00:00+24:00",
            "2030-01-01T00:00:00ZZ",
            "2030-01-01T00:00:0éZ",
        ] {
            assert_eq!(instant(text), None, "{text}");
        }
    }
}
