//! A data set in order, the browser on it and the list of label sets, for tests.

use std::path::Path;
use std::sync::Arc;

use fixmatch::config::{Metric, Pick, Rank};
use fixmatch::data::{Dataset, Images, Known};
use fixmatch::labels::file::Header;
use fixmatch::labels::order::Order;
use fixmatch::labels::pick::by_ranking;
use fixmatch::labels::ranking::{self, Made, Neighbors, Predictions, Ranking};
use fixmatch::labels::saved::Saved;

use super::app_with_runs;
use crate::console::app::App;
use crate::console::screens::Screen;
use crate::console::screens::browser::atlas::Atlas;
use crate::console::screens::browser::{Browser, Opening};
use crate::console::screens::home::DataState;
use crate::console::screens::label_sets;

/// Sixty small images of three classes, ordered by two metrics.
pub fn atlas() -> Atlas {
    let (n, side) = (60_u32, 28);
    let pixel = |i: u32, p: u32| ((p * (i % 7 + 1) / 3 + 5 * i) % 256) as u8;
    let images = |n: u32| Images {
        width: side,
        height: side,
        channels: 1,
        pixels: (0..n).flat_map(|i| (0..(side * side) as u32).map(move |p| pixel(i, p))).collect(),
        labels: (0..n).map(|i| (i % 3) as u16).collect(),
    };
    let dataset = Dataset {
        name: "fashion-mini".into(),
        classes: ["Trouser", "Ankle boot", "Bag"].map(Into::into).to_vec(),
        train: images(n),
        unlabeled: None,
        test: images(3),
        digest: "d".repeat(64),
        known: Known::Own,
        read: None,
        own: None,
        folds: Vec::new(),
        warnings: Vec::new(),
    };
    let order = |by: Metric, scores: Vec<f32>| {
        let needs_labels = by.needs_labels();
        let probabilities: Vec<f32> = scores.iter().flat_map(|x| [0.7 * x, 0.3, 0.7 - 0.7 * x]).collect();
        let near: Vec<Vec<u32>> = (0..n).map(|i| (1..=8).map(|by| (i + by) % n).collect()).collect();
        let ranking = Ranking {
            dataset: "fashion-mini".into(),
            data_digest: "d".repeat(64),
            rank: Rank { by, ..Rank::default() },
            needs_labels,
            made: Made { version: "0".into(), run: format!("20261123-180112-rank-fashion-mini-{by}-s0") },
            order: ranking::order(by, &scores),
            scores,
            clusters: (!needs_labels).then(|| vec![0; n as usize]),
            predictions: needs_labels.then(|| Predictions::new(3, &probabilities)),
            neighbors: (!needs_labels).then(|| Neighbors::new(&near)),
        };
        Order::new(Path::new(&format!("/cache/{by}.json")), ranking, &dataset).expect("of these images")
    };
    let agreement = (0..n).map(|i| (i * 37 % n) as f32 / n as f32).collect();
    let typicality = (0..n).map(|i| 1.0 / (1.0 + (i * 37 % n + i % 5) as f32)).collect();
    let orders = vec![order(Metric::Agreement, agreement), order(Metric::Typicality, typicality)];
    Atlas::new(dataset, orders, Vec::new())
}

/// The browser on them, with two images of each class in the set.
pub fn browser() -> Browser {
    let mut browser = Browser::new(Opening { per_class: Some(2), ..Opening::default() });
    browser.opening.data.dataset = "fashion-mini".into();
    let atlas = Arc::new(atlas());
    let ranking = &atlas.orders[0].order.ranking;
    let set = by_ranking(&atlas.dataset, ranking, 2, &Pick::MostRepresentative).expect("enough images");
    browser.take(atlas);
    browser.start_with(&set, set.picked.to_string(), None);
    browser
}

/// A console on the list of label sets.
pub fn app_on_label_sets() -> App {
    let mut app = app_with_runs();
    app.label_sets.take(Ok(label_sets()));
    app.open(Screen::LabelSets);
    app.take_tasks();
    app
}

/// A console on the browser, opened from there.
pub fn app_browsing() -> App {
    let mut app = app_on_label_sets();
    app.open(Screen::Browser(Box::new(browser())));
    app.take_tasks();
    app
}

/// Data sets in every state, and two saved label sets.
fn label_sets() -> Vec<label_sets::Row> {
    let data = |name: &str, state, orders| label_sets::Row::Data { name: name.into(), state, orders };
    let set = |name: &str, n, picked: &str| {
        let digest = Some("d".repeat(64));
        let header = Header { dataset: Some("fashion-mini".into()), digest, picked: Some(picked.into()) };
        label_sets::Row::Set(Saved { name: name.into(), path: format!("/sets/{name}.txt").into(), header, n })
    };
    vec![
        data("fashion-mini", DataState::Here, vec![Metric::Agreement, Metric::Typicality]),
        data("fashion-mnist", DataState::Here, vec![]),
        data("cifar10", DataState::Missing(170_052_171), vec![]),
        set("best-two", 6, "most-representative by agreement, 2 per class"),
        set("mine", 12, "by hand; with 3; with 7"),
    ]
}
