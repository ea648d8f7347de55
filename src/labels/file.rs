//! Label sets in files, which `labels.pick = "file:PATH"` loads: an index a line, `#` before comments; or a CSV file with
//! the columns `path` and `label`, such as a [log](super::log) of answers.
//!
//! Of the former, two comments mean something: `# data set: NAME` and `# digest: SHA-256` say whose images the indices are.
//! A file with a digest is refused for other data; one without is taken at its word. The latter names images by their
//! files, and their classes.

use std::collections::{BTreeSet, HashMap};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, anyhow, bail, ensure};

use crate::base::alike::did_you_mean;
use crate::base::files;
use crate::base::text::{Name, Shown as _};
use crate::data::{Dataset, UNKNOWN};
use crate::labels::answers::Answers;
use crate::labels::log::{self, Places, Torn};
use crate::labels::set::{self, LabelSet, Picked, check_index};

/// More than any of these files has.
const MAX_BYTES: u64 = 1 << 30;

const DATASET: &str = "# data set: ";
const DIGEST: &str = "# digest: ";
const PICKED: &str = "# picked: ";

/// What a file says of the data set that it is for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Header {
    /// The data set's name.
    pub dataset: Option<String>,
    /// Its digest.
    pub digest: Option<String>,
    /// How the images were picked, in words.
    pub picked: Option<String>,
}

/// The classes that a CSV file gives to images.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Given {
    /// Those that have one, in the order of the lines that gave it.
    pub images: Vec<Labeled>,
    /// Its last line, if that was not written to its end.
    pub torn: Option<Torn>,
}

/// An image with the class that a file gives to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Labeled {
    /// The image's file, in the spelling of [`Places`].
    pub path: PathBuf,
    /// What the file calls it.
    pub name: PathBuf,
    /// Its class.
    pub class: Name,
    /// The line, from 1.
    pub line: u64,
}

/// Reads what a file says of its data set and of itself.
pub fn header(path: &Path) -> Result<Header> {
    summary(path).map(|(header, _)| header)
}

/// The same, and how many images the file lists.
pub fn summary(path: &Path) -> Result<(Header, usize)> {
    if let Some(given) = given(path)? {
        return Ok((Header::default(), given.images.len()));
    }
    text_of(path).map(|text| (header_of(&text), entries(&text).count()))
}

/// The classes that a file gives to images; None if it holds indices.
///
/// # Errors
/// With the line, if one is not understood.
pub fn given(path: &Path) -> Result<Option<Given>> {
    let name = path.shown();
    let problem = || format!("cannot read the label set {name}");
    let bytes = files::read_at_most(path, MAX_BYTES).with_context(problem)?;
    let Some((rows, torn)) = log::rows_of(&bytes).with_context(|| name.to_string())? else {
        ensure_indices(path, &bytes)?;
        return Ok(None);
    };
    let mut answers = Answers::default();
    answers.extend(rows);
    let folder = std::path::absolute(path)?.parent().map(Path::to_owned).unwrap_or_default();
    let mut places = Places::default();
    let labeled = answers.images().filter_map(|(name, row)| {
        let class = row.answer.class()?.clone();
        Some(Labeled { path: places.of(&folder.join(name)), name: name.to_owned(), class, line: row.line })
    });
    let mut images: Vec<_> = labeled.collect();
    images.sort_by_key(|image| image.line);
    Ok(Some(Given { images, torn }))
}

/// Refuses a table whose head does not say which of its columns are which.
fn ensure_indices(path: &Path, bytes: &[u8]) -> Result<()> {
    let is_csv = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("csv"));
    let text = String::from_utf8_lossy(bytes);
    let Some((line, first)) = entries(text.trim_start_matches('\u{feff}')).next().filter(|_| is_csv) else {
        return Ok(());
    };
    ensure!(
        first.parse::<u32>().is_ok(),
        "{}:{line}: a CSV file of labels begins with a line that names its columns, path,label, and not with {:?}",
        path.shown(),
        Name::from(first).to_string()
    );
    Ok(())
}

/// Reads a label set.
///
/// # Errors
/// If it is of other data, or if an index is out of range or there twice; where the file gives classes, also if an image is
/// none to train on, or its class none of the data set's, should that have any.
pub fn read(path: &Path, dataset: &Dataset) -> Result<LabelSet> {
    if let Some(given) = given(path)? {
        return of_classes(path, &given, dataset);
    }
    let text = text_of(path)?;
    if let Header { dataset: name, digest: Some(digest), .. } = header_of(&text) {
        ensure!(
            digest == dataset.digest,
            "{} lists images of {:?} with digest {:.12}…, this data set is {:?} with digest {:.12}…",
            path.display(),
            name.unwrap_or_default(),
            digest,
            dataset.name,
            dataset.digest,
        );
    }
    let indices = indices(&text, path, dataset.train.n())?;
    Ok(LabelSet::new(indices, Picked::File(path.display().to_string())))
}

fn text_of(path: &Path) -> Result<String> {
    files::read_text(path, files::MAX_TEXT).with_context(|| format!("cannot read the label set {}", path.display()))
}

/// The images that a file gives classes to. Where the data set has no classes, those in the file are its classes, sorted.
fn of_classes(path: &Path, given: &Given, dataset: &Dataset) -> Result<LabelSet> {
    let name = path.shown();
    ensure!(!given.images.is_empty(), "{name} gives no image a class");
    let named: BTreeSet<&str> = given.images.iter().map(|image| image.class.raw()).collect();
    let classes = match &dataset.classes[..] {
        [] => named.iter().map(|&class| class.into()).collect(),
        known => known.to_vec(),
    };
    ensure!(classes.len() > 1, "{name} gives all images one class, {}: at least 2 are needed", classes[0]);
    ensure!(
        classes.len() < usize::from(UNKNOWN),
        "{name} has {} classes, and fewer than {UNKNOWN} can be told apart",
        classes.len()
    );
    let numbers: HashMap<&str, u16> = classes.iter().map(Name::raw).zip(0..).collect();
    let places = places_of(dataset);
    let label = |image: &Labeled| -> Result<(u32, u16)> {
        let own = if dataset.own.is_some() { &image.path } else { &image.name };
        let shown = image.name.shown();
        let at = places.get(own).with_context(|| format!("{shown} is none of the images of {:?}", dataset.name))?;
        let index = at.with_context(|| format!("{shown} is a test image, and labels are for the others"))?;
        let number = numbers.get(image.class.raw()).with_context(|| {
            let meant = did_you_mean(image.class.raw(), numbers.keys().copied());
            let all = classes.iter().map(Name::to_string).collect::<Vec<_>>().join(", ");
            format!("{shown} is labeled {}, which is no class; {meant}there are {all}", image.class)
        })?;
        Ok((index, *number))
    };
    let at = |image: &Labeled| label(image).with_context(|| format!("{name}:{}", image.line));
    let mut labeled = given.images.iter().map(at).collect::<Result<Vec<_>>>()?;
    labeled.sort_unstable();
    if let Some(((index, _), _)) = labeled.iter().zip(&labeled[1..]).find(|(image, next)| image.0 == next.0) {
        bail!("{name} names training image {index} in two ways");
    }
    let says_more = labeled.iter().any(|&(index, label)| dataset.train.labels.get(index as usize) != Some(&label));
    let (indices, labels) = labeled.into_iter().unzip();
    let given = says_more.then_some(set::Given { classes, labels });
    Ok(LabelSet { given, ..LabelSet::new(indices, Picked::File(path.display().to_string())) })
}

/// The training images that a file labels, whatever their classes; numbered with those of unknown class behind the others.
///
/// # Errors
/// As [`read`], but for what is wrong with classes.
pub fn labeled(path: &Path, dataset: &Dataset) -> Result<Vec<u32>> {
    let Some(given) = given(path)? else { return read(path, dataset).map(|set| set.indices) };
    let (name, places) = (path.shown(), places_of(dataset));
    let index = |image: &Labeled| {
        let own = if dataset.own.is_some() { &image.path } else { &image.name };
        let place = places.get(own).copied().flatten();
        place.with_context(|| {
            let (shown, line) = (image.name.shown(), image.line);
            format!("{name}:{line}: {shown} is none of the images to train on of {:?}", dataset.name)
        })
    };
    given.images.iter().map(index).collect()
}

/// What each image may be called, and its place among those to train on, of known class or not; None for test images.
fn places_of(dataset: &Dataset) -> HashMap<PathBuf, Option<u32>> {
    let Some(own) = &dataset.own else {
        return (0..dataset.train.n() as u32).map(|index| (numbered(&dataset.name, index), Some(index))).collect();
    };
    let mut places = Places::default();
    let training = own.files.train.iter().chain(&own.files.unlabeled).zip(0..).map(|(path, index)| (path, Some(index)));
    let test = own.files.test.iter().map(|path| (path, None));
    test.chain(training).map(|(path, index)| (places.of(path), index)).collect()
}

/// What an image of a data set without files is called.
pub fn numbered(dataset: &str, index: u32) -> PathBuf {
    format!("{dataset}:{index}").into()
}

fn header_of(text: &str) -> Header {
    let value = |key| text.lines().find_map(|line| line.strip_prefix(key)).map(|value| value.trim().to_owned());
    Header { dataset: value(DATASET), digest: value(DIGEST), picked: value(PICKED) }
}

/// What stands in the lines before their comments, with the number of the line from 1; lines without anything are left out.
fn entries(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let contents = text.lines().map(|line| line.split('#').next().unwrap_or_default().trim());
    (1..).zip(contents).filter(|(_, content)| !content.is_empty())
}

/// The listed images, ascending.
fn indices(text: &str, path: &Path, n_train: usize) -> Result<Vec<u32>> {
    let index = |content: &str| -> Result<u32> {
        let index = content.parse();
        let index = index.map_err(|_| anyhow!("\"{content}\" is not an index: write one whole number a line"))?;
        check_index(index, n_train).map(|()| index)
    };
    let place = |line| format!("{}:{line}", path.display());
    let numbered = entries(text).map(|(line, content)| Ok((index(content).with_context(|| place(line))?, line)));
    let mut numbered = numbered.collect::<Result<Vec<_>>>()?;
    numbered.sort_unstable();
    if let Some(pair) = numbered.windows(2).find(|pair| pair[0].0 == pair[1].0) {
        let ((index, first), (_, second)) = (pair[0], pair[1]);
        bail!("{}: image {index} is already on line {first}", place(second));
    }
    ensure!(!numbered.is_empty(), "{} lists no images: write one index a line", path.display());
    Ok(numbered.into_iter().map(|(index, _)| index).collect())
}

/// The text of a file that [`read`] reads: where the set comes from, then an index and its class a line, class by class.
pub fn text(set: &LabelSet, dataset: &Dataset, how: &str) -> String {
    let class_of = |index: u32| usize::from(dataset.train.labels[index as usize]);
    let mut indices = set.indices.clone();
    indices.sort_by_key(|&index| (class_of(index), index));
    let one_line = |text: &str| text.replace(char::is_control, " ");
    let mut text = format!(
        "# {} training images, one index a line, counted from 0\n{DATASET}{}\n{DIGEST}{}\n{PICKED}{}\n# made by: fixmatch {}\n",
        indices.len(),
        dataset.name,
        dataset.digest,
        one_line(how),
        crate::VERSION,
    );
    for index in indices {
        let class = one_line(dataset.classes[class_of(index)].raw());
        writeln!(text, "{index}  # {class}").expect("a string takes all");
    }
    text
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::labels::set::from_indices;

    /// Four images of two classes, one of whose names would break a line.
    fn dataset() -> Dataset {
        Dataset::black(&["cat\n7", "dog"], vec![1, 0, 1, 0])
    }

    fn written(text: &str) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().expect("a temporary file");
        fs::write(file.path(), text).expect("written");
        file
    }

    fn from_text(text: &str) -> Result<LabelSet> {
        read(written(text).path(), &Dataset::black(&["cat"], vec![0; 100]))
    }

    #[test]
    fn a_file_may_give_classes_to_images_by_their_names() {
        let set = |text: &str| read(written(text).path(), &dataset());
        let head = "path,label,answer,time,who,guess,seconds\n";
        let log = format!(
            "{head}pets:3,dog,class,1,a,,\npets:3,\"cat\n7\",class,2,a,,\npets:0,dog,class,3,a,,\npets:1,dog,class,4,a,,\n\
             pets:1,,undo,5,a,,\npets:2,,unsure,6,a,,\npets:2,do"
        );
        assert_eq!(set(&log).expect("valid").indices, [0, 3]);
        assert_eq!(summary(written(&log).path()).expect("reads"), (Header::default(), 2));
        assert_eq!(set("path,label\npets:2,dog\npets:1,\n").expect("valid").indices, [2]);
        // of another class than in the data set: what the file says counts
        let corrected = set("path,label\npets:2,dog\npets:3,dog\n").expect("valid");
        assert_eq!(corrected.given.as_ref().map(|given| given.labels.clone()), Some(vec![1, 1]));
        assert_eq!(corrected.label(dataset()).expect("of it").train.labels, [1, 0, 1, 1]);
        for (text, expected) in [
            ("path,label\n\npets:2,cow\n", ":3: pets:2 is labeled cow, which is no class; there are cat␊7, dog"),
            ("path,label\npets:4,dog\n", ":2: pets:4 is none of the images of \"pets\""),
            ("path,label\npets:2,\n", " gives no image a class"),
            ("path,label\npets:2,dog\npets:2,dog\n", ": line 3: line 2 names pets:2 already"),
        ] {
            let error = format!("{:#}", set(text).expect_err(expected));
            assert!(error.ends_with(expected), "{error}");
        }
    }

    #[test]
    fn a_file_may_have_comments_and_blank_lines() {
        let set = from_text("# ten prototypes\n\n 12 # a cat\n3\n").expect("valid");
        assert_eq!(set.indices, [3, 12]);
        assert!(matches!(set.picked, Picked::File(_)));
    }

    #[test]
    fn a_file_of_another_system_lists_the_same_images() {
        for text in ["\u{feff}12\n3\n", "12\r\n3\r\n", "\u{feff}12\r\n3", "12\n\n3"] {
            assert_eq!(from_text(text).expect("valid").indices, [3, 12], "{text:?}");
        }
        let error = from_text("\u{feff}# data set: other\n# digest: 00\n1\n").expect_err("of other data").to_string();
        assert!(error.contains("with digest 00"), "{error}");
    }

    #[test]
    fn a_bad_file_is_named_with_its_line() {
        let check = |text: &str, line: &str, expected: &str| {
            let error = format!("{:#}", from_text(text).expect_err(expected));
            assert!(error.contains(line) && error.ends_with(expected), "{error}");
        };
        check("1\ntwo\n", ":2: ", "\"two\" is not an index: write one whole number a line");
        check("1 2\n", ":1: ", "\"1 2\" is not an index: write one whole number a line");
        check("#\n100\n", ":2: ", "there is no training image 100: indices go from 0 to 99");
        check("5\n4\n5\n", ":3: ", "image 5 is already on line 1");
        check("# nothing\n", "", "lists no images: write one index a line");
        let folder = tempfile::tempdir().expect("a folder");
        let table = folder.path().join("l.csv");
        for (text, line) in
            [("path;label\na.png;cat\n", 1), ("\u{feff}# mine\nfilename,class\n", 2), ("a.png,cat\n", 1)]
        {
            std::fs::write(&table, text).expect("written");
            let error = format!("{:#}", read(&table, &dataset()).expect_err("no head"));
            assert!(error.contains(&format!("l.csv:{line}: ")) && error.contains("path,label"), "{error}");
        }
        let absent = read(Path::new("/no/such/list"), &dataset()).expect_err("no file").to_string();
        assert_eq!(absent, "cannot read the label set /no/such/list");
    }

    #[test]
    fn a_set_survives_its_file_which_says_of_which_data_it_is() {
        let set = from_indices(&[3, 0], 4).expect("valid");
        let text = text(&set, &dataset(), "by hand");
        assert!(text.ends_with("\n3  # cat 7\n0  # dog\n"), "{text}");
        let file = written(&text);
        assert_eq!(read(file.path(), &dataset()).expect("reads").indices, [0, 3]);
        let header = header(file.path()).expect("reads");
        assert_eq!((header.dataset.as_deref(), header.digest), (Some("pets"), Some("d".repeat(64))));
    }

    #[test]
    fn a_set_for_other_data_is_refused_where_it_says_so() {
        let other = Dataset { digest: "e".repeat(64), ..dataset() };
        let file = written(&text(&from_indices(&[0], 4).expect("valid"), &dataset(), "by hand"));
        let error = read(file.path(), &other).expect_err("other data").to_string();
        let expected =
            "lists images of \"pets\" with digest dddddddddddd…, this data set is \"pets\" with digest eeeeeeeeeeee…";
        assert!(error.ends_with(expected), "{error}");
        assert_eq!(read(written("0\n").path(), &other).expect("says nothing").indices, [0]);
    }
}
