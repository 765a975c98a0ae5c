//! Seeded mutations of known inputs: a fuzzer's plain cousin that runs among the tests, the same inputs each time.

/// How many mutations a decoder meets in a test run.
pub const MUTATIONS: u32 = 20_000;

/// How many mutations a decoder meets in this run: [`MUTATIONS`], unless `$COUNTERSIGN_MUTATIONS` asks for more.
#[expect(clippy::disallowed_methods, reason = "a long run is asked for from outside")]
pub fn count() -> u32 {
    std::env::var("COUNTERSIGN_MUTATIONS")
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(MUTATIONS)
}

/// A small generator of numbers, good enough to stir bytes with (xorshift64*).
#[derive(Clone, Debug)]
pub struct Stir(u64);

impl Stir {
    /// A generator that gives the same numbers for the same `seed`.
    pub const fn new(seed: u64) -> Self {
        Self(seed | 1)
    }

    /// A number below `bound` (which is at least 1).
    pub fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let number = self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33;
        usize::try_from(number).unwrap_or(0) % bound.max(1)
    }

    /// One of `choices`.
    pub fn choose<'a, T: ?Sized>(&mut self, choices: &[&'a T]) -> Option<&'a T> {
        choices.get(self.below(choices.len())).copied()
    }
}

/// Hands `judge` every input of `corpus` as it is, then `count` mutations of them: bytes flipped, dropped, doubled and
/// replaced, and pieces of `dictionary` put in.
pub fn mutations(corpus: &[&[u8]], dictionary: &[&[u8]], count: u32, mut judge: impl FnMut(&[u8])) {
    for input in corpus {
        judge(input);
    }
    let mut stir = Stir::new(0x5eed_c0de);
    for _ in 0..count {
        let Some(input) = stir.choose(corpus) else { return };
        let mut bytes = input.to_vec();
        for _ in 0..=stir.below(4) {
            mutate(&mut bytes, corpus, dictionary, &mut stir);
        }
        judge(&bytes);
    }
}

fn mutate(bytes: &mut Vec<u8>, corpus: &[&[u8]], dictionary: &[&[u8]], stir: &mut Stir) {
    let at = stir.below(bytes.len() + 1);
    let length = stir.below(8).min(bytes.len() - at);
    match stir.below(8) {
        0 => {
            let bit = 1 << stir.below(8);
            if let Some(byte) = bytes.get_mut(at) {
                *byte ^= bit;
            }
        }
        1 => drop(bytes.drain(at..at + length)),
        2 => {
            let doubled = bytes.iter().skip(at).take(length).copied().collect::<Vec<_>>();
            drop(bytes.splice(at..at, doubled));
        }
        3 => bytes.truncate(at),
        4 => {
            let other = stir.choose(corpus).unwrap_or_default();
            let from = stir.below(other.len() + 1);
            bytes.truncate(at);
            bytes.extend(other.iter().skip(from));
        }
        5 => {
            let byte = u8::try_from(stir.below(256)).unwrap_or(0);
            bytes.insert(at, byte);
        }
        _ => {
            let piece = stir.choose(dictionary).unwrap_or_default().to_vec();
            drop(bytes.splice(at..at + length, piece));
        }
    }
}
