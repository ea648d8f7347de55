//! What somebody labels: images in an order, their pictures, and the [`Log`] that the answers go to.
//!
//! No image is decoded before it is looked at, so that a folder of any size opens at once.

use std::collections::{HashMap, HashSet};
use std::ffi::OsStr;
use std::fmt;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context as _, Result, bail, ensure};

use super::file::numbered;
use super::log::{Log, News, Places, Row};
use super::{ranking, suggest, table};
use crate::base::aside::replace_file;
use crate::base::image::Image;
use crate::base::rng::{Rng, Stream};
use crate::base::text::{Name, Shown as _};
use crate::base::{dirs, files};
use crate::config::{Data, Metric};
use crate::data::decode::{self, Wanted};
use crate::data::means::NONE;
use crate::data::{self, Images, Place, folder, nearest};

/// Sides of the largest picture that is kept: more than a terminal shows.
const LARGEST: usize = 512;

/// Sides of the pictures by which images are compared.
const SMALL: usize = 32;

/// Guesses of a network that are kept of an image.
const MOST_GUESSES: usize = 3;

/// What is to be labeled, and how.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Labeling {
    /// The images.
    pub data: Data,
    /// The file of answers, if not the usual one.
    pub file: Option<PathBuf>,
    /// The classes; if there are none, those of the data set.
    pub classes: Vec<Name>,
    /// In which order images are shown.
    pub order: Sequence,
    /// Predictions of a network.
    pub guesses: Option<PathBuf>,
    /// Who labels, if not the user.
    pub who: Option<Name>,
}

/// An order in which images are shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sequence {
    /// At random, by a seed.
    Shuffled(u64),
    /// As the folder or the list has them.
    Named,
    /// The order of a ranking of these images that needs no labels.
    Suggested,
    /// As a file names them, then the others.
    File(PathBuf),
}

impl Default for Sequence {
    fn default() -> Self {
        Self::Shuffled(0)
    }
}

impl From<&str> for Sequence {
    /// `shuffled`, `name`, `suggested`, or a file.
    fn from(text: &str) -> Self {
        match text {
            "shuffled" => Self::default(),
            "name" => Self::Named,
            "suggested" => Self::Suggested,
            path => Self::File(path.into()),
        }
    }
}

/// An image to be labeled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// What the file of answers calls it.
    pub name: PathBuf,
    /// Its file, in the spelling of [`Places`].
    file: PathBuf,
    /// Its place among the images of a data set without files.
    index: usize,
}

/// The images, and what is known of them.
pub struct Desk {
    /// The images, in the order in which they are shown.
    pub images: Vec<Asked>,
    /// The classes that were asked for, else those of the data set.
    pub classes: Vec<Name>,
    /// The order, in words.
    pub order: String,
    /// Who labels.
    pub who: Name,
    /// What the user should know, a sentence each.
    pub told: Vec<String>,
    path: PathBuf,
    log: Mutex<Log>,
    kept: Mutex<Vec<Name>>,
    pixels: Option<Images>,
    /// The other images of the folder or list, with what they are.
    others: Vec<folder::Listed>,
    by_name: HashMap<PathBuf, usize>,
    guesses: HashMap<usize, Vec<(Name, f32)>>,
    small: Mutex<HashMap<usize, Arc<Image>>>,
}

impl fmt::Debug for Desk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Desk({} images, {})", self.images.len(), self.path.display())
    }
}

/// The file of answers about a data set, where no other one is named: in its folder, beside a list, or in the current
/// folder.
pub fn usual_file(data: &Data) -> PathBuf {
    match &data.path {
        Some(list) if data.dataset == folder::DESCRIPTOR.name && !list.is_dir() => {
            let stem = list.file_stem().unwrap_or_default().to_string_lossy();
            list.with_file_name(format!("{stem}-labels.csv"))
        }
        Some(root) if data.dataset == folder::DESCRIPTOR.name => root.join(folder::ANSWERS),
        _ => format!("{}-labels.csv", data.dataset).into(),
    }
}

impl Desk {
    /// Finds the images.
    ///
    /// # Errors
    /// If there are none, or one of the files that are named cannot be read.
    pub fn open(request: &Labeling) -> Result<Self> {
        let path = request.file.clone().unwrap_or_else(|| usual_file(&request.data));
        ensure!(!path.is_dir(), "{} is a folder: name a file for the answers", path.shown());
        let mut places = Places::default();
        let path = places.of(&path);
        let folder = path.parent().map(Path::to_owned).unwrap_or_default();
        ensure!(folder.is_dir(), "there is no folder {} for the answers", folder.shown());
        let mut told = Vec::new();
        let mut others = Vec::new();
        let (mut images, mut classes, pixels) = if request.data.dataset == folder::DESCRIPTOR.name {
            let (files, classes) = files_of(&request.data, &mut others, &mut told)?;
            let asked = |file: PathBuf| {
                let file = places.of(&file);
                let name = file.strip_prefix(&folder).unwrap_or(&file).to_owned();
                Asked { name, file, index: 0 }
            };
            (files.into_iter().map(asked).collect::<Vec<_>>(), classes, None)
        } else {
            let dataset = data::load(&request.data, &dirs::data_dir()?)?;
            let asked = |index: usize| {
                let name = numbered(&dataset.name, index as u32);
                Asked { file: name.clone(), name, index }
            };
            ((0..dataset.train.n()).map(asked).collect(), dataset.classes, Some(dataset.train))
        };
        ensure!(!images.is_empty(), "there are no images to label in {}", request.data.dataset);
        let order = sort(&mut images, request, &mut places, &mut told)?;
        let by_name: HashMap<_, _> = images.iter().enumerate().map(|(i, image)| (image.name.clone(), i)).collect();
        let by_file: HashMap<_, _> = images.iter().enumerate().map(|(i, image)| (&*image.file, i)).collect();
        let guesses = match &request.guesses {
            Some(path) => read_guesses(path, &by_file, &request.data.dataset, &mut places, &mut told)?,
            None => HashMap::new(),
        };
        let kept = read_classes(&kept_file(&path));
        let known = if kept.is_empty() { classes.clone() } else { kept.clone() };
        if !request.classes.is_empty() {
            classes.clone_from(&request.classes);
        } else if !kept.is_empty() {
            let others = classes.into_iter().filter(|class| !kept.contains(class)).collect::<Vec<_>>();
            classes = [kept, others].concat();
        }
        let who = request.who.clone().unwrap_or_else(user);
        let log = Mutex::new(Log::at(&path));
        let small = Mutex::default();
        Ok(Self {
            images,
            classes,
            order,
            who,
            told,
            path,
            log,
            kept: Mutex::new(known),
            pixels,
            others,
            by_name,
            guesses,
            small,
        })
    }

    /// The file of answers.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The classes in the order in which they are written down, or need not be.
    pub fn kept_classes(&self) -> Vec<Name> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Writes the classes down in the order of their keys, beside the file of answers: whoever opens that next has the same
    /// keys. If that cannot be done, the keys are in another order then, and no answer is lost.
    pub fn keep_classes(&self, classes: &[Name]) {
        let lines: Result<Vec<String>, _> = classes.iter().map(serde_json::to_string).collect();
        let lines = lines.expect("names are text").join("\n") + "\n";
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner); // until they are written
        *kept = classes.to_vec();
        let _ = replace_file(&kept_file(&self.path), lines.as_bytes());
    }

    /// The place of an image that the file of answers calls so.
    pub fn place_of(&self, name: &Path) -> Option<usize> {
        self.by_name.get(name).copied()
    }

    /// What a network takes an image for, the likeliest class first.
    pub fn guess(&self, image: usize) -> &[(Name, f32)] {
        self.guesses.get(&image).map_or(&[], |guess| guess)
    }

    /// Whether there are any guesses.
    pub fn has_guesses(&self) -> bool {
        !self.guesses.is_empty()
    }

    /// Reads what is new in the file of answers, and hands it on before anybody else reads more.
    pub fn read<T>(&self, then: impl FnOnce(Result<News>) -> T) -> T {
        let mut log = self.log.lock().unwrap_or_else(PoisonError::into_inner);
        let news = log.read();
        then(news.map(|news| self.settled(news)))
    }

    /// Adds answers to the file, and hands on what is new in it: these and those of others. They are on disk then.
    pub fn append<T>(&self, rows: &[Row], then: impl FnOnce(Result<News>) -> T) -> T {
        let mut log = self.log.lock().unwrap_or_else(PoisonError::into_inner);
        let news = log.append(rows);
        then(news.map(|news| self.settled(news)))
    }

    /// Gives each image the name that is written, whatever a line calls it.
    fn settled(&self, mut news: News) -> News {
        let unknown = news.rows.iter_mut().filter(|row| !self.by_name.contains_key(&row.path));
        let mut places = Places::default();
        let folder = self.path.parent().unwrap_or(Path::new("."));
        for row in unknown.filter(|row| !row.path.as_os_str().is_empty() && self.pixels.is_none()) {
            let file = places.of(&folder.join(&row.path));
            let name = file.strip_prefix(folder).unwrap_or(&file);
            if self.by_name.contains_key(name) {
                name.clone_into(&mut row.path);
            }
        }
        news
    }

    /// The picture of an image, as large as a terminal shows it.
    ///
    /// # Errors
    /// Why it cannot be shown.
    pub fn look(&self, image: usize) -> Result<Arc<Image>, String> {
        let asked = &self.images[image];
        let read = || decode::read(&asked.file, &Wanted::default()).map_err(|fault| format!("it {fault}"));
        let of_set = self.pixels.as_ref().map(|images| images.image(asked.index));
        let whole = of_set.map_or_else(|| read().map(|decoded| decoded.image), Ok)?;
        let (width, height) = within(&whole, LARGEST);
        let picture = whole.shrunk(width, height);
        let small = Arc::new(picture.resized(SMALL, SMALL));
        self.small.lock().unwrap_or_else(PoisonError::into_inner).insert(image, small);
        Ok(Arc::new(picture))
    }

    /// The images that look most like one, pixel by pixel, of those among `others` that were looked at; the nearest first.
    pub fn near(&self, image: usize, others: &[usize], n: usize) -> Vec<(usize, Arc<Image>)> {
        let small = self.small.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(own) = small.get(&image) else { return Vec::new() };
        let own = own.in_color();
        let known = others.iter().filter(|other| **other != image);
        let known = known.filter_map(|other| Some((*other, small.get(other)?)));
        let mut near: Vec<_> = known
            .map(|(other, picture)| (nearest::distance(&own, &picture.in_color()), other, picture.clone()))
            .collect();
        near.sort_by_key(|(distance, other, _)| (*distance, *other));
        near.into_iter().take(n).map(|(_, other, picture)| (other, picture)).collect()
    }

    /// Looks at images, so that [`near`](Self::near) finds them; those that were looked at are passed over.
    pub fn look_at(&self, images: &[usize]) {
        for &image in images {
            let is_known = self.small.lock().unwrap_or_else(PoisonError::into_inner).contains_key(&image);
            if !is_known {
                let _ = self.look(image); // a damaged one is near to nothing
            }
        }
    }

    /// All images with the class that `class_of` gives them, as a list that `data.path` takes; without one, it is empty. Those
    /// that are not to be labeled stay what they are.
    ///
    /// # Errors
    /// If the images have no files.
    pub fn list(&self, folder: &Path, class_of: impl Fn(&Path) -> Option<Name>) -> Result<Vec<u8>> {
        ensure!(self.pixels.is_none(), "images of this data set have no files, so there is no list of them");
        let listed =
            |image: &Asked| folder::Listed { path: image.file.clone(), label: class_of(&image.name), split: "" };
        let mut files: Vec<_> = self.images.iter().map(listed).chain(self.others.iter().cloned()).collect();
        files.sort_by(|a, b| a.path.cmp(&b.path));
        folder::csv(&files, Some(folder))
    }
}

/// Where the order of the classes of a file of answers is written down.
fn kept_file(path: &Path) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!(".{name}.classes"))
}

/// What stands there; nothing if it is not there, or not to be understood.
fn read_classes(path: &Path) -> Vec<Name> {
    let text = files::read_text(path, files::MAX_TEXT).unwrap_or_default();
    let classes: Result<Vec<Name>, _> = text.lines().map(serde_json::from_str).collect();
    classes.unwrap_or_default()
}

/// The user's name.
fn user() -> Name {
    let user = crate::base::host::user_at_host();
    user.rsplit_once('@').map_or(&*user, |(user, _)| user).into()
}

/// Width and height of an image that is made smaller to fit a square.
fn within(image: &Image, side: usize) -> (usize, usize) {
    let longest = image.width.max(image.height);
    if longest <= side {
        return (image.width, image.height);
    }
    let scaled = |n: usize| (n * side / longest).max(1);
    (scaled(image.width), scaled(image.height))
}

/// The images of a folder or a list whose class is not known, and the classes; where all are known, the training images, as if
/// none was. The rest is put into `others`.
fn files_of(
    data: &Data,
    others: &mut Vec<folder::Listed>,
    told: &mut Vec<String>,
) -> Result<(Vec<PathBuf>, Vec<Name>)> {
    let data_dir = dirs::data_dir()?;
    let place = Place::of(data, &data_dir, &NONE);
    let listed = match (folder::listed(&place), &data.path) {
        (Ok(listed), _) => listed,
        // what cannot be trained on can be labeled
        (Err(error), Some(root)) if root.is_dir() => {
            let (files, others) = folder::images_in(root).map_err(|_| error)?;
            told.extend(others.map(|others| format!("left out: {others}")));
            return Ok((files, Vec::new()));
        }
        (Err(error), _) => return Err(error),
    };
    let mut classes: Vec<Name> = listed.iter().filter_map(|image| image.label.clone()).collect();
    classes.sort();
    classes.dedup();
    let is_any_unlabeled = listed.iter().any(|image| image.split.is_empty());
    let wanted = if is_any_unlabeled { "" } else { "train" };
    let (asked, rest): (Vec<_>, Vec<_>) = listed.into_iter().partition(|image| image.split == wanted);
    *others = rest;
    ensure!(!asked.is_empty(), "there are no images to label");
    if !is_any_unlabeled {
        told.push("all images have a class already: they are shown as if they had none".into());
    }
    Ok((asked.into_iter().map(|image| image.path).collect(), classes))
}

/// Sorts the images as they are to be shown; returns the order in words.
fn sort(images: &mut Vec<Asked>, request: &Labeling, places: &mut Places, told: &mut Vec<String>) -> Result<String> {
    let shuffle = |images: &mut Vec<Asked>, seed| Rng::new(seed, Stream::LabelSet, 0, 0).shuffle(images);
    let named: Vec<PathBuf> = match &request.order {
        Sequence::Named => return Ok("in their own order".into()),
        Sequence::Shuffled(seed) => {
            shuffle(images, *seed);
            return Ok(format!("shuffled, seed {seed}"));
        }
        Sequence::Suggested => suggested(&request.data, places)?,
        Sequence::File(path) => named_in(path, &request.data.dataset, places)?,
    };
    let n_named = named.len();
    shuffle(images, 0);
    let mut rank: HashMap<PathBuf, usize> = HashMap::new();
    for (i, file) in named.into_iter().enumerate() {
        rank.entry(file).or_insert(i);
    }
    images.sort_by_key(|image| rank.get(&image.file).copied().unwrap_or(usize::MAX)); // stable: the others stay shuffled
    let n_found = images.iter().filter(|image| rank.contains_key(&image.file)).count();
    let what = match &request.order {
        Sequence::File(path) => format!("order of {}", path.shown()),
        _ => "suggested order".into(),
    };
    ensure!(n_found > 0, "the {what} names none of the {} images to label", images.len());
    if n_found < n_named {
        told.push(format!("the {what} names {} images that are not to be labeled here", n_named - n_found));
    }
    let rest = images.len() - n_found;
    Ok(if rest == 0 { what } else { format!("{what}, then {rest} others shuffled") })
}

/// The files that a file names, in its order.
fn named_in(path: &Path, dataset: &str, places: &mut Places) -> Result<Vec<PathBuf>> {
    let lines = table::lines(path, &["path", "index"], 2)?;
    let folder = std::path::absolute(path)?.parent().map(Path::to_owned).unwrap_or_default();
    Ok(lines.iter().filter_map(|line| file_of(line, dataset, &folder, places)).collect())
}

/// The image of a line with a path and a number.
fn file_of(line: &table::Line, dataset: &str, folder: &Path, places: &mut Places) -> Option<PathBuf> {
    match (&line.cells[0], line.text(1)) {
        (Some(path), _) if path.starts_with(format!("{dataset}:").as_bytes()) => {
            Some(Path::new(OsStr::from_bytes(path)).to_owned())
        }
        (Some(path), _) => {
            let path = Path::new(OsStr::from_bytes(path));
            // as `predict` was told it, from the current folder, or from the file's
            Some(places.of(&if path.exists() { path.to_owned() } else { folder.join(path) }))
        }
        (None, Some(index)) => Some(numbered(dataset, index.parse().ok()?)),
        (None, None) => None,
    }
}

/// The files in the order of a ranking that needs no labels.
fn suggested(data: &Data, places: &mut Places) -> Result<Vec<PathBuf>> {
    let dataset = data::load(data, &dirs::data_dir()?)?;
    let by = [Metric::Typicality, Metric::Density];
    let ranking = ranking::cached_of(&dataset)?
        .into_iter()
        .filter(|ranking| by.contains(&ranking.rank.by))
        .min_by_key(|ranking| by.iter().position(|by| *by == ranking.rank.by));
    let Some(ranking) = ranking else {
        let source = data.path.as_ref().map_or_else(|| data.dataset.as_str().into(), |path| path.shown());
        bail!(
            "no order of these images is known yet that needs no labels: `fixmatch labels suggest {source}` makes one; or \
             name a file with --order"
        );
    };
    let files = dataset.own.map(|own| [own.files.train, own.files.unlabeled].concat());
    let file = |index: u32| match &files {
        Some(files) => files.get(index as usize).map(|file| places.of(file)),
        None => Some(numbered(&dataset.name, index)),
    };
    let order = match suggest::order(&ranking, &[]) {
        Ok(all) => all.into_iter().map(|it| it.index).collect(),
        Err(_) => ranking.order, // by density there are no clusters
    };
    Ok(order.into_iter().filter_map(file).collect())
}

/// The predictions in a file that `fixmatch predict` wrote.
fn read_guesses(
    path: &Path,
    by_file: &HashMap<&Path, usize>,
    dataset: &str,
    places: &mut Places,
    told: &mut Vec<String>,
) -> Result<HashMap<usize, Vec<(Name, f32)>>> {
    const COLUMNS: [&str; 9] =
        ["path", "index", "class_name", "label", "confidence", "label_2", "confidence_2", "label_3", "confidence_3"];
    let lines = table::lines(path, &COLUMNS, 2)?;
    let folder = std::path::absolute(path)?.parent().map(Path::to_owned).unwrap_or_default();
    let mut guesses = HashMap::new();
    let mut others = HashSet::new();
    for line in &lines {
        let Some(file) = file_of(line, dataset, &folder, places) else { continue };
        let Some(&image) = by_file.get(&*file) else {
            others.insert(file);
            continue;
        };
        let first = line.text(2).or(line.text(3)).map(|label| (label, 4));
        let more = [5, 7].into_iter().filter_map(|column| line.text(column).map(|label| (label, column + 1)));
        let guess = |(label, column): (&str, usize)| {
            let confidence = line.text(column).map_or(Ok(f32::NAN), str::parse);
            let confidence =
                confidence.with_context(|| format!("{}:{}: {}", path.shown(), line.number, COLUMNS[column]));
            Ok((Name::from(label), confidence?))
        };
        let all: Vec<_> = first.into_iter().chain(more).take(MOST_GUESSES).map(guess).collect::<Result<_>>()?;
        ensure!(!all.is_empty(), "{}:{}: it says no class", path.shown(), line.number);
        guesses.insert(image, all);
    }
    ensure!(!guesses.is_empty(), "{} has no prediction of any of the images to label", path.shown());
    if guesses.len() < by_file.len() {
        told.push(format!("{} has a guess for {} of {} images", path.shown(), guesses.len(), by_file.len()));
    }
    Ok(guesses)
}

#[cfg(test)]
mod tests;
