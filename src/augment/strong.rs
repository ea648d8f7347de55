//! The strong view: a weak draw of its own, two operations that the policy draws, then Cutout.

use super::{Op, Scratch, Weak, WeakDraw, randaugment};
use crate::image::Image;
use crate::rng::Rng;

/// Where a strong view's two operations come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StrongPolicy {
    /// No operations.
    None,
    /// Any two of fourteen, parameters uniform in their ranges (FixMatch paper, table 12).
    RandAugment,
}

/// What the strong augmentation of a run does.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Strong {
    /// What comes first.
    pub weak: Weak,
    /// The two operations after it.
    pub policy: StrongPolicy,
    /// Side of Cutout's square as a share of the width, which comes last; 0 is off, the paper has 0.5.
    pub cutout: f64,
}

/// What it does to one image. Parts that are off do nothing ([`Op::Identity`]).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StrongDraw {
    /// Flip and shift.
    pub weak: WeakDraw,
    /// The policy's operations, in the order in which they are applied.
    pub ops: [Op; 2],
    /// Cutout with its place.
    pub cutout: Op,
}

impl Strong {
    /// Makes a strong view of an image; `rng` is the view's own.
    pub fn apply(&self, image: &mut Image, rng: &mut Rng, scratch: &mut Scratch) {
        self.draw(image.width, image.height, rng).apply(image, scratch);
    }

    /// Draws for an image of this size.
    pub fn draw(&self, width: usize, height: usize, rng: &mut Rng) -> StrongDraw {
        StrongDraw {
            weak: self.weak.draw(width, height, rng),
            ops: match self.policy {
                StrongPolicy::None => [Op::Identity; 2],
                StrongPolicy::RandAugment => randaugment::draw(rng),
            },
            cutout: self.draw_cutout(width, height, rng),
        }
    }

    /// The centre is uniform over the pixels, so that the square often reaches beyond the border.
    fn draw_cutout(&self, width: usize, height: usize, rng: &mut Rng) -> Op {
        let [x, y] = [width, height].map(|side| rng.below(side as u32) as usize);
        if self.cutout == 0.0 { Op::Identity } else { Op::Cutout { side: self.cutout, x, y } }
    }
}

impl StrongDraw {
    /// Applies the draw; the shape stays.
    pub fn apply(&self, image: &mut Image, scratch: &mut Scratch) {
        self.weak.apply(image, scratch);
        for op in self.ops.iter().chain([&self.cutout]) {
            op.apply(image, scratch);
        }
    }
}
