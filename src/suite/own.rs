//! Suites of one's own: `.toml` files in `suites` of the folders in which presets of one's own lie.
//!
//! A suite is called like its file, without `.toml`. A name that a shipped suite has stays that suite's, and of two files
//! with one name the nearer one has it; the other is still run by its path.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Result, bail};

use super::file::Suite;
use crate::base::alike::closest;
use crate::config::preset::own::{self, in_one_line};

/// So many files are looked at: a folder of this name may hold anything.
const MAX_ENTRIES: usize = 1000;

/// A suite of one's own.
#[derive(Debug)]
pub struct Own {
    /// Its file's name without `.toml`.
    pub name: String,
    /// Its file.
    pub path: PathBuf,
    /// What is in it, or why that cannot be read.
    pub suite: Result<Suite, String>,
}

/// All of them, those that are nearer first, by name. Copies of shipped ones are left out.
pub fn list() -> Vec<Own> {
    in_folders(&own::folders())
}

/// The file that has a name.
fn find(name: &str) -> Option<PathBuf> {
    let is_name = !name.is_empty() && !name.starts_with('.') && !name.contains('/');
    let path = |folder: PathBuf| folder.join("suites").join(format!("{name}.toml"));
    own::folders().into_iter().filter(|_| is_name).map(path).find(|path| path.is_file())
}

fn in_folders(folders: &[PathBuf]) -> Vec<Own> {
    let mut all: Vec<Own> = Vec::new();
    for path in folders.iter().flat_map(|folder| files(&folder.join("suites"))) {
        let name = path.file_stem().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        if fs::read_to_string(&path).is_ok_and(|text| Suite::shipped_text(&name).is_some_and(|other| other == text)) {
            continue;
        }
        let nearer = all.iter().find(|other| other.name == name).map(|other| other.path.display().to_string());
        let owner = Suite::shipped_text(&name).map(|_| "a shipped suite".to_owned()).or(nearer);
        let suite = match owner {
            Some(owner) => Err(format!("{owner} has its name: run it by its path")),
            None => Suite::from_file(&path).map_err(|error| in_one_line(&error)),
        };
        all.push(Own { name, path, suite });
    }
    all
}

/// The files of suites in a folder, by name. A folder that is not there, or cannot be read, has none.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten().take(MAX_ENTRIES).map(|entry| entry.path());
    let is_suite = |path: &PathBuf| {
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        path.extension().is_some_and(|extension| extension == "toml") && !name.starts_with(['.', '_']) && !path.is_dir()
    };
    let mut all: Vec<_> = entries.filter(is_suite).collect();
    all.sort();
    all
}

impl Suite {
    /// The shipped suite of that name, one's own, or the file at that path.
    pub fn find(name_or_path: &str) -> Result<Self> {
        let name = name_or_path.trim_end_matches(".toml");
        if let Some(shipped) = Self::shipped_as(name) {
            return shipped;
        }
        let path = Path::new(name_or_path);
        if path.extension().is_none_or(|extension| extension != "toml") {
            if let Some(path) = find(name_or_path) {
                return Self::from_file(&path);
            }
            let own = list().into_iter().map(|own| own.name);
            let names: Vec<_> = Self::shipped_names().into_iter().chain(own).collect();
            let meant = closest(name_or_path, names.iter().map(String::as_str)).join(" or ");
            let meant = if meant.is_empty() { meant } else { format!("did you mean {meant}? ") };
            bail!(
                "no suite is called {name_or_path:?}; {meant}`fixmatch suite list` lists them, or give the path of a .toml file"
            );
        }
        Self::from_file(path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn suites_of_both_folders_are_listed_and_a_name_that_is_taken_says_by_whom() {
        let place = tempfile::tempdir().expect("a temporary folder");
        let good = "title = \"Mine\"\nbase = \"quickstart\"\n";
        let shipped = Suite::shipped_text("quickstart-labels").expect("shipped");
        let files = [
            ("near/suites/mine.toml", good),
            ("near/suites/broken.toml", "title = 3\n"),
            ("near/suites/quickstart-labels.toml", &shipped),
            ("near/suites/notes.md", "no suite"),
            ("far/suites/mine.toml", good),
            ("far/suites/paper.toml", good),
            ("far/suites/quickstart-labels.toml", good),
        ];
        for (path, text) in files {
            let path = place.path().join(path);
            fs::create_dir_all(path.parent().expect("a folder")).expect("made");
            fs::write(path, text).expect("written");
        }
        let all = in_folders(&["near", "far", "nowhere"].map(|name| place.path().join(name)));
        let told: Vec<_> = all
            .iter()
            .map(|own| {
                let told = own.suite.as_ref().map_or_else(Clone::clone, |suite| suite.title.clone());
                (own.name.as_str(), told.replace(&*place.path().to_string_lossy(), ""))
            })
            .collect();
        let expected = [
            ("broken", "/near/suites/broken.toml: "),
            ("mine", "Mine"),
            ("mine", "/near/suites/mine.toml has its name: run it by its path"),
            ("paper", "Mine"),
            ("quickstart-labels", "a shipped suite has its name: run it by its path"),
        ];
        for ((name, told), (expected, said)) in told.iter().zip(expected) {
            assert!(*name == expected && told.starts_with(said), "{name}: {told}");
        }
        assert_eq!(told.len(), expected.len());
    }
}
