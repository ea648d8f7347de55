//! `fixmatch labels suggest`: which images to label first.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Result, ensure};
use fixmatch::base::host::host;
use fixmatch::base::text::Shown as _;
use fixmatch::config::{Device, Metric, Rank, RunConfig};
use fixmatch::data::{DATASETS, Dataset};
use fixmatch::examples;
use fixmatch::labels::file;
use fixmatch::labels::ranking::{self, Ranking};
use fixmatch::labels::suggest::{self, Suggestion, name_of};
use fixmatch::run::survey::Survey;
use serde::Serialize;

use super::listing::{Listed, Listing, Target, from_here};
use crate::commands::own::Own;
use crate::commands::{Runs, complete, note, rank, reading};
use crate::words::numbers::{columns, duration, grouped, plural, significant};

/// Steps in which features are learned, about, where `--epochs` does not say how many.
const STEPS: u64 = 300;

/// Passes over few images, at most.
const MAX_EPOCHS: u64 = 50;

/// Say which images to label first: of each cluster of images that look alike, the most typical one
///
/// Features are learned from the images alone, by a run that can be watched, stopped and resumed like any other. It is
/// made once: the next time the answer is there at once, also with another budget.
#[derive(clap::Args)]
#[command(after_help = examples!(
    "fixmatch labels suggest photos --resize 32 --budget 40 --png first.png",
    "fixmatch labels suggest photos --resize 32 --labels photos/labels.csv --budget 10 --csv -o next.csv",
))]
pub struct Args {
    /// A folder or a list of images, or a name that `fixmatch data list` shows
    #[arg(add = complete::dataset())]
    source: String,
    /// How many images
    #[arg(long, value_name = "N", default_value_t = 40, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    budget: u32,
    /// A file of images that are labeled: clusters with labels wait for those without
    #[arg(long, value_name = "FILE")]
    labels: Option<PathBuf>,
    /// Where the data set's files are, if not in the usual places
    #[arg(long, value_name = "DIR")]
    path: Option<PathBuf>,
    #[command(flatten)]
    own: Own,
    /// Clusters [default: as many as the budget, or those of features that were learned before]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=65_536))]
    clusters: Option<u32>,
    /// Passes over the images in which features are learned [default: as many as make about 300 steps]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    epochs: Option<u32>,
    /// Where to train: auto, cpu or cuda:N
    #[arg(long, value_parser = |text: &str| Device::try_from(text.to_owned()), add = complete::choices("machine.device"))]
    device: Option<Device>,
    #[command(flatten)]
    target: Target,
}

pub fn run(args: &Args, runs: &Runs) -> Result<ExitCode> {
    args.target.check()?;
    let base = args.base()?;
    base.validate()?;
    let dataset = reading::load(&base.data)?;
    for warning in &dataset.warnings {
        note(format_args!("warning: {warning}"));
    }
    let labeled = match &args.labels {
        Some(path) => file::labeled(path, &dataset)?,
        None => Vec::new(),
    };
    let dataset = dataset.pooled();
    ensure!(dataset.train.n() > 1, "there is one image only: nothing is to choose");
    let ranking = match args.ranking(&base, &dataset, runs)? {
        Ok(ranking) => ranking,
        Err(code) => return Ok(code),
    };
    let all = suggest::order(&ranking, &labeled)?;
    if all.len() < args.budget as usize {
        note(format_args!("there are only {} to label", plural(all.len() as u64, "image")));
    }
    let first = &all[..all.len().min(args.budget as usize)];
    let page = Page::of(first, &ranking, &dataset, labeled.len());
    let heading = format!("{} to label first", plural(first.len() as u64, "image"));
    let about = format!("{} images in {} clusters", grouped(dataset.train.n() as u64), ranking.rank.clusters);
    args.target.tell(&page, (&heading, &about), &dataset)?;
    Ok(ExitCode::SUCCESS)
}

impl Args {
    fn base(&self) -> Result<RunConfig> {
        let mut config = RunConfig::default();
        if DATASETS.iter().any(|descriptor| descriptor.name == self.source) {
            config.data.dataset.clone_from(&self.source);
            config.data.path = self.path.as_deref().map(std::path::absolute).transpose()?;
        } else {
            let path = Path::new(&self.source);
            ensure!(path.exists(), "there is no {}: name a folder, a list of images or a data set", path.shown());
            ensure!(self.path.is_none(), "--path is for a data set, and {} is a path itself", path.shown());
            config.data.dataset = "folder".into();
            config.data.path = Some(std::path::absolute(path)?);
        }
        self.own.apply(&mut config.data);
        if let Some(device) = self.device {
            config.machine.device = device;
        }
        Ok(ranking::standard_base(&config))
    }

    /// A ranking by typicality: one that was made before, or a new one. If that did not come to its end, how to exit.
    fn ranking(&self, base: &RunConfig, dataset: &Dataset, runs: &Runs) -> Result<Result<Ranking, ExitCode>> {
        if (self.clusters, self.epochs) == (None, None)
            && let Some(before) = made_before(dataset, self.budget)
        {
            let (clusters, run) = (before.rank.clusters, &before.made.run);
            note(format_args!(
                "features and {clusters} clusters are those of {run}; --clusters or --epochs makes others"
            ));
            let wanted = self.budget.min(dataset.train.n() as u32);
            if clusters > wanted.saturating_mul(2) || clusters.saturating_mul(2) < wanted {
                note(format_args!(
                    "warning: TypiClust takes as many clusters as labels, and these are {clusters} for {wanted}; --clusters \
                     {wanted} learns anew and takes them"
                ));
            }
            return Ok(Ok(before));
        }
        let n = dataset.train.n();
        let mut rank = Rank { by: Metric::Typicality, epochs: 1, ..Rank::default() };
        rank.clusters = self.clusters.unwrap_or(self.budget).min(n as u32);
        rank.epochs = self.epochs.unwrap_or_else(|| {
            let steps_a_pass = ranking::recipe(base, rank.clone(), n).train.steps.max(1);
            (STEPS.div_ceil(steps_a_pass)).clamp(1, MAX_EPOCHS) as u32
        });
        let recipe = ranking::recipe(base, rank, n);
        recipe.validate()?;
        let cached = ranking::cached_at(&recipe, &dataset.digest)?;
        if !cached.exists() {
            let time = match estimate(runs, &recipe, dataset)? {
                Some(time) => format!("about {} by runs of this kind on this machine", duration(time)),
                None => "how long that takes shows after the first steps".into(),
            };
            let (steps, epochs) = (recipe.train.steps, recipe.rank.as_ref().map_or(0, |rank| rank.epochs));
            let passes = if epochs == 1 { "pass".to_owned() } else { format!("{epochs} passes") };
            note(format_args!(
                "learning features of {} without labels: {} in {passes}; {time}; Ctrl-C stops, and the same command goes on",
                plural(n as u64, "image"),
                plural(steps, "step"),
            ));
            if let Some(code) = rank::make(&recipe, runs, "fixmatch labels suggest", false)? {
                return Ok(Err(code));
            }
        }
        Ranking::read(&cached).map(Ok)
    }
}

/// Of the rankings by typicality of these images, the one with as many clusters as the budget, or nearly so.
fn made_before(dataset: &Dataset, budget: u32) -> Option<Ranking> {
    let all = ranking::cached_of(dataset).unwrap_or_default().into_iter();
    let by_typicality = all.filter(|it| it.rank.by == Metric::Typicality);
    by_typicality.min_by_key(|it| it.rank.clusters.abs_diff(budget))
}

/// By the newest run on this machine whose steps are the same.
fn estimate(runs: &Runs, recipe: &RunConfig, dataset: &Dataset) -> Result<Option<std::time::Duration>> {
    let shape = (dataset.train.width, dataset.train.height, dataset.train.channels);
    let seconds = Survey::new(runs.folder()).look()?.into_iter().find_map(|row| {
        let step_s = row.summary.step_s?;
        let file = row.file?;
        let environment = file.environment.as_ref()?;
        let input = environment.input.as_ref()?;
        let is_alike = file.config.is_contrastive()
            && environment.host == host()
            && (input.width, input.height, input.channels) == shape
            && file.config.model == recipe.model
            && file.config.train.batch == recipe.train.batch
            && file.config.machine == recipe.machine;
        is_alike.then_some(step_s * recipe.train.steps as f64)
    });
    Ok(seconds.and_then(|seconds| std::time::Duration::try_from_secs_f64(seconds).ok()))
}

/// What is suggested.
#[derive(Serialize)]
struct Page {
    dataset: String,
    data_digest: String,
    /// The run that learned the features.
    run: String,
    n_images: usize,
    n_labeled: usize,
    n_clusters: u32,
    images: Vec<Row>,
}

#[derive(Serialize)]
struct Row {
    path: String,
    index: u32,
    cluster: u32,
    cluster_size: usize,
    score: f32,
    #[serde(skip)]
    file: PathBuf,
}

impl Page {
    fn of(first: &[Suggestion], ranking: &Ranking, dataset: &Dataset, n_labeled: usize) -> Self {
        let row = |it: &Suggestion| {
            let file = name_of(dataset, it.index);
            let path = file.display().to_string();
            Row { path, index: it.index, cluster: it.cluster, cluster_size: it.cluster_size, score: it.score, file }
        };
        Self {
            dataset: dataset.name.clone(),
            data_digest: dataset.digest.clone(),
            run: ranking.made.run.clone(),
            n_images: dataset.train.n(),
            n_labeled,
            n_clusters: ranking.rank.clusters,
            images: first.iter().map(row).collect(),
        }
    }
}

impl Listing for Page {
    const COLUMNS: [&str; 2] = ["cluster", "typicality"];

    fn text(&self) -> String {
        let row = |(place, row): (usize, &Row)| {
            vec![
                (place + 1).to_string(),
                from_here(&row.file),
                format!("{} of {}", row.cluster + 1, self.n_clusters),
                grouped(row.cluster_size as u64),
                significant(row.score),
            ]
        };
        let rows: Vec<_> = self.images.iter().enumerate().map(row).collect();
        columns(&["", "IMAGE", "CLUSTER", "IMAGES IN IT", "TYPICALITY"], &rows)
    }

    fn images(&self) -> impl Iterator<Item = Listed<'_>> {
        self.images.iter().map(|row| Listed {
            index: row.index,
            file: &row.file,
            values: [row.cluster.to_string(), row.score.to_string()],
            about: format!(", one of {} alike", row.cluster_size),
        })
    }
}
