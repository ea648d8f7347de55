//! Decoded images that are kept in the cache directory: which, and away with them.

use std::path::PathBuf;
use std::time::SystemTime;

use anyhow::Result;
use fixmatch::base::text::Shown as _;
use fixmatch::data::cache;

use super::super::say;
use crate::words::numbers::{bytes, columns, duration, grouped, plural};

/// Lists them, if there are any.
pub fn list() -> Result<()> {
    let kept = cache::list(&cache::folder()?);
    if kept.is_empty() {
        return Ok(());
    }
    let row = |entry: &cache::Entry| {
        let (whose, images, size) = entry.head.as_ref().map_or_else(
            || (entry.file.shown().to_string(), "damaged".into(), String::new()),
            |head| {
                let size = format!("{}×{}×{}", head.width, head.height, head.channels);
                (head.path.shown().to_string(), grouped(head.n as u64), size)
            },
        );
        vec![whose, images, size, bytes(entry.n_bytes), ago(entry.used)]
    };
    let rows: Vec<_> = kept.iter().map(row).collect();
    say("\ndecoded images that are kept; `fixmatch data clear` removes them")?;
    say(columns(&["OF", "IMAGES", "SIZE", "TAKES", "LAST USED"], &rows))
}

/// How long ago that was.
fn ago(moment: SystemTime) -> String {
    format!("{} ago", duration(moment.elapsed().unwrap_or_default()))
}

/// What is kept of the images of folders, as JSON.
pub fn json() -> Result<Vec<serde_json::Value>> {
    let entry = |entry: cache::Entry| {
        let head = entry.head.as_ref();
        let used = entry.used.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        serde_json::json!({
            "path": head.map(|head| head.path.display().to_string()),
            "n": head.map(|head| head.n),
            "shape": head.map(|head| (head.width, head.height, head.channels)),
            "file": entry.file.display().to_string(),
            "n_bytes": entry.n_bytes,
            "used": used.as_secs_f64(),
        })
    };
    Ok(cache::list(&cache::folder()?).into_iter().map(entry).collect())
}

/// Removes those of these folders and lists, or all.
pub fn clear(paths: &[PathBuf]) -> Result<()> {
    let folder = cache::folder()?;
    let whole = |path: &PathBuf| path.canonicalize().or_else(|_| std::path::absolute(path));
    let paths = paths.iter().map(whole).collect::<Result<Vec<_>, _>>()?;
    let (n, n_bytes) = cache::remove(&folder, &paths)?;
    match n {
        0 => say(format_args!("no decoded images are kept in {}", folder.shown())),
        _ => say(format_args!("{} removed, {}", plural(n as u64, "file"), bytes(n_bytes))),
    }
}
