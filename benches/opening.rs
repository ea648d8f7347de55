//! How long opening takes: the log of a run of 2^20 steps, and a folder of a thousand such runs; and how long it takes to
//! append to such a log.
//!
//! `cargo bench --no-default-features --bench opening`

mod generated;

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use fixmatch::compare::experiment::{Experiment, Measure};
use fixmatch::compare::groups::Groups;
use fixmatch::compare::verdict::Verdict;
use fixmatch::config::RunConfig;
use fixmatch::run::curves::Curves;
use fixmatch::run::event::{Event, Progress};
use fixmatch::run::log::{EventLog, Follower};
use fixmatch::run::state::RunState;
use fixmatch::run::survey::Survey;
use generated::{STEPS, log, run, study};

fn long_run(criterion: &mut Criterion) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let dir = run(folder.path(), "long", &log(STEPS), RunConfig::default());
    criterion.bench_function("open a run of 2^20 steps", |bencher| {
        bencher.iter(|| {
            let (mut state, mut curves) = (RunState::default(), Curves::default());
            for record in Follower::new(dir.events()).read_new().expect("readable") {
                state.apply(&record);
                curves.apply(&record);
            }
            black_box((state, curves))
        });
    });
}

fn growing_log(criterion: &mut Criterion) {
    for (name, text) in [("an empty log", String::new()), ("a log of 2^20 steps", log(STEPS))] {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let dir = run(folder.path(), "growing", &text, RunConfig::default());
        let mut log = EventLog::open(&dir.events()).expect("opens");
        let progress = Progress { step: STEPS, mask_ratio: Some(0.9), ..Progress::default() };
        criterion.bench_function(&format!("append to {name}"), |bencher| {
            bencher.iter(|| log.append(Event::Progress(progress.clone())).expect("appended"));
        });
    }
}

fn many_runs(criterion: &mut Criterion) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    study(folder.path(), 1000);
    criterion.bench_function("list a thousand runs", |bencher| {
        bencher.iter(|| black_box(Survey::new(folder.path()).look().expect("readable")));
    });
    criterion.bench_function("group a thousand runs", |bencher| {
        bencher.iter(|| black_box(Groups::of(Experiment::all(folder.path()).expect("readable"))));
    });
    let groups = Groups::of(Experiment::all(folder.path()).expect("readable"));
    assert!(groups.groups.len() == 50 && groups.groups.iter().all(|group| group.runs.len() == 20));
    criterion.bench_function("compare fifty groups of twenty", |bencher| {
        bencher.iter(|| black_box(Verdict::of(&groups, Measure::Last, None)));
    });
}

criterion_group! {
    name = opening;
    config = Criterion::default().sample_size(10);
    targets = long_run, growing_log, many_runs
}
criterion_main!(opening);
