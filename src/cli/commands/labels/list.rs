//! `fixmatch labels list`: what there is to pick from: the orders in the cache, saved label sets, published ones.

use std::process::ExitCode;

use anyhow::Result;
use fixmatch::base::dirs;
use fixmatch::config::Rank;
use fixmatch::examples;
use fixmatch::labels::published::PUBLISHED;
use fixmatch::labels::{ranking, saved};
use serde::Serialize;

use crate::commands::{note, say, say_json};
use crate::words::labels::recipe_words;
use crate::words::numbers::{columns, grouped};

/// List the orders of images that were made, and the label sets that are saved or published
#[derive(clap::Args)]
#[command(after_help = examples!("fixmatch labels list"))]
pub struct Args {
    /// As JSON
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Page {
    orders: Vec<OrderRow>,
    saved: Vec<SetRow>,
    published: Vec<PublishedRow>,
}

#[derive(Serialize)]
struct OrderRow {
    dataset: String,
    #[serde(flatten)]
    rank: Rank,
    needs_labels: bool,
    n_images: usize,
    data_digest: String,
    path: String,
}

#[derive(Serialize)]
struct SetRow {
    name: String,
    dataset: Option<String>,
    n: usize,
    picked: Option<String>,
    path: String,
}

#[derive(Serialize)]
struct PublishedRow {
    name: &'static str,
    about: &'static str,
    indices: [u32; 10],
}

pub fn run(args: &Args) -> Result<ExitCode> {
    let page = Page::read()?;
    if args.json {
        say_json(&page)?;
    } else {
        say(page.text())?;
    }
    Ok(ExitCode::SUCCESS)
}

impl Page {
    fn read() -> Result<Self> {
        let mut orders = Vec::new();
        for (path, ranking) in ranking::cached()? {
            match ranking {
                Ok(ranking) => orders.push(OrderRow {
                    dataset: ranking.dataset,
                    needs_labels: ranking.needs_labels,
                    n_images: ranking.order.len(),
                    data_digest: ranking.data_digest,
                    rank: ranking.rank,
                    path: path.display().to_string(),
                }),
                Err(error) => note(format_args!("warning: {error:#}")),
            }
        }
        let sets = saved::list(&dirs::label_sets_dir()?)?.into_iter().map(|set| SetRow {
            name: set.name,
            dataset: set.header.dataset,
            n: set.n,
            picked: set.header.picked,
            path: set.path.display().to_string(),
        });
        let published =
            PUBLISHED.iter().map(|set| PublishedRow { name: set.name, about: set.about, indices: set.indices });
        Ok(Self { orders, saved: sets.collect(), published: published.collect() })
    }

    fn text(&self) -> String {
        let orders: Vec<_> = self.orders.iter().map(OrderRow::cells).collect();
        let saved: Vec<_> = self.saved.iter().map(SetRow::cells).collect();
        let published: Vec<_> = self.published.iter().map(|set| vec![set.name.into(), set.about.into()]).collect();
        let part = |head: &[&str], rows: &[Vec<String>], none: &str| {
            if rows.is_empty() { none.to_owned() } else { columns(head, rows) }
        };
        [
            part(
                &["ORDER", "DATA SET", "IMAGES", "MADE BY"],
                &orders,
                "no order yet: `fixmatch rank DATASET --by METRIC` makes one",
            ),
            part(
                &["SAVED", "DATA SET", "IMAGES", "PICKED"],
                &saved,
                "no saved label set yet: `fixmatch labels make … --name NAME` saves one",
            ),
            columns(&["PUBLISHED", "OF CIFAR-10, 1 PER CLASS"], &published),
        ]
        .join("\n\n")
    }
}

impl OrderRow {
    fn cells(&self) -> Vec<String> {
        let n = grouped(self.n_images as u64);
        vec![self.rank.by.to_string(), self.dataset.clone(), n, recipe_words(&self.rank)]
    }
}

impl SetRow {
    fn cells(&self) -> Vec<String> {
        let or_unknown = |text: &Option<String>| text.clone().unwrap_or_else(|| "–".into());
        vec![self.name.clone(), or_unknown(&self.dataset), grouped(self.n as u64), or_unknown(&self.picked)]
    }
}
