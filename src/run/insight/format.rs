//! A record as bytes.
//!
//! ```text
//! version u8 · kind u8 · length of the body u32 · body · CRC-32 of all before it u32        little endian
//! ```
//!
//! Whole numbers in bodies are LEB128. Counts are mostly zero or small: a run of zeros is a zero and its length less one,
//! so a histogram of ten classes is about a kilobyte. A version of a kind never changes; readers pass over others.
//! Version 2 of a histogram goes on with what the policies made of it.

use anyhow::{Context, Result, bail, ensure};
use flate2::Crc;

use strum::VariantArray;

use super::{Count, Histogram, Judged, N_BINS, Opinion, Panel, Quantity, Record, Verdict};
use crate::config::Policy;

/// The version of both kinds, with the bins of [`super::EDGES`].
const VERSION: u8 = 1;

/// That of a histogram that policies judged.
const JUDGED: u8 = 2;

const HISTOGRAM: u8 = 1;
const PANEL: u8 = 2;

/// Bytes around a body.
const FRAME: usize = 10;

/// Sides of a record that no run reaches, so that broken bytes ask for no memory.
const MAX_CLASSES: usize = 1 << 16;
const MAX_IMAGES: usize = 1 << 20;

/// A record as bytes.
pub fn encode(record: &Record) -> Vec<u8> {
    let (version, kind, body) = match record {
        Record::Histogram(histogram) if histogram.judged.is_empty() => {
            (VERSION, HISTOGRAM, encode_histogram(histogram).0)
        }
        Record::Histogram(histogram) => (JUDGED, HISTOGRAM, encode_judged(histogram)),
        Record::Panel(panel) => (VERSION, PANEL, encode_panel(panel)),
    };
    let mut bytes = vec![version, kind];
    bytes.extend((body.len() as u32).to_le_bytes());
    bytes.extend(body);
    bytes.extend(checksum(&bytes).to_le_bytes());
    bytes
}

/// The record that these bytes are. Fails if they are torn, broken or of another version.
pub fn decode(bytes: &[u8]) -> Result<Record> {
    ensure!(bytes.len() >= FRAME, "the record is cut short");
    let (content, crc) = bytes.split_at(bytes.len() - 4);
    ensure!(crc == checksum(content).to_le_bytes(), "the record's checksum does not match its content");
    let (head, body) = content.split_at(6);
    ensure!(head[2..] == (body.len() as u32).to_le_bytes(), "the record is not as long as it says");
    let mut body = Reader(body);
    let record = match (head[0], head[1]) {
        (VERSION, HISTOGRAM) => Record::Histogram(decode_histogram(&mut body)?),
        (JUDGED, HISTOGRAM) => {
            let histogram = decode_histogram(&mut body)?;
            Record::Histogram(Histogram { judged: decode_judged(&mut body, histogram.n_classes())?, ..histogram })
        }
        (VERSION, PANEL) => Record::Panel(decode_panel(&mut body)?),
        (version, kind) => bail!("the record is of kind {kind}, version {version}, which this fixmatch does not know"),
    };
    ensure!(body.0.is_empty(), "the record goes on after its end");
    Ok(record)
}

fn checksum(bytes: &[u8]) -> u32 {
    let mut crc = Crc::new();
    crc.update(bytes);
    crc.sum()
}

fn encode_histogram(histogram: &Histogram) -> Writer {
    let Histogram { step, n_steps, threshold, has_oracle, bins, accepted, judged: _ } = histogram;
    let mut out = Writer::default();
    out.number(*step);
    out.number(*n_steps);
    out.0.extend(threshold.to_le_bytes());
    out.number(u64::from(*has_oracle));
    out.number(accepted.len() as u64);
    let counts = bins.iter().chain(accepted).flat_map(|count| [count.n - count.right, count.right]);
    out.counts(&counts.collect::<Vec<_>>());
    out
}

fn encode_judged(histogram: &Histogram) -> Vec<u8> {
    let mut out = encode_histogram(histogram);
    out.number(histogram.judged.len() as u64);
    for Judged { policy, decides, since, counted, memory } in &histogram.judged {
        out.number(place(policy));
        out.number(u64::from(*decides));
        out.number(*since);
        out.counts(&counted.iter().flat_map(|count| [count.n - count.right, count.right]).collect::<Vec<_>>());
        out.number(memory.len() as u64);
        for (quantity, values) in memory {
            out.number(place(quantity));
            out.number(values.len() as u64);
            out.0.extend(values.iter().flat_map(|value| value.to_le_bytes()));
        }
    }
    out.0
}

/// The number of a policy or a quantity: its place, so that new ones come last.
fn place<T: VariantArray + PartialEq>(it: &T) -> u64 {
    T::VARIANTS.iter().position(|other| other == it).expect("all variants are listed") as u64
}

fn decode_judged(body: &mut Reader, n_classes: usize) -> Result<Vec<Judged>> {
    let n = body.size(Policy::VARIANTS.len())?;
    (0..n)
        .map(|_| {
            let policy = body.one_of::<Policy>()?;
            let (decides, since) = (body.number()? == 1, body.number()?);
            let counted = body.pairs(n_classes)?;
            let n_quantities = body.size(Quantity::VARIANTS.len())?;
            let memory = (0..n_quantities).map(|_| {
                let (quantity, n) = (body.one_of::<Quantity>()?, body.size(MAX_CLASSES)?);
                let values = (0..n).map(|_| body.take().map(f32::from_le_bytes)).collect::<Result<_>>()?;
                Ok((quantity, values))
            });
            let memory = memory.collect::<Result<_>>()?;
            Ok(Judged { policy, decides, since, counted, memory })
        })
        .collect()
}

fn decode_histogram(body: &mut Reader) -> Result<Histogram> {
    let (step, n_steps) = (body.number()?, body.number()?);
    let threshold = f64::from_le_bytes(body.take()?);
    let has_oracle = body.number()? == 1;
    let n_classes = body.size(MAX_CLASSES)?;
    let mut counts = body.pairs(n_classes * (N_BINS + 1))?;
    let accepted = counts.split_off(n_classes * N_BINS);
    Ok(Histogram { step, n_steps, threshold, has_oracle, bins: counts, accepted, judged: Vec::new() })
}

fn encode_panel(panel: &Panel) -> Vec<u8> {
    let mut out = Writer::default();
    out.number(panel.step);
    for opinions in [&panel.unlabeled, &panel.labeled] {
        out.number(opinions.len() as u64);
        for Opinion { index, label, ema, online } in opinions {
            out.number(u64::from(*index));
            out.number(label.map_or(0, |label| u64::from(label) + 1));
            for verdict in [ema, online] {
                out.number(u64::from(verdict.class));
                out.0.extend(((verdict.confidence * 65_535.0).round() as u16).to_le_bytes());
            }
        }
    }
    out.0
}

fn decode_panel(body: &mut Reader) -> Result<Panel> {
    let step = body.number()?;
    let mut opinions = || -> Result<Vec<Opinion>> {
        let n = body.size(MAX_IMAGES)?;
        (0..n).map(|_| decode_opinion(body)).collect()
    };
    Ok(Panel { step, unlabeled: opinions()?, labeled: opinions()? })
}

fn decode_opinion(body: &mut Reader) -> Result<Opinion> {
    let index = u32::try_from(body.number()?).context("an image's number is too large")?;
    let label = body.size(MAX_CLASSES)?.checked_sub(1).map(|label| label as u16);
    let mut verdict = || -> Result<Verdict> {
        let class = body.size(MAX_CLASSES - 1)? as u16;
        Ok(Verdict { class, confidence: f32::from(u16::from_le_bytes(body.take()?)) / 65_535.0 })
    };
    Ok(Opinion { index, label, ema: verdict()?, online: verdict()? })
}

#[derive(Default)]
struct Writer(Vec<u8>);

impl Writer {
    fn number(&mut self, mut number: u64) {
        while number >= 0x80 {
            self.0.push(number as u8 | 0x80);
            number >>= 7;
        }
        self.0.push(number as u8);
    }

    fn counts(&mut self, counts: &[u64]) {
        for run in counts.chunk_by(|a, b| *a == 0 && *b == 0) {
            self.number(run[0]);
            if run[0] == 0 {
                self.number(run.len() as u64 - 1);
            }
        }
    }
}

/// What is left of a body.
struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn take<const N: usize>(&mut self) -> Result<[u8; N]> {
        let (taken, rest) = self.0.split_first_chunk().context("the record ends too early")?;
        self.0 = rest;
        Ok(*taken)
    }

    fn number(&mut self) -> Result<u64> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let [byte] = self.take()?;
            number |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(number);
            }
        }
        bail!("a number of the record does not end")
    }

    fn size(&mut self, most: usize) -> Result<usize> {
        let size = self.number()?;
        ensure!(size <= most as u64, "a size of the record is out of range: {size}");
        Ok(size as usize)
    }

    /// One of a list, by its place.
    fn one_of<T: VariantArray + Copy>(&mut self) -> Result<T> {
        let place = self.number()? as usize;
        T::VARIANTS
            .get(place)
            .copied()
            .with_context(|| format!("the record has a {place}, which this fixmatch does not know"))
    }

    /// Counts, each as those that are wrong and those that are right.
    fn pairs(&mut self, n: usize) -> Result<Vec<Count>> {
        let counts = self.counts(2 * n)?;
        Ok(counts.chunks(2).map(|pair| Count { n: pair[0].saturating_add(pair[1]), right: pair[1] }).collect())
    }

    fn counts(&mut self, n: usize) -> Result<Vec<u64>> {
        let mut counts = Vec::new();
        while counts.len() < n {
            match self.number()? {
                0 => counts.extend(std::iter::repeat_n(0, self.size(n - counts.len() - 1)? + 1)),
                count => counts.push(count),
            }
        }
        Ok(counts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn histogram() -> Histogram {
        let mut cells = vec![0; Histogram::n_cells(10)];
        for (i, cell) in cells.iter_mut().enumerate().filter(|(i, _)| i % 3 == 0) {
            *cell = (i * i % 90_001) as u64;
        }
        Histogram { step: 1 << 20, n_steps: 256, threshold: 0.95, has_oracle: true, ..Histogram::default() }
            .from_cells(&cells)
    }

    fn judged() -> Histogram {
        let of = |(i, &policy): (usize, &Policy)| Judged {
            policy,
            decides: i == 1,
            since: 300 * i as u64,
            counted: (0..10).map(|class| Count { n: 1000 * class, right: 7 * class }).collect(),
            memory: Quantity::VARIANTS.iter().take(i).map(|&it| (it, vec![0.25; 1 + i])).collect(),
        };
        Histogram { judged: Policy::VARIANTS.iter().enumerate().map(of).collect(), ..histogram() }
    }

    fn panel() -> Panel {
        let verdict = |class, confidence: u16| Verdict { class, confidence: f32::from(confidence) / 65_535.0 };
        let opinion = |index, label| Opinion { index, label, ema: verdict(3, 65_535), online: verdict(200, 1234) };
        Panel {
            step: 1024,
            unlabeled: vec![opinion(49_999, Some(9)), opinion(0, None)],
            labeled: vec![opinion(7, Some(0))],
        }
    }

    #[test]
    fn a_record_survives_its_bytes() {
        let histograms = [histogram(), Histogram::default(), judged()].map(Record::Histogram);
        for record in histograms.into_iter().chain([Record::Panel(panel())]) {
            assert_eq!(decode(&encode(&record)).expect("reads"), record);
        }
    }

    #[test]
    fn bytes_that_are_cut_or_flipped_are_refused() {
        let bytes = encode(&Record::Panel(panel()));
        for n in 0..bytes.len() {
            assert!(decode(&bytes[..n]).is_err(), "{n} bytes");
            let mut flipped = bytes.clone();
            flipped[n] ^= 4;
            assert!(decode(&flipped).is_err(), "byte {n}");
        }
    }

    #[test]
    fn a_record_of_another_version_says_so() {
        let mut bytes = encode(&Record::Panel(panel()));
        bytes[0] = 9;
        let n = bytes.len() - 4;
        let crc = checksum(&bytes[..n]).to_le_bytes();
        bytes[n..].copy_from_slice(&crc);
        assert!(decode(&bytes).expect_err("another version").to_string().contains("kind 2, version 9"));
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_make_a_reader_panic(body in proptest::collection::vec(0_u8.., 0..200), kind in 1_u8..3, version in 1_u8..3) {
            let mut bytes = vec![version, kind];
            bytes.extend((body.len() as u32).to_le_bytes());
            bytes.extend(body);
            bytes.extend(checksum(&bytes).to_le_bytes());
            let _ = decode(&bytes);
        }
    }
}
