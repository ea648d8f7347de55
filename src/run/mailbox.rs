//! The mailbox: how anything outside the worker changes a run.
//!
//! A request is one small file in the run's `control/` folder. The worker reads it, answers in the event log
//! (`accepted`, then `applied` or `refused`) and removes it, so every change to a run can be read later.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::path::Path;
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use crate::base::aside::replace_file;
use crate::base::files;
use crate::run::change::{Edit, Request};

/// Who asks for what a signal stands for, as the log says it.
pub const BY_SIGNAL: &str = "a signal";

/// A request with its sender.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Letter {
    /// user@host.
    pub who: String,
    /// What is asked.
    pub request: Request,
}

/// Puts a request into the `control` folder of a run and returns its id, which the answers carry.
pub fn post(control: &Path, request: Request) -> Result<String> {
    post_as(control, request, crate::base::host::user_at_host())
}

/// The same, asked for by `who`.
pub fn post_as(control: &Path, request: Request, who: String) -> Result<String> {
    let since_epoch = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let id = format!("{:015}-{}", since_epoch.as_micros(), std::process::id());
    let letter = Letter { who, request };
    let text = serde_json::to_vec(&letter).expect("a letter has only JSON's types");
    let path = control.join(format!("{id}.json"));
    replace_file(&path, &text).with_context(|| format!("cannot put a request into {}", control.display()))?;
    Ok(id)
}

/// The longest request that is read.
const MAX_LETTER: u64 = 64 << 10;

/// A file of the mailbox.
#[derive(Debug)]
pub struct Mail {
    /// Its name.
    pub name: OsString,
    /// What is in it.
    pub content: Content,
}

/// What a file of the mailbox holds.
#[derive(Debug)]
pub enum Content {
    /// A request.
    Letter(Letter),
    /// What is none, and why: to be refused.
    Nonsense(anyhow::Error),
    /// No file that could be a request, and why: to be left alone.
    Foreign(anyhow::Error),
}

impl Mail {
    /// The request's id, which answers carry: the name without its extension.
    pub fn id(&self) -> String {
        Path::new(&self.name).file_stem().unwrap_or_default().to_string_lossy().into_owned()
    }
}

/// What waits in the mailbox, oldest first, but for what `is_known` already.
pub fn collect(control: &Path, is_known: impl Fn(&OsStr) -> bool) -> Result<Vec<Mail>> {
    let mut names = names(control)?;
    names.retain(|name| !is_known(name));
    names.sort();
    let mail = |name: OsString| Some(Mail { content: read(&control.join(&name))?, name });
    Ok(names.into_iter().filter_map(mail).collect())
}

/// The names of what waits in the mailbox.
pub fn names(control: &Path) -> Result<Vec<OsString>> {
    let problem = || format!("cannot read {}", control.display());
    let mut names = Vec::new();
    for entry in fs::read_dir(control).with_context(problem)? {
        let name = entry.with_context(problem)?.file_name();
        let is_aside = name.as_encoded_bytes().starts_with(b"."); // being written
        if !is_aside && Path::new(&name).extension().is_some_and(|extension| extension == "json") {
            names.push(name);
        }
    }
    Ok(names)
}

/// None of what is gone again.
fn read(path: &Path) -> Option<Content> {
    let file = match files::open_no_link(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return None,
        Err(error) => return Some(Content::Foreign(error.into())),
    };
    let parse = || -> Result<Letter> {
        let text = files::read_open(&file, MAX_LETTER).context("cannot read the request")?;
        let letter: Letter = serde_json::from_slice(&text).context("the request is not one this version knows")?;
        if let Request::Set(change) | Request::Edit(Edit::Value(_, change)) = letter.request {
            change.validate()?;
        }
        Ok(letter)
    };
    Some(parse().map_or_else(Content::Nonsense, Content::Letter))
}

/// Removes an answered request.
pub fn discard(control: &Path, name: &OsStr) -> Result<()> {
    let path = control.join(name);
    fs::remove_file(&path).with_context(|| format!("cannot remove the answered request {}", path.display()))
}

/// How often a worker looks into its mailbox.
pub const POLL: Duration = Duration::from_millis(100);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::change::Change;

    #[test]
    fn a_posted_request_is_collected_and_discarded() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let id = post(folder.path(), Request::Set(Change::Threshold(0.9))).expect("posted");
        let mail = collect(folder.path(), |_| false).expect("collected");
        assert_eq!(mail.len(), 1);
        assert_eq!(mail[0].id(), id);
        let Content::Letter(letter) = &mail[0].content else { panic!("{mail:?}") };
        assert_eq!(letter.request, Request::Set(Change::Threshold(0.9)));
        assert!(collect(folder.path(), |name| name == mail[0].name).expect("collected").is_empty());
        discard(folder.path(), &mail[0].name).expect("discarded");
        assert!(names(folder.path()).expect("collected").is_empty());
    }

    #[test]
    fn what_is_half_written_of_another_version_or_out_of_range_is_collected_with_its_reason() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let unknown = "not one this version knows";
        let cases = [
            ("{", unknown),
            ("", unknown),
            (r#"{"who":"me","request":"pau"#, unknown),
            (r#"{"request":"pause"}"#, unknown),
            (r#"{"who":"me","request":"teleport"}"#, unknown),
            (r#"{"who":"me","request":{"set":{"temperature":0.5}}}"#, unknown),
            (r#"{"who":"me","request":{"set":{"threshold":7}}}"#, "threshold must be in [0, 1], not 7"),
        ];
        for (text, expected) in cases {
            fs::write(folder.path().join("1.json"), text).expect("written");
            let mail = collect(folder.path(), |_| false).expect("collected");
            let Content::Nonsense(error) = &mail[0].content else { panic!("{text}: {mail:?}") };
            assert!(format!("{error:#}").contains(expected), "{text}: {error:#}");
        }
        // a later version may say more than this one knows of
        fs::write(folder.path().join("1.json"), r#"{"who":"me","request":"pause","why":"lunch"}"#).expect("written");
        let mail = collect(folder.path(), |_| false).expect("collected");
        assert!(matches!(&mail[0].content, Content::Letter(letter) if letter.request == Request::Pause), "{mail:?}");
    }
}
