//! Options that say what becomes of one's own images, as the keys of `[data]` do.

use clap::Args;
use fixmatch::config::{Color, Data, Fit};

use super::complete;

/// How the images of a folder are read, and which of them are to test on.
#[derive(Args, Clone, Debug, Default)]
pub struct Own {
    /// Resize the images of a folder to this many pixels a side
    #[arg(long, value_name = "PIXELS", value_parser = clap::value_parser!(u32).range(1..))]
    resize: Option<u32>,
    /// How they become squares, as data.fit: stretch, crop or pad
    #[arg(long, add = complete::choices("data.fit"), value_parser = fit)]
    fit: Option<Fit>,
    /// What lies behind transparent parts of the images of a folder, as #rrggbb
    #[arg(long, value_name = "COLOUR", value_parser = |text: &str| Color::try_from(text.to_owned()))]
    background: Option<Color>,
    #[command(flatten)]
    held_out: HeldOut,
}

/// Which images of a folder are to test on.
#[derive(Args, Clone, Debug, Default)]
pub struct HeldOut {
    /// Share of the images that is to test on, where the folder has no test images, as data.holdout; 0 for none
    #[arg(long, value_name = "SHARE", value_parser = share)]
    holdout: Option<f64>,
    /// Decides which images those are, as data.holdout_seed
    #[arg(long, value_name = "N")]
    holdout_seed: Option<u64>,
}

impl Own {
    /// Sets what is given.
    pub fn apply(&self, data: &mut Data) {
        data.resize = self.resize.or(data.resize);
        data.fit = self.fit.or(data.fit);
        data.background = self.background.or(data.background);
        self.held_out.apply(data);
    }
}

impl HeldOut {
    /// Sets what is given.
    pub fn apply(&self, data: &mut Data) {
        data.holdout = self.holdout.or(data.holdout);
        data.holdout_seed = self.holdout_seed.or(data.holdout_seed);
    }
}

/// The options that say the same as a configuration, with a blank before each.
pub fn options(data: &Data) -> String {
    let all = [
        data.path.as_ref().map(|path| format!(" --path {}", path.display())),
        data.resize.map(|side| format!(" --resize {side}")),
        data.fit.map(|fit| format!(" --fit {}", fit.name())),
        data.background.map(|color| format!(" --background '{color}'")),
        data.holdout.map(|share| format!(" --holdout {share}")),
        data.holdout_seed.map(|seed| format!(" --holdout-seed {seed}")),
    ];
    all.into_iter().flatten().collect()
}

fn fit(text: &str) -> Result<Fit, String> {
    let all = [Fit::Stretch, Fit::Crop, Fit::Pad];
    all.into_iter().find(|fit| fit.name() == text).ok_or_else(|| "it may be stretch, crop or pad".into())
}

fn share(text: &str) -> Result<f64, String> {
    let share = text.parse().ok().filter(|share: &f64| (0.0..1.0).contains(share));
    share.ok_or_else(|| "it must be at least 0 and below 1".into())
}
