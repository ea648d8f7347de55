//! The commands, one file each, and what they share: finding a run, printing, and reading a log to its end.
//!
//! Results go to stdout, what happens on the way to stderr. A command returns its exit code; an error is 1.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use fixmatch::base::dirs;
use fixmatch::base::image::Image;
use fixmatch::base::output::{note, say, say_json};
use fixmatch::run::dir::RunDir;
use fixmatch::run::event::Record;
use fixmatch::run::log::Follower;
use fixmatch::run::state::{RunState, Status};
use image::codecs::png::PngEncoder;
use image::{ExtendedColorType, ImageEncoder as _};

pub mod attach;
pub mod augment;
pub mod card;
pub mod changes;
mod choosing;
pub mod compare;
mod complete;
pub mod completions;
pub mod crossval;
pub mod data;
pub mod doctor;
pub mod export;
pub mod family;
mod foreground;
pub mod fork;
pub mod label;
pub mod labels;
pub mod new;
pub mod notify;
mod own;
pub mod predict;
pub mod presets;
mod progress;
pub mod pseudo;
pub mod rank;
mod reading;
pub mod report;
pub mod requests;
pub mod resume;
pub mod runs;
mod screen;
pub mod screenshot;
pub mod seal;
pub mod show;
pub mod suite;
pub mod train;
pub mod trash;
pub mod verify;
pub mod wait;
pub mod watch;

/// The exit code of a run that was stopped or suspended, where that matters.
const STOPPED: u8 = 3;

/// Which run a command is about.
#[derive(clap::Args)]
pub struct RunArg {
    /// A path, a name, or a part of a name that fits only one run [default: the newest run]
    #[arg(value_name = "RUN", add = complete::run())]
    pub run: Option<String>,
}

/// The folder of runs.
pub struct Runs {
    folder: PathBuf,
    /// Whether commands find it without `--runs`.
    usual: bool,
}

impl Runs {
    /// `--runs`, else the usual folder.
    pub fn at(folder: Option<PathBuf>) -> Result<Self> {
        match folder {
            Some(folder) => Ok(Self { usual: dirs::runs_dir().is_ok_and(|usual| usual == folder), folder }),
            None => Ok(Self { folder: dirs::runs_dir()?, usual: true }),
        }
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Whether commands find the folder without `--runs`.
    pub fn is_usual(&self) -> bool {
        self.usual
    }

    /// The run that is meant.
    pub fn find(&self, wanted: &RunArg) -> Result<RunDir> {
        let found = RunDir::find(&self.folder, wanted.run.as_deref())?;
        if let Some(name) = wanted.run.as_deref().filter(|name| found.is_called(name)) {
            let n = RunDir::list(&self.folder)?.iter().filter(|dir| dir.is_called(name)).count();
            if n > 1 {
                note(format_args!("{n} runs are called {name}: the newest is {}", found.id()));
            }
        }
        Ok(found)
    }

    /// How a user can name a run in the next command: by its name where that finds it, else by its path.
    pub fn name_of(&self, dir: &RunDir) -> String {
        let here = std::path::absolute(&self.folder).ok();
        if self.usual && dir.path().parent() == here.as_deref() {
            return dir.id();
        }
        dir.path().display().to_string()
    }
}

/// The absolute path of a file that a command will write, checked before there is work to lose: not a folder, and in one.
fn writable_file(path: &Path) -> Result<PathBuf> {
    let path = std::path::absolute(path)?;
    ensure!(!path.is_dir(), "{} is a folder", path.display());
    let folder = path.parent().unwrap_or(&path);
    ensure!(folder.is_dir(), "cannot write {}: there is no folder {}", path.display(), folder.display());
    Ok(path)
}

/// The same, and without `force`, not there yet.
fn fresh_file(path: &Path, force: bool) -> Result<PathBuf> {
    let path = writable_file(path)?;
    ensure!(force || !path.exists(), "{} exists; --force overwrites it", path.display());
    Ok(path)
}

/// The bytes of an image as a PNG.
fn png_of(image: &Image) -> Result<Vec<u8>> {
    let mut png = Vec::new();
    let color = if image.channels == 1 { ExtendedColorType::L8 } else { ExtendedColorType::Rgb8 };
    let (width, height) = (image.width as u32, image.height as u32);
    PngEncoder::new(&mut png).write_image(&image.pixels, width, height, color).context("cannot make a PNG")?;
    Ok(png)
}

/// A run whose log is read as it grows.
pub struct Reader {
    dir: RunDir,
    follower: Follower,
    state: RunState,
}

impl Reader {
    /// Starts at the beginning of the log, nothing read yet.
    fn new(dir: RunDir) -> Self {
        Self { follower: Follower::new(dir.events()), state: RunState::default(), dir }
    }

    /// Reads and folds what is new.
    fn read(&mut self) -> Result<Vec<Record>> {
        let records = self.follower.read_new()?;
        for record in &records {
            self.state.apply(record);
        }
        Ok(records)
    }

    /// Reads what is new and says how the run stands after it.
    fn look(&mut self) -> Result<(Vec<Record>, Status)> {
        let mut records = self.read()?;
        let mut status = self.state.status(&self.dir);
        if !status.is_alive() {
            // The worker wrote its last words before it freed the lock, but perhaps after they were read here.
            records.extend(self.read()?);
            status = self.state.status(&self.dir);
        }
        Ok((records, status))
    }
}
