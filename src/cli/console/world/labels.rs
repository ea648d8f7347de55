//! What the screens of label sets ask of the world.

use std::path::{Path, PathBuf};
use std::thread;

use anyhow::{Context as _, Result, ensure};
use fixmatch::base::dirs;
use fixmatch::config::{Data, Labels, Metric, Pick, Rank, RunConfig};
use fixmatch::data::{self, DATASETS};
use fixmatch::labels::ranking::{self, Ranking};
use fixmatch::labels::set::LabelSet;
use fixmatch::labels::{pick, recorded, saved};
use fixmatch::plan::Plan;
use fixmatch::run::dir::RunDir;
use fixmatch::run::launch::launch;
use tokio::sync::mpsc::UnboundedSender;

use super::{News, in_one_line, start as start_worker, stay_until_it_ends, whereabouts};
use crate::console::screens::browser::Start;
use crate::console::screens::browser::atlas::Atlas;
use crate::console::screens::label_sets::Row;
use crate::console::tasks::Contestant;

/// A label set with how it was picked and, if it is a saved one, its name and file.
pub type Started = (LabelSet, String, Option<(String, PathBuf)>);

/// The data sets that need no path, with the orders in the cache, and the saved label sets.
pub fn label_sets() -> Result<Vec<Row>, String> {
    let read = || -> Result<Vec<Row>> {
        let rankings: Vec<Ranking> = ranking::cached()?.into_iter().filter_map(|(_, ranking)| ranking.ok()).collect();
        let orders = |name: &str| {
            let of_data = rankings.iter().filter(|ranking| ranking.dataset == name);
            let mut orders: Vec<Metric> = of_data.map(|ranking| ranking.rank.by).collect();
            orders.sort_by_key(|by| *by as usize);
            orders.dedup();
            orders
        };
        let data = DATASETS.iter().filter(|descriptor| descriptor.name != "folder").map(|descriptor| Row::Data {
            name: descriptor.name.into(),
            state: whereabouts(descriptor),
            orders: orders(descriptor.name),
        });
        let sets = saved::list(&dirs::label_sets_dir()?)?.into_iter().map(Row::Set);
        Ok(data.chain(sets).collect())
    };
    read().map_err(|error| in_one_line(&error))
}

/// Picks a label set, or reads it.
pub fn start(atlas: &Atlas, order: Option<usize>, start: &Start, per_class: u32, seed: u64) -> Result<Started> {
    let order = order.and_then(|order| atlas.orders.get(order)).map(|listed| &listed.order);
    let dataset = &atlas.dataset;
    match start {
        Start::Empty => anyhow::bail!("an empty label set cannot be picked"),
        Start::Run(dir) => {
            let set = recorded::read(dir, dataset)?;
            let is_shown = set.indices.iter().all(|&index| (index as usize) < dataset.train.n());
            ensure!(is_shown, "{} labels images in unlabeled/, which are not shown here", dir.id());
            let how = format!("{}, of the run {}", set.picked, dir.id());
            Ok((set, how, None))
        }
        Start::Pick(pick) => {
            let labels = Labels { per_class, pick: pick.clone(), seed, ..Labels::default() };
            let set = pick::pick(&labels, dataset, order.map(|order| &order.ranking))?;
            let file = order.filter(|_| pick.needs_ranking()).and_then(|order| order.path.file_name());
            let file = file.map_or_else(String::new, |name| format!(", ranking {}", name.display()));
            let how = format!("{}{file}", set.picked);
            let saved = match pick {
                Pick::File(path) => name_of(path)?,
                _ => None,
            };
            Ok((set, how, saved))
        }
    }
}

/// The name of a set that is saved in this file, if it is one of the saved ones.
fn name_of(path: &Path) -> Result<Option<(String, PathBuf)>> {
    let is_saved = path.parent() == Some(dirs::label_sets_dir()?.as_path());
    let name = path.file_stem().map(|name| name.to_string_lossy().into_owned());
    Ok(name.filter(|_| is_saved).map(|name| (name, path.to_owned())))
}

/// Starts a worker on the run that makes an order, a new one or the one that was broken off; shows one that is at it.
pub fn rank(runs: &Path, data: &Data, by: Metric, news: &UnboundedSender<News>) {
    let find = || -> Result<RunDir> {
        let dataset = data::load(data, &dirs::data_dir()?)?;
        ranking::check_metric(by, &dataset)?;
        let base = ranking::standard_base(&RunConfig { data: data.clone(), ..RunConfig::default() });
        let recipe = ranking::recipe(&base, Rank { by, ..Rank::default() }, ranking::n_ranked(by, &dataset));
        recipe.validate()?;
        ranking::maker(runs, &recipe, "the console")
    };
    match find() {
        Ok(dir) if dir.is_locked() => drop(news.send(News::Launched(Ok(dir)))),
        made => start_worker(made, news, News::Launched),
    }
}

/// Makes both runs before either starts, so that there are two or none.
pub fn race(runs: &Path, contestants: [Contestant; 2], news: &UnboundedSender<News>) {
    let make = || -> Result<[RunDir; 2]> {
        let plans = contestants.map(|Contestant { name, preset, settings }| {
            Plan::of(&preset, settings).map(|plan| plan.named(name)).context(preset.name)
        });
        let [one, other] = plans;
        let (one, other) = (one?, other?);
        Ok([one.make(runs)?, other.make(runs)?])
    };
    let launch_both = |dirs: [RunDir; 2]| -> Result<_> {
        let children = [launch(&dirs[0], None)?, launch(&dirs[1], None)?];
        Ok((dirs, children))
    };
    match make().and_then(launch_both) {
        Err(error) => drop(news.send(News::Raced(Err(in_one_line(&error))))),
        Ok((dirs, children)) => {
            let _ = news.send(News::Raced(Ok(dirs.clone())));
            thread::scope(|scope| {
                for (dir, mut child) in dirs.into_iter().zip(children) {
                    scope.spawn(move || stay_until_it_ends(dir, &mut child, news));
                }
            });
        }
    }
}
