//! Presets of one's own in words.

use fixmatch::config::preset::own::Taken;

/// Who has the name of a preset already.
pub fn taken(by: &Taken) -> String {
    match by {
        Taken::Shipped => "the name is a shipped preset's: train this one by its path".into(),
        Taken::Nearer(path) => format!("the name is that of {}: train this one by its path", path.display()),
    }
}
