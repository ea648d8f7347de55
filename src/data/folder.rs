//! The user's own images: `ROOT/train/CLASS/*.png`, `ROOT/test/CLASS/*.png` and, if there are images of unknown class,
//! `ROOT/unlabeled/*.png`; or JPEG.
//!
//! Classes and files are sorted by name, so that indices mean the same on every machine. Images of different sizes are
//! an error unless a size is asked for; resizing stretches to a square with a triangle filter, which averages when it
//! shrinks and never overshoots. Gray images stay gray unless one image anywhere is in colour; transparency and the
//! camera's orientation tag are ignored.

use std::fs;
use std::path::{Path, PathBuf};

use ::image::{DynamicImage, ImageReader, imageops::FilterType};
use anyhow::{Context as _, Result, bail, ensure};

use super::{Descriptor, Found, Images, Loaded, Place, Published, UNKNOWN};
use crate::image::Image;

/// `folder`, wherever `data.path` says.
pub const DESCRIPTOR: Descriptor = Descriptor {
    name: "folder",
    title: "your own PNG or JPEG images",
    n_images: None,
    shape: None,
    licence: "yours",
    homepage: "",
    downloads: &[],
    find: |place| place.path.filter(|root| root.join("train").is_dir()).map(|root| Found::Folder(root.to_path_buf())),
    load,
};

const EXTENSIONS: [&str; 3] = ["png", "jpg", "jpeg"];

/// An image file and its class.
struct Entry {
    path: PathBuf,
    label: u16,
}

fn load(place: &Place) -> Result<Loaded> {
    let root = place.path.context("the folder data set needs data.path: a folder with train/CLASS and test/CLASS")?;
    let split = |name| split_folder(root, name);
    let (train_root, test_root) = (split("train")?, split("test")?);
    let classes = class_names(&train_root)?;
    ensure!(!classes.is_empty(), "{} has no class folders: expected {}", train_root.display(), layout(root));
    let mut entries = list(&train_root, &classes, &classes)?;
    let n_train = entries.len();
    let test_classes = class_names(&test_root)?;
    ensure!(!test_classes.is_empty(), "{} has no class folders: expected {}", test_root.display(), layout(root));
    entries.extend(list(&test_root, &test_classes, &classes)?);
    let n_labeled = entries.len();
    entries.extend(list_unlabeled(&root.join("unlabeled"))?);

    let mut images = decode_all(&entries, place.resize)?;
    unify_channels(&mut images);
    let test = stack(&images[n_train..n_labeled], &entries[n_train..n_labeled]);
    let unlabeled = (n_labeled < entries.len()).then(|| stack(&images[n_labeled..], &entries[n_labeled..]));
    let train = stack(&images[..n_train], &entries[..n_train]);
    let warnings = classes
        .iter()
        .filter(|class| !test_classes.contains(class))
        .map(|class| format!("class {class} has no test images in {}", test_root.display()))
        .collect();
    Ok(Loaded { classes, train, unlabeled, test, published: Published::Never, warnings })
}

fn layout(root: &Path) -> String {
    format!("{0}/train/CLASS/*.png and {0}/test/CLASS/*.png (or .jpg)", root.display())
}

/// `ROOT/train` or `ROOT/test`; when it is not there, what is there instead.
fn split_folder(root: &Path, split: &str) -> Result<PathBuf> {
    let folder = root.join(split);
    if folder.is_dir() {
        return Ok(folder);
    }
    let others: Vec<_> =
        class_names(root)?.into_iter().filter(|name| !["train", "test", "unlabeled"].contains(&&**name)).collect();
    let hint = if others.is_empty() || split == "test" {
        String::new()
    } else {
        format!("; if {} are classes, move them into {}", shortened(&others), folder.display())
    };
    bail!("there is no folder {}: expected {}{hint}", folder.display(), layout(root))
}

fn shortened(names: &[String]) -> String {
    let shown = names[..names.len().min(3)].join(", ");
    if names.len() > 3 { format!("{shown}, …") } else { shown }
}

/// The names of the folders in `folder`, sorted; hidden ones are skipped.
fn class_names(folder: &Path) -> Result<Vec<String>> {
    Ok(children(folder)?.into_iter().filter(|path| path.is_dir()).map(|path| file_name(&path)).collect())
}

/// The images in the folders of `found`, labeled by their place in `classes`.
fn list(root: &Path, found: &[String], classes: &[String]) -> Result<Vec<Entry>> {
    let mut entries = Vec::new();
    for class in found {
        let folder = root.join(class);
        let Some(label) = classes.iter().position(|known| known == class) else {
            bail!("{} is a class without training images: remove it or add it to train", folder.display());
        };
        let files: Vec<_> = children(&folder)?.into_iter().filter(|path| is_image(path)).collect();
        ensure!(!files.is_empty(), "{} holds no PNG or JPEG images: add some or remove the folder", folder.display());
        entries.extend(files.into_iter().map(|path| Entry { path, label: label as u16 }));
    }
    Ok(entries)
}

/// The images of a folder that need not be there.
fn list_unlabeled(folder: &Path) -> Result<Vec<Entry>> {
    if !folder.is_dir() {
        return Ok(Vec::new());
    }
    let files: Vec<_> = children(folder)?.into_iter().filter(|path| is_image(path)).collect();
    ensure!(!files.is_empty(), "{} holds no PNG or JPEG images: add some or remove the folder", folder.display());
    Ok(files.into_iter().map(|path| Entry { path, label: UNKNOWN }).collect())
}

/// What a folder holds, sorted by name, without hidden files.
fn children(folder: &Path) -> Result<Vec<PathBuf>> {
    let problem = || format!("cannot read the folder {}", folder.display());
    let entries: Vec<_> =
        fs::read_dir(folder).with_context(problem)?.collect::<Result<_, _>>().with_context(problem)?;
    let mut paths: Vec<_> = entries.into_iter().map(|entry| entry.path()).collect();
    paths.retain(|path| !file_name(path).starts_with('.'));
    paths.sort();
    Ok(paths)
}

fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

fn is_image(path: &Path) -> bool {
    let extension = path.extension().unwrap_or_default().to_string_lossy().to_lowercase();
    EXTENSIONS.contains(&extension.as_str()) && path.is_file()
}

/// Decodes every file, on all cores; the error is that of the first bad file in order.
fn decode_all(entries: &[Entry], resize: Option<u32>) -> Result<Vec<Image>> {
    let first = decode(&entries[0].path, resize)?;
    let n_threads = std::thread::available_parallelism().map_or(1, Into::into);
    let chunk_len = entries.len().div_ceil(n_threads);
    std::thread::scope(|scope| {
        let first = &first;
        let start = |chunk| scope.spawn(move || decode_chunk(chunk, resize, first, &entries[0].path));
        let threads: Vec<_> = entries.chunks(chunk_len).map(start).collect();
        let mut images = Vec::with_capacity(entries.len());
        for thread in threads {
            images.extend(thread.join().expect("decoding an image does not panic")?);
        }
        Ok(images)
    })
}

fn decode_chunk(chunk: &[Entry], resize: Option<u32>, first: &Image, first_path: &Path) -> Result<Vec<Image>> {
    let decode_same_size = |entry: &Entry| {
        let image = decode(&entry.path, resize)?;
        ensure!(
            (image.width, image.height) == (first.width, first.height),
            "{} has {}×{} pixels but {} has {}×{}: set data.resize to make all images one size",
            first_path.display(),
            first.width,
            first.height,
            entry.path.display(),
            image.width,
            image.height,
        );
        Ok(image)
    };
    chunk.iter().map(decode_same_size).collect()
}

/// Reads a PNG or JPEG image, gray ones with one channel and all others as RGB, and resizes it to so many pixels a side.
///
/// # Errors
/// If the file is no such image, or not all of it is there.
pub fn decode(path: &Path, resize: Option<u32>) -> Result<Image> {
    let unreadable = || format!("cannot read {}", path.display());
    let reader = ImageReader::open(path).and_then(ImageReader::with_guessed_format).with_context(unreadable)?;
    let no_image = || format!("cannot read {}: is it a whole PNG or JPEG image?", path.display());
    let mut image = reader.decode().with_context(no_image)?;
    if let Some(side) = resize
        && (image.width(), image.height()) != (side, side)
    {
        image = image.resize_exact(side, side, FilterType::Triangle);
    }
    Ok(to_bytes(image))
}

fn to_bytes(image: DynamicImage) -> Image {
    let (width, height) = (image.width() as usize, image.height() as usize);
    if image.color().has_color() {
        Image::new(width, height, 3, image.into_rgb8().into_raw())
    } else {
        Image::new(width, height, 1, image.into_luma8().into_raw())
    }
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
