//! Where the parts of a folder of images are: `train/`, `test/` and `unlabeled/`. What stands beside them or instead of
//! them under a name that looks alike is named, with what to do.

use std::path::{Path, PathBuf};

use anyhow::{Result, anyhow, bail};

use super::scan::{Leads, children, holds_images, is_dead_link, leads};
use crate::base::text::{self, Shown as _};
use crate::data::decode::sniff::has_extension;

/// The parts of a data set.
#[derive(Debug)]
pub struct Parts {
    /// Class folders to train on.
    pub train: PathBuf,
    /// Class folders to test on.
    pub test: PathBuf,
    /// Images of unknown class.
    pub unlabeled: Option<PathBuf>,
    /// What stands beside them and is not used, a sentence each.
    pub warnings: Vec<String>,
}

/// A part, and other names for it as letters and digits in lower case.
struct Part {
    name: &'static str,
    aliases: &'static [&'static str],
}

const TRAIN: Part =
    Part { name: "train", aliases: &["train", "training", "trainset", "trainingset", "labeled", "labelled"] };
const TEST: Part = Part {
    name: "test",
    aliases: &[
        "test",
        "tests",
        "testing",
        "testset",
        "val",
        "vali",
        "valid",
        "validate",
        "validation",
        "valset",
        "dev",
        "devset",
        "eval",
        "evaluation",
        "holdout",
    ],
};
const UNLABELED: Part = Part {
    name: "unlabeled",
    aliases: &[
        "unlabeled",
        "unlabelled",
        "unlabled",
        "unlabeld",
        "unlabel",
        "unlabels",
        "unlab",
        "unlabeleddata",
        "unlabelleddata",
        "trainunlabeled",
        "trainunlabelled",
        "unsupervised",
        "unsup",
        "nolabel",
        "nolabels",
        "unannotated",
    ],
};

const ARCHIVES: [&str; 10] = ["zip", "tar", "gz", "tgz", "bz2", "xz", "zst", "7z", "rar", "tbz2"];

impl Part {
    /// Whether a folder's name means this part, though it may be written in another way.
    pub fn is_meant_by(&self, name: &str) -> bool {
        let letters: String = name.chars().filter(|letter| letter.is_alphanumeric()).collect();
        self.aliases.contains(&&*letters.to_lowercase())
    }
}

/// Whether a name reads as that of the folder of images of unknown class.
pub fn means_unlabeled(name: &str) -> bool {
    UNLABELED.is_meant_by(name)
}

/// What the layout is.
pub fn expected(root: &Path) -> String {
    format!("{0}/train/CLASS/*.png and {0}/test/CLASS/*.png (or .jpg, .webp, …)", root.shown())
}

/// The last part of a path.
pub fn name_of(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// Finds the parts.
///
/// # Errors
/// If training or test images have no folder, or images of unknown class lie in one of another name.
pub fn parts(root: &Path) -> Result<Parts> {
    let inside = children(root)?;
    let folders: Vec<_> = inside.iter().filter(|path| matches!(leads(path), Leads::Folder(_))).collect();
    let [train, test] = [TRAIN, TEST].map(|part| root.join(part.name));
    for (part, folder) in [(TRAIN, &train), (TEST, &test)] {
        if !folder.is_dir() {
            return Err(missing(root, &part, &inside, &folders));
        }
    }
    let unlabeled = root.join(UNLABELED.name);
    if is_dead_link(&unlabeled) {
        bail!("{} is a link to nothing: mend or remove it", unlabeled.shown());
    }
    let unlabeled = unlabeled.is_dir().then_some(unlabeled);
    let mut warnings = Vec::new();
    for folder in folders {
        let name = name_of(folder);
        if [TRAIN.name, TEST.name, UNLABELED.name].contains(&&*name) || !holds_images(folder) {
            continue;
        }
        if unlabeled.is_none() && UNLABELED.is_meant_by(&name) {
            bail!(
                "{} holds images, but images of unknown class are looked for in {}: rename it, or move it elsewhere",
                folder.shown(),
                root.join(UNLABELED.name).shown(),
            );
        }
        warnings.push(format!(
            "the images in {} are not used: only train, test and unlabeled are looked into",
            folder.shown()
        ));
    }
    Ok(Parts { train, test, unlabeled, warnings })
}

/// The error for a part that is not there: what is there instead.
fn missing(root: &Path, part: &Part, inside: &[PathBuf], folders: &[&PathBuf]) -> anyhow::Error {
    let folder = root.join(part.name);
    let absent = format!("there is no folder {}", folder.shown());
    if is_dead_link(&folder) {
        return anyhow!("{} is a link to nothing: mend it", folder.shown());
    }
    if let Some(alike) = folders.iter().find(|path| part.is_meant_by(&name_of(path))) {
        let (alike, name) = (alike.shown(), name_of(alike));
        return anyhow!(
            "{absent}, but {alike} looks like it: rename it to {0}, or link it (ln -s {name} {1})",
            part.name,
            folder.shown(),
        );
    }
    let is_of = |path: &Path| name_of(path).to_lowercase().starts_with(part.name);
    let archives = || inside.iter().filter(|path| has_extension(path, &ARCHIVES));
    if let Some(archive) =
        archives().find(|path| is_of(path)).or_else(|| archives().next().filter(|_| folders.is_empty()))
    {
        return anyhow!("{absent}, but {} is an archive: unpack it first", archive.shown());
    }
    if let Some(nested) = folders.iter().find(|path| path.join(part.name).is_dir() && path.join(TRAIN.name).is_dir()) {
        return anyhow!("{absent}, but {0} has one: set data.path to {0}", nested.shown());
    }
    if let Some(parent) =
        root.parent().filter(|parent| parent.join(TRAIN.name).is_dir() && parent.join(TEST.name).is_dir())
    {
        return anyhow!("{absent}, but {0} has one: set data.path to {0}", parent.shown());
    }
    let classes: Vec<_> = folders.iter().map(|path| name_of(path)).filter(|name| !PARTS.contains(&&**name)).collect();
    let hint = if classes.is_empty() || part.name == TEST.name {
        String::new()
    } else {
        format!("; if {} are classes, move them into {}", shortened(&classes), folder.shown())
    };
    anyhow!("{absent}: expected {}{hint}", expected(root))
}

const PARTS: [&str; 3] = [TRAIN.name, TEST.name, UNLABELED.name];

/// The first three names.
pub fn shortened(names: &[String]) -> String {
    let shown = names[..names.len().min(3)].iter().map(|name| text::name(name)).collect::<Vec<_>>().join(", ");
    if names.len() > 3 { format!("{shown}, …") } else { shown }
}
