//! The user's own images: `ROOT/train/CLASS/*.png`, `ROOT/test/CLASS/*.png` and, if there are images of unknown class,
//! `ROOT/unlabeled/*.png`; or another format that [`decode`](super::decode) reads, also in folders inside of these.
//!
//! Classes and files are sorted by name, so that indices mean the same on every machine. Images of different sizes are
//! an error unless a size is asked for; resizing stretches to a square with a triangle filter, which averages when it
//! shrinks and never overshoots. Gray images stay gray unless one image anywhere is in colour. What is left out is
//! counted and said ([`tally`]); a damaged image is an error, and all of them are named at once.

use std::collections::HashSet;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail, ensure};
use unicode_normalization::UnicodeNormalization as _;

use self::layout::{expected, name_of, shortened};
use self::scan::{Leads, children, leads};
use self::tally::{Remark, Tally};
use super::decode::{self, Decoded, Fault, Wanted};
use super::{Descriptor, Found, Images, Loaded, Place, Published, UNKNOWN};
use crate::base::image::Image;
use crate::base::text::{Name, Shown as _};
use crate::config::Color;

mod layout;
mod scan;
pub mod tally;

/// `folder`, wherever `data.path` says.
pub const DESCRIPTOR: Descriptor = Descriptor {
    name: "folder",
    title: "your own images, in class folders",
    n_images: None,
    shape: None,
    licence: "yours",
    homepage: "",
    downloads: &[],
    looks_in: |place| place.path.map(Path::to_path_buf).into_iter().collect(),
    find: |place| place.path.filter(|root| root.join("train").is_dir()).map(|root| Found::Folder(root.to_path_buf())),
    load,
};

/// Damaged files that an error names; it counts the others.
const MOST_NAMED: usize = 5;

/// An image file and its class.
struct Entry {
    path: PathBuf,
    label: u16,
}

/// A class folder.
struct Class {
    folder: PathBuf,
    /// Its name, which need not be UTF-8.
    key: OsString,
    name: Name,
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

/// The files of the training images, in their order; those of unknown class last.
///
/// # Errors
/// If the folder is none of class folders.
pub fn training_files(root: &Path) -> Result<Vec<PathBuf>> {
    let Listing { entries, n_train, n_labeled, .. } = list_all(root, Color::default())?;
    let (labeled, unlabeled) = (entries[..n_train].iter(), entries[n_labeled..].iter());
    Ok(labeled.chain(unlabeled).map(|entry| entry.path.clone()).collect())
}

/// All that is found before an image is decoded.
struct Listing {
    classes: Vec<Class>,
    /// The training images, then the test images, then those of unknown class.
    entries: Vec<Entry>,
    n_train: usize,
    /// Training and test images.
    n_labeled: usize,
    tally: Tally,
    warnings: Vec<String>,
}

fn list_all(root: &Path, background: Color) -> Result<Listing> {
    let layout::Parts { train, test, unlabeled, mut warnings } = layout::parts(root)?;
    let mut tally = Tally::default();
    let classes = classes_in(&train, root, &mut tally)?;
    refuse_one_class(&classes, &train)?;
    let test_classes = classes_in(&test, root, &mut tally)?;
    let mut entries = Vec::new();
    for (label, class) in classes.iter().enumerate() {
        list(&class.folder, u16::try_from(label).context("too many classes")?, &mut entries, &mut tally)?;
    }
    let n_train = entries.len();
    let mut tested = HashSet::new();
    for class in &test_classes {
        let label = label_of(class, &classes)?;
        let n_before = entries.len();
        scan_into(&class.folder, label, &mut entries, &mut tally)?;
        if entries.len() > n_before {
            tested.insert(label); // an empty folder is as none
        }
    }
    let n_labeled = entries.len();
    ensure!(n_labeled > n_train, "{} holds no image of any class: {}", test.shown(), tally.say(root, background));
    if let Some(unlabeled) = &unlabeled {
        list(unlabeled, UNKNOWN, &mut entries, &mut tally)?;
    }
    warnings.extend(alike(&classes));
    let untested = (0..classes.len()).filter(|&class| !tested.contains(&(class as u16)));
    warnings
        .extend(untested.map(|class| format!("class {} has no test images in {}", classes[class].name, test.shown())));
    Ok(Listing { classes, entries, n_train, n_labeled, tally, warnings })
}

fn load(place: &Place) -> Result<Loaded> {
    let root = place.path.context("the folder data set needs data.path: a folder with train/CLASS and test/CLASS")?;
    let Listing { classes, entries, n_train, n_labeled, mut tally, mut warnings } = list_all(root, place.background)?;
    let mut images = decode_all(&entries, place, &mut tally)?;
    unify_channels(&mut images);
    let stack = |range: std::ops::Range<usize>| stack(&images[range.clone()], &entries[range]);
    let read = tally.say(root, place.background);
    if tally.is_loud() {
        warnings.insert(0, read.clone());
    }
    Ok(Loaded {
        train: stack(0..n_train),
        test: stack(n_train..n_labeled),
        unlabeled: (n_labeled < entries.len()).then(|| stack(n_labeled..entries.len())),
        classes: classes.into_iter().map(|class| class.name).collect(),
        published: Published::Never,
        read: Some(read),
        warnings,
    })
}

/// The class folders in `ROOT/train` or `ROOT/test`, sorted by name. Images that lie beside them are counted.
fn classes_in(folder: &Path, root: &Path, tally: &mut Tally) -> Result<Vec<Class>> {
    let mut classes = Vec::new();
    for path in children(folder)? {
        match leads(&path) {
            Leads::Folder(_) => {
                let key = path.file_name().unwrap_or_default().to_owned();
                classes.push(Class { name: name_of(&path).into(), key, folder: path });
            }
            Leads::Nowhere(remark) => tally.add(remark, &path),
            Leads::File if scan::is_image(&path, tally) => tally.add(Remark::Loose, &path),
            Leads::File => {}
        }
    }
    ensure!(!classes.is_empty(), "{} has no class folders: expected {}", folder.shown(), expected(root));
    Ok(classes)
}

/// With one class there is nothing to tell apart.
fn refuse_one_class(classes: &[Class], train: &Path) -> Result<()> {
    let [only] = classes else { return Ok(()) };
    let inside: Vec<_> =
        children(&only.folder)?.into_iter().filter(|path| matches!(leads(path), Leads::Folder(_))).collect();
    let hint = if inside.len() > 1 {
        let names: Vec<_> = inside.iter().map(|path| name_of(path)).collect();
        format!("; if {} are the classes, move them up into {}", shortened(&names), train.shown())
    } else {
        String::new()
    };
    bail!(
        "{} has only one class, {}: with one there is nothing to tell apart, and the loss is 0 from the first step; at least \
         2 class folders are needed{hint}",
        train.shown(),
        only.name,
    );
}

/// The label of a test class.
fn label_of(class: &Class, classes: &[Class]) -> Result<u16> {
    if let Some(label) = classes.iter().position(|known| known.key == class.key) {
        return Ok(label as u16);
    }
    let folder = class.folder.shown();
    if let Some(like) = classes.iter().find(|known| look(known.name.raw()) == look(class.name.raw())) {
        bail!(
            "{folder} is a class without training images, but {} differs only in case, blanks or the way its letters are \
             encoded: give both the same name",
            like.folder.shown(),
        );
    }
    bail!("{folder} is a class without training images: remove it or add it to train");
}

/// What people see of a name: two that look alike are most likely one class.
fn look(name: &str) -> String {
    name.nfkc().collect::<String>().to_lowercase().split_whitespace().collect()
}

/// Warns of classes that are probably one, or none.
fn alike(classes: &[Class]) -> Vec<String> {
    let mut warnings = Vec::new();
    for (i, class) in classes.iter().enumerate() {
        if let Some(other) = classes[..i].iter().find(|other| look(other.name.raw()) == look(class.name.raw())) {
            let (class, other) = (class.folder.shown(), other.folder.shown());
            warnings.push(format!(
                "{other} and {class} are two classes whose names differ only in case, blanks or encoding: if they are one, \
                 move the images into one folder"
            ));
        }
        if layout::means_unlabeled(class.name.raw()) {
            let folder = class.folder.shown();
            warnings.push(format!(
                "{folder} is taken for a class: images of unknown class belong in unlabeled, beside train and test"
            ));
        }
    }
    warnings
}

/// Appends the images of a folder that must hold some.
fn list(folder: &Path, label: u16, entries: &mut Vec<Entry>, tally: &mut Tally) -> Result<()> {
    let n_before = entries.len();
    let here = scan_into(folder, label, entries, tally)?;
    let found = if here.is_empty() { String::new() } else { format!(" ({here})") };
    ensure!(
        entries.len() > n_before,
        "{} holds no images{found}: add some (PNG, JPEG, WebP, BMP, TIFF or GIF) or remove the folder",
        folder.shown()
    );
    Ok(())
}

/// Appends the images of a folder. Returns what else is in it, if there are no images.
fn scan_into(folder: &Path, label: u16, entries: &mut Vec<Entry>, tally: &mut Tally) -> Result<String> {
    let mut here = Tally::default();
    let paths = scan::images(folder, &mut here)?;
    let other = if paths.is_empty() { here.others(folder) } else { String::new() };
    tally.join(here);
    entries.extend(paths.into_iter().map(|path| Entry { path, label }));
    Ok(other)
}

/// Decodes every file, on all cores.
///
/// # Errors
/// If some are damaged, with their names; else if one has another size than the first.
fn decode_all(entries: &[Entry], place: &Place, tally: &mut Tally) -> Result<Vec<Image>> {
    let wanted = Wanted { resize: place.resize.map(|side| (side, side)), background: place.background };
    let n_threads = std::thread::available_parallelism().map_or(1, Into::into);
    let chunk_len = entries.len().div_ceil(n_threads);
    let decoded: Vec<Result<Decoded, Fault>> = std::thread::scope(|scope| {
        let wanted = &wanted;
        let start = |chunk: &[Entry]| chunk.iter().map(|entry| decode::read(&entry.path, wanted)).collect::<Vec<_>>();
        let threads: Vec<_> = entries.chunks(chunk_len).map(|chunk| scope.spawn(move || start(chunk))).collect();
        threads.into_iter().flat_map(|thread| thread.join().expect("decoding an image does not panic")).collect()
    });
    let mut images = Vec::with_capacity(entries.len());
    let mut faults = Vec::new();
    for (decoded, Entry { path, .. }) in decoded.into_iter().zip(entries) {
        match decoded {
            Ok(Decoded { image, is_turned, is_transparent, has_more, .. }) => {
                let done = [
                    (is_turned, Remark::Turned),
                    (is_transparent, Remark::Transparent),
                    (has_more, Remark::FirstOfSeveral),
                ];
                done.into_iter().filter(|(was, _)| *was).for_each(|(_, remark)| tally.add(remark, path));
                images.push(image);
            }
            Err(fault) => faults.push(format!("{} {fault}", path.shown())),
        }
    }
    refuse_faults(&faults, entries.len())?;
    tally.n_read = images.len();
    refuse_sizes(&images, entries)?;
    Ok(images)
}

fn refuse_faults(faults: &[String], n_files: usize) -> Result<()> {
    match faults {
        [] => Ok(()),
        [only] => bail!("{only}; mend or remove it"),
        several => {
            let named = several[..several.len().min(MOST_NAMED)].join("; ");
            let n_more = several.len().saturating_sub(MOST_NAMED);
            let more = if n_more > 0 { format!("; and {n_more} more") } else { String::new() };
            bail!("{} of {n_files} images cannot be used; mend or remove them: {named}{more}", several.len());
        }
    }
}

/// Refuses images of more than one size.
fn refuse_sizes(images: &[Image], entries: &[Entry]) -> Result<()> {
    let (first, first_path) = (&images[0], entries[0].path.shown());
    let of_other_size = |image: &Image| (image.width, image.height) != (first.width, first.height);
    if let Some(place) = images.iter().position(of_other_size) {
        let (image, path) = (&images[place], entries[place].path.shown());
        bail!(
            "{first_path} has {}×{} pixels but {path} has {}×{}: set data.resize to make all images one size",
            first.width,
            first.height,
            image.width,
            image.height,
        );
    }
    Ok(())
}

/// Makes gray images RGB if there is one RGB image.
fn unify_channels(images: &mut [Image]) {
    if images.iter().all(|image| image.channels == 1) {
        return;
    }
    for image in images.iter_mut().filter(|image| image.channels == 1) {
        image.pixels = image.pixels.iter().flat_map(|&gray| [gray; 3]).collect();
        image.channels = 3;
    }
}

fn stack(images: &[Image], entries: &[Entry]) -> Images {
    let Image { width, height, channels, .. } = images[0];
    let pixels: Vec<&[u8]> = images.iter().map(|image| &image.pixels[..]).collect();
    Images { width, height, channels, pixels: pixels.concat(), labels: entries.iter().map(|e| e.label).collect() }
}
