//! How often handshakes that failed are told about: anybody can make them fail, and a log is not for anybody to fill.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// How many lines there are within [`WINDOW`].
const LINES: u32 = 10;
/// How long the count runs.
const WINDOW: Duration = Duration::from_secs(1);

/// Counts lines.
#[derive(Debug)]
pub(crate) struct Told(Mutex<Window>);

#[derive(Debug)]
struct Window {
    began: Instant,
    lines: u32,
    left_out: u64,
}

impl Told {
    /// None told yet.
    pub(crate) fn new(now: Instant) -> Self {
        Self(Mutex::new(Window {
            began: now,
            lines: 0,
            left_out: 0,
        }))
    }

    /// Whether there is room for one more, and how many there was no room for since the last one.
    pub(crate) fn one_more(&self, now: Instant) -> Option<u64> {
        let mut window = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if now.duration_since(window.began) >= WINDOW {
            window.began = now;
            window.lines = 0;
        }
        if window.lines == LINES {
            window.left_out += 1;
            return None;
        }
        window.lines += 1;
        Some(std::mem::take(&mut window.left_out))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_lines_a_second_and_then_how_many_were_left_out() {
        let start = Instant::now();
        let told = Told::new(start);
        let lines = (0..100).filter_map(|_| told.one_more(start)).count();
        assert_eq!(lines, 10);
        assert_eq!(told.one_more(start + Duration::from_millis(999)), None);
        assert_eq!(told.one_more(start + Duration::from_secs(1)), Some(91));
        assert_eq!(told.one_more(start + Duration::from_secs(1)), Some(0));
    }
}
