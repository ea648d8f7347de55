//! `fixmatch label`: the labelling screen, and what came of it.

use std::collections::HashSet;
use std::path::{Path, PathBuf, absolute};
use std::process::ExitCode;

use anyhow::{Context as _, Result, bail, ensure};
use fixmatch::base::aside::replace_file;
use fixmatch::base::files;
use fixmatch::base::text::{Name, Shown as _};
use fixmatch::config::Data;
use fixmatch::config::preset::Preset;
use fixmatch::data::DATASETS;
use fixmatch::examples;
use fixmatch::labels::answers::Answers;
use fixmatch::labels::desk::{Desk, Labeling, Sequence};
use tempfile::NamedTempFile;

use super::attach::{self, Look, Shown as Screen};
use super::{RunArg, Runs, complete, note, predict, say, say_json};
use crate::console::Stay;

mod status;

/// Label images by hand: one image after another in the console, and a key for each class
///
/// Every answer is appended to a CSV file (path,label,answer,time,who,guess,seconds) and on disk before the next image shows.
/// Several people can work on one file. `labels.pick = "file:PATH"` takes it.
#[derive(clap::Args)]
#[command(after_help = examples!(
    "fixmatch label photos --classes cat,dog,other",
    "fixmatch label photos --guesses photos-s0 --order next.csv",
    "fixmatch label photos --status",
    "fixmatch label photos --export list.csv",
))]
pub struct Args {
    /// A folder or a list of images, a data set, or a preset whose images to label
    #[arg(value_name = "IMAGES")]
    images: String,
    /// The file of answers [default: labels.csv in the folder, or NAME-labels.csv beside a list]
    #[arg(short, long = "output", value_name = "FILE")]
    output: Option<PathBuf>,
    /// The classes, in the order of their keys, or a file with one a line; others can be made on the way
    #[arg(long, value_name = "A,B,…")]
    classes: Option<String>,
    /// Which image comes first: shuffled, name, suggested (by a ranking that needs no labels), or as a file names them
    #[arg(long, value_name = "ORDER", default_value = "shuffled")]
    order: String,
    /// A run whose network is asked, or predictions that `fixmatch predict` wrote (CSV or JSON lines): hidden until you ask for
    /// one
    #[arg(long, value_name = "RUN|FILE", add = complete::run())]
    guesses: Option<PathBuf>,
    /// The name that answers are recorded under [default: the user's]
    #[arg(long = "as", value_name = "NAME")]
    who: Option<String>,
    /// Print what was answered so far: by class, by whom, how fast
    #[arg(long)]
    status: bool,
    /// The same as JSON
    #[arg(long, requires = "status")]
    json: bool,
    /// Write a list of all images with the labels so far (path,label,split), which data.path takes
    #[arg(long, value_name = "FILE", conflicts_with = "status")]
    export: Option<PathBuf>,
    /// Overwrite that file if it is there
    #[arg(long, requires = "export")]
    force: bool,
    #[command(flatten)]
    look: Look,
}

pub fn run(args: &Args, runs: &Runs) -> Result<ExitCode> {
    let mut request = args.request()?;
    // those that a network is asked for now last as long as this program
    let asked = if args.status || args.export.is_some() { None } else { args.ask(runs)? };
    if let Some(asked) = &asked {
        request.guesses = Some(asked.path().to_owned());
    }
    if args.status || args.export.is_some() {
        let (desk, answers) = read(&request)?;
        match &args.export {
            Some(path) => export(&desk, &answers, path, args.force)?,
            None if args.json => say_json(&status::of(&desk, &answers))?,
            None => say(status::lines(&status::of(&desk, &answers)))?,
        }
        return Ok(ExitCode::SUCCESS);
    }
    // what is wrong is said here, and not on a screen that has to be left first
    let desk = Desk::open(&request)?;
    desk.read(|news| news.map(drop))?;
    attach::open(args.look, runs, Screen::Label(Box::new(request)), Stay::Open)
}

impl Args {
    /// What the network of a run takes its unlabeled images for, if a run is named for guesses and not a file.
    fn ask(&self, runs: &Runs) -> Result<Option<NamedTempFile>> {
        let Some(word) = self.guesses.as_deref().filter(|path| !path.exists()) else { return Ok(None) };
        let is_file = word.extension().is_some_and(|extension| extension == "csv" || extension == "jsonl");
        ensure!(!is_file, "there is no {}", word.shown());
        let run = runs.find(&RunArg { run: Some(word.to_string_lossy().into_owned()) })?;
        let file = tempfile::Builder::new().prefix("fixmatch-guesses-").suffix(".csv").tempfile()?;
        predict::write_unlabeled(&run, file.path())?;
        Ok(Some(file))
    }

    fn request(&self) -> Result<Labeling> {
        let classes = self.classes.as_deref().map_or(Ok(Vec::new()), classes)?;
        let order = match Sequence::from(&*self.order) {
            Sequence::File(path) => Sequence::File(absolute(path)?),
            order => order,
        };
        Ok(Labeling {
            data: data(&self.images)?,
            file: self.output.as_ref().map(absolute).transpose()?,
            classes,
            order,
            guesses: self.guesses.as_ref().map(absolute).transpose()?,
            who: self.who.as_deref().map(str::trim).filter(|who| !who.is_empty()).map(Name::from),
        })
    }
}

/// Names between commas, or the lines of a file.
fn classes(text: &str) -> Result<Vec<Name>> {
    let path = Path::new(text);
    let lines = if path.is_file() {
        let lines = files::read_text(path, files::MAX_TEXT);
        lines.with_context(|| format!("cannot read the classes in {}", path.shown()))?.replace('\r', "")
    } else {
        text.replace(',', "\n")
    };
    let mut seen = HashSet::new();
    let names = lines.lines().map(str::trim).filter(|name| !name.is_empty());
    let class = |name: &str| {
        let name = Name::from(name);
        ensure!(seen.insert(name.clone()), "--classes names {name} twice");
        Ok(name)
    };
    names.map(class).collect()
}

/// The images that a word means: those of a path, else of a data set, else of a preset.
pub(super) fn data(word: &str) -> Result<Data> {
    let path = Path::new(word);
    let is_preset = path.extension().is_some_and(|extension| extension == "toml");
    if path.exists() && !is_preset {
        return Ok(Data { dataset: "folder".into(), path: Some(absolute(path)?), ..Data::default() });
    }
    if DATASETS.iter().any(|known| known.name == word && known.name != "folder") {
        return Ok(Data { dataset: word.into(), ..Data::default() });
    }
    if word.contains('/') && !is_preset && Preset::find(word).is_err() {
        bail!("there is no {}", path.shown());
    }
    let preset = Preset::find(word)
        .with_context(|| format!("there is no folder or list {}, nor a data set of that name", path.shown()))?;
    Ok(preset.resolve(&[])?.data)
}

fn read(request: &Labeling) -> Result<(Desk, Answers)> {
    let desk = Desk::open(request)?;
    let news = desk.read(|news| news)?;
    for text in &desk.told {
        note(text);
    }
    if let Some(torn) = &news.torn {
        note(format_args!("{}: {torn}", desk.path().shown()));
    }
    let mut answers = Answers::default();
    answers.extend(news.rows);
    Ok((desk, answers))
}

fn export(desk: &Desk, answers: &Answers, path: &Path, force: bool) -> Result<()> {
    ensure!(force || !path.exists(), "{} is there already; --force overwrites it", path.shown());
    let folder = absolute(path)?.parent().map(Path::to_owned).unwrap_or_default();
    let folder = folder.canonicalize().with_context(|| format!("there is no folder {}", folder.shown()))?;
    let list = desk.list(&folder, |name| answers.class_of(name).cloned())?;
    replace_file(path, &list)?;
    let n = desk.images.iter().filter(|image| answers.class_of(&image.name).is_some()).count();
    note(format_args!("wrote {}: {n} of {} images have a label", path.shown(), desk.images.len()));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_stand_between_commas_or_in_a_file_and_none_twice() {
        assert_eq!(classes(" cat,dog ,,a b").expect("names"), ["cat", "dog", "a b"].map(Name::from));
        assert_eq!(classes("cat,dog,cat").expect_err("twice").to_string(), "--classes names cat twice");
        let file = tempfile::NamedTempFile::new().expect("a file");
        std::fs::write(file.path(), "cat\r\ndog, small\n\n").expect("written");
        let read = classes(&file.path().display().to_string()).expect("reads");
        assert_eq!(read, ["cat", "dog, small"].map(Name::from));
    }
}
