//! What the labelling screen asks of the world.

use std::sync::Arc;

use fixmatch::labels::answers::Answers;
use fixmatch::labels::desk::{Desk, Labeling};
use fixmatch::labels::log;
use tokio::sync::mpsc::UnboundedSender;

use super::{News, in_one_line};
use crate::console::screens::label::{Looked, Near, compared};
use crate::console::tasks::LabelTask;

/// Images that are shown beside the one that they look like.
const N_NEAR: usize = 8;

/// What happened to images that are labeled, with whose they are: screens are left and opened meanwhile.
#[derive(Debug)]
pub enum LabelNews {
    /// The images that were asked for, and the answers that there are; or why there are none.
    Opened(Box<Labeling>, Result<(Arc<Desk>, log::News), String>),
    /// Something about images that were opened.
    Of(Arc<Desk>, DeskNews),
}

/// What happened to images that were opened.
#[derive(Debug)]
pub enum DeskNews {
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
    let send = |opened| drop(news.send(News::Label(LabelNews::Opened(Box::new(request.clone()), opened))));
    let desk = match Desk::open(request) {
        Ok(desk) => Arc::new(desk),
        Err(error) => return send(Err(in_one_line(&error))),
    };
    let mut answers = Answers::default();
    desk.read(|read| {
        answers.extend(read.iter().flat_map(|read| read.rows.clone()));
        send(read.map(|read| (desk.clone(), read)).map_err(|error| in_one_line(&error)));
    });
    desk.look_at(&compared(&desk, &answers));
}

/// Does what is asked.
pub fn follow(desk: &Arc<Desk>, task: LabelTask, news: &UnboundedSender<News>) {
    let send = |told| drop(news.send(News::Label(LabelNews::Of(desk.clone(), told))));
    let in_words = |read: anyhow::Result<log::News>| read.map_err(|error| in_one_line(&error));
    match task {
        LabelTask::Look(images) => {
            for image in images {
                send(DeskNews::Looked(image, desk.look(image)));
            }
        }
        LabelTask::Answer(rows) => desk.append(&rows, |saved| send(DeskNews::Saved(in_words(saved)))),
        LabelTask::KeepClasses(classes) => desk.keep_classes(&classes),
        LabelTask::Reread => desk.read(|read| {
            if read.as_ref().map_or(true, |news| !news.is_empty()) {
                send(DeskNews::Added(in_words(read)));
            }
        }),
        LabelTask::Near(image, others) => send(DeskNews::Near(image, desk.near(image, &others, N_NEAR))),
    }
}
