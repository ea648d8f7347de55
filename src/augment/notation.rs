//! Operations as text, as `fixmatch augment --op` takes them: `rotate=20`, `rescale=0.75,bicubic`, `cutout=0.5@16,16`.
//!
//! What is allowed is the widest range of any table, and for enhancements 0 to 2.

use std::fmt;
use std::str::FromStr;

use anyhow::{Context, Error, Result, bail, ensure};

use super::{Filter, Kind, Op};
use crate::base::alike::did_you_mean;

/// What stands behind an operation's name.
#[derive(Clone, Copy, Debug)]
enum Form {
    Nothing,
    /// How much of the effect; all of it where it is left out.
    Share,
    /// A number, what it is called, and its range.
    Number(&'static str, f64, f64),
    Bits,
    SideAndFilter,
    SideAndCentre,
}

fn form(kind: Kind) -> Form {
    match kind {
        Kind::Identity => Form::Nothing,
        Kind::Autocontrast | Kind::Blur | Kind::Equalize | Kind::Invert => Form::Share,
        Kind::Brightness | Kind::Color | Kind::Contrast | Kind::Sharpness => Form::Number("FACTOR", 0.0, 2.0),
        Kind::Smooth => Form::Number("FACTOR", 0.0, 1.0),
        Kind::Rotate => Form::Number("DEGREES", -45.0, 45.0),
        Kind::ShearX | Kind::ShearY => Form::Number("RATE", -0.3, 0.3),
        Kind::Solarize => Form::Number("THRESHOLD", 0.0, 1.0),
        // AutoAugment's 150 / 331, rounded up.
        Kind::TranslateX | Kind::TranslateY => Form::Number("SHARE", -0.5, 0.5),
        Kind::Posterize => Form::Bits,
        Kind::Rescale => Form::SideAndFilter,
        Kind::Cutout => Form::SideAndCentre,
    }
}

impl Kind {
    /// How it is written, and what is allowed.
    pub fn usage(self) -> [String; 2] {
        let name = self.name();
        match form(self) {
            Form::Nothing => [name.into(), String::new()],
            Form::Share => [format!("{name}[=SHARE]"), "SHARE in [0, 1]".into()],
            Form::Number(what, low, high) => [format!("{name}={what}"), format!("{what} in [{low}, {high}]")],
            Form::Bits => [format!("{name}=BITS"), "BITS from 1 to 8".into()],
            Form::SideAndFilter => [format!("{name}=SIDE,FILTER"), format!("SIDE in [0.5, 1]; {}", filter_names())],
            Form::SideAndCentre => [format!("{name}=SIDE@X,Y"), "SIDE in [0, 1]; the centre in pixels".into()],
        }
    }

    fn named(name: &str) -> Result<Self> {
        let known = Self::ALL.iter().copied().find(|kind| kind.name() == name);
        known.with_context(|| {
            let names: Vec<_> = Self::ALL.iter().map(|kind| kind.name()).collect();
            let meant = did_you_mean(name, names.iter().copied());
            format!("there is no operation {name:?}; {meant}there are {}", names.join(", "))
        })
    }
}

fn filter_names() -> String {
    Filter::ALL.iter().map(|filter| filter.name()).collect::<Vec<_>>().join(", ")
}

impl FromStr for Op {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let (name, value) = text.split_once('=').map_or((text, None), |(name, value)| (name, Some(value)));
        let kind = Kind::named(name)?;
        match (form(kind), value) {
            (Form::Nothing, None) => Ok(Self::Identity),
            (Form::Nothing, Some(_)) => bail!("{name} has no value"),
            (Form::Share, None) => Ok(kind.op([1.0, 0.0, 0.0])),
            (Form::Share, Some(value)) => Ok(kind.op([number("SHARE", value, 0.0, 1.0)?, 0.0, 0.0])),
            (Form::Number(what, low, high), Some(value)) => Ok(kind.op([number(what, value, low, high)?, 0.0, 0.0])),
            (Form::Bits, Some(value)) => {
                let bits = value.parse().ok().filter(|bits| (1..=8).contains(bits));
                bits.map(Self::Posterize)
                    .with_context(|| format!("BITS must be a whole number from 1 to 8, not {value}"))
            }
            (Form::SideAndFilter, Some(value)) => parse_rescale(value),
            (Form::SideAndCentre, Some(value)) => parse_cutout(value),
            (Form::Number(..) | Form::Bits | Form::SideAndFilter | Form::SideAndCentre, None) => {
                let [usage, allowed] = kind.usage();
                bail!("{name} needs a value: {usage}, {allowed}")
            }
        }
    }
}

fn number(what: &str, text: &str, low: f64, high: f64) -> Result<f64> {
    let number = text.parse().ok().filter(|number| (low..=high).contains(number));
    number.with_context(|| format!("{what} must be in [{low}, {high}], not {text}"))
}

fn parse_rescale(value: &str) -> Result<Op> {
    let (side, name) = value.split_once(',').context("a filter is missing: rescale=SIDE,FILTER")?;
    let filter = Filter::ALL.iter().copied().find(|filter| filter.name() == name);
    let filter = filter.with_context(|| format!("FILTER must be one of {}, not {name}", filter_names()))?;
    Ok(Op::Rescale(number("SIDE", side, 0.5, 1.0)?, filter))
}

fn parse_cutout(value: &str) -> Result<Op> {
    let (side, centre) = value.split_once('@').context("the centre is missing: cutout=SIDE@X,Y")?;
    let (x, y) = centre.split_once(',').context("the centre is a column and a row: cutout=SIDE@X,Y")?;
    let pixel = |what: &str, text: &str| -> Result<usize> {
        let pixel = text.parse().ok();
        pixel.with_context(|| format!("{what} must be a whole number of pixels, not {text}"))
    };
    let side = number("SIDE", side, 0.0, 1.0)?;
    Ok(Op::Cutout { side, x: pixel("X", x)?, y: pixel("Y", y)? })
}

impl Op {
    /// The operation without its parameters.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Autocontrast(_) => Kind::Autocontrast,
            Self::Blur(_) => Kind::Blur,
            Self::Brightness(_) => Kind::Brightness,
            Self::Color(_) => Kind::Color,
            Self::Contrast(_) => Kind::Contrast,
            Self::Cutout { .. } => Kind::Cutout,
            Self::Equalize(_) => Kind::Equalize,
            Self::Identity => Kind::Identity,
            Self::Invert(_) => Kind::Invert,
            Self::Posterize(_) => Kind::Posterize,
            Self::Rescale(..) => Kind::Rescale,
            Self::Rotate(_) => Kind::Rotate,
            Self::Sharpness(_) => Kind::Sharpness,
            Self::ShearX(_) => Kind::ShearX,
            Self::ShearY(_) => Kind::ShearY,
            Self::Smooth(_) => Kind::Smooth,
            Self::Solarize(_) => Kind::Solarize,
            Self::TranslateX(_) => Kind::TranslateX,
            Self::TranslateY(_) => Kind::TranslateY,
        }
    }

    /// Refuses what does not fit an image of this size: a Cutout whose centre is not in it.
    pub fn check(&self, width: usize, height: usize) -> Result<()> {
        if let Self::Cutout { x, y, .. } = self {
            ensure!(
                *x < width && *y < height,
                "{self}: the centre must be in the image, in columns 0 to {} and rows 0 to {}",
                width - 1,
                height - 1
            );
        }
        Ok(())
    }
}

/// As it is parsed, so that an operation survives being written.
impl fmt::Display for Op {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kind().name())?;
        match self {
            Self::Identity => Ok(()),
            Self::Posterize(bits) => write!(f, "={bits}"),
            Self::Rescale(side, filter) => write!(f, "={side},{}", filter.name()),
            Self::Cutout { side, x, y } => write!(f, "={side}@{x},{y}"),
            Self::Autocontrast(value)
            | Self::Blur(value)
            | Self::Brightness(value)
            | Self::Color(value)
            | Self::Contrast(value)
            | Self::Equalize(value)
            | Self::Invert(value)
            | Self::Rotate(value)
            | Self::Sharpness(value)
            | Self::ShearX(value)
            | Self::ShearY(value)
            | Self::Smooth(value)
            | Self::Solarize(value)
            | Self::TranslateX(value)
            | Self::TranslateY(value) => write!(f, "={value}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operations_survive_being_written() {
        let texts = [
            "autocontrast=0.3",
            "rescale=0.75,bicubic",
            "cutout=0.5@16,3",
            "identity",
            "posterize=4",
            "rotate=-12.340000000000002",
            "translate_y=0.1",
        ];
        for text in texts {
            assert_eq!(text.parse::<Op>().expect(text).to_string(), text);
        }
        for kind in Kind::ALL {
            assert_eq!(kind.op([0.5, 1.0, 2.0]).kind(), *kind);
        }
    }

    #[test]
    fn an_effect_without_a_share_is_the_full_one() {
        assert_eq!("invert".parse::<Op>().expect("parses"), Op::Invert(1.0));
        assert_eq!("equalize=0".parse::<Op>().expect("parses"), Op::Equalize(0.0));
    }

    #[test]
    fn what_is_not_allowed_is_refused_with_what_is() {
        let cases = [
            ("rotat=20", "there is no operation \"rotat\"; did you mean rotate? there are autocontrast, blur,"),
            ("rotate", "rotate needs a value: rotate=DEGREES, DEGREES in [-45, 45]"),
            ("rotate=46", "DEGREES must be in [-45, 45], not 46"),
            ("rotate=nan", "DEGREES must be in [-45, 45], not nan"),
            ("color=2.1", "FACTOR must be in [0, 2], not 2.1"),
            ("invert=", "SHARE must be in [0, 1], not "),
            ("identity=1", "identity has no value"),
            ("posterize=0", "BITS must be a whole number from 1 to 8, not 0"),
            ("rescale=0.4,box", "SIDE must be in [0.5, 1], not 0.4"),
            ("rescale=0.5", "a filter is missing: rescale=SIDE,FILTER"),
            ("rescale=0.5,cubic", "FILTER must be one of lanczos, bicubic, bilinear, box, hamming, nearest, not cubic"),
            ("cutout=0.5", "the centre is missing: cutout=SIDE@X,Y"),
            ("cutout=0.5@1", "the centre is a column and a row"),
            ("cutout=0.5@-1,0", "X must be a whole number of pixels, not -1"),
        ];
        for (text, expected) in cases {
            let error = text.parse::<Op>().expect_err(text).to_string();
            assert!(error.contains(expected), "{text}: {error}");
        }
    }
}
