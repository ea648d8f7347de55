//! Label sets in files, which `labels.pick = "file:PATH"` loads: an index a line, `#` before comments.
//!
//! Two comments mean something: `# data set: NAME` and `# digest: SHA-256` say whose images the indices are. A file with a
//! digest is refused for other data; one without is taken at its word.

use std::fmt::Write as _;
use std::path::Path;

use anyhow::{Context as _, Result, anyhow, bail, ensure};

use crate::base::files;
use crate::data::Dataset;
use crate::labels::set::{LabelSet, Picked, check_index};

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

/// Reads what a file says of its data set and of itself.
pub fn header(path: &Path) -> Result<Header> {
    text_of(path).map(|text| header_of(&text))
}

/// The same, and how many images the file lists.
pub fn summary(path: &Path) -> Result<(Header, usize)> {
    text_of(path).map(|text| (header_of(&text), entries(&text).count()))
}

/// Reads a label set. Fails if it is of other data, or if an index is out of range or there twice.
pub fn read(path: &Path, dataset: &Dataset) -> Result<LabelSet> {
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
    Ok(LabelSet { indices, picked: Picked::File(path.display().to_string()) })
}

fn text_of(path: &Path) -> Result<String> {
    files::read_text(path, files::MAX_TEXT).with_context(|| format!("cannot read the label set {}", path.display()))
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
