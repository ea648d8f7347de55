//! AutoAugment's CIFAR-10 policy: one of 25 pairs of operations, found by search (Cubuk et al., "AutoAugment: Learning
//! Augmentation Strategies from Data", CVPR 2019, table 7).

use super::Op;
use super::kind::Kind::{
    self, Autocontrast, Blur, Brightness, Color, Contrast, Cutout, Equalize, Identity, Invert, Posterize, Rescale,
    Rotate, Sharpness, ShearX, ShearY, Smooth, Solarize, TranslateX, TranslateY,
};
use crate::base::rng::Rng;

/// An operation, the probability that it is applied, and its magnitude, 0 to 9, where it has one.
pub type Step = (Kind, f64, u8);

/// The pairs; each is as likely.
#[rustfmt::skip]
pub const POLICY: [[Step; 2]; 25] = [
    [(Invert, 0.1, 0), (Contrast, 0.2, 6)],
    [(Rotate, 0.7, 2), (TranslateX, 0.3, 9)],
    [(Sharpness, 0.8, 1), (Sharpness, 0.9, 3)],
    [(ShearY, 0.5, 8), (TranslateY, 0.7, 9)],
    [(Autocontrast, 0.5, 0), (Equalize, 0.9, 0)],
    [(ShearY, 0.2, 7), (Posterize, 0.3, 7)],
    [(Color, 0.4, 3), (Brightness, 0.6, 7)],
    [(Sharpness, 0.3, 9), (Brightness, 0.7, 9)],
    [(Equalize, 0.6, 0), (Equalize, 0.5, 0)],
    [(Contrast, 0.6, 7), (Sharpness, 0.6, 5)],
    [(Color, 0.7, 7), (TranslateX, 0.5, 8)],
    [(Equalize, 0.3, 0), (Autocontrast, 0.4, 0)],
    [(TranslateY, 0.4, 3), (Sharpness, 0.2, 6)],
    [(Brightness, 0.9, 6), (Color, 0.2, 8)],
    [(Solarize, 0.5, 2), (Invert, 0.0, 0)],
    [(Equalize, 0.2, 0), (Autocontrast, 0.6, 0)],
    [(Equalize, 0.2, 0), (Equalize, 0.6, 0)],
    [(Color, 0.9, 9), (Equalize, 0.6, 0)],
    [(Autocontrast, 0.8, 0), (Solarize, 0.2, 8)],
    [(Brightness, 0.1, 3), (Color, 0.7, 0)],
    [(Solarize, 0.4, 5), (Autocontrast, 0.9, 0)],
    [(TranslateY, 0.9, 9), (TranslateY, 0.7, 9)],
    [(Autocontrast, 0.9, 0), (Solarize, 0.8, 3)],
    [(Equalize, 0.8, 0), (Invert, 0.1, 0)],
    [(TranslateY, 0.7, 9), (Autocontrast, 0.9, 0)],
];

const LAST_MAGNITUDE: f64 = 9.0;

/// The bits that posterize keeps at each magnitude.
const BITS: [u8; 10] = [8, 8, 7, 7, 6, 6, 5, 5, 4, 4];

/// The parameter of an operation at a magnitude, in [`Op`]'s units. `sign`, ±1, is the direction of the geometric ones
/// and on which side of the original the enhancements lie.
pub fn value(kind: Kind, magnitude: u8, sign: f64) -> f64 {
    let share = f64::from(magnitude) / LAST_MAGNITUDE;
    match kind {
        Brightness | Color | Contrast | Sharpness => 1.0 + sign * 0.9 * share,
        Posterize => f64::from(BITS[magnitude as usize]),
        Rotate => sign * 30.0 * share,
        ShearX | ShearY => sign * 0.3 * share,
        Solarize => 1.0 - share,
        TranslateX | TranslateY => sign * 150.0 / 331.0 * share,
        Autocontrast | Equalize | Invert => 1.0,
        Blur | Cutout | Identity | Rescale | Smooth => panic!("AutoAugment has no {}", kind.name()),
    }
}

/// Draws both operations; one that is not applied is the identity.
pub(super) fn draw(rng: &mut Rng) -> [Op; 2] {
    POLICY[rng.below(POLICY.len() as u32) as usize].map(|(kind, probability, magnitude)| {
        let (applied, sign) = (rng.chance(probability), if rng.chance(0.5) { -1.0 } else { 1.0 });
        if applied { kind.op([value(kind, magnitude, sign), 0.0, 0.0]) } else { Op::Identity }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::rng::Stream;

    #[test]
    fn magnitudes_are_ten_equal_steps() {
        let cases = [
            (ShearX, 9, 1.0, 0.3),
            (ShearY, 3, -1.0, -0.1),
            (TranslateX, 9, 1.0, 150.0 / 331.0),
            (Rotate, 3, -1.0, -10.0),
            (Posterize, 7, 1.0, 5.0),
            (Solarize, 0, 1.0, 1.0),
            (Solarize, 9, 1.0, 0.0),
            (Color, 0, -1.0, 1.0),
            (Color, 9, -1.0, 0.1),
            (Sharpness, 9, 1.0, 1.9),
        ];
        for (kind, magnitude, sign, expected) in cases {
            let found = value(kind, magnitude, sign);
            assert!((found - expected).abs() < 1e-12, "{} at {magnitude}: {found}", kind.name());
        }
    }

    #[test]
    fn operations_are_applied_with_their_probabilities_in_both_directions() {
        let draws: Vec<Op> = (0..50_000).flat_map(|i| draw(&mut Rng::new(0, Stream::UnlabeledStrong, 0, i))).collect();
        let count = |wanted: fn(&Op) -> bool| draws.iter().filter(|op| wanted(op)).count();
        // 2,000 draws of each pair: invert with probability 0.1 + 0 + 0.1, a shear of 0.5 + 0.2, half of them to each side
        assert!((320..480).contains(&count(|op| matches!(op, Op::Invert(_)))));
        assert!((600..800).contains(&count(|op| matches!(op, Op::ShearY(rate) if *rate > 0.0))));
        assert!((600..800).contains(&count(|op| matches!(op, Op::ShearY(rate) if *rate < 0.0))));
    }
}
