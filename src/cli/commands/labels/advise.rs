//! `fixmatch labels advise`: which images to label next, by the history of a run's pseudo-labels.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Result, bail, ensure};
use fixmatch::base::text::{Name, shell_quoted};
use fixmatch::config::Pick;
use fixmatch::data::{Dataset, nearest};
use fixmatch::examples;
use fixmatch::labels::advise::{self, Advice, Known, Reason};
use fixmatch::labels::suggest::name_of;
use fixmatch::labels::{file, recorded};
use fixmatch::run::dir::RunDir;
use fixmatch::run::insight::{self, Panel, Record};
use fixmatch::run::pseudo::{Expected, View};
use fixmatch::run::state::RunState;
use serde::Serialize;

use super::listing::{Listed, Listing, Target, from_here};
use crate::commands::{RunArg, Runs, note, reading};
use crate::words::numbers::{columns, percent, plural};

/// Say which images to label next, by what a run's networks said of them, and why
///
/// Of the unlabeled images that the run follows (insight.panel): those whose class flips, on which the averaged and the
/// trained network disagree, that are taken for a class with few pseudo-labels, or that are far from all labeled images.
#[derive(clap::Args)]
#[command(after_help = examples!(
    "fixmatch labels advise photos --budget 10",
    "fixmatch labels advise photos --csv -o next.csv --png next.png",
))]
pub struct Args {
    #[command(flatten)]
    run: RunArg,
    /// How many images
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    budget: u32,
    #[command(flatten)]
    target: Target,
}

pub fn run(args: &Args, runs: &Runs) -> Result<ExitCode> {
    args.target.check()?;
    let dir = runs.find(&args.run)?;
    let config = dir.read_run()?.config;
    ensure!(
        config.rank.is_none(),
        "{} puts images in order and has no pseudo-labels: name a run that trains",
        dir.id()
    );
    let state = RunState::read(&dir)?;
    let (records, problems) = insight::read_all(&dir.insight(), &state.insights)?;
    if let Some(problem) = problems.first() {
        note(format_args!("warning: {} of {} records cannot be read; {problem}", problems.len(), state.insights.len()));
    }
    let panels: Vec<Panel> = records.iter().filter_map(panel).cloned().collect();
    ensure!(
        panels.iter().any(|panel| !panel.unlabeled.is_empty()),
        "{} has not said anything of unlabeled images yet: it does at evaluations, every {}, of insight.panel images ({})",
        dir.id(),
        plural(config.eval.every, "step"),
        config.insight.panel,
    );
    let (set, dataset) = recorded::with_dataset(&dir, reading::load(&config.data)?)?;
    let mut labeled = set.indices;
    if let Pick::File(path) = &config.labels.pick
        && path.exists()
    {
        labeled.extend(file::labeled(path, &dataset)?); // it may say more by now
    }
    let dataset = dataset.pooled();
    let images = &dataset.train;
    let n_classes = state.started.as_ref().map_or(0, |started| started.classes.len());
    let known = Known {
        shares: &shares(&records, &state),
        distance: &|index| {
            labeled.iter().map(|&other| nearest::between(images, index, other)).min().unwrap_or(0) as f64
        },
        labeled: &labeled,
    };
    let advice = advise::advise(&panels, &known, n_classes, args.budget as usize);
    if advice.is_empty() {
        bail!("all images that {} follows are labeled by now: fork it, and ask the new run", dir.id());
    }
    let page = Page::of(&dir, &state, &config.labels.pick, &dataset, &advice, panels.len());
    let heading = format!("{} to label next", plural(advice.len() as u64, "image"));
    args.target.tell(&page, (&heading, &page.run), &dataset)?;
    Ok(ExitCode::SUCCESS)
}

fn panel(record: &Record) -> Option<&Panel> {
    match record {
        Record::Panel(panel) => Some(panel),
        Record::Histogram(_) => None,
    }
}

/// What each class has of the accepted pseudo-labels by the newest histogram, and what is expected.
fn shares(records: &[Record], state: &RunState) -> Vec<(f64, f64)> {
    let newest = records.iter().rev().find_map(|record| match record {
        Record::Histogram(histogram) => Some(histogram),
        Record::Panel(_) => None,
    });
    let (Some(histogram), Some(started)) = (newest, &state.started) else { return Vec::new() };
    let expected = Expected::of(&started.labeled_per_class, histogram.n_classes());
    let view = View::in_force(histogram);
    view.classes
        .iter()
        .zip(expected.shares)
        .map(|(class, expected)| (class.share.unwrap_or(expected), expected))
        .collect()
}

/// What is advised.
#[derive(Serialize)]
struct Page {
    run: String,
    /// The steps done at the newest evaluation that it goes by.
    step: u64,
    n_evaluations: usize,
    images: Vec<Row>,
    /// How to go on with them.
    next: String,
}

#[derive(Serialize)]
struct Row {
    path: String,
    index: u32,
    /// What the averaged network takes it for.
    class: u16,
    class_name: Name,
    confidence: f32,
    score: f64,
    reasons: Vec<String>,
    #[serde(skip)]
    file: PathBuf,
}

impl Page {
    fn of(dir: &RunDir, state: &RunState, pick: &Pick, dataset: &Dataset, advice: &[Advice], n_panels: usize) -> Self {
        let name =
            |class: u16| dataset.classes.get(usize::from(class)).cloned().unwrap_or_else(|| class.to_string().into());
        let row = |it: &Advice| {
            let file = name_of(dataset, it.index);
            let class_name = name(it.class);
            Row {
                path: file.display().to_string(),
                index: it.index,
                class: it.class,
                confidence: it.confidence,
                score: it.score,
                reasons: it.reasons.iter().map(|reason| words(reason, &class_name, it.confidence)).collect(),
                class_name,
                file,
            }
        };
        Self {
            run: dir.id(),
            step: state.step,
            n_evaluations: n_panels,
            images: advice.iter().map(row).collect(),
            next: next(dir, state, pick, advice),
        }
    }
}

impl Listing for Page {
    const COLUMNS: [&str; 2] = ["score", "reason"];

    fn text(&self) -> String {
        let lines = |(place, row): (usize, &Row)| {
            let guess = format!("{} {}", row.class_name, percent(row.confidence.into()));
            let mut head = vec![(place + 1).to_string(), from_here(&row.file), guess];
            let line = move |reason: &String| {
                let blank = vec![String::new(); 3];
                [std::mem::replace(&mut head, blank), vec![reason.clone()]].concat()
            };
            row.reasons.iter().map(line).collect::<Vec<_>>()
        };
        let rows: Vec<_> = self.images.iter().enumerate().flat_map(lines).collect();
        format!("{}\n\nonce they have labels:\n  {}", columns(&["", "IMAGE", "TAKEN FOR", "WHY"], &rows), self.next)
    }

    fn images(&self) -> impl Iterator<Item = Listed<'_>> {
        self.images.iter().map(|row| {
            let reasons = row.reasons.join("; ");
            Listed {
                index: row.index,
                file: &row.file,
                about: format!(": {reasons}"),
                values: [row.score.to_string(), reasons],
            }
        })
    }

    fn then(&self) -> String {
        format!("; then {}", self.next)
    }
}

/// A reason in words.
fn words(reason: &Reason, class: &str, confidence: f32) -> String {
    match reason {
        Reason::Flips(n, of) => format!("its class flipped {n} of {of} times"),
        Reason::Disagreement(n, of) => format!("the averaged and the trained network disagreed {n} of {of} times"),
        Reason::Starving(got, expected) => {
            format!("{class} gets {} of the pseudo-labels, {} expected", percent(*got), percent(*expected))
        }
        Reason::Far(share) => format!("farther from labeled images than {} of the others", percent(*share)),
        Reason::Unsure => format!("the network is only {} sure", percent(confidence.into())),
    }
}

/// The command that goes on with the larger label set.
fn next(dir: &RunDir, state: &RunState, pick: &Pick, advice: &[Advice]) -> String {
    let id = dir.id();
    let steps = state.steps().filter(|&steps| state.step >= steps);
    let more = steps.map_or_else(String::new, |steps| format!(" --set train.steps={}", 2 * steps));
    let fork = |path: &Path| {
        format!("fixmatch fork {id} --set {}{more}", shell_quoted(&format!("labels.pick=file:{}", path.display())))
    };
    match pick {
        Pick::File(path) if file::given(path).is_ok_and(|given| given.is_some()) => fork(path),
        _ => {
            let indices: Vec<_> = advice.iter().map(|it| it.index.to_string()).collect();
            let add = format!("fixmatch labels make {id} --add {} -o more.txt", indices.join(","));
            format!("{add}\n  {}", fork(Path::new("more.txt")))
        }
    }
}
