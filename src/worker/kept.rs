//! Which strong views pass through the network when masked ones are left out, since their part of the loss is zero.

use fixmatch::loader::Batch;

/// Each new batch size costs the CPU's convolutions a primitive of their own, so sizes are multiples of this.
const GRANULE: usize = 16;

/// Some of a batch's strong views.
#[derive(Debug, PartialEq, Eq)]
pub struct Kept {
    /// Their places among all of them.
    pub rows: Vec<i64>,
    /// Their pixels, n×H×W×C bytes.
    pub pixels: Vec<u8>,
}

impl Kept {
    /// Those that count, then masked ones until their number is a multiple of 16, as far as there are any.
    pub fn new(batch: &Batch, mask: &[bool]) -> Self {
        let size = batch.strong.len() / mask.len().max(1);
        let with = |counts: bool| (0..mask.len()).filter(move |&row| mask[row] == counts);
        let n = with(true).count().next_multiple_of(GRANULE);
        let rows: Vec<usize> = with(true).chain(with(false)).take(n).collect();
        let views: Vec<&[u8]> = rows.iter().map(|row| &batch.strong[row * size..][..size]).collect();
        Self { pixels: views.concat(), rows: rows.into_iter().map(|row| row as i64).collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn those_that_count_come_first_and_masked_ones_fill_up() {
        let cases: [(usize, &[usize], usize); 5] =
            [(40, &[], 0), (40, &[39], 16), (40, &[3, 7], 16), (20, &[5; 1], 16), (6, &[0, 5], 6)];
        for (n, counting, n_kept) in cases {
            let batch = Batch { strong: (0..n as u8).flat_map(|i| [i, i + 100]).collect(), ..Batch::default() };
            let mask: Vec<bool> = (0..n).map(|row| counting.contains(&row)).collect();
            let Kept { rows, pixels } = Kept::new(&batch, &mask);
            assert_eq!(rows.len(), n_kept, "{n} {counting:?}");
            assert_eq!(rows[..counting.len()], counting.iter().map(|&row| row as i64).collect::<Vec<_>>());
            let expected: Vec<u8> = rows.iter().flat_map(|&row| [row as u8, row as u8 + 100]).collect();
            assert_eq!(pixels, expected);
        }
    }
}
