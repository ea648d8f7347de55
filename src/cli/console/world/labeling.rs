//! What the labelling screen asks of the world.

use std::sync::Arc;

use fixmatch::labels::desk::{Desk, Labeling};
use fixmatch::labels::log;
use tokio::sync::mpsc::UnboundedSender;

use super::{News, in_one_line};
use crate::console::screens::label::{Looked, MOST_COMPARED, Near};
use crate::console::tasks::LabelTask;

/// Images that are shown beside the one that they look like.
const N_NEAR: usize = 8;

/// What happened to images that are labeled.
#[derive(Debug)]
pub enum LabelNews {
    /// The images, and the answers that there are; or why there are none.
    Opened(Result<(Arc<Desk>, log::News), String>),
    /// The picture of an image, or why there is none.
    Looked(usize, Looked),
    /// Answers are on disk, and these are new in their file; or why they are not.
    Saved(Result<log::News, String>),
    /// What others added.
    Added(Result<log::News, String>),
    /// Images that look like one.
    Near(usize, Vec<Near>),
}

/// Finds the images, then looks at those that are labeled.
pub fn open(request: &Labeling, news: &UnboundedSender<News>) {
    let send = |told| drop(news.send(News::Label(told)));
    let desk = match Desk::open(request) {
        Ok(desk) => Arc::new(desk),
        Err(error) => return send(LabelNews::Opened(Err(in_one_line(&error)))),
    };
    let mut labeled = Vec::new();
    desk.read(|read| {
        let opened = read.map(|read| {
            labeled.extend(read.rows.iter().filter_map(|row| desk.place_of(&row.path)));
            (desk.clone(), read)
        });
        send(LabelNews::Opened(opened.map_err(|error| in_one_line(&error))));
    });
    labeled.sort_unstable();
    labeled.dedup();
    labeled.truncate(MOST_COMPARED);
    desk.look_at(&labeled);
}

/// Does what is asked.
pub fn follow(desk: &Desk, task: LabelTask, news: &UnboundedSender<News>) {
    let send = |told| drop(news.send(News::Label(told)));
    let in_words = |read: anyhow::Result<log::News>| read.map_err(|error| in_one_line(&error));
    match task {
        LabelTask::Look(images) => {
            for image in images {
                send(LabelNews::Looked(image, desk.look(image)));
            }
        }
        LabelTask::Answer(rows) => desk.append(&rows, |saved| send(LabelNews::Saved(in_words(saved)))),
        LabelTask::KeepClasses(classes) => desk.keep_classes(&classes),
        LabelTask::Reread => desk.read(|read| send(LabelNews::Added(in_words(read)))),
        LabelTask::Near(image, others) => send(LabelNews::Near(image, desk.near(image, &others, N_NEAR))),
    }
}
