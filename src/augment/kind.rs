//! The operations without their parameters: their names, and how numbers make an [`Op`] of one.

use strum::VariantArray;

use super::{Filter, Op};

/// An operation of the tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, VariantArray)]
#[expect(missing_docs, reason = "the variants of Op say what they are")]
pub enum Kind {
    Autocontrast,
    Blur,
    Brightness,
    Color,
    Contrast,
    Cutout,
    Equalize,
    Identity,
    Invert,
    Posterize,
    Rescale,
    Rotate,
    Sharpness,
    ShearX,
    ShearY,
    Smooth,
    Solarize,
    TranslateX,
    TranslateY,
}

impl Kind {
    /// All of them, in the order of their names.
    pub const ALL: &[Self] = Self::VARIANTS;

    /// Its name in commands, in lists and beside heat maps.
    pub fn name(self) -> &'static str {
        match self {
            Self::Autocontrast => "autocontrast",
            Self::Blur => "blur",
            Self::Brightness => "brightness",
            Self::Color => "color",
            Self::Contrast => "contrast",
            Self::Cutout => "cutout",
            Self::Equalize => "equalize",
            Self::Identity => "identity",
            Self::Invert => "invert",
            Self::Posterize => "posterize",
            Self::Rescale => "rescale",
            Self::Rotate => "rotate",
            Self::Sharpness => "sharpness",
            Self::ShearX => "shear_x",
            Self::ShearY => "shear_y",
            Self::Smooth => "smooth",
            Self::Solarize => "solarize",
            Self::TranslateX => "translate_x",
            Self::TranslateY => "translate_y",
        }
    }

    /// What it does, in a few words.
    pub fn effect(self) -> &'static str {
        match self {
            Self::Autocontrast => "darkest value to black, lightest to white, per channel",
            Self::Blur => "mean of a ring of 16 pixels",
            Self::Brightness => "0 black, 1 the original",
            Self::Color => "0 black-and-white, 1 the original",
            Self::Contrast => "0 gray, 1 the original",
            Self::Cutout => "a gray square of SIDE × width",
            Self::Equalize => "equalizes the histogram, per channel",
            Self::Identity => "the original",
            Self::Invert => "inverts all values",
            Self::Posterize => "keeps BITS of each value",
            Self::Rescale => "crops the centre of SIDE × width and height and resizes it back",
            Self::Rotate => "rotates counter-clockwise",
            Self::Sharpness => "0 blurred, 1 the original",
            Self::ShearX => "shears rows, by RATE pixels a row",
            Self::ShearY => "shears columns, by RATE pixels a column",
            Self::Smooth => "0 as smooth as the filter makes it, 1 the original",
            Self::Solarize => "inverts values from THRESHOLD × 255 on",
            Self::TranslateX => "moves left by SHARE × width",
            Self::TranslateY => "moves up by SHARE × height",
        }
    }

    /// The operation with these values of its parameters, in the order of [`Op`]'s fields; the rest is ignored.
    pub(super) fn op(self, values: [f64; 3]) -> Op {
        let [value, second, third] = values;
        match self {
            Self::Autocontrast => Op::Autocontrast(value),
            Self::Blur => Op::Blur(value),
            Self::Brightness => Op::Brightness(value),
            Self::Color => Op::Color(value),
            Self::Contrast => Op::Contrast(value),
            Self::Cutout => Op::Cutout { side: value, x: second as usize, y: third as usize },
            Self::Equalize => Op::Equalize(value),
            Self::Identity => Op::Identity,
            Self::Invert => Op::Invert(value),
            Self::Posterize => Op::Posterize(value as u8),
            Self::Rescale => Op::Rescale(value, Filter::ALL[second as usize]),
            Self::Rotate => Op::Rotate(value),
            Self::Sharpness => Op::Sharpness(value),
            Self::ShearX => Op::ShearX(value),
            Self::ShearY => Op::ShearY(value),
            Self::Smooth => Op::Smooth(value),
            Self::Solarize => Op::Solarize(value),
            Self::TranslateX => Op::TranslateX(value),
            Self::TranslateY => Op::TranslateY(value),
        }
    }

    /// Whether it moves pixels in a direction that a sign turns round.
    pub(super) fn has_direction(self) -> bool {
        matches!(self, Self::Rotate | Self::ShearX | Self::ShearY | Self::TranslateX | Self::TranslateY)
    }

    /// The side of the image that its pixels are counted along.
    pub(super) fn side(self, [width, height]: [usize; 2]) -> usize {
        if self == Self::TranslateY { height } else { width }
    }
}
