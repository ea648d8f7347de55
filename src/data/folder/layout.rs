//! Where the parts of a folder of images are: `train/`, `test/` and `unlabeled/`. What stands beside them or instead of
//! them under a name that looks alike is named, with what to do.

use std::path::{Path, PathBuf};

use anyhow::{Result, anyhow, ensure};

use super::super::decode::sniff::has_extension;
use super::scan::{Leads, children, holds_images, is_dead_link, leads};
use crate::base::text::{self, Shown as _};

/// What a folder of images is.
#[derive(Debug)]
pub enum Layout {
    /// Class folders to train on, in a folder of their own, and most often others to test on.
    Parts(Parts),
    /// Class folders alone.
    Classes(Classes),
    /// A folder of images that have no class at all.
    Heap(PathBuf),
}

/// The parts of a data set.
#[derive(Debug)]
pub struct Parts {
    /// Class folders to train on.
    pub train: PathBuf,
    /// Class folders to test on; none if test images are to be held out.
    pub test: Option<PathBuf>,
    /// Images of unknown class.
    pub unlabeled: Option<PathBuf>,
    /// What stands beside them and is not used, a sentence each.
    pub warnings: Vec<String>,
}

/// Class folders that stand in the root.
#[derive(Debug)]
pub struct Classes {
    /// The folders, sorted by name.
    pub folders: Vec<PathBuf>,
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

/// Names of test images that are taken where there is no `test`, the first that is there.
const STAND_INS: [&str; 3] = ["val", "valid", "validation"];

/// Whether a name says that images are to test on, if there is nothing else to.
pub fn is_stand_in(name: &str) -> bool {
    STAND_INS.contains(&name)
}

/// What the layout is.
pub fn expected(root: &Path) -> String {
    format!("{0}/train/CLASS/*.png and {0}/test/CLASS/*.png (or .jpg, .webp, …)", root.shown())
}

/// The last part of a path.
pub fn name_of(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// Finds out what a folder of images is. `holds_out`: whether test images are to be taken from the training images.
///
/// # Errors
/// If there are no images where some must be, or they lie in a folder whose name only looks like the right one.
pub fn of(root: &Path, holds_out: bool) -> Result<Layout> {
    let inside = children(root)?;
    let folders: Vec<_> = inside.iter().filter(|path| matches!(leads(path), Leads::Folder(_))).collect();
    let is_part = |path: &Path| TRAIN.is_meant_by(&name_of(path)) || TEST.is_meant_by(&name_of(path));
    let is_dead_part = || [TRAIN.name, TEST.name].iter().any(|name| is_dead_link(&root.join(name)));
    if folders.iter().any(|path| is_part(path)) || is_dead_part() {
        return parts(root, &inside, &folders, holds_out).map(Layout::Parts);
    }
    let has_parts = |path: &Path| path.join(TRAIN.name).is_dir() && path.join(TEST.name).is_dir();
    let is_one_too_deep = is_part(root) && root.parent().is_some_and(has_parts);
    if is_one_too_deep || folders.iter().any(|path| path.join(TRAIN.name).is_dir()) {
        return Err(missing(root, &TRAIN, &inside, &folders));
    }
    let unlabeled = unlabeled_in(root)?;
    let (mut classes, mut warnings) = (Vec::new(), Vec::new());
    for folder in folders.iter().filter(|path| Some(**path) != unlabeled.as_ref()) {
        if !holds_images(folder) {
            warnings.push(format!("{} holds no images, so it is no class", folder.shown()));
        } else if UNLABELED.is_meant_by(&name_of(folder)) {
            refuse_other_unlabeled(folder, root, unlabeled.is_some())?;
            warnings.push(format!(
                "the images in {} are not used: those of unknown class are looked for in unlabeled alone",
                folder.shown()
            ));
        } else {
            classes.push((**folder).clone());
        }
    }
    match (classes.is_empty(), unlabeled) {
        (false, unlabeled) => Ok(Layout::Classes(Classes { folders: classes, unlabeled, warnings })),
        (true, Some(unlabeled)) => Ok(Layout::Heap(unlabeled)),
        (true, None) if holds_images(root) => Ok(Layout::Heap(root.to_owned())),
        (true, None) => Err(missing(root, &TRAIN, &inside, &folders)),
    }
}

/// Finds the parts of a folder that has some of them.
fn parts(root: &Path, inside: &[PathBuf], folders: &[&PathBuf], holds_out: bool) -> Result<Parts> {
    let train = root.join(TRAIN.name);
    if !train.is_dir() {
        return Err(missing(root, &TRAIN, inside, folders));
    }
    let candidates = [TEST.name].iter().chain(&STAND_INS).map(|name| root.join(name));
    let test = candidates.into_iter().find(|folder| folder.is_dir() && !is_dead_link(&root.join(TEST.name)));
    if test.is_none() && (!holds_out || folders.iter().any(|path| TEST.is_meant_by(&name_of(path)))) {
        return Err(missing(root, &TEST, inside, folders));
    }
    let unlabeled = unlabeled_in(root)?;
    let mut warnings = Vec::new();
    let used = [Some(&train), test.as_ref(), unlabeled.as_ref()];
    for folder in folders.iter().filter(|path| !used.contains(&Some(**path)) && holds_images(path)) {
        if UNLABELED.is_meant_by(&name_of(folder)) {
            refuse_other_unlabeled(folder, root, unlabeled.is_some())?;
        }
        warnings.push(format!(
            "the images in {} are not used: only train, {} and unlabeled are looked into",
            folder.shown(),
            test.as_deref().map_or(TEST.name.into(), name_of),
        ));
    }
    Ok(Parts { train, test, unlabeled, warnings })
}

/// The folder of images of unknown class, if there is one.
fn unlabeled_in(root: &Path) -> Result<Option<PathBuf>> {
    let folder = root.join(UNLABELED.name);
    ensure!(!is_dead_link(&folder), "{} is a link to nothing: mend or remove it", folder.shown());
    Ok(folder.is_dir().then_some(folder))
}

/// Refuses images of unknown class under a name that only looks like the right one, unless those of the right one are there.
fn refuse_other_unlabeled(folder: &Path, root: &Path, has_right_one: bool) -> Result<()> {
    ensure!(
        has_right_one,
        "{} holds images, but images of unknown class are looked for in {}: rename it, or move it elsewhere",
        folder.shown(),
        root.join(UNLABELED.name).shown(),
    );
    Ok(())
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
    if part.name == TEST.name {
        return anyhow!(
            "{absent}: expected {}; or set data.holdout = 0.2 to test on a fifth of the training images, or 0 to test on none; \
             `fixmatch new --holdout 0.2` makes a preset with it",
            expected(root)
        );
    }
    if !folders.iter().any(|path| TEST.is_meant_by(&name_of(path))) {
        let root_shown = root.shown();
        return anyhow!("{root_shown} holds no images: expected {root_shown}/CLASS/*.png, or {}", expected(root));
    }
    let hint = if classes.is_empty() {
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
