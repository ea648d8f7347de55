//! The user's own images: class folders in `ROOT/train` and `ROOT/test`, class folders alone, a folder of images without
//! classes, or a list ([`list`]) with a path and a label for each; in any format that [`decode`](super::decode) reads.
//!
//! Classes and files are sorted by name, so that indices mean the same on every machine; a list keeps its order. Where
//! there are no test images some are held out ([`holdout`]). Images of different sizes are an error unless a size is asked
//! for. Gray images stay gray unless one image anywhere is in colour. What is left out is counted and said ([`tally`]); a
//! damaged image is an error, and all of them are named at once.

use std::collections::BTreeSet;
use std::ops::Range;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail, ensure};

use self::classes::{Class, classes_without};
pub use self::decoded::Reading;
use self::holdout::HeldOut;
use self::layout::{Layout, name_of};
use self::list::{List, Row, Split};
use self::tally::{Remark, Tally};
use super::pixels::Pixels;
use super::{Descriptor, Files, Found, Images, Loaded, Own, Place, Published, UNKNOWN};
use crate::base::text::{Name, Shown as _};

mod classes;
mod decoded;
pub mod holdout;
mod layout;
mod list;
mod scan;
pub mod tally;

/// `folder`, wherever `data.path` says.
pub const DESCRIPTOR: Descriptor = Descriptor {
    name: "folder",
    title: "your own images: class folders, a heap or a list",
    n_images: None,
    n_unlabeled: 0,
    shape: None,
    licence: "yours",
    homepage: "",
    downloads: &[],
    looks_in: |place| place.path.map(Path::to_path_buf).into_iter().collect(),
    find: |place| place.path.filter(|root| root.exists()).map(|root| Found::Folder(root.to_path_buf())),
    load,
};

/// What people said of the images of a folder, in the folder.
pub const ANSWERS: &str = "labels.csv";

/// Damaged files that an error names; it counts the others.
const MOST_NAMED: usize = 5;

/// Classes that can be told apart: their numbers have 16 bits, and one is [`UNKNOWN`].
const MAX_CLASSES: usize = UNKNOWN as usize;

/// An image file and its class.
#[derive(Clone, Debug)]
struct Entry {
    path: PathBuf,
    label: u16,
}

/// The image files in a folder and in the folders in it, sorted, and what else is there, for the user to know.
///
/// # Errors
/// If a folder cannot be read.
pub fn images_in(folder: &Path) -> Result<(Vec<PathBuf>, Option<String>)> {
    let mut tally = Tally::default();
    let files = scan::images(folder, &mut tally)?;
    let tally = tally.without(Remark::Deeper);
    Ok((files, tally.is_loud().then(|| tally.others(folder))))
}

/// What is known of an image file before it is decoded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// The file, an absolute path or one from the current folder.
    pub path: PathBuf,
    /// Its class, if that is known.
    pub label: Option<Name>,
    /// `train` or `test`; empty for an image of unknown class.
    pub split: &'static str,
}

/// The image files of a folder or a list, and what each is for, without a look at what they show.
///
/// # Errors
/// As when it is loaded, but for what is wrong with images.
pub fn listed(place: &Place) -> Result<Vec<Listed>> {
    let Listing { classes, train, test, unlabeled, .. } = list_all(root_of(place)?, place)?;
    let all = [(train, "train"), (unlabeled, ""), (test, "test")];
    let listed = |(entries, split): (Vec<Entry>, &'static str)| {
        let classes = &classes;
        let of = move |Entry { path, label }| Listed { path, label: classes.get(usize::from(label)).cloned(), split };
        entries.into_iter().map(of).collect::<Vec<_>>()
    };
    Ok(all.into_iter().flat_map(listed).collect())
}

/// These files as a list that `data.path` takes. With a folder, paths below it start there; others are whole.
///
/// # Errors
/// If the current folder is gone.
pub fn csv(files: &[Listed], folder: Option<&Path>) -> Result<Vec<u8>> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(["path", "label", "split"])?;
    for Listed { path, label, split } in files {
        let path = std::path::absolute(path)?;
        let path = folder.and_then(|folder| path.strip_prefix(folder).ok()).unwrap_or(&path);
        // a leading ~ would be read as a home directory
        let path = if path.as_os_str().as_bytes().starts_with(b"~") { &Path::new(".").join(path) } else { path };
        let label = label.as_ref().map_or("", |label| label.raw());
        writer.write_record([path.as_os_str().as_bytes(), label.as_bytes(), split.as_bytes()])?;
    }
    writer.into_inner().context("memory takes what is written")
}

/// All that is found before an image is decoded.
#[derive(Default)]
struct Listing {
    classes: Vec<Name>,
    train: Vec<Entry>,
    test: Vec<Entry>,
    unlabeled: Vec<Entry>,
    held_out: Option<HeldOut>,
    tally: Tally,
    /// What was made of the layout, beside the counts.
    said: Vec<String>,
    warnings: Vec<String>,
}

fn root_of<'a>(place: &Place<'a>) -> Result<&'a Path> {
    place.path.context("the folder data set needs data.path: a folder of images, or a list of them")
}

fn list_all(root: &Path, place: &Place) -> Result<Listing> {
    if root.is_file() || (list::is_list(root) && !root.is_dir()) {
        return of_list(list::read(root)?, root, place);
    }
    match layout::of(root, place.holdout.0.is_some())? {
        Layout::Parts(parts) => of_parts(parts, root, place),
        Layout::Classes(classes) => of_classes(classes, root, place),
        Layout::Heap(heap) => {
            let mut listing = Listing::default();
            listing.unlabeled = classes::unlabeled_images(&heap, &mut listing.tally)?;
            listing.tally = listing.tally.without(Remark::Deeper);
            listing.said.push("no image has a class".into());
            Ok(listing)
        }
    }
}

fn of_parts(parts: layout::Parts, root: &Path, place: &Place) -> Result<Listing> {
    let layout::Parts { train, test, unlabeled, warnings } = parts;
    let mut listing = Listing { warnings, ..Listing::default() };
    let known = classes::classes_in(&train, root, &mut listing.tally)?;
    classes::check_classes(&known, &train)?;
    let Some(test) = test else {
        return hold_out(listing, &known, unlabeled.as_deref(), (root, place));
    };
    refuse_holdout(place, &test.shown())?;
    let tested = classes::classes_in(&test, root, &mut listing.tally)?;
    listing.train = classes::training_images(&known, &mut listing.tally)?;
    listing.test = classes::test_images(&tested, &known, &mut listing.tally)?;
    let say = || listing.tally.say(root, place.background);
    ensure!(!listing.test.is_empty(), "{} holds no image of any class: {}", test.shown(), say());
    let name = name_of(&test);
    if layout::is_stand_in(&name) {
        listing.said.push(format!("the test images are those in {name}"));
    }
    add_unlabeled(&mut listing, unlabeled.as_deref())?;
    listing.warnings.extend(classes::alike(&known));
    let untested = classes_without(&listing.test, known.len()).into_iter();
    listing
        .warnings
        .extend(untested.map(|class| format!("class {} has no test images in {}", known[class].name, test.shown())));
    listing.classes = known.into_iter().map(|class| class.name).collect();
    Ok(listing)
}

fn of_classes(found: layout::Classes, root: &Path, place: &Place) -> Result<Listing> {
    let layout::Classes { folders, unlabeled, warnings } = found;
    let mut listing = Listing { warnings, ..Listing::default() };
    classes::count_beside(root, &mut listing.tally)?;
    let known: Vec<_> = folders.into_iter().map(Class::of).collect();
    classes::check_classes(&known, root)?;
    hold_out(listing, &known, unlabeled.as_deref(), (root, place))
}

/// Reads class folders of which a share is to test on.
fn hold_out(
    mut listing: Listing,
    known: &[Class],
    unlabeled: Option<&Path>,
    (root, place): (&Path, &Place),
) -> Result<Listing> {
    let labeled = classes::training_images(known, &mut listing.tally)?;
    listing.warnings.extend(classes::alike(known));
    listing.classes = known.iter().map(|class| class.name.clone()).collect();
    divide(&mut listing, labeled, root, place)?;
    add_unlabeled(&mut listing, unlabeled)?;
    Ok(listing)
}

fn add_unlabeled(listing: &mut Listing, folder: Option<&Path>) -> Result<()> {
    if let Some(folder) = folder {
        listing.unlabeled = classes::unlabeled_images(folder, &mut listing.tally)?;
    }
    Ok(())
}

/// Holds test images out of labeled ones.
fn divide(listing: &mut Listing, labeled: Vec<Entry>, root: &Path, place: &Place) -> Result<()> {
    let (share, seed) = (place.holdout.0.unwrap_or(holdout::SHARE), place.holdout.1.unwrap_or_default());
    let (n, n_classes) = (labeled.len(), listing.classes.len());
    if share == 0.0 {
        listing.said.push(format!("all {n} labeled images are to train on, none is to test on (data.holdout = 0)"));
        listing.train = labeled;
        return Ok(());
    }
    let (train, test, held_out) = holdout::divide(labeled, n_classes, root, (share, seed));
    ensure!(
        !test.is_empty(),
        "{}: each class has one image, and none is left to test on: add images, or set data.holdout = 0 to train without test \
         images",
        root.shown()
    );
    let lent = match held_out.n_lent {
        0 => String::new(),
        1 => ", one of a class of which none was drawn".into(),
        n => format!(", {n} of classes of which none was drawn"),
    };
    listing.said.push(format!(
        "{} of {n} labeled images are held out to test on{lent} (data.holdout = {share}, data.holdout_seed = {seed})",
        test.len(),
    ));
    let untested = classes_without(&test, n_classes).into_iter();
    let warning =
        |class: usize| format!("class {} has one image, which trains: none to test on", listing.classes[class]);
    listing.warnings.extend(untested.map(warning));
    (listing.train, listing.test, listing.held_out) = (train, test, Some(held_out));
    Ok(())
}

/// Refuses to hold images out where there are test images.
fn refuse_holdout(place: &Place, test: &str) -> Result<()> {
    ensure!(
        place.holdout == (None, None),
        "data.holdout is set, but {test} has test images: remove data.holdout and data.holdout_seed, or those images"
    );
    Ok(())
}

fn of_list(list: List, path: &Path, place: &Place) -> Result<Listing> {
    let List { rows, unused, has_split } = list;
    let name = path.shown();
    let mut listing = Listing::default();
    let labels: BTreeSet<&str> = rows.iter().filter_map(|row| row.label.as_deref()).collect();
    let labels: Vec<String> = labels.into_iter().map(str::to_owned).collect();
    ensure!(
        labels.len() <= MAX_CLASSES,
        "{name} has {} classes, and at most {MAX_CLASSES} can be told apart",
        labels.len()
    );
    if let [only] = &labels[..] {
        let only = Name::from(only.as_str());
        bail!("{name} has only one class, {only}: with one there is nothing to tell apart; at least 2 are needed");
    }
    if !unused.is_empty() {
        let unused: Vec<_> = unused.into_iter().map(|name| Name::from(name).to_string()).collect();
        listing.said.push(format!("columns not looked at: {}", unused.join(", ")));
    }
    let has_test = rows.iter().any(|row| row.split == Split::Test);
    let mut n_left_out = 0;
    let mut labeled = Vec::new();
    for Row { path, label, split, .. } in rows {
        let label = label.map(|label| labels.binary_search(&label).expect("one of the labels") as u16);
        let entry = Entry { path, label: label.unwrap_or(UNKNOWN) };
        match (split, label) {
            (Split::Validation, _) if has_test => n_left_out += 1,
            (Split::Test | Split::Validation, _) => listing.test.push(entry),
            (Split::Train, Some(_)) => labeled.push(entry),
            (Split::Train, None) => listing.unlabeled.push(entry),
        }
    }
    if n_left_out > 0 {
        listing.warnings.push(format!("{n_left_out} images of {name} are not used: split val, beside test"));
    }
    listing.warnings.extend(classes::alike_labels(&labels, &name));
    listing.classes = labels.into_iter().map(Name::from).collect();
    if listing.classes.is_empty() {
        listing.said.push("no image has a class".into());
    } else if !listing.test.is_empty() {
        refuse_holdout(place, &name)?;
        let untrained = classes_without(&labeled, listing.classes.len());
        if let Some(&class) = untrained.first() {
            bail!("{name} has no training image of class {}", listing.classes[class]);
        }
        let untested = classes_without(&listing.test, listing.classes.len());
        let warning = |class: usize| format!("class {} has no test images in {name}", listing.classes[class]);
        let warnings: Vec<_> = untested.into_iter().map(warning).collect();
        listing.warnings.extend(warnings);
        listing.train = labeled;
    } else {
        ensure!(
            !has_split || place.holdout.0.is_some(),
            "{name} says split, and no image is to test on: give some of them test, or set data.holdout = 0.2 to \
             test on a fifth of the labeled images, or 0 to test on none"
        );
        divide(&mut listing, labeled, &folder_of(path), place)?;
    }
    Ok(listing)
}

/// Where relative paths start: the folder of a list, or the folder itself.
fn folder_of(root: &Path) -> PathBuf {
    let absolute = std::path::absolute(root).unwrap_or_else(|_| root.to_owned());
    if root.is_dir() { root.to_owned() } else { absolute.parent().map(Path::to_owned).unwrap_or_default() }
}

fn load(place: &Place) -> Result<Loaded> {
    let root = root_of(place)?;
    let Listing { classes, train, test, unlabeled, held_out, mut tally, said, mut warnings } = list_all(root, place)?;
    let (n_train, n_training) = (train.len(), train.len() + unlabeled.len());
    // those to train on are neighbours, so that they stay one where they are mapped
    let entries = [train, unlabeled, test].concat();
    let decoded::All { mut pixels, width, height, channels, prints, reading } =
        decoded::all(&entries, place, &mut tally)?;
    let folder = folder_of(root);
    let counted = tally.say(&folder, place.background);
    let read = [vec![counted], said].concat().join("; ");
    if tally.is_loud() {
        warnings.insert(0, read.clone());
    }
    warnings.extend(reading.trouble.clone());
    if pixels.are_mapped() {
        let (size, n) = (pixels.len() / 1_000_000, entries.len());
        warnings.push(format!("{n} images take {size} MB as pixels: they are read from the cache as they are needed"));
    }
    let (n, size) = (entries.len(), width * height * channels);
    let images = |pixels: Pixels, range: Range<usize>| {
        let labels = entries[range].iter().map(|entry| entry.label).collect();
        Images { width, height, channels, pixels, labels }
    };
    let test = images(pixels.split_off(n_training * size), n_training..n);
    let unlabeled = images(pixels.split_off(n_train * size), n_train..n_training);
    let paths = |range: Range<usize>| entries[range].iter().map(|entry| entry.path.clone()).collect();
    let files =
        Files { train: paths(0..n_train), unlabeled: paths(n_train..n_training), test: paths(n_training..n), folder };
    Ok(Loaded {
        train: images(pixels, 0..n_train),
        unlabeled: Some(unlabeled).filter(|images| images.n() > 0),
        test,
        classes,
        published: Published::Never,
        read: Some(read),
        own: Some(Own { files, held_out, prints, reading }),
        folds: Vec::new(),
        warnings,
    })
}

/// Refuses files of which there is something to say, all counted and the first named.
fn refused(faults: &[String], n_files: usize, advice: &str) -> Result<()> {
    match faults {
        [] => Ok(()),
        [only] => bail!("{only}; {advice}"),
        several => {
            let named = several[..several.len().min(MOST_NAMED)].join("; ");
            let n_more = several.len().saturating_sub(MOST_NAMED);
            let more = if n_more > 0 { format!("; and {n_more} more") } else { String::new() };
            bail!("{} of {n_files} images cannot be used; {advice}: {named}{more}", several.len());
        }
    }
}
