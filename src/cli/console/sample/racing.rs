//! Runs beside each other, for tests.

use fixmatch::config::{Pick, RunConfig};
use fixmatch::run::event::{Evaluated, Event};
use fixmatch::run::state::Status;

use super::{app_with_runs, confusion, dir, records, run};
use crate::console::app::App;
use crate::console::keys::Action;
use crate::console::screens::Screen;
use crate::console::screens::home::table::View;
use crate::console::screens::home::{Listing, Pane};
use crate::console::screens::race::row;
use crate::console::screens::run::{Glance, Reading};
use crate::console::world::News;

/// A console on some runs beside each other, of which the first have been read.
fn racing(names: &[&str], read: impl IntoIterator<Item = Reading>) -> App {
    let mut app = app_with_runs();
    let dirs: Vec<_> = names.iter().map(|name| dir(&format!("20261123-180112-{name}"))).collect();
    app.open_race(dirs.clone());
    for (dir, reading) in dirs.into_iter().zip(read) {
        app.learn(News::Run(dir, Box::new(reading)));
    }
    app.take_tasks();
    app
}

/// What is read of a run of so many windows, with a configuration that was changed.
fn read(n: u64, change: impl FnOnce(&mut RunConfig)) -> Reading {
    let run = run();
    let mut file = run.file.expect("read").expect("a run");
    change(&mut file.config);
    Reading { file: Some(Ok(file)), records: records(n), glance: run.glance, ..Reading::default() }
}

/// What is read of a run that is no fork and had no changes, with a learning rate and a seed, and evaluations that are
/// rescored.
fn read_seed(n: u64, lr: f64, seed: u64, rescore: impl Fn(&mut Evaluated)) -> Reading {
    let mut reading = read(n, |config| {
        config.train.lr = lr;
        (config.train.seed, config.labels.seed) = (seed, seed);
    });
    if let Some(Ok(file)) = &mut reading.file {
        file.provenance.parent = None;
    }
    reading.records.retain(|record| !matches!(record.event, Event::Applied { .. }));
    for record in &mut reading.records {
        if let Event::Evaluated(evaluated) = &mut record.event {
            rescore(evaluated);
        }
    }
    reading
}

/// A console on two runs beside each other.
pub fn app_racing() -> App {
    let of = |n, pick| read(n, |config| config.labels.pick = pick);
    racing(
        &["most-quickstart-s0", "least-quickstart-s0"],
        [of(31, Pick::MostRepresentative), of(24, Pick::LeastRepresentative)],
    )
}

const SEEDS: [&str; 6] =
    ["quickstart-s0", "quickstart-s1", "quickstart-s2", "quickstart-s3", "quickstart-s4", "quickstart-s5"];

/// A console on six finished runs beside each other: two configurations with three seeds each, the second one worse.
pub fn app_compared() -> App {
    racing(&SEEDS, (0..6).map(|place| compared(place, Status::Finished)))
}

/// A console on the list of these runs, in a view.
pub fn app_with_compared_runs(view: View) -> App {
    let mut app = app_compared();
    let Some(Screen::Race(race)) = app.screens.last() else { unreachable!("it was opened") };
    let rows = race.runs.iter().rev().filter_map(row).collect();
    app.update(Action::Back);
    app.learn(News::Runs(Listing::Read(rows)));
    app.home.pane = Pane::Runs;
    while app.home.table.view != view {
        app.update(Action::View);
    }
    app
}

/// What is read of one of six runs, of two configurations with three seeds each.
pub fn compared(place: usize, status: Status) -> Reading {
    let (worse, seed) = (place / 3, place as u64 % 3);
    // seeds lie a little apart, and differences between partners too
    let factor = 1.0 - 0.2 * worse as f64 - 0.01 * seed as f64 - 0.005 * (worse as u64 * seed % 2) as f64;
    let reading = read_seed(31, [0.03, 0.1][worse], seed, |evaluated| {
        evaluated.ema.accuracy *= factor;
        evaluated.best *= factor;
        evaluated.median *= factor;
        let of_class = evaluated.ema.per_class.iter_mut().enumerate();
        of_class.for_each(|(class, it)| *it = it.map(|it| it * (factor + 0.02 * (worse * class) as f64)));
        evaluated.ema.confusion = confusion(evaluated.ema.accuracy);
    });
    let glance = reading.glance.map(|glance| Glance { status, ..glance });
    Reading { glance, labeled: Some(format!("labels {seed}")), ..reading }
}

/// A console on five runs beside each other: two seeds of one configuration, two of another, and one that is not read yet.
pub fn app_comparing() -> App {
    let read = |(i, n): (usize, u64)| {
        read_seed(n, [0.03, 0.1][i / 2], i as u64 % 2, |evaluated| {
            evaluated.ema.accuracy *= 1.0 - 0.1 * i as f64;
            evaluated.best *= 1.0 - 0.1 * i as f64;
        })
    };
    racing(&SEEDS[..5], [31, 24, 20, 31].into_iter().enumerate().map(read))
}
