//! `fixmatch data list|fetch|verify`: which data sets there are, getting them, checking them.

use fixmatch::base::text::Name;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::Result;
use clap::{Args, Subcommand};
use fixmatch::base::aside::replace_file;
use fixmatch::base::dirs;
use fixmatch::base::output::{is_terminal, notes_are_on_terminal, say_json_line, write_raw};
use fixmatch::config::{Data, RunConfig};
use fixmatch::data::download::{Client, Progress};
use fixmatch::data::fetch::{Outcome, fetch};
use fixmatch::data::means::{self, Means};
use fixmatch::data::{self, DATASETS, Dataset, Descriptor, Found, Images, Known, Place, duplicates, folder};
use fixmatch::examples;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::own::{HeldOut, Own};
use super::reading::{self, Bar as Decoding};
use super::{complete, fresh_file, note, say};
use crate::words::numbers::{aligned, bytes, columns, grouped, plural};

mod kept;

/// List, fetch and check data sets
///
/// Fetched data sets live in $FIXMATCH_DATA, else fixmatch in the XDG data directory.
#[derive(Args, Debug)]
#[command(after_help = examples!("fixmatch data list", "fixmatch data fetch cifar10"))]
pub struct DataArgs {
    #[command(subcommand)]
    command: DataCommand,
}

#[derive(Subcommand, Debug)]
enum DataCommand {
    /// List the data sets, and which are on this machine
    #[command(after_help = examples!("fixmatch data list"))]
    List {
        /// Print JSON, one object per data set
        #[arg(long)]
        json: bool,
    },
    /// Download a data set, check it and put it in its place
    ///
    /// A broken download goes on where it stopped. `FIXMATCH_DATA_URL` names the address of a folder that has the files,
    /// to use instead of the official places; `HTTPS_PROXY` is honoured.
    #[command(after_help = examples!("fixmatch data fetch cifar10"))]
    Fetch {
        /// A name that `data list` shows
        #[arg(add = complete::dataset())]
        name: String,
    },
    /// Read a whole data set and say what is in it and whether it is the published one
    #[command(after_help = examples!(
        "fixmatch data verify cifar10",
        "fixmatch data verify photos --resize 32 --fit crop",
    ))]
    Verify {
        /// A name that `data list` shows, or the path of a folder or a list of images
        #[arg(add = complete::dataset())]
        name: String,
        /// Where its files are, if not in the usual places
        #[arg(long)]
        path: Option<PathBuf>,
        #[command(flatten)]
        own: Own,
    },
    /// Remove the decoded images of folders and lists that are kept in the cache directory
    ///
    /// They are decoded again when they are needed. $FIXMATCH_CACHE_GB says how many gigabytes are kept [default: 20]; what
    /// was not used for the longest leaves first.
    #[command(after_help = examples!("fixmatch data clear photos", "fixmatch data clear"))]
    Clear {
        /// Only those of these folders and lists
        paths: Vec<PathBuf>,
    },
    /// Write a list of a folder's images with their classes and splits
    ///
    /// Fill in or change labels and splits there, with an editor or a spreadsheet, and set data.path to the list.
    #[command(after_help = examples!(
        "fixmatch data files photos --output photos/labels.csv",
        "fixmatch data files photos --holdout 0.1",
    ))]
    Files {
        /// The folder, or another list
        path: PathBuf,
        /// Write the list to this file, with paths relative to its folder [default: standard output, absolute paths]
        #[arg(short, long, value_name = "FILE")]
        output: Option<PathBuf>,
        /// Overwrite the file
        #[arg(long)]
        force: bool,
        #[command(flatten)]
        held_out: HeldOut,
    },
}

/// Runs `fixmatch data`.
pub fn run(args: DataArgs) -> Result<()> {
    let data_dir = dirs::data_dir()?;
    match args.command {
        DataCommand::List { json: true } => list_json(&data_dir),
        DataCommand::List { json: false } => list(&data_dir),
        DataCommand::Fetch { name } => fetch_named(&name, &data_dir),
        DataCommand::Verify { name, path, own } => {
            let is_path = path.is_none() && data::find(&name).is_err() && Path::new(&name).exists();
            let (dataset, path) =
                if is_path { (folder::DESCRIPTOR.name.to_owned(), Some(name.into())) } else { (name, path) };
            let mut config = RunConfig { data: Data { dataset, path, ..Data::default() }, ..RunConfig::default() };
            own.apply(&mut config.data);
            data::find(&config.data.dataset)?;
            config.validate()?;
            verify(&config.data, &data_dir)
        }
        DataCommand::Clear { paths } => kept::clear(&paths),
        DataCommand::Files { path, output, force, held_out } => {
            let output = output.map(|output| fresh_file(&output, force)).transpose()?;
            let mut data = Data { path: Some(path), ..Data::named(folder::DESCRIPTOR.name) };
            held_out.apply(&mut data);
            files(&data, output.as_deref(), &data_dir)
        }
    }
}

fn files(data: &Data, output: Option<&Path>, data_dir: &Path) -> Result<()> {
    let files = folder::listed(&Place::of(data, data_dir, &means::NONE))?;
    let Some(output) = output else {
        let list = folder::csv(&files, None)?;
        return if is_terminal() { say(String::from_utf8_lossy(&list).trim_end()) } else { write_raw(&list) };
    };
    replace_file(output, &folder::csv(&files, output.parent())?)?;
    say(format_args!("{} is written: {}", output.display(), plural(files.len() as u64, "image")))
}

fn list(data_dir: &Path) -> Result<()> {
    let row = |descriptor: &Descriptor| {
        let images = descriptor.n_images.map_or_else(
            || "any".into(),
            |(train, test)| {
                let unlabeled = match descriptor.n_unlabeled {
                    0 => String::new(),
                    n => format!(", {} unlabeled", grouped(n as u64)),
                };
                format!("{} + {}{unlabeled}", grouped(train as u64), grouped(test as u64))
            },
        );
        let size = descriptor.shape.map_or_else(|| "any".into(), |(w, h, c)| format!("{w}×{h}×{c}"));
        let place = whereabouts(descriptor, data_dir);
        vec![descriptor.name.into(), images, size, descriptor.licence.into(), place]
    };
    let rows: Vec<_> = DATASETS.iter().map(row).collect();
    say(columns(&["NAME", "IMAGES", "SIZE", "LICENCE", "WHERE"], &rows))?;
    for sentence in DATASETS.iter().filter_map(|descriptor| sought(descriptor, data_dir)) {
        say(sentence)?;
    }
    kept::list()
}

fn list_json(data_dir: &Path) -> Result<()> {
    for descriptor in DATASETS {
        let found = find(descriptor, data_dir);
        let is_folder = descriptor.name == folder::DESCRIPTOR.name;
        let line = serde_json::json!({
            "kept": if is_folder { kept::json()? } else { Vec::new() },
            "name": descriptor.name,
            "title": descriptor.title,
            "n_train": descriptor.n_images.map(|(train, _)| train),
            "n_unlabeled": descriptor.n_images.map(|_| descriptor.n_unlabeled),
            "n_test": descriptor.n_images.map(|(_, test)| test),
            "shape": descriptor.shape,
            "licence": descriptor.licence,
            "homepage": descriptor.homepage,
            "here": found.is_some(),
            "looked_in": looked_in(descriptor, data_dir),
            "path": match found {
                Some(Found::Folder(path)) => Some(path),
                Some(Found::Embedded) | None => None,
            },
        });
        say_json_line(&line)?;
    }
    Ok(())
}

fn find(descriptor: &Descriptor, data_dir: &Path) -> Option<Found> {
    (descriptor.find)(&Place::usual(data_dir))
}

fn looked_in(descriptor: &Descriptor, data_dir: &Path) -> Vec<PathBuf> {
    (descriptor.looks_in)(&Place::usual(data_dir))
}

/// How to get a data set that is not here, and where it was looked for.
fn sought(descriptor: &Descriptor, data_dir: &Path) -> Option<String> {
    let is_missing = find(descriptor, data_dir).is_none() && !descriptor.downloads.is_empty();
    let folders: Vec<_> = looked_in(descriptor, data_dir).iter().map(|it| it.display().to_string()).collect();
    let name = descriptor.name;
    is_missing.then(|| format!("`fixmatch data fetch {name}` fetches it; looked for in {}", folders.join(", ")))
}

fn whereabouts(descriptor: &Descriptor, data_dir: &Path) -> String {
    match find(descriptor, data_dir) {
        Some(Found::Embedded) => "in the program".into(),
        Some(Found::Folder(path)) => path.display().to_string(),
        None if descriptor.downloads.is_empty() => "where data.path says".into(),
        None => {
            let n_bytes = descriptor.downloads.iter().map(|download| download.n_bytes).sum();
            format!("not here ({})", bytes(n_bytes))
        }
    }
}

fn fetch_named(name: &str, data_dir: &Path) -> Result<()> {
    let descriptor = data::find(name)?;
    let mirror = std::env::var("FIXMATCH_DATA_URL").ok().filter(|url| !url.is_empty());
    let client = Client::new(mirror);
    let outcome = if notes_are_on_terminal() {
        let bar = Bar::new();
        fetch(descriptor, data_dir, &client, &mut |progress| bar.show(progress))
    } else {
        let mut lines = Lines::default();
        fetch(descriptor, data_dir, &client, &mut |progress| lines.show(progress))
    };
    match outcome? {
        Outcome::Fetched(folder) => say(format_args!("{name} is in {}, checksums right", folder.display())),
        Outcome::AlreadyThere(folder) => {
            say(format_args!("{name} is in {} already, checksums right: nothing to do", folder.display()))
        }
    }
}

/// Progress on a terminal.
struct Bar(ProgressBar);

impl Bar {
    fn new() -> Self {
        let style = "{msg}  {bar:30}  {decimal_bytes} of {decimal_total_bytes}  {decimal_bytes_per_sec}  {eta} left";
        let bar = ProgressBar::with_draw_target(Some(0), ProgressDrawTarget::stderr());
        Self(bar.with_style(ProgressStyle::with_template(style).expect("the template is well-formed")))
    }

    fn show(&self, progress: Progress) {
        match progress {
            Progress::Started { file, done, total } => {
                self.0.set_length(total);
                self.0.set_position(done);
                self.0.reset_eta();
                self.0.set_message(file.to_owned());
            }
            Progress::Advanced { done } => self.0.set_position(done),
            Progress::Checking { file } => self.0.set_message(format!("checking {file}")),
            Progress::Unpacking { file } => self.0.set_message(format!("unpacking {file}")),
        }
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

/// Progress where stderr is a file: a line at each stage, and at most one every ten seconds between.
#[derive(Default)]
struct Lines {
    file: String,
    total: u64,
    last: Option<Instant>,
}

const BETWEEN_LINES: Duration = Duration::from_secs(10);

impl Lines {
    fn show(&mut self, progress: Progress) {
        match progress {
            Progress::Started { file, done, total } => {
                (self.file, self.total, self.last) = (file.into(), total, Some(Instant::now()));
                note(format_args!("{file}: {} of {}", bytes(done), bytes(total)));
            }
            Progress::Advanced { done } if self.last.is_none_or(|last| last.elapsed() >= BETWEEN_LINES) => {
                self.last = Some(Instant::now());
                note(format_args!("{}: {} of {}", self.file, bytes(done), bytes(self.total)));
            }
            Progress::Advanced { .. } => {}
            Progress::Checking { file } => note(format_args!("checking {file}")),
            Progress::Unpacking { file } => note(format_args!("unpacking {file}")),
        }
    }
}

fn verify(data: &Data, data_dir: &Path) -> Result<()> {
    let name = &data.dataset;
    let bar = Decoding::default();
    let dataset = data::read(data, data_dir, &Means::usual(Some(&|n_done, n| bar.tell(n_done, n)))?)?;
    let Images { width, height, channels, .. } = dataset.train;
    let (train, test) = (grouped(dataset.train.n() as u64), grouped(dataset.test.n() as u64));
    let unlabeled = dataset.unlabeled.as_ref().map_or_else(String::new, |images| {
        format!(", and {} more whose class nobody knows", grouped(images.n() as u64))
    });
    say(format_args!("{name}: {train} training and {test} test images{unlabeled}"))?;
    say(format_args!("{width}×{height} pixels, {}", if channels == 1 { "gray" } else { "RGB" }))?;
    say(format_args!("digest {}, {}", dataset.digest, verdict(dataset.known)))?;
    if let Some(read) = &dataset.read {
        say(read)?;
    }
    if let Some(own) = &dataset.own {
        reading::told(&own.reading);
    }
    let warnings = dataset.warnings.iter().filter(|warning| Some(*warning) != dataset.read.as_ref());
    for warning in warnings.chain(&duplicates::find(&dataset).told) {
        say(format_args!("warning: {warning}"))?;
    }
    print_classes(&dataset)
}

fn verdict(known: Known) -> &'static str {
    match known {
        Known::Official => "the published images",
        Known::Unknown => "not the published images",
        Known::Own => "your own images",
    }
}

fn print_classes(dataset: &Dataset) -> Result<()> {
    let n_classes = dataset.classes.len();
    let (train, test) = (dataset.train.class_counts(n_classes), dataset.test.class_counts(n_classes));
    let row = |(class, name): (usize, &Name)| {
        vec![class.to_string(), name.to_string(), grouped(train[class] as u64), grouped(test[class] as u64)]
    };
    if n_classes == 0 {
        return say(
            "\nno image has a class: `fixmatch label` gives them classes by hand, and `fixmatch data files` writes a list to fill in",
        );
    }
    let rows: Vec<_> = dataset.classes.iter().enumerate().map(row).collect();
    say(format_args!("\n{}", aligned(&["#", "CLASS", "TRAINING", "TEST"], &rows, |column| column != 1)))
}
