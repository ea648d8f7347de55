//! The strong view: a weak draw of its own, the operations that the policy draws, then Cutout.

use super::{CtAugment, Op, Scratch, Weak, WeakDraw, autoaugment, randaugment};
use crate::base::image::Image;
use crate::base::rng::Rng;
use crate::config::{self, MAX_DEPTH, Table};

/// Where a strong view's operations come from.
#[derive(Clone, Debug, PartialEq)]
pub enum StrongPolicy {
    /// No operations.
    None,
    /// Any of fourteen, parameters uniform in their ranges.
    RandAugment {
        /// Whose ranges.
        table: Table,
        /// Operations an image, at most [`MAX_DEPTH`].
        depth: usize,
    },
    /// Any of a table, parameters by learned rates.
    CtAugment(CtAugment),
    /// One of 25 pairs found by search.
    AutoAugment,
}

impl StrongPolicy {
    /// RandAugment as in the paper (section 2.3 and table 12).
    pub const RANDAUGMENT: Self = Self::RandAugment { table: Table::Paper, depth: 2 };
}

/// What the strong augmentation of a run does.
#[derive(Clone, Debug, PartialEq)]
pub struct Strong {
    /// What comes first.
    pub weak: Weak,
    /// The operations after it.
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
    pub ops: [Op; MAX_DEPTH],
    /// Cutout with its place.
    pub cutout: Op,
}

impl Strong {
    /// What a configuration asks for; CTAugment as it is before the first step.
    pub fn new(config: &config::Augment) -> Self {
        let (table, depth) = (config.table, config.depth as usize);
        let policy = match config.strong {
            config::Strong::None => StrongPolicy::None,
            config::Strong::Randaugment => StrongPolicy::RandAugment { table, depth },
            config::Strong::Ctaugment => StrongPolicy::CtAugment(CtAugment::new(table, depth, config.ctaugment)),
            config::Strong::Autoaugment => StrongPolicy::AutoAugment,
        };
        Self { weak: Weak { flip: config.flip, shift: config.shift }, policy, cutout: config.cutout }
    }

    /// Makes a strong view of an image; `rng` is the view's own.
    pub fn apply(&self, image: &mut Image, rng: &mut Rng, scratch: &mut Scratch) {
        self.draw(image.width, image.height, rng).apply(image, scratch);
    }

    /// Draws for an image of this size.
    pub fn draw(&self, width: usize, height: usize, rng: &mut Rng) -> StrongDraw {
        StrongDraw {
            weak: self.weak.draw(width, height, rng),
            ops: self.draw_ops([width, height], rng),
            cutout: self.draw_cutout(width, height, rng),
        }
    }

    fn draw_ops(&self, size: [usize; 2], rng: &mut Rng) -> [Op; MAX_DEPTH] {
        let mut ops = [Op::Identity; MAX_DEPTH];
        match &self.policy {
            StrongPolicy::None => {}
            StrongPolicy::RandAugment { table, depth } => {
                ops[..*depth].fill_with(|| randaugment::draw(*table, size, rng));
            }
            StrongPolicy::CtAugment(policy) => ops[..policy.depth()].fill_with(|| policy.draw(size, rng).0),
            StrongPolicy::AutoAugment => ops[..2].copy_from_slice(&autoaugment::draw(rng)),
        }
        ops
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
