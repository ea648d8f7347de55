//! Presets and expressions of one's own, looked for again and again.

use std::thread;
use std::time::Duration;

use fixmatch::compare::saved;
use fixmatch::config::RunConfig;
use fixmatch::config::preset::own::{self, Own};
use tokio::sync::mpsc::UnboundedSender;

use super::super::screens::home::DataState;
use super::super::screens::home::groups::OwnPresets;
use super::News;

/// How often they are looked for.
const LOOK: Duration = Duration::from_secs(3);

/// Tells which presets of one's own there are, each time that something about them changed.
pub fn watch(news: &UnboundedSender<News>) {
    let mut last = None;
    loop {
        let found = look();
        if last.as_ref() != Some(&found) && news.send(News::Own(Box::new(found.clone()))).is_err() {
            return;
        }
        last = Some(found);
        thread::sleep(LOOK);
    }
}

fn look() -> OwnPresets {
    let row = |own: Own| {
        let config = own.resolve();
        let data = config.as_ref().map_or(DataState::Unknown, where_images_are);
        (own, config, data)
    };
    OwnPresets {
        folders: own::folders(),
        rows: own::list().into_iter().map(row).collect(),
        expressions: saved::read().unwrap_or_default(),
    }
}

/// Whether the folder of images is there, where a configuration names one.
fn where_images_are(config: &RunConfig) -> DataState {
    match &config.data.path {
        Some(path) if path.exists() => DataState::Here,
        Some(_) => DataState::Nowhere,
        None => DataState::Unknown,
    }
}
