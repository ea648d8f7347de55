//! RandAugment as FixMatch uses it: no learned policy, operations and parameters drawn afresh for each image.

use super::Op;
use super::kind::Kind;
use super::range::Range;
use crate::base::rng::Rng;
use crate::config::Table;

/// The operations of the paper and their parameters' ranges (FixMatch paper, table 12).
pub const PAPER: [(Kind, Range); 14] = [
    (Kind::Autocontrast, Range::Fixed(1.0)),
    (Kind::Brightness, Range::Real(0.05, 0.95)),
    (Kind::Color, Range::Real(0.05, 0.95)),
    (Kind::Contrast, Range::Real(0.05, 0.95)),
    (Kind::Equalize, Range::Fixed(1.0)),
    (Kind::Identity, Range::Fixed(1.0)),
    (Kind::Posterize, Range::Whole(4, 8)),
    (Kind::Rotate, Range::Real(-30.0, 30.0)),
    (Kind::Sharpness, Range::Real(0.05, 0.95)),
    (Kind::ShearX, Range::Real(-0.3, 0.3)),
    (Kind::ShearY, Range::Real(-0.3, 0.3)),
    (Kind::Solarize, Range::Real(0.0, 1.0)),
    (Kind::TranslateX, Range::Real(-0.3, 0.3)),
    (Kind::TranslateY, Range::Real(-0.3, 0.3)),
];

/// In the original code, the chance that a drawn operation is applied.
const REFERENCE_CHANCE: f64 = 0.5;
/// The last of its levels, which begin at 1.
pub const LAST_LEVEL: u32 = 9;

/// The parameter in the original code at a level, before the sign of the operations that have a direction, in
/// [`Op`]'s units (google-research/fixmatch, `third_party/auto_augment/augmentations.py`).
pub fn reference_value(kind: Kind, level: u32, side: usize) -> f64 {
    let share = f64::from(level) / 10.0;
    match kind {
        Kind::Brightness | Kind::Color | Kind::Contrast | Kind::Sharpness => share * 1.8 + 0.1,
        Kind::Posterize => f64::from(4 - level * 4 / 10),
        Kind::Rotate => f64::from(level * 30 / 10),
        Kind::ShearX | Kind::ShearY => share * 0.3,
        // As a byte, in the middle of what is rounded down to it.
        Kind::Solarize => (f64::from(256 - level * 256 / 10) + 0.5) / 256.0,
        Kind::TranslateX | Kind::TranslateY => f64::from(level) / side as f64,
        Kind::Autocontrast | Kind::Equalize | Kind::Identity => 1.0,
        Kind::Blur | Kind::Cutout | Kind::Invert | Kind::Rescale | Kind::Smooth => {
            panic!("RandAugment has no {}", kind.name())
        }
    }
}

/// One operation for an image of this size. Further operations are drawn the same way, with replacement.
pub(super) fn draw(table: Table, size: [usize; 2], rng: &mut Rng) -> Op {
    let (kind, range) = PAPER[rng.below(PAPER.len() as u32) as usize];
    match table {
        Table::Paper => kind.op([range.draw(kind.side(size), rng), 0.0, 0.0]),
        Table::Reference => draw_reference(kind, size, rng),
    }
}

fn draw_reference(kind: Kind, size: [usize; 2], rng: &mut Rng) -> Op {
    let (applied, level) = (rng.chance(REFERENCE_CHANCE), 1 + rng.below(LAST_LEVEL));
    let sign = if kind.has_direction() && rng.chance(0.5) { -1.0 } else { 1.0 };
    if applied { kind.op([sign * reference_value(kind, level, kind.side(size)), 0.0, 0.0]) } else { Op::Identity }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::rng::Stream;

    #[test]
    fn the_original_codes_levels_have_its_values() {
        let cases: [(Kind, [f64; 9]); 4] = [
            (Kind::Posterize, [4.0, 4.0, 3.0, 3.0, 2.0, 2.0, 2.0, 1.0, 1.0]),
            (Kind::Rotate, [3.0, 6.0, 9.0, 12.0, 15.0, 18.0, 21.0, 24.0, 27.0]),
            (Kind::Brightness, [0.28, 0.46, 0.64, 0.82, 1.0, 1.18, 1.36, 1.54, 1.72]),
            (Kind::ShearX, [0.03, 0.06, 0.09, 0.12, 0.15, 0.18, 0.21, 0.24, 0.27]),
        ];
        for (kind, values) in cases {
            for (level, expected) in (1..).zip(values) {
                let found = reference_value(kind, level, 32);
                assert!((found - expected).abs() < 1e-12, "{} at level {level}: {found}", kind.name());
            }
        }
        let bytes = (1..=9).map(|level| (reference_value(Kind::Solarize, level, 32) * 255.999) as u8);
        assert_eq!(bytes.collect::<Vec<_>>(), [231, 205, 180, 154, 128, 103, 77, 52, 26]);
        assert_eq!(reference_value(Kind::TranslateX, 9, 32) * 32.0, 9.0);
    }

    #[test]
    fn the_original_code_applies_half_of_its_operations_and_to_both_sides() {
        let draw = |index| draw(Table::Reference, [32, 32], &mut Rng::new(0, Stream::UnlabeledStrong, 0, index));
        let draws: Vec<Op> = (0..14_000).map(draw).collect();
        let count = |wanted: fn(&Op) -> bool| draws.iter().filter(|op| wanted(op)).count();
        // Half of all, and one in 28 more; of each operation 500, of a direction 250.
        assert!((7_300..7_700).contains(&count(|op| *op == Op::Identity)));
        assert!((200..300).contains(&count(|op| matches!(op, Op::Rotate(degrees) if *degrees > 0.0))));
        assert!((200..300).contains(&count(|op| matches!(op, Op::Rotate(degrees) if *degrees < 0.0))));
    }
}
