//! What a shell is told of words that only the program knows: names of runs, presets, data sets, keys and their choices.
//!
//! A key press waits for this: names of files are read, but no log, no image and no file of a run.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use clap_complete::CompletionCandidate as Candidate;
use clap_complete::engine::{ArgValueCompleter, PathCompleter, ValueCompleter as _};
use fixmatch::base::{dirs, trash};
use fixmatch::config;
use fixmatch::config::preset::{Preset, own};
use fixmatch::data::DATASETS;
use fixmatch::labels::saved;
use fixmatch::run::change::LIVE;
use fixmatch::run::dir::RunDir;
use fixmatch::suite::file::Suite;
use fixmatch::suite::order::Folder;
use fixmatch::suite::slurm::profile::Profile;

/// RUN
pub fn run() -> ArgValueCompleter {
    ArgValueCompleter::new(|word: &OsStr| fitting(word, runs()).or_paths(word))
}

/// PRESET: a name or a file
pub fn preset() -> ArgValueCompleter {
    ArgValueCompleter::new(|word: &OsStr| fitting(word, presets()).or_paths(word))
}

/// A profile of Slurm
pub fn slurm_profile() -> ArgValueCompleter {
    ArgValueCompleter::new(|word: &OsStr| fitting(word, Profile::names().into_iter().map(Candidate::new)).0)
}

/// A suite
pub fn suite() -> ArgValueCompleter {
    ArgValueCompleter::new(|word: &OsStr| {
        let own = fixmatch::suite::own::list().into_iter().filter_map(|own| own.suite.ok());
        let with_files = Suite::shipped().into_iter().chain(own);
        let with_files = with_files.map(|suite| Candidate::new(suite.name).help(Some(suite.title.into())));
        let started = Folder::list(&runs_folder()).into_iter().map(|folder| Candidate::new(folder.name()));
        fitting(word, with_files.chain(started)).or_paths(word)
    })
}

/// A data set
pub fn dataset() -> ArgValueCompleter {
    ArgValueCompleter::new(|word: &OsStr| fitting(word, datasets()).0)
}

/// What a label set can be named by
pub fn label_source() -> ArgValueCompleter {
    ArgValueCompleter::new(|word: &OsStr| {
        let saved = dirs::label_sets_dir().and_then(|folder| saved::list(&folder)).unwrap_or_default();
        let saved = saved.into_iter().map(|set| Candidate::new(set.name).help(Some("a saved label set".into())));
        let file = Candidate::new("file:").help(Some("the file of a label set".into()));
        fitting(word, presets().chain(datasets()).chain(saved).chain([file]).chain(runs())).0
    })
}

/// KEY=VALUE of a configuration
pub fn setting() -> ArgValueCompleter {
    ArgValueCompleter::new(|word: &OsStr| {
        let Some((key, _)) = word.to_str().and_then(|text| text.split_once('=')) else {
            let key = |key: &config::Key| Candidate::new(format!("{}=", key.name)).help(Some(key.meaning.into()));
            return fitting(word, config::keys().iter().map(key)).0;
        };
        let values = if key == "data.dataset" {
            DATASETS.iter().map(|it| it.name.to_owned()).collect()
        } else {
            config::describe(key).map_or_else(Vec::new, |key| key.choices.clone())
        };
        fitting(word, values.into_iter().map(|value| Candidate::new(format!("{key}={value}")))).0
    })
}

/// RUN, then KEY=VALUE of what can change while a run trains
pub fn run_or_change() -> ArgValueCompleter {
    ArgValueCompleter::new(|word: &OsStr| {
        let keys = LIVE.iter().map(|key| Candidate::new(format!("{}=", key.name)).help(Some(key.meaning.into())));
        fitting(word, keys.chain(runs())).or_paths(word)
    })
}

/// The choices of a key, for an option that means the same
pub fn choices(key: &'static str) -> ArgValueCompleter {
    ArgValueCompleter::new(move |word: &OsStr| {
        let choices = config::describe(key).map_or(&[][..], |key| &key.choices);
        fitting(word, choices.iter().map(Candidate::new)).0
    })
}

/// What is in the trash
pub fn trashed() -> ArgValueCompleter {
    ArgValueCompleter::new(|word: &OsStr| {
        let sets = dirs::label_sets_dir().map(|folder| folder.join(trash::FOLDER));
        let sets = sets.and_then(|folder| saved::list(&folder)).unwrap_or_default();
        let runs = RunDir::list(&runs_folder().join(trash::FOLDER)).unwrap_or_default();
        let names = runs.iter().rev().map(RunDir::id).chain(sets.into_iter().map(|set| set.name));
        fitting(word, names.map(Candidate::new)).0
    })
}

/// Names of runs, the newest first.
fn runs() -> impl Iterator<Item = Candidate> {
    let runs = RunDir::list(&runs_folder()).unwrap_or_default();
    runs.into_iter().rev().map(|dir| Candidate::new(dir.id()))
}

fn presets() -> impl Iterator<Item = Candidate> {
    let own = own::list().into_iter().filter(|own| own.taken.is_none()).filter_map(|own| own.preset.ok());
    Preset::shipped().into_iter().chain(own).map(|preset| {
        let title = preset.resolve(&[]).map(|config| config.title).unwrap_or_default();
        Candidate::new(preset.name).help(Some(title.into()))
    })
}

fn datasets() -> impl Iterator<Item = Candidate> {
    DATASETS.iter().map(|it| Candidate::new(it.name).help(Some(it.title.into())))
}

/// The folder of runs that the line to complete asks for, else the usual one.
fn runs_folder() -> PathBuf {
    let words: Vec<OsString> = std::env::args_os().collect();
    let behind = words.windows(2).find(|pair| pair[0] == "--runs").map(|pair| pair[1].clone());
    let joined = || words.iter().find_map(|word| word.to_str()?.strip_prefix("--runs=").map(OsString::from));
    let asked = behind.or_else(joined).and_then(|folder| dirs::expand_home(Path::new(&folder)).ok());
    asked.or_else(|| dirs::runs_dir().ok()).unwrap_or_default()
}

/// Words to offer.
struct Offered(Vec<Candidate>);

/// Those that begin with a word, or if none does, those that hold it: that is how runs can be named.
fn fitting(word: &OsStr, candidates: impl IntoIterator<Item = Candidate>) -> Offered {
    let word = word.to_string_lossy();
    let mut found: Vec<_> = candidates.into_iter().collect();
    found.retain(|it| it.get_value().to_string_lossy().contains(&*word));
    if found.iter().any(|it| it.get_value().to_string_lossy().starts_with(&*word)) {
        found.retain(|it| it.get_value().to_string_lossy().starts_with(&*word));
    }
    Offered(found)
}

impl Offered {
    /// Paths instead, where a path is begun.
    fn or_paths(self, word: &OsStr) -> Vec<Candidate> {
        if word.is_empty() {
            return self.0;
        }
        let is_path = word.to_str().is_some_and(|word| word.starts_with(['.', '/', '~']));
        if self.0.is_empty() || is_path { PathCompleter::any().complete(word) } else { self.0 }
    }
}
