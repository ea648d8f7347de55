//! What a label set can be named by: a preset, a run, a file, or a data set and a way to pick.
//!
//! First a [`Wanted`] is found out, which knows no image; then, with the data set at hand, the [`Side`] that it comes to.

use std::path::{Path, PathBuf, absolute};
use std::str::FromStr;

use anyhow::{Context as _, Error, Result, bail, ensure};
use fixmatch::base::alike::asked;
use fixmatch::base::dirs;
use fixmatch::config::preset::{self, Preset, names_like};
use fixmatch::config::{Data, Metric, Pick, Rank, RunConfig};
use fixmatch::data::{self, DATASETS, Dataset};
use fixmatch::labels::ranking::{self, Ranking};
use fixmatch::labels::set::{LabelSet, Picked};
use fixmatch::labels::{file, pick, recorded, saved};
use fixmatch::run::dir::RunDir;

use crate::commands::own::{self, Own};
use crate::commands::{RunArg, Runs, complete, note, reading};
use crate::words::labels::recipe_words;
use fixmatch::labels::order::Order;

/// The options that choose a label set, or for two of them, those of either: given once, an option is for both.
#[derive(clap::Args)]
pub struct Choice {
    /// Which images: random, most-representative, least-representative, quantile:Q, typical, published:NAME, fold:N or
    /// file:PATH [default for a data set: most-representative with --by or --ranking, else random]
    #[arg(long, value_name = "PICK", add = complete::choices("labels.pick"), value_parser = |text: &str| Pick::try_from(text.to_owned()))]
    pick: Vec<Pick>,
    /// The order to pick by, and to tell ranks by: the one that `fixmatch rank` makes for this metric
    #[arg(long, value_name = "METRIC", conflicts_with = "ranking")]
    by: Vec<Metric>,
    /// Read the order from this file instead
    #[arg(long, value_name = "FILE")]
    ranking: Vec<PathBuf>,
    /// Images of each class; for fold and typical, their mean [default: 4]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    per_class: Vec<u32>,
    /// The seed of --pick random [default: 0]
    #[arg(long, value_name = "N")]
    seed: Vec<u64>,
    /// These images
    #[arg(long, value_name = "N,N,…", conflicts_with_all = ["pick", "per_class", "seed"])]
    indices: Vec<Indices>,
    /// Where the data set's files are, if not in the usual places
    #[arg(long, value_name = "DIR")]
    path: Option<PathBuf>,
    #[command(flatten)]
    own: Own,
}

/// Indices with commas between.
#[derive(Clone, Debug)]
pub struct Indices(pub Vec<u32>);

impl FromStr for Indices {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let index = |part: &str| {
            part.trim().parse().with_context(|| format!("{part:?} is not an index: write whole numbers, as in 1,2,3"))
        };
        text.split(',').map(index).collect::<Result<_>>().map(Self)
    }
}

/// A label set as it was asked for, checked as far as that goes without the images.
pub struct Wanted {
    config: RunConfig,
    /// The run whose set it is, where nothing asks for another one.
    recorded: Option<RunDir>,
    /// The order that was asked for, whether or not the pick goes by one.
    order: Option<OrderChoice>,
}

#[derive(Clone)]
enum OrderChoice {
    By(Metric),
    File(PathBuf),
}

/// A label set and the order that it was picked by or is to be seen by.
pub struct Side {
    /// The images.
    pub set: LabelSet,
    /// The order, if there is one.
    pub order: Option<Order>,
}

impl Choice {
    /// The one label set of a command.
    pub fn only(&self, source: Option<&str>, runs: &Runs) -> Result<Wanted> {
        self.refuse_more_than(1)?;
        let wanted = self.side(0, source, runs)?;
        self.refuse_unused(&[&wanted])?;
        Ok(wanted)
    }

    /// The two label sets of a command, of one source or of one each.
    pub fn two(&self, sources: &[String], runs: &Runs) -> Result<[Wanted; 2]> {
        self.refuse_more_than(2)?;
        let most = self.times_given().map(|(_, n)| n).into_iter().max();
        ensure!(
            sources.len() == 2 || most == Some(2),
            "name two label sets, or give the option twice in which they differ, as in --pick random --pick typical"
        );
        let source = |side| sources.get(side).or(sources.last()).map(String::as_str);
        let wanted = [self.side(0, source(0), runs)?, self.side(1, source(1), runs)?];
        self.refuse_unused(&wanted.each_ref())?;
        Ok(wanted)
    }

    /// One of the label sets.
    fn side(&self, side: usize, source: Option<&str>, runs: &Runs) -> Result<Wanted> {
        fn value<T>(values: &[T], side: usize) -> Option<&T> {
            values.get(side).or(values.last())
        }
        let Named { mut config, mut recorded, is_bare } = Named::find(source, runs)?;
        if let Some(path) = &self.path {
            config.data.path = Some(absolute(path)?);
        }
        self.own.apply(&mut config.data);
        let by_metric = value(&self.by, side).copied().map(OrderChoice::By);
        let by_file = value(&self.ranking, side).map(absolute).transpose()?.map(OrderChoice::File);
        let order = by_metric.or(by_file);
        let labels = &mut config.labels;
        if let Some(pick) = value(&self.pick, side) {
            (labels.pick, labels.indices, recorded) = (pick.clone(), None, None);
        } else if is_bare && order.is_some() {
            labels.pick = Pick::MostRepresentative;
        }
        if let Some(Indices(indices)) = value(&self.indices, side) {
            (labels.pick, labels.indices, recorded) = (Pick::Random, Some(indices.clone()), None);
        }
        if let Some(&n) = value(&self.per_class, side) {
            (labels.per_class, recorded) = (n, None);
        }
        if let Some(&seed) = value(&self.seed, side) {
            (labels.seed, recorded) = (seed, None);
        }
        match &order {
            Some(OrderChoice::By(by)) => (labels.by, labels.ranking) = (*by, None),
            Some(OrderChoice::File(path)) => labels.ranking = Some(path.clone()),
            None => {}
        }
        if !labels.pick.needs_ranking() {
            labels.ranking = None;
        }
        let is_typical = labels.pick == Pick::Typical && recorded.is_none();
        if let Some(OrderChoice::By(by)) = order
            && is_typical
        {
            ensure!(by == Metric::Typicality, "--pick typical goes by typicality, not by {by}: leave --by out");
        }
        config.validate()?;
        Ok(Wanted { config, recorded, order })
    }

    fn times_given(&self) -> [(&str, usize); 6] {
        [
            ("--pick", self.pick.len()),
            ("--by", self.by.len()),
            ("--ranking", self.ranking.len()),
            ("--per-class", self.per_class.len()),
            ("--seed", self.seed.len()),
            ("--indices", self.indices.len()),
        ]
    }

    fn refuse_more_than(&self, most: usize) -> Result<()> {
        for (option, n) in self.times_given() {
            ensure!(n <= most, "{option} is given {n} times: {most} at most; `fixmatch labels compare` takes two");
        }
        Ok(())
    }

    /// Refuses options that would change nothing.
    fn refuse_unused(&self, wanted: &[&Wanted]) -> Result<()> {
        let picks = || {
            let picks: Vec<String> = wanted.iter().map(|wanted| wanted.config.labels.pick.clone().into()).collect();
            picks.join(" and ")
        };
        let has = |uses: fn(&Pick) -> bool| wanted.iter().any(|wanted| uses(&wanted.config.labels.pick));
        let takes_seed = has(|pick| *pick == Pick::Random);
        ensure!(self.seed.is_empty() || takes_seed, "--seed is for --pick random, not for {}", picks());
        let takes_number = has(Pick::takes_per_class);
        ensure!(self.per_class.is_empty() || takes_number, "--per-class has no part in {}: leave it out", picks());
        Ok(())
    }
}

impl Side {
    /// How it was picked, with the ranking's file.
    pub fn describe(&self) -> String {
        let goes_by_order = matches!(self.set.picked, Picked::Ranked { .. });
        let file = self.order.as_ref().filter(|_| goes_by_order).and_then(|order| order.path.file_name());
        let file = file.map_or_else(String::new, |name| format!(", ranking {}", name.display()));
        format!("{}{file}", self.set.picked)
    }

    /// The data set with the classes that the set gives to its images; places in classes are then by these.
    ///
    /// # Errors
    /// If the set is not of this data set.
    pub fn label(&mut self, dataset: Dataset) -> Result<Dataset> {
        let dataset = self.set.label(dataset)?;
        if let (Some(_), Some(order)) = (&self.set.given, &mut self.order) {
            order.rank_in_classes(&dataset);
        }
        Ok(dataset)
    }

    /// Warns of classes that no image stands for.
    pub fn warn(&self, dataset: &Dataset) {
        for class in self.set.classes_without_label(&dataset.train.labels, dataset.classes.len()) {
            note(format_args!("warning: no image of class {class} ({}) is labeled", dataset.classes[class]));
        }
    }

    /// The images of each class by this set, the most representative first, without an order by their indices.
    pub fn by_class(&self, dataset: &Dataset) -> Vec<Vec<u32>> {
        let mut of_class = vec![Vec::new(); dataset.classes.len()];
        for (place, &index) in self.set.indices.iter().enumerate() {
            let given = self.set.given.as_ref().map(|given| given.labels[place]);
            let label = given.unwrap_or_else(|| dataset.train.labels[index as usize]);
            if let Some(of_class) = of_class.get_mut(usize::from(label)) {
                of_class.push(index);
            }
        }
        if let Some(order) = &self.order {
            for indices in &mut of_class {
                indices.sort_by_key(|&index| order.rank(index));
            }
        }
        of_class
    }
}

/// What a name on the command line stands for.
struct Named {
    config: RunConfig,
    /// A run that has a label set.
    recorded: Option<RunDir>,
    /// Whether it says nothing of how to pick.
    is_bare: bool,
}

impl Named {
    fn find(source: Option<&str>, runs: &Runs) -> Result<Self> {
        let Some(source) = source else { return Self::run(&runs.find(&RunArg { run: None })?) };
        if let Some(path) = source.strip_prefix("file:") {
            return Self::file(Path::new(path));
        }
        if DATASETS.iter().any(|descriptor| descriptor.name == source) {
            return Ok(Self::dataset(source));
        }
        if is_toml(source) || Preset::named(source).is_some() {
            let config = Preset::find(source)?.resolve(&[])?;
            return Ok(Self { config, recorded: None, is_bare: false });
        }
        if let Ok(path) = saved::path_of(&dirs::label_sets_dir()?, source)
            && path.exists()
        {
            return Self::file(&path);
        }
        let dir = runs.find(&RunArg { run: Some(source.into()) }).with_context(|| {
            format!(
                "{source:?} is no data set (`fixmatch data list`), preset (`fixmatch presets`) or saved label set \
                 (`fixmatch labels list`){}",
                meant(source),
            )
        })?;
        Self::run(&dir)
    }

    fn dataset(name: &str) -> Self {
        let mut config = RunConfig::default();
        name.clone_into(&mut config.data.dataset);
        Self { config, recorded: None, is_bare: true }
    }

    fn file(path: &Path) -> Result<Self> {
        let name = file::header(path)?.dataset.with_context(|| {
            let path = path.display();
            format!("{path} does not say whose images it lists; name the data set, as in cifar10 --pick file:{path}")
        })?;
        data::find(&name).with_context(|| path.display().to_string())?;
        let mut named = Self::dataset(&name);
        named.config.labels.pick = Pick::File(absolute(path)?);
        Ok(Self { is_bare: false, ..named })
    }

    /// A run's own set; of a run that ranks, what its ranking has to offer.
    fn run(dir: &RunDir) -> Result<Self> {
        let mut config = dir.read_run()?.config;
        if config.rank.take().is_none() {
            return Ok(Self { config, recorded: Some(dir.clone()), is_bare: false });
        }
        let path = dir.ranking();
        ensure!(path.exists(), "{} has not made its ranking yet; see `fixmatch show {0}`", dir.id());
        (config.labels.pick, config.labels.ranking) = (Pick::MostRepresentative, Some(path));
        Ok(Self { config, recorded: None, is_bare: false })
    }
}

/// What was meant by a name that is none, beside runs.
fn meant(source: &str) -> String {
    let saved = dirs::label_sets_dir().and_then(|folder| saved::list(&folder)).unwrap_or_default();
    let presets = preset::names();
    let names: Vec<_> = DATASETS
        .iter()
        .map(|descriptor| descriptor.name)
        .chain(presets.iter().map(String::as_str))
        .chain(saved.iter().map(|set| set.name.as_str()))
        .collect();
    let meant = asked(&names_like(source, &names));
    if meant.is_empty() { meant } else { format!("; {}", meant.trim_end()) }
}

fn is_toml(source: &str) -> bool {
    Path::new(source).extension().is_some_and(|extension| extension == "toml")
}

impl Wanted {
    /// Reads the data set that it is of, and tells what there is to know of this copy.
    pub fn load(&self) -> Result<Dataset> {
        let dataset = reading::load(&self.config.data)?;
        for warning in &dataset.warnings {
            note(format_args!("warning: {warning}"));
        }
        Ok(dataset)
    }

    /// Whether it is of the same copy of the same data set.
    pub fn is_of_the_data_of(&self, other: &Self) -> bool {
        let (a, b) = (&self.config.data, &other.config.data);
        *a == Data { normalize: a.normalize, ..b.clone() }
    }

    /// The images that it comes to.
    pub fn pick(&self, dataset: &Dataset) -> Result<Side> {
        let order = self.order(dataset)?;
        let set = match &self.recorded {
            Some(dir) => recorded::read(dir, dataset)?,
            None => pick::pick(&self.config.labels, dataset, order.as_ref().map(|order| &order.ranking))?,
        };
        if let Some(order) = order.as_ref().filter(|order| !order.holds(&set.indices)) {
            let by = order.ranking.rank.by;
            bail!("{by} orders images of known class only, and the labels give classes to others: try --by typicality");
        }
        Ok(Side { set, order })
    }

    /// The order that was asked for, or that the pick goes by. A run's set is at hand without the latter.
    fn order(&self, dataset: &Dataset) -> Result<Option<Order>> {
        let goes_by = ranking::wanted(&self.config, dataset.classes.len());
        let (path, rank) = match (&self.order, &self.config.labels.ranking, goes_by) {
            (Some(OrderChoice::File(path)), _, _) | (None, Some(path), _) => (path.clone(), None),
            (Some(OrderChoice::By(by)), _, goes_by) => {
                let rank = goes_by.filter(|rank| rank.by == *by).unwrap_or(Rank { by: *by, ..Rank::default() });
                (self.cached_at(&rank, dataset)?, Some(rank))
            }
            (None, None, Some(rank)) => (self.cached_at(&rank, dataset)?, Some(rank)),
            (None, None, None) => return Ok(None),
        };
        match rank {
            Some(rank) if !path.exists() => {
                let missing = self.missing(&rank, dataset);
                if self.recorded.is_none() || self.order.is_some() {
                    bail!(missing);
                }
                note(format_args!("without ranks: {missing}"));
                Ok(None)
            }
            _ => Order::read(&path, dataset).map(Some),
        }
    }

    fn cached_at(&self, rank: &Rank, dataset: &Dataset) -> Result<PathBuf> {
        let recipe =
            ranking::recipe(&ranking::standard_base(&self.config), rank.clone(), ranking::n_ranked(rank.by, dataset));
        ranking::cached_at(&recipe, &dataset.digest)
    }

    fn missing(&self, rank: &Rank, dataset: &Dataset) -> String {
        let (data, by) = (&self.config.data, rank.by);
        let has_own_clusters = rank.clusters != Rank::default().clusters;
        let clusters = if has_own_clusters { format!(" --clusters {}", rank.clusters) } else { String::new() };
        let command = format!("fixmatch rank {} --by {by}{clusters}{}", data.dataset, own::options(data));
        let is_like_it = |it: &Ranking| it.rank.by == by && it.data_digest == dataset.digest;
        let mut cached = ranking::cached().unwrap_or_default().into_iter();
        let other = cached.find_map(|(path, it)| Some((path, it.ok().filter(is_like_it)?)));
        let names = other.map_or_else(
            || "name another with --ranking FILE".into(),
            |(path, it)| format!("use --ranking {} ({})", path.display(), recipe_words(&it.rank)),
        );
        format!(
            "there is no ranking of {} by {by} with the standard recipe yet: make it with `{command}`, or {names}",
            data.dataset
        )
    }
}
