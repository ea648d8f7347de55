//! How long opening takes: the log of a run of 2^20 steps, and a folder of a thousand runs.
//!
//! `cargo bench --no-default-features --bench opening`

mod generated;

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use fixmatch::compare::experiment::Experiment;
use fixmatch::compare::groups::Groups;
use fixmatch::config::RunConfig;
use fixmatch::run::curves::Curves;
use fixmatch::run::log::Follower;
use fixmatch::run::state::RunState;
use fixmatch::run::survey::Survey;
use generated::{STEPS, log, run};

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

fn many_runs(criterion: &mut Criterion) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let log = log(4096);
    for i in 0..1000 {
        run(folder.path(), &format!("run-{i}"), &log, RunConfig::default());
    }
    let mut first = Survey::new(folder.path());
    first.look().expect("readable");
    first.save();
    criterion.bench_function("list a thousand runs", |bencher| {
        bencher.iter(|| black_box(Survey::new(folder.path()).look().expect("readable")));
    });
    criterion.bench_function("group a thousand runs", |bencher| {
        bencher.iter(|| black_box(Groups::of(Experiment::all(folder.path()).expect("readable"))));
    });
}

criterion_group! {
    name = opening;
    config = Criterion::default().sample_size(10);
    targets = long_run, many_runs
}
criterion_main!(opening);
