//! RandAugment as FixMatch uses it: no learned policy, parameters uniform in their ranges (FixMatch paper, table 12).

use super::Op;
use crate::rng::Rng;

/// The operations, each drawn with equal probability, and how their parameters are drawn.
const TABLE: [fn(&mut Rng) -> Op; 14] = [
    |_| Op::Autocontrast(1.0),
    |rng| Op::Brightness(rng.uniform(0.05, 0.95)),
    |rng| Op::Color(rng.uniform(0.05, 0.95)),
    |rng| Op::Contrast(rng.uniform(0.05, 0.95)),
    |_| Op::Equalize(1.0),
    |_| Op::Identity,
    |rng| Op::Posterize(4 + rng.below(5) as u8),
    |rng| Op::Rotate(rng.uniform(-30.0, 30.0)),
    |rng| Op::Sharpness(rng.uniform(0.05, 0.95)),
    |rng| Op::ShearX(rng.uniform(-0.3, 0.3)),
    |rng| Op::ShearY(rng.uniform(-0.3, 0.3)),
    |rng| Op::Solarize(rng.unit()),
    |rng| Op::TranslateX(rng.uniform(-0.3, 0.3)),
    |rng| Op::TranslateY(rng.uniform(-0.3, 0.3)),
];

/// Two operations, drawn with replacement; both are always applied.
pub(super) fn draw(rng: &mut Rng) -> [Op; 2] {
    std::array::from_fn(|_| TABLE[rng.below(TABLE.len() as u32) as usize](rng))
}
