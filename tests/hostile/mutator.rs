//! Changes that files suffer, and those that somebody might try.

use fixmatch::base::rng::{Rng, Stream};

/// Words that readers of numbers, JSON, TOML and CSV have to cope with.
const WORDS: [&str; 24] = [
    "0",
    "-1",
    "1e308",
    "-0.0",
    "nan",
    "inf",
    "255",
    "65536",
    "4294967295",
    "4294967296",
    "9223372036854775807",
    "18446744073709551615",
    "99999999999999999999",
    "null",
    "true",
    "\"\"",
    "[]",
    "{}",
    "\\u0000",
    "\u{1b}]0;x\u{7}",
    "\n",
    "\r\n",
    ",,",
    "../../etc",
];

/// The longest input, so that a case stays fast.
const LONGEST: usize = 1 << 16;

pub struct Mutator<'a> {
    seed: u64,
    stream: u64,
    case: u64,
    samples: &'a [Vec<u8>],
}

impl<'a> Mutator<'a> {
    pub fn new(seed: u64, format: &str, samples: &'a [Vec<u8>]) -> Self {
        let stream = format.bytes().fold(7, |sum, byte| sum * 31 % 1_000_003 + u64::from(byte));
        Self { seed, stream, case: 0, samples }
    }

    /// The next input: a sample with one change to eight.
    pub fn next(&mut self) -> Vec<u8> {
        let mut rng = Rng::new(self.seed, Stream::Weights, self.stream, self.case);
        self.case += 1;
        let mut bytes = self.samples[below(&mut rng, self.samples.len())].clone();
        for _ in 0..=below(&mut rng, 8) {
            self.change(&mut rng, &mut bytes);
        }
        bytes.truncate(LONGEST.max(self.samples.iter().map(Vec::len).max().unwrap_or(0)));
        bytes
    }

    fn change(&self, rng: &mut Rng, bytes: &mut Vec<u8>) {
        let at = below(rng, bytes.len() + 1);
        let end = (at + below(rng, 40)).min(bytes.len());
        match below(rng, 10) {
            0 if at < bytes.len() => bytes[at] ^= 1 << below(rng, 8),
            1 if at < bytes.len() => bytes[at] = [0, 0xff, 0x7f, 0x80, b'"', b'[', b'9', b'\n'][below(rng, 8)],
            2 => bytes.truncate(at),
            3 => drop(bytes.drain(at..end)),
            4 => {
                let part = bytes[at..end].to_vec();
                bytes.splice(at..at, part.repeat(1 + below(rng, 3)));
            }
            5 => drop(bytes.splice(at..at, WORDS[below(rng, WORDS.len())].bytes())),
            6 => number(rng, bytes, at),
            7 => {
                let other = &self.samples[below(rng, self.samples.len())];
                let from = below(rng, other.len() + 1);
                bytes.splice(at.., other[from..].iter().copied());
            }
            8 => {
                let big = [u32::MAX, 1 << 31, 1 << 16, 0, 1][below(rng, 5)];
                let word = if below(rng, 2) == 0 { big.to_be_bytes() } else { big.to_le_bytes() };
                let end = (at + 4).min(bytes.len());
                bytes.splice(at..end, word);
            }
            _ => {
                let deep = ["[", "{\"a\":", "(", "[[a]]\n", "a,"][below(rng, 5)].repeat(1 << below(rng, 12));
                bytes.splice(at..at, deep.bytes());
            }
        }
    }
}

/// Puts another number in the place of the next one.
fn number(rng: &mut Rng, bytes: &mut Vec<u8>, at: usize) {
    let Some(from) = (at..bytes.len()).find(|&i| bytes[i].is_ascii_digit()) else { return };
    let to = (from..bytes.len()).find(|&i| !bytes[i].is_ascii_digit()).unwrap_or(bytes.len());
    bytes.splice(from..to, WORDS[below(rng, 13)].bytes());
}

fn below(rng: &mut Rng, n: usize) -> usize {
    ((rng.uniform(0.0, 1.0) * n as f64) as usize).min(n.saturating_sub(1))
}
