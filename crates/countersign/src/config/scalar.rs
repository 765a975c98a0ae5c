//! Durations and sizes, as they are written.

use std::time::Duration;

/// `500ms`, `30s`, `10m`, `24h`, `7d`: a whole number and one unit.
pub fn duration(text: &str) -> Option<Duration> {
    let split = text.find(|character: char| !character.is_ascii_digit())?;
    let (number, unit) = text.split_at_checked(split)?;
    let factor: u64 = match unit {
        "ms" => 1,
        "s" => 1000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return None,
    };
    number
        .parse::<u64>()
        .ok()?
        .checked_mul(factor)
        .map(Duration::from_millis)
}

/// `16MiB`, `32KiB`, `1GiB`, `512B`: a whole number and one unit of 1024.
pub fn bytes(text: &str) -> Option<u64> {
    let split = text.find(|character: char| !character.is_ascii_digit())?;
    let (number, unit) = text.split_at_checked(split)?;
    let factor: u64 = match unit {
        "B" => 1,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(factor)
}

/// A duration as it would be written.
pub fn show_duration(milliseconds: u64) -> String {
    match milliseconds {
        0 => "0s".to_owned(),
        day if day % 86_400_000 == 0 => format!("{}d", day / 86_400_000),
        hour if hour % 3_600_000 == 0 => format!("{}h", hour / 3_600_000),
        minute if minute % 60_000 == 0 => format!("{}m", minute / 60_000),
        second if second % 1000 == 0 => format!("{}s", second / 1000),
        milli => format!("{milli}ms"),
    }
}

/// A size as it would be written.
pub fn show_bytes(bytes: u64) -> String {
    match bytes {
        0 => "0B".to_owned(),
        gib if gib % (1 << 30) == 0 => format!("{}GiB", gib >> 30),
        mib if mib % (1 << 20) == 0 => format!("{}MiB", mib >> 20),
        kib if kib % (1 << 10) == 0 => format!("{}KiB", kib >> 10),
        other => format!("{other}B"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_and_one_unit_are_read_and_written() {
        for text in ["500ms", "30s", "10m", "24h", "2d"] {
            let read = duration(text).unwrap();
            assert_eq!(
                duration(&show_duration(u64::try_from(read.as_millis()).unwrap())),
                Some(read),
                "{text}"
            );
        }
        for text in [
            "",
            "10",
            "s",
            "1.5h",
            "10 m",
            "-1s",
            "1w",
            "10M",
            "99999999999999999999s",
        ] {
            assert_eq!(duration(text), None, "{text}");
        }
        assert_eq!(bytes("16MiB"), Some(16 << 20));
        assert_eq!(show_bytes(16 << 20), "16MiB");
        for text in ["16MB", "16", "16mib", "", "1.5MiB"] {
            assert_eq!(bytes(text), None, "{text}");
        }
    }
}
