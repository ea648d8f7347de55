//! Suites of one's own: `.toml` files in `suites` of the folders in which presets of one's own lie.
//!
//! A suite is called like its file, without `.toml`. A name that a shipped suite has stays that suite's, and of two files
//! with one name the nearer one has it; the other is still run by its path.

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};

use super::file::Suite;
use crate::base::alike::closest;
use crate::base::files;
use crate::config::preset::own::{self, in_one_line};

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
    for folder in folders.iter().map(|folder| folder.join("suites")) {
        let found = own::files(&folder).unwrap_or_else(|error| {
            let reason = format!("cannot read the folder {}: {error}", folder.display());
            all.push(Own { name: folder.display().to_string(), path: folder, suite: Err(reason) });
            Vec::new()
        });
        of_folder(found, &mut all);
    }
    all
}

/// Adds the suites in these files.
fn of_folder(found: Vec<PathBuf>, all: &mut Vec<Own>) {
    for path in found {
        let name = path.file_stem().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let shipped = Suite::shipped_text(&name);
        let is_copy = |text: &String| files::read_text(&path, files::MAX_TOML).is_ok_and(|own| own == *text);
        if shipped.as_ref().is_some_and(is_copy) {
            continue;
        }
        let nearer = all.iter().find(|other| other.name == name).map(|other| other.path.display().to_string());
        let owner = shipped.map(|_| "a shipped suite".to_owned()).or(nearer);
        let suite = match owner {
            Some(owner) => Err(format!("{owner} has its name: run it by its path")),
            None => Suite::from_file(&path).map_err(|error| in_one_line(&error)),
        };
        all.push(Own { name, path, suite });
    }
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
    use std::fs;

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
        // a copy would have to be read to be told, which a pipe never ends
        rustix::fs::mkfifoat(rustix::fs::CWD, place.path().join("far/suites/slides-which.toml"), 0o600.into())
            .expect("a FIFO");
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
            ("slides-which", "a shipped suite has its name: run it by its path"),
        ];
        for ((name, told), (expected, said)) in told.iter().zip(expected) {
            assert!(*name == expected && told.starts_with(said), "{name}: {told}");
        }
        assert_eq!(told.len(), expected.len());
    }
}
