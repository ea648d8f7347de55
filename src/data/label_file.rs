//! Label sets in files, which `labels.pick = "file:PATH"` loads: an index a line, `#` before comments.
//!
//! Two comments mean something: `# data set: NAME` and `# digest: SHA-256` say whose images the indices are. A file with a
//! digest is refused for other data; one without is taken at its word.

use std::fmt::Write as _;
use std::path::Path;

use anyhow::{Context as _, Result, ensure};

use super::Dataset;
use super::label_set::{LabelSet, from_file};

use crate::files;

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
    let text = files::read_text(path, files::MAX_TEXT)
        .with_context(|| format!("cannot read the label set {}", path.display()))?;
    let value = |key| text.lines().find_map(|line| line.strip_prefix(key)).map(|value| value.trim().to_owned());
    Ok(Header { dataset: value(DATASET), digest: value(DIGEST), picked: value(PICKED) })
}

/// How many lines of a file are not comments.
pub fn n_lines(path: &Path) -> Result<usize> {
    let text = files::read_text(path, files::MAX_TEXT)
        .with_context(|| format!("cannot read the label set {}", path.display()))?;
    Ok(text.lines().filter(|line| !line.trim().is_empty() && !line.starts_with('#')).count())
}

/// Reads a label set. Fails if it is of other data, or if an index is out of range or there twice.
pub fn read(path: &Path, dataset: &Dataset) -> Result<LabelSet> {
    if let Header { dataset: name, digest: Some(digest), .. } = header(path)? {
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
    from_file(path, dataset.train.n())
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
        let class = one_line(&dataset.classes[class_of(index)]);
        writeln!(text, "{index}  # {class}").expect("a string takes all");
    }
    text
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::data::label_set::from_indices;

    /// Four images of two classes, one of whose names would break a line.
    fn dataset() -> Dataset {
        Dataset::black(&["cat\n7", "dog"], vec![1, 0, 1, 0])
    }

    fn written(text: &str) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().expect("a temporary file");
        fs::write(file.path(), text).expect("written");
        file
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
