//! Where frames begin and end in what a client sends: told from their first nine bytes, and nothing else is read. A head
//! that has begun, and any other frame but a part of a body, must be whole in the time that a head may take.

use super::super::Limits;
use super::super::watched::Waiting;
use super::streams::Streams;
use std::sync::Arc;
use tokio::time::Instant;

/// `PRI * HTTP/2.0`, with which a client begins (RFC 9113 section 3.4).
const PREFACE_BYTES: usize = 24;
const HEADER_BYTES: usize = 9;
const DATA: u8 = 0;
const HEADERS: u8 = 1;
const CONTINUATION: u8 = 9;
const END_HEADERS: u8 = 4;

/// What has come so far.
#[derive(Debug)]
pub(super) struct Frames {
    streams: Arc<Streams>,
    /// Bytes that are left out: of the preface, or of a frame whose beginning was read.
    skip: usize,
    header: [u8; HEADER_BYTES],
    /// How much of `header` there is.
    got: usize,
    /// The frame under way is a part of a body.
    body: bool,
    /// A head has begun and its last frame has not been seen.
    head: bool,
    /// Since when something other than a body is unfinished.
    unfinished: Option<Instant>,
}

impl Frames {
    /// Of a connection that begins now.
    pub(super) const fn of(streams: Arc<Streams>) -> Self {
        Self {
            streams,
            skip: PREFACE_BYTES,
            header: [0; HEADER_BYTES],
            got: 0,
            body: false,
            head: false,
            unfinished: None,
        }
    }

    fn read(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            if self.skip > 0 {
                let skipped = self.skip.min(bytes.len());
                self.skip -= skipped;
                bytes = bytes.get(skipped..).unwrap_or_default();
                continue;
            }
            let (Some((first, rest)), Some(place)) = (bytes.split_first(), self.header.get_mut(self.got))
            else {
                return;
            };
            *place = *first;
            self.got += 1;
            bytes = rest;
            if self.got == HEADER_BYTES {
                self.begin();
            }
        }
    }

    /// The header of a frame is whole.
    fn begin(&mut self) {
        let [high, middle, low, kind, flags, ..] = self.header;
        self.got = 0;
        let length = u32::from_be_bytes([0, high, middle, low]);
        self.skip = usize::try_from(length).unwrap_or(usize::MAX);
        self.body = kind == DATA;
        if kind == HEADERS || kind == CONTINUATION {
            self.head = flags & END_HEADERS == 0;
        }
    }

    fn is_whole(&self) -> bool {
        !self.head && self.got == 0 && (self.skip == 0 || self.body)
    }
}

impl Waiting for Frames {
    fn came(&mut self, bytes: &[u8]) {
        self.read(bytes);
        if self.is_whole() {
            self.unfinished = None;
        } else if self.unfinished.is_none() {
            self.unfinished = Some(Instant::now());
        }
    }

    fn deadline(&self, limits: &Limits) -> Option<Instant> {
        let first = (!self.streams.has_begun()).then(|| self.streams.began() + limits.head);
        let whole = self.unfinished.map(|since| since + limits.head);
        let idle = self.streams.idle_since().map(|since| since + limits.idle);
        [first, whole, idle].into_iter().flatten().min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The header of a frame on stream 1, and so many bytes.
    fn frame(kind: u8, flags: u8, length: u8) -> Vec<u8> {
        let mut frame = vec![0, 0, length, kind, flags, 0, 0, 0, 1];
        frame.resize(HEADER_BYTES + usize::from(length), 0xff);
        frame
    }

    /// Whether something is unfinished after each byte.
    fn unfinished(bytes: &[u8]) -> Vec<bool> {
        let mut frames = Frames::of(Arc::new(Streams::begin()));
        frames.came(&[b'P'; PREFACE_BYTES]);
        let each = bytes.iter().map(|byte| {
            frames.came(&[*byte]);
            frames.unfinished.is_some()
        });
        each.collect()
    }

    #[tokio::test]
    async fn a_frame_is_unfinished_until_its_last_byte() {
        let mut expected = vec![true; HEADER_BYTES + 5];
        expected[HEADER_BYTES + 4] = false;
        assert_eq!(unfinished(&frame(HEADERS, END_HEADERS, 5)), expected);
        assert_eq!(unfinished(&frame(6, 0, 5)), expected, "a ping");
    }

    #[tokio::test]
    async fn a_body_may_take_its_time() {
        let mut expected = vec![true; HEADER_BYTES - 1];
        expected.resize(HEADER_BYTES + 5, false);
        assert_eq!(unfinished(&frame(DATA, 0, 5)), expected);
    }

    #[tokio::test]
    async fn a_head_ends_with_the_flag_that_says_so() {
        let mut bytes = frame(HEADERS, 0, 2);
        for _ in 0..3 {
            bytes.extend(frame(CONTINUATION, 0, 2));
        }
        assert!(unfinished(&bytes).iter().all(|unfinished| *unfinished));
        bytes.extend(frame(CONTINUATION, END_HEADERS, 2));
        assert_eq!(unfinished(&bytes).last(), Some(&false));
        bytes.extend(frame(CONTINUATION, END_HEADERS, 0));
        assert_eq!(unfinished(&bytes).last(), Some(&false));
    }

    #[tokio::test]
    async fn how_the_bytes_are_cut_makes_no_difference() {
        let all = [
            frame(HEADERS, 0, 7),
            frame(CONTINUATION, END_HEADERS, 3),
            frame(DATA, 1, 9),
        ]
        .concat();
        for cut in 1..all.len() {
            let mut frames = Frames::of(Arc::new(Streams::begin()));
            frames.came(&[0; PREFACE_BYTES]);
            frames.came(&all[..cut]);
            frames.came(&all[cut..]);
            assert!(frames.is_whole() && frames.unfinished.is_none(), "{cut}");
        }
    }
}
