//! Lines on standard error, written by a thread of their own: a slow reader of the log never slows a request.

use std::fmt::Write as _;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// How many lines may wait to be written; further ones are dropped and counted.
const QUEUE: usize = 8192;
/// How many bytes are gathered into one write.
const WRITE_BYTES: usize = 64 * 1024;
/// After a write, lines gather for so long: whoever says much wakes the writing thread so seldom.
const GATHERED_FOR: Duration = Duration::from_millis(5);
/// How long [`Log::flush`] waits for a reader who does not read.
const FLUSH: Duration = Duration::from_secs(2);

/// How a line is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Format {
    /// For a person at a terminal.
    #[default]
    Human,
    /// One JSON object a line.
    Json,
}

/// What the writing thread is told.
#[derive(Debug)]
enum Message {
    Line(String),
    /// Everything before this is to be written; then the sender is let know by dropping this.
    Flush(SyncSender<()>),
}

#[derive(Debug)]
enum Sink {
    Thread(SyncSender<Message>),
    Memory(Arc<Mutex<Vec<String>>>),
}

/// Where lines go.
#[derive(Debug)]
pub struct Log {
    sink: Sink,
    /// Whether lines are JSON; shared with the writing thread.
    json: Arc<AtomicBool>,
    decisions: AtomicBool,
    dropped: Arc<AtomicU64>,
}

impl Log {
    /// Lines on standard error; without `decisions`, none for requests.
    pub fn stderr(format: Format, decisions: bool) -> Self {
        let (sender, receiver) = sync_channel(QUEUE);
        let dropped = Arc::new(AtomicU64::new(0));
        let json = Arc::new(AtomicBool::new(format == Format::Json));
        let (counted, told) = (Arc::clone(&dropped), Arc::clone(&json));
        drop(std::thread::spawn(move || {
            let rest = || std::thread::park_timeout(GATHERED_FOR);
            write_all(&receiver, (&told, &counted), &mut std::io::stderr(), rest);
        }));
        Self {
            sink: Sink::Thread(sender),
            json,
            decisions: AtomicBool::new(decisions),
            dropped,
        }
    }

    /// Lines in memory, for tests.
    pub fn memory(format: Format) -> (Self, Arc<Mutex<Vec<String>>>) {
        let lines = Arc::new(Mutex::new(Vec::new()));
        let sink = Sink::Memory(Arc::clone(&lines));
        (
            Self {
                sink,
                json: Arc::new(AtomicBool::new(format == Format::Json)),
                decisions: AtomicBool::new(true),
                dropped: Arc::default(),
            },
            lines,
        )
    }

    /// From now on lines are written so, and requests have some or none.
    pub fn set(&self, format: Format, decisions: bool) {
        self.json.store(format == Format::Json, Ordering::Relaxed);
        self.decisions.store(decisions, Ordering::Relaxed);
    }

    /// How lines are written.
    pub fn format(&self) -> Format {
        format_of(&self.json)
    }

    /// Whether requests have lines.
    pub fn decisions(&self) -> bool {
        self.decisions.load(Ordering::Relaxed)
    }

    /// Writes one line, which holds no control bytes.
    pub fn line(&self, line: String) {
        match &self.sink {
            Sink::Memory(lines) => lines.lock().unwrap_or_else(PoisonError::into_inner).push(line),
            Sink::Thread(sender) => match sender.try_send(Message::Line(line)) {
                Ok(()) => {}
                Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => {
                    self.dropped.fetch_add(1, Ordering::Relaxed);
                }
            },
        }
    }

    /// An event that is no request: a warning, a reload, a key set fetched. `kind` is a word in snake case.
    pub fn event(&self, level: &str, kind: &str, text: &str) {
        self.line(event(self.format(), level, kind, text));
    }

    /// Waits until everything said so far is written: before the process ends. Gives up after two seconds.
    pub fn flush(&self) {
        match &self.sink {
            Sink::Memory(_) => {}
            Sink::Thread(sender) => {
                let (answer, answered) = sync_channel(0);
                // The queue may be full; then the message waits its turn on a thread of its own, within the limit.
                let sender = sender.clone();
                drop(std::thread::spawn(move || {
                    drop(sender.send(Message::Flush(answer)));
                }));
                // Both ways of ending are the end: an answer, or nobody who reads.
                let _ = answered.recv_timeout(FLUSH);
            }
        }
    }
}

fn event(format: Format, level: &str, kind: &str, text: &str) -> String {
    match format {
        Format::Human => format!("{level}: {kind}: {}", printable(text)),
        Format::Json => json_line(&[("level", level), ("event", kind), ("message", text)]),
    }
}

fn format_of(json: &AtomicBool) -> Format {
    if json.load(Ordering::Relaxed) {
        Format::Json
    } else {
        Format::Human
    }
}

/// Writes lines as they come; those that are waiting after a `rest` go out together.
fn write_all(
    messages: &Receiver<Message>,
    (json, dropped): (&AtomicBool, &AtomicU64),
    out: &mut dyn std::io::Write,
    rest: impl Fn(),
) {
    let mut bytes = Vec::new();
    while let Ok(first) = messages.recv() {
        let lost = dropped.swap(0, Ordering::Relaxed);
        if lost > 0 {
            bytes.extend_from_slice(
                event(
                    format_of(json),
                    "warning",
                    "log_overflow",
                    &format!("{lost} lines were dropped"),
                )
                .as_bytes(),
            );
            bytes.push(b'\n');
        }
        let mut flushed = Vec::new();
        let mut next = Some(first);
        while let Some(message) = next {
            match message {
                Message::Line(line) => {
                    bytes.extend_from_slice(line.as_bytes());
                    bytes.push(b'\n');
                }
                Message::Flush(answer) => flushed.push(answer),
            }
            next = if bytes.len() < WRITE_BYTES {
                messages.try_recv().ok()
            } else {
                None
            };
        }
        // When nobody reads standard error any more there is nowhere to say so.
        drop(out.write_all(&bytes));
        bytes.clear();
        drop(flushed);
        rest();
    }
}

/// What a terminal or a line-based reader takes for more than a character: control bytes, line separators, marks that
/// turn the direction of text.
fn is_odd(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

/// `text` without anything odd in it.
pub fn printable(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    push_printable(&mut out, text);
    out
}

/// Appends `text` without anything odd in it.
pub fn push_printable(out: &mut String, text: &str) {
    if text.bytes().all(|byte| (0x20..0x7f).contains(&byte)) {
        out.push_str(text);
        return;
    }
    for character in text.chars() {
        if is_odd(character) {
            out.extend(character.escape_unicode());
        } else {
            out.push(character);
        }
    }
}

/// Appends `text` as a JSON string that reads back as `text` and holds nothing odd.
pub fn push_json_string(out: &mut String, text: &str) {
    out.push('"');
    if text
        .bytes()
        .all(|byte| (0x20..0x7f).contains(&byte) && byte != b'"' && byte != b'\\')
    {
        out.push_str(text);
    } else {
        for character in text.chars() {
            match character {
                '"' => out.push_str("\\\""),
                '\\' => out.push_str("\\\\"),
                odd if is_odd(odd) => {
                    // None of them is outside the basic plane; writing to a String does not fail.
                    let _: std::fmt::Result = write!(out, "\\u{:04x}", u32::from(odd));
                }
                other => out.push(other),
            }
        }
    }
    out.push('"');
}

/// One JSON object of strings, in this order. The names hold nothing that needs an escape.
pub fn json_line(fields: &[(&str, &str)]) -> String {
    let mut line = String::from("{");
    for (index, (name, value)) in fields.iter().enumerate() {
        line.push_str(if index > 0 { ",\"" } else { "\"" });
        line.push_str(name);
        line.push_str("\":");
        push_json_string(&mut line, value);
    }
    line.push('}');
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    const ODD: &str = "a\nb\r\x1b[2J\0\"\\\u{85}\u{2028}\u{202e}\u{2066}é";

    #[test]
    fn one_event_is_one_line_whatever_it_says() {
        let (log, lines) = Log::memory(Format::Human);
        log.event("warning", "test", "a\nb\x1b[2J\u{2028}\u{202e}c é");
        log.event("warning", "test", ODD);
        let lines = lines.lock().unwrap();
        assert_eq!(lines[0], "warning: test: a\\u{a}b\\u{1b}[2J\\u{2028}\\u{202e}c é");
        assert!(!lines[1].contains(is_odd));
    }

    #[test]
    fn a_json_line_reads_back_as_what_was_said() {
        let line = json_line(&[("a", ODD), ("b", "plain")]);
        assert!(!line.contains(is_odd), "{line}");
        let parsed: serde_json::Value = serde_json::from_str(&line).unwrap();
        assert_eq!(
            (parsed["a"].as_str(), parsed["b"].as_str()),
            (Some(ODD), Some("plain"))
        );
    }

    #[test]
    fn waiting_lines_go_out_in_order_and_lost_ones_are_counted() {
        let (sender, receiver) = sync_channel(8);
        let (answer, answered) = sync_channel(0);
        for message in [
            Message::Line("one".into()),
            Message::Line("two".into()),
            Message::Flush(answer),
        ] {
            sender.send(message).unwrap();
        }
        drop(sender);
        let mut out = Vec::new();
        let counts = (&AtomicBool::new(false), &AtomicU64::new(3));
        write_all(&receiver, counts, &mut out, || ());
        assert_eq!(out, b"warning: log_overflow: 3 lines were dropped\none\ntwo\n");
        assert!(
            answered.recv().is_err(),
            "the answer was dropped once all was written"
        );
    }

    #[test]
    fn lines_are_written_as_was_said_last() {
        let (log, lines) = Log::memory(Format::Human);
        log.event("info", "test", "a");
        log.set(Format::Json, false);
        log.event("info", "test", "b");
        assert!(!log.decisions());
        let lines = lines.lock().unwrap();
        assert_eq!(lines[0], "info: test: a");
        assert!(lines[1].starts_with('{'), "{}", lines[1]);
    }

    #[test]
    fn the_log_is_flushed_when_the_process_ends() {
        Log::stderr(Format::Human, true).flush();
    }
}
