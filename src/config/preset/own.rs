//! Presets of one's own: `.toml` files in `experiments` of the folder that one is in, and in `fixmatch/presets` of the XDG
//! configuration directory.
//!
//! Their names are their paths there without `.toml`. A name that a shipped preset has stays that preset's, so that what
//! a name means does not depend on the folder; the file is trained by its path. Of two files with one name the nearer one
//! has it.

use std::fs;
use std::path::{Component, Path, PathBuf};

use anyhow::Context as _;

use super::{Preset, SUITES, natural_order};
use crate::base::dirs;
use crate::base::text::clean;
use crate::config::RunConfig;

/// The folder beside one's work.
const NEAR: &str = "experiments";

/// Files lie at most so many folders deep.
const MAX_DEPTH: usize = 3;

/// So many files and folders are looked at: a folder of this name may hold anything.
const MAX_ENTRIES: usize = 2000;

/// A preset of one's own.
#[derive(Clone, Debug, PartialEq)]
pub struct Own {
    /// Its path in its folder without `.toml`.
    pub name: String,
    /// Its file.
    pub path: PathBuf,
    /// What is in it, or why that cannot be read.
    pub preset: Result<Preset, String>,
    /// Who has its name already, so that it is trained by its path.
    pub taken: Option<Taken>,
}

/// Who has a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Taken {
    /// A shipped preset.
    Shipped,
    /// The file that is nearer.
    Nearer(PathBuf),
}

/// The folders that are looked into, the nearest first.
pub fn folders() -> Vec<PathBuf> {
    [PathBuf::from(NEAR)].into_iter().chain(dirs::presets_dir()).collect()
}

/// All of them, those that are nearer first, by name. Copies of shipped presets, recipes (`_…`) and suites are left out.
pub fn list() -> Vec<Own> {
    in_folders(&folders())
}

impl Own {
    /// What it comes to, or why that cannot be told, in one line.
    pub fn resolve(&self) -> Result<RunConfig, String> {
        self.preset.as_ref().map_err(Clone::clone)?.resolve(&[]).map_err(|error| in_one_line(&error))
    }
}

/// An error without the picture of the line that it is about.
pub fn in_one_line(error: &anyhow::Error) -> String {
    let text = format!("{error:#}");
    let is_picture =
        |line: &&str| line.trim_start().trim_start_matches(|c: char| c.is_ascii_digit()).trim().starts_with('|');
    let lines = text.lines().filter(|line| !line.trim().is_empty() && !is_picture(line)).map(str::trim);
    clean(&lines.collect::<Vec<_>>().join(": "))
}

/// The file that has a name.
pub(super) fn find(name: &str) -> Option<PathBuf> {
    find_in(&folders(), name)
}

fn find_in(folders: &[PathBuf], name: &str) -> Option<PathBuf> {
    let is_inside = !name.is_empty() && Path::new(name).components().all(|part| matches!(part, Component::Normal(_)));
    let is_inside = is_inside && !name.starts_with(SUITES);
    let path = |folder: &PathBuf| folder.join(format!("{name}.toml"));
    folders.iter().filter(|_| is_inside).map(path).find(|path| path.is_file())
}

fn in_folders(folders: &[PathBuf]) -> Vec<Own> {
    let mut all: Vec<Own> = Vec::new();
    for folder in folders {
        let (mut found, mut n_left) = (Vec::new(), MAX_ENTRIES);
        if let Err(error) = collect(folder, MAX_DEPTH, &mut n_left, &mut found) {
            let reason = format!("cannot read the folder {}: {error}", folder.display());
            let (name, path) = (folder.display().to_string(), folder.clone());
            all.push(Own { name, path, preset: Err(reason), taken: None });
        }
        let mut found: Vec<_> = found.into_iter().map(|path| (name_in(folder, &path), path)).collect();
        found.sort_by_cached_key(|(name, _)| natural_order(name));
        for (name, path) in found {
            let shipped = Preset::shipped_as(&name);
            let preset = Preset::own(&name, &path).map_err(|error| in_one_line(&error));
            if matches!((&shipped, &preset), (Some(shipped), Ok(own)) if shipped.text == own.text) {
                continue;
            }
            let nearer = || Some(Taken::Nearer(all.iter().find(|other| other.name == name)?.path.clone()));
            let taken = if shipped.is_some() { Some(Taken::Shipped) } else { nearer() };
            all.push(Own { name, path, preset, taken });
        }
    }
    all
}

/// The `.toml` files right in a folder, by name, without hidden ones and recipes (`_…`). A folder that is not there has none.
pub fn files(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut n_left = MAX_ENTRIES;
    collect(folder, 1, &mut n_left, &mut found)?;
    found.sort();
    Ok(found)
}

/// The files of presets in a folder. A folder that is not there has none.
fn collect(folder: &Path, depth: usize, n_left: &mut usize, found: &mut Vec<PathBuf>) -> std::io::Result<()> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        entries => entries?,
    };
    for entry in entries.flatten().take(*n_left) {
        *n_left = n_left.saturating_sub(1);
        let (path, name) = (entry.path(), entry.file_name().to_string_lossy().into_owned());
        if name.starts_with(['_', '.']) {
            continue;
        }
        if path.is_dir() {
            if depth > 1 && name != SUITES.trim_end_matches('/') {
                let _ = collect(&path, depth - 1, n_left, found); // what cannot be read has none
            }
        } else if path.extension().is_some_and(|extension| extension == "toml") {
            found.push(path);
        }
    }
    Ok(())
}

fn name_in(folder: &Path, path: &Path) -> String {
    let name = path.strip_prefix(folder).unwrap_or(path).to_string_lossy().into_owned();
    name.strip_suffix(".toml").unwrap_or(&name).to_owned()
}

impl Preset {
    /// A preset of one's own, under its name.
    fn own(name: &str, path: &Path) -> anyhow::Result<Self> {
        Ok(Self { name: name.to_owned(), ..Self::from_file(path)? })
    }

    /// The preset of one's own that has a name, if one has.
    pub(super) fn find_own(name: &str) -> Option<anyhow::Result<Self>> {
        find(name).map(|path| Self::own(name, &path).context("a preset of your own"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "extends = \"quickstart\"\ntitle = \"Mine\"\n";

    /// Two folders with these files in them: the nearer one, the farther one.
    fn folders_with(files: &[(&str, &str)]) -> (tempfile::TempDir, Vec<PathBuf>) {
        let place = tempfile::tempdir().expect("a temporary folder");
        for (path, text) in files {
            let path = place.path().join(path);
            fs::create_dir_all(path.parent().expect("a folder")).expect("made");
            fs::write(path, text).expect("written");
        }
        let folders = ["near", "far"].map(|name| place.path().join(name)).into();
        (place, folders)
    }

    #[test]
    fn presets_of_both_folders_are_listed_by_their_paths_and_a_broken_one_hides_no_other() {
        let (place, folders) = folders_with(&[
            ("near/b.toml", GOOD),
            ("near/a10.toml", GOOD),
            ("near/a9.toml", GOOD),
            ("near/study/c.toml", GOOD),
            ("near/_recipe.toml", GOOD),
            ("near/.hidden.toml", GOOD),
            ("near/suites/grid.toml", "title = \"A suite\""),
            ("near/notes.md", "no preset"),
            ("far/d.toml", GOOD),
        ]);
        fs::write(folders[0].join("bytes.toml"), [0xff, 0xfe]).expect("written");
        fs::create_dir(folders[0].join("folder.toml")).expect("made");
        let all = in_folders(&folders);
        let names: Vec<_> = all.iter().map(|own| (own.name.as_str(), own.preset.is_ok())).collect();
        assert_eq!(names, [("a9", true), ("a10", true), ("b", true), ("bytes", false), ("study/c", true), ("d", true)]);
        assert!(all.iter().all(|own| own.taken.is_none()));
        for own in all.iter().filter(|own| own.preset.is_ok()) {
            assert_eq!(find_in(&folders, &own.name).as_ref(), Some(&own.path));
            let preset = own.preset.as_ref().expect("read");
            assert_eq!((preset.group(), preset.reference()), (Some("own"), own.path.display().to_string()));
            assert!(preset.resolve(&[]).is_ok());
        }
        assert_eq!(
            [find_in(&folders, "../far/d"), find_in(&folders, ""), find_in(&folders, "nothing")],
            [None, None, None]
        );
        drop(place);
    }

    #[test]
    fn a_name_that_is_taken_says_by_whom_and_a_copy_of_a_shipped_preset_is_left_out() {
        let shipped = Preset::shipped_as("paper/cifar10-40").expect("shipped").text;
        let (_place, folders) = folders_with(&[
            ("near/quickstart.toml", GOOD),
            ("near/paper/cifar10-40.toml", &shipped),
            ("near/mine.toml", GOOD),
            ("far/mine.toml", GOOD),
        ]);
        let all = in_folders(&folders);
        let taken: Vec<_> = all.iter().map(|own| (own.name.as_str(), own.taken.clone())).collect();
        let nearer = Taken::Nearer(folders[0].join("mine.toml"));
        assert_eq!(taken, [("mine", None), ("quickstart", Some(Taken::Shipped)), ("mine", Some(nearer))]);
        assert_eq!(find_in(&folders, "mine"), Some(folders[0].join("mine.toml")));
    }

    #[test]
    fn what_is_wrong_with_one_is_said_in_one_line() {
        let (_place, folders) = folders_with(&[
            ("near/value.toml", "[train]\nlr = -1.0"),
            ("near/key.toml", "extends = \"quickstart\"\n[train]\nstep = 3"),
            ("near/syntax.toml", "[train\n"),
            ("near/base.toml", "extends = \"nowhere\""),
        ]);
        for own in in_folders(&folders) {
            let error = own.resolve().expect_err("wrong");
            let expected = match own.name.as_str() {
                "value" => "line 2, column 6: must be more than 0",
                "key" => "did you mean train.steps?",
                "syntax" => "line 1",
                _ => "\"nowhere\" is neither a shipped preset nor a file",
            };
            assert!(error.contains(expected) && error.lines().count() == 1 && !error.contains(" | "), "{error}");
            assert!(error.contains(&own.path.display().to_string()), "{error}");
        }
    }

    #[test]
    fn a_folder_that_is_none_is_a_row_with_its_error() {
        let (_place, folders) = folders_with(&[("near", "a file"), ("far/mine.toml", GOOD)]);
        let all = in_folders(&folders);
        assert!(all[0].preset.as_ref().is_err_and(|error| error.starts_with("cannot read the folder ")), "{all:?}");
        assert_eq!((all.len(), all[1].name.as_str()), (2, "mine"));
    }
}
