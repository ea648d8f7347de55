//! A suite for tests, half of it filled in.

use std::sync::Arc;
use std::time::Duration;

use fixmatch::config::Device;
use fixmatch::run::state::Status;
use fixmatch::run::survey::Row;
use fixmatch::suite::forecast::Forecast;
use fixmatch::suite::grid::{Axis, Grid, Planned};
use fixmatch::suite::order::Wanted;
use fixmatch::suite::queue::Stand;
use fixmatch::suite::slots::Slot;
use fixmatch::suite::standing::Found;

use super::{app_with_runs, config, dir, rows};
use crate::console::app::App;
use crate::console::screens::Screen;
use crate::console::screens::suite::{OnSlurm, OpenSuite, Study};
use crate::console::world::News;
use crate::words::suites::{GONE, JobRow, PREEMPTED, QUEUED};

/// A suite of so many rows and columns with two seeds, half of it filled in: the first runs are finished, then one
/// failed, was stopped, trains; the rest waits.
pub fn study(n_rows: usize, n_columns: usize) -> Study {
    let axis = |key: &str, n: usize| Axis { key: key.into(), values: (1..=n).map(|i| i.to_string()).collect() };
    let cells: Vec<Vec<usize>> = (0..n_rows * n_columns).map(|i| vec![i / n_columns, i % n_columns]).collect();
    let run = |i: usize| Planned {
        cell: i / 2,
        seed: i as u64 % 2,
        baseline: false,
        name: format!("study-{}", i / 2),
        preset: "quickstart".into(),
        settings: vec![format!("train.seed={}", i % 2)],
        config: config(),
        identity: format!("{i:064x}"),
    };
    let n = 2 * cells.len();
    let done = n / 2;
    let stand = |i: usize| {
        let found = |status, step| {
            let mut row = Row { status, dir: dir(&format!("20261123-180112-study-{i}")), ..rows().swap_remove(0) };
            row.summary.step = step;
            row.summary.ema_accuracy = Some(0.5 + 0.3 * i as f64 / n as f64 + 0.02 * (i % 2) as f64);
            Found { row, device: Device::Cpu }
        };
        match i {
            _ if i < done => Stand::Finished(found(Status::Finished, 500)),
            _ if i == done => Stand::Alive(found(Status::Running, 312)),
            _ if i == done + 2 => Stand::Failed(found(Status::Failed, 120)),
            _ if i == done + 3 => Stand::Stopped(found(Status::Stopped, 90)),
            _ => Stand::Waiting,
        }
    };
    let axes = vec![axis("augment.magnitude", n_rows), axis("labels.per_class", n_columns)];
    let seed_keys = vec!["train.seed".into(), "labels.seed".into()];
    let grid = Grid { axes, cells, runs: (0..n).map(run).collect(), seed_keys, of_file: String::new() };
    let stands: Vec<_> = (0..n).map(stand).collect();
    let slots = vec![Slot { device: Device::Cpu, threads: 0 }];
    let n_left = stands.iter().filter(|stand| !matches!(stand, Stand::Finished(_))).count();
    let forecast = Forecast { time: Duration::from_secs(725), by: vec![String::new(); n_left], ..Forecast::default() };
    let study = Study::new("study", "Does it help, and how many labels does it take?", Arc::new(grid), stands);
    Study { wanted: Some(Wanted::Train), slots, has_queue: true, forecast, ..study }
}

/// A suite of four cells that Slurm trains: of the last four runs one runs, one waits for its first job, one was preempted,
/// and of the last one, if it has no job, the job is gone.
pub fn study_on_slurm(is_gone: bool) -> Study {
    let study = study(2, 2);
    let mut stands = study.stands.clone();
    if let Stand::Failed(found) = stands[6].clone() {
        stands[6] = Stand::Interrupted(found);
    }
    stands[7] = Stand::Waiting;
    let job = |(at, stand): (usize, &Stand)| {
        let found = stand.found();
        let some = |text: &str| Some(text.to_owned());
        let (state, reason, host, gpu) = match at {
            4 => ("running", None, some("node7"), some("2")),
            6 => (PREEMPTED, some("Resources"), None, None),
            7 if is_gone => (GONE, some("job 77_7 is not in the queue any more, and it left nothing"), None, None),
            5 | 7 => (QUEUED, some("Priority"), None, None),
            _ => ("finished", None, None, None),
        };
        JobRow {
            name: format!("study-{}-s{}", at / 2, at % 2),
            run: found.map(|found| found.row.dir.id()),
            job: Some(format!("77_{at}")),
            state: state.into(),
            reason,
            host,
            gpu,
            step: found.map_or(0, |found| found.row.summary.step),
            steps: 500,
            timeouts: 0,
            preemptions: u32::from(at == 6),
            is_left: is_gone && at == 7,
        }
    };
    let jobs = stands.iter().enumerate().map(job).collect();
    let slurm = Some(OnSlurm { profile: "gpu".into(), jobs, answer: Some(Ok(())) });
    let anew = Study::new("study", &study.title, study.grid.clone(), stands);
    Study { wanted: study.wanted, slots: study.slots, has_queue: true, slurm, ..anew }
}

/// A console on a suite.
pub fn app_on_suite(study: Study) -> App {
    let mut app = app_with_runs();
    let name = study.name.clone();
    app.learn(News::Suites(vec![Arc::new(study)]));
    app.open(Screen::Suite(Box::new(OpenSuite::new(name))));
    app.take_tasks();
    app
}
