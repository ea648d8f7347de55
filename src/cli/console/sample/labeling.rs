//! Images that are labeled, for tests: those of the embedded data set.

use std::path::Path;
use std::sync::{Arc, OnceLock};

use fixmatch::config::Data;
use fixmatch::labels::desk::{Desk, Labeling, Sequence};
use fixmatch::labels::log::{Answer, News as Added, Row};

use super::{NOW, app};
use crate::console::app::App;
use crate::console::screens::Screen;
use crate::console::screens::label::Label;
use crate::console::settle;
use crate::console::world::{DeskNews, LabelNews, News};

/// What is asked for, with a file of answers in a folder.
pub fn request(folder: &Path) -> Labeling {
    let data = Data { dataset: "fashion-mini".into(), ..Data::default() };
    let file = Some(folder.join("labels.csv"));
    Labeling { data, file, order: Sequence::Named, who: Some("me".into()), ..Labeling::default() }
}

/// Some images with answers, two of which disagree; none is written to a file.
fn label() -> Label {
    static DESK: OnceLock<(Labeling, Arc<Desk>)> = OnceLock::new();
    let (request, desk) = DESK.get_or_init(|| {
        let request = request(&std::env::temp_dir());
        let desk = Desk::open(&request).expect("the images are embedded");
        (request, Arc::new(desk))
    });
    let class = |class: usize| Answer::Class(desk.classes[class].clone());
    let row = |image: usize, who: &str, answer| Row {
        line: 0,
        path: desk.images[image].name.clone(),
        answer,
        time: format!("{image}{who}"),
        who: who.into(),
        guess: None,
        seconds: Some(2.0),
    };
    let mut rows: Vec<Row> = (0..9).map(|image| row(image, "me", class(image % 4))).collect();
    rows.extend([row(9, "me", Answer::Unsure), row(10, "me", Answer::Skip), row(2, "you", class(9))]);
    let mut label = Label::new(request.clone());
    label.take(desk.clone(), Added { rows, ..Added::default() });
    for image in 0..24 {
        label.take_picture(image, desk.look(image), NOW);
    }
    let near = desk.near(11, &(0..9).collect::<Vec<_>>(), 8);
    label.take_near(11, near);
    label
}

/// A console on them.
pub fn app_labeling() -> App {
    let mut app = app();
    app.open(Screen::Label(Box::new(label())));
    app.take_tasks();
    app
}

/// A console on the images with a file of answers in a folder, after `change` was made to what is asked for.
pub fn app_labeling_in(folder: &Path, change: impl FnOnce(&mut Labeling)) -> App {
    let mut request = request(folder);
    change(&mut request);
    let mut app = app();
    app.open(Screen::Label(Box::new(Label::new(request))));
    settle(&mut app);
    app
}

/// The news about the images that are shown.
pub fn news_of(app: &mut App, news: DeskNews) -> News {
    let desk = app.label_mut().and_then(|label| label.desk().cloned()).expect("images are shown");
    News::Label(LabelNews::Of(desk, news))
}
