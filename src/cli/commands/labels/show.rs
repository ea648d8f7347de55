//! `fixmatch labels show`: the images of a label set, class by class.

use fixmatch::base::text::Name;
use std::path::Path;
use std::process::ExitCode;

use anyhow::Result;
use fixmatch::config::Metric;
use fixmatch::data::Dataset;
use fixmatch::examples;
use fixmatch::labels::suggest::name_of;
use serde::Serialize;

use super::choice::{Choice, Side};
use super::listing::from_here;
use super::sheet::Files;
use crate::commands::{Runs, complete, say, say_json};
use crate::words::numbers::{grouped, or_dash, plural, significant, table};

/// Show the images of a label set, the most representative ones of each class first where an order is known
#[derive(clap::Args)]
#[command(after_help = examples!(
    "fixmatch labels show quickstart",
    "fixmatch labels show cifar10 --by agreement --per-class 10",
))]
pub struct Args {
    /// A preset, a run, file:PATH or a data set [default: the newest run]
    #[arg(add = complete::label_source())]
    source: Option<String>,
    #[command(flatten)]
    choice: Choice,
    /// As JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    sheet: Files,
}

pub fn run(args: &Args, runs: &Runs) -> Result<ExitCode> {
    args.sheet.check()?;
    let wanted = args.choice.only(args.source.as_deref(), runs)?;
    let dataset = wanted.load()?;
    let mut side = wanted.pick(&dataset)?;
    let dataset = side.label(dataset)?;
    side.warn(&dataset);
    let page = Page::of(&side, &dataset);
    if args.json {
        say_json(&page)?;
    } else if !args.sheet.is_some() {
        say(page.text())?;
    }
    args.sheet.write(&[&side], &dataset)?;
    Ok(ExitCode::SUCCESS)
}

/// A label set in full.
#[derive(Serialize)]
struct Page {
    dataset: String,
    data_digest: String,
    picked: String,
    n: usize,
    n_train: usize,
    order: Option<OrderSummary>,
    images: Vec<Row>,
    /// Whether the images are files of the user's own.
    #[serde(skip)]
    has_files: bool,
}

#[derive(Serialize)]
struct OrderSummary {
    by: Metric,
    path: String,
    /// From 1, the most representative.
    mean_rank: f64,
}

#[derive(Serialize)]
struct Row {
    class: usize,
    class_name: Name,
    index: u32,
    /// Its file, or in a data set without files the set's name and a number.
    path: String,
    /// From 1, the most representative of all training images.
    rank: Option<u32>,
    /// The same among those of its class.
    class_rank: Option<u32>,
    score: Option<f32>,
}

impl Page {
    fn of(side: &Side, dataset: &Dataset) -> Self {
        let images = side.by_class(dataset).into_iter().enumerate().flat_map(|(class, indices)| {
            indices.into_iter().map(move |index| Row {
                class,
                class_name: dataset.classes[class].clone(),
                index,
                path: name_of(dataset, index).display().to_string(),
                rank: side.order.as_ref().map(|order| order.rank(index)),
                class_rank: side.order.as_ref().map(|order| order.class_rank(index)),
                score: side.order.as_ref().map(|order| order.score(index)),
            })
        });
        Self {
            dataset: dataset.name.clone(),
            data_digest: dataset.digest.clone(),
            picked: side.set.picked.to_string(),
            n: side.set.indices.len(),
            n_train: dataset.train.n(),
            images: images.collect(),
            has_files: dataset.own.is_some(),
            order: side.order.as_ref().map(|order| OrderSummary {
                by: order.ranking.rank.by,
                path: order.path.display().to_string(),
                mean_rank: order.mean_rank(&side.set.indices),
            }),
        }
    }

    fn text(&self) -> String {
        let head = format!("{} of {}: {}", plural(self.n as u64, "image"), self.dataset, self.picked);
        let mut columns = vec!["CLASS", "INDEX"];
        columns.extend(self.has_files.then_some("FILE"));
        columns.extend(self.order.iter().flat_map(|_| ["RANK", "IN CLASS", "SCORE"]));
        let rows: Vec<_> = self.images.iter().map(|row| row.cells(self.has_files, self.order.is_some())).collect();
        let table = table(&columns, &rows);
        let Some(order) = &self.order else { return format!("{head}\n\n{table}") };
        let (mean, n) = (order.mean_rank, grouped(self.n_train as u64));
        format!("{head}\n\n{table}\n\nmean rank by {}: {mean:.1} of {n}", order.by)
    }
}

impl Row {
    fn cells(&self, has_file: bool, has_rank: bool) -> Vec<String> {
        let mut cells = vec![self.class_name.to_string(), self.index.to_string()];
        cells.extend(has_file.then(|| from_here(Path::new(&self.path))));
        if has_rank {
            let ranks = [self.rank, self.class_rank].map(|rank| or_dash(rank, |rank| rank.to_string()));
            cells.extend(ranks.into_iter().chain([or_dash(self.score, significant)]));
        }
        cells
    }
}
