//! Reading the user's own images, with a bar while many of them are decoded, and what is to be said of it.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use anyhow::Result;
use fixmatch::base::dirs;
use fixmatch::config::Data;
use fixmatch::data::folder::Reading;
use fixmatch::data::means::Means;
use fixmatch::data::{self, Dataset};

use super::note;
use super::progress::Progress;
use crate::words::numbers::{duration, plural};

/// What takes no longer than this needs no bar.
const NO_BAR: Duration = Duration::from_millis(300);

/// Shows how many images of a folder are decoded, from the first on.
#[derive(Default)]
pub struct Bar(Mutex<Option<(Instant, Option<Progress>)>>);

impl Bar {
    /// So many of so many are decoded.
    pub fn tell(&self, n_done: usize, n: usize) {
        let mut bar = self.0.lock().expect("nobody panics with it");
        let (began, progress) = bar.get_or_insert_with(|| (Instant::now(), None));
        if began.elapsed() > NO_BAR {
            progress.get_or_insert_with(|| Progress::new(n as u64)).reach(n_done as u64);
        }
        if n_done == n
            && let Some(progress) = progress.take()
        {
            progress.finish();
        }
    }
}

/// Reads a data set to train on it.
///
/// # Errors
/// As [`data::load`].
pub fn load(data: &Data) -> Result<Dataset> {
    let bar = Bar::default();
    data::load_with(data, &dirs::data_dir()?, &Means::usual(Some(&|n_done, n| bar.tell(n_done, n)))?)
}

/// Says how many images were decoded and how many were kept, where that took a while.
pub fn told(reading: &Reading) {
    if reading.took >= NO_BAR {
        note(words(reading));
    }
}

/// How images were read, in a line.
fn words(reading: &Reading) -> String {
    let n_kept = reading.n - reading.n_decoded;
    let decoded = plural(reading.n_decoded as u64, "image");
    let kept = plural(n_kept as u64, "image");
    let what = match (reading.n_decoded, n_kept) {
        (_, 0) => format!("{decoded} decoded"),
        (0, _) => format!("{kept} decoded before"),
        _ => format!("{decoded} decoded, {kept} decoded before"),
    };
    format!("{what}, in {}", duration(reading.took))
}
