//! `fixmatch labels compare`: what two label sets share, and how far the orders agree that they go by.

use fixmatch::base::text::Name;
use std::process::ExitCode;

use anyhow::{Result, ensure};
use fixmatch::config::Metric;
use fixmatch::data::Dataset;
use fixmatch::examples;
use fixmatch::labels::ranking::spearman;
use serde::Serialize;

use super::choice::{Choice, Side, Wanted};
use super::sheet::Files;
use crate::commands::{Runs, complete, say, say_json};
use crate::words::numbers::{grouped, or_dash, percent, plural, table};
use fixmatch::labels::order::Order;
use fixmatch::labels::set::Given;

/// Compare two label sets: overlap and mean ranks; with two orders also Spearman's rank correlation
///
/// An option that is given once is for both sets, one that is given twice is for one each: `compare RUN RUN`,
/// `compare cifar10 --pick most-representative --pick random --by agreement`, or to compare two orders and the best of
/// each, `compare cifar10 --by agreement --by density --per-class 100`.
#[derive(clap::Args)]
#[command(after_help = examples!("fixmatch labels compare quickstart --seed 1 --seed 2"))]
pub struct Args {
    /// Presets, runs, file:PATH or data sets; one for both sets, or one each [default: the newest run]
    #[arg(value_name = "SOURCE", num_args = 0..=2, add = complete::label_source())]
    sources: Vec<String>,
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
    let wanted = args.choice.two(&args.sources, runs)?;
    let dataset = load(&wanted)?;
    let [a, b] = &wanted;
    let mut sides = [a.pick(&dataset)?, b.pick(&dataset)?];
    ensure_same_classes(&sides)?;
    let dataset = sides.iter_mut().try_fold(dataset, |dataset, side| side.label(dataset))?;
    for side in &sides {
        side.warn(&dataset);
    }
    let page = Page::of(&sides, &dataset);
    if args.json {
        say_json(&page)?;
    } else if !args.sheet.is_some() {
        say(page.text())?;
    }
    args.sheet.write(&sides.each_ref(), &dataset)?;
    Ok(ExitCode::SUCCESS)
}

/// The data set of both.
fn load([a, b]: &[Wanted; 2]) -> Result<Dataset> {
    let dataset = a.load()?;
    if !a.is_of_the_data_of(b) {
        let other = b.load()?;
        ensure!(
            other.digest == dataset.digest,
            "two label sets can be compared where they are of the same data: these are of {:?} with digest {:.12}… and {:?} \
             with digest {:.12}…",
            dataset.name,
            dataset.digest,
            other.name,
            other.digest,
        );
    }
    Ok(dataset)
}

/// Refuses sets that give their images classes of different lists: the numbers of one mean other classes in the other.
fn ensure_same_classes(sides: &[Side; 2]) -> Result<()> {
    if let [Some(a), Some(b)] = sides.each_ref().map(|side| side.set.given.as_ref()) {
        let list = |given: &Given| given.classes.iter().map(Name::to_string).collect::<Vec<_>>().join(", ");
        ensure!(
            a.classes == b.classes,
            "two label sets can be compared where they have the same classes: {} has {}, and {} has {}",
            sides[0].set.picked,
            list(a),
            sides[1].set.picked,
            list(b),
        );
    }
    Ok(())
}

/// Two label sets beside each other.
#[derive(Serialize)]
struct Page {
    dataset: String,
    data_digest: String,
    n_train: usize,
    picked: [String; 2],
    n: [usize; 2],
    /// The images that are in both.
    both: Vec<u32>,
    orders: Vec<OrderRow>,
    /// Between the two orders, over all training images; none where both sets go by one.
    spearman: Option<f64>,
    classes: Vec<ClassRow>,
}

#[derive(Serialize)]
struct OrderRow {
    by: Metric,
    path: String,
    /// Of each set, from 1, the most representative.
    mean_ranks: [f64; 2],
}

#[derive(Serialize)]
struct ClassRow {
    class: usize,
    class_name: Name,
    n: [usize; 2],
    n_both: usize,
    spearman: Option<f64>,
}

impl Page {
    fn of(sides: &[Side; 2], dataset: &Dataset) -> Self {
        let [a, b] = sides;
        let is_in_b = |index: &u32| b.set.indices.binary_search(index).is_ok();
        let mut orders: Vec<&Order> = sides.iter().filter_map(|side| side.order.as_ref()).collect();
        orders.dedup_by_key(|order| &order.path);
        let order_row = |order: &&Order| OrderRow {
            by: order.ranking.rank.by,
            path: order.path.display().to_string(),
            mean_ranks: sides.each_ref().map(|side| order.mean_rank(&side.set.indices)),
        };
        let scores = |order: &Order| {
            let mut scores = order.ranking.representativeness();
            scores.truncate(dataset.train.n()); // one made without labels has images of unknown class behind them
            scores
        };
        let scores = if let [first, second] = orders[..] { Some((scores(first), scores(second))) } else { None };
        let (a_by_class, b_by_class) = (a.by_class(dataset), b.by_class(dataset));
        let class_row = |class: usize| ClassRow {
            class,
            class_name: dataset.classes[class].clone(),
            n: [a_by_class[class].len(), b_by_class[class].len()],
            n_both: a_by_class[class].iter().filter(|index| is_in_b(index)).count(),
            spearman: scores.as_ref().and_then(|(first, second)| {
                let of_class = |scores: &[f32]| -> Vec<f32> {
                    let labels = dataset.train.labels.iter();
                    labels
                        .zip(scores)
                        .filter(|(label, _)| usize::from(**label) == class)
                        .map(|(_, score)| *score)
                        .collect()
                };
                spearman(&of_class(first), &of_class(second))
            }),
        };
        Self {
            dataset: dataset.name.clone(),
            data_digest: dataset.digest.clone(),
            n_train: dataset.train.n(),
            picked: sides.each_ref().map(|side| side.set.picked.to_string()),
            n: sides.each_ref().map(|side| side.set.indices.len()),
            both: a.set.indices.iter().copied().filter(is_in_b).collect(),
            orders: orders.iter().map(order_row).collect(),
            spearman: scores.as_ref().and_then(|(first, second)| spearman(first, second)),
            classes: (0..dataset.classes.len()).map(class_row).collect(),
        }
    }

    fn text(&self) -> String {
        let ([a, b], [n_a, n_b], n_both) = (&self.picked, self.n, self.both.len());
        let share = |n: usize| percent(n_both as f64 / n as f64);
        let mut rows: Vec<_> = self.classes.iter().map(ClassRow::cells).collect();
        rows.push(cells("all", self.n, n_both, self.spearman));
        let mut head = vec!["CLASS", "A", "B", "BOTH", "SPEARMAN"];
        if self.orders.len() < 2 {
            head.pop();
            for row in &mut rows {
                row.truncate(head.len());
            }
        }
        let mut lines = vec![
            format!("two label sets of {}", self.dataset),
            format!("A  {}: {a}", plural(n_a as u64, "image")),
            format!("B  {}: {b}", plural(n_b as u64, "image")),
            format!("{n_both} in both: {} of A, {} of B", share(n_a), share(n_b)),
            format!("\n{}", table(&head, &rows)),
        ];
        if !self.orders.is_empty() {
            lines.push(String::new());
        }
        lines.extend(self.orders.iter().map(|OrderRow { by, mean_ranks: [a, b], .. }| {
            format!("mean rank by {by}: A {a:.1}, B {b:.1} of {}", grouped(self.n_train as u64))
        }));
        lines.join("\n")
    }
}

impl ClassRow {
    fn cells(&self) -> Vec<String> {
        cells(&self.class_name, self.n, self.n_both, self.spearman)
    }
}

fn cells(name: &str, [a, b]: [usize; 2], both: usize, spearman: Option<f64>) -> Vec<String> {
    let correlation = or_dash(spearman, |correlation| format!("{correlation:.3}"));
    vec![name.into(), a.to_string(), b.to_string(), both.to_string(), correlation]
}
