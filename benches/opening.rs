//! How long opening takes: the log of a run of 2^20 steps, and a folder of a thousand runs.
//!
//! `cargo bench --no-default-features --bench opening`

use std::hint::black_box;
use std::path::Path;

use criterion::{Criterion, criterion_group, criterion_main};
use fixmatch::config::RunConfig;
use fixmatch::event::{Evaluated, Evaluation, Event, Progress, Record};
use fixmatch::event_log::Follower;
use fixmatch::run_dir::{RunDir, RunFile};
use fixmatch::run_state::RunState;
use fixmatch::series::Curves;
use fixmatch::survey::Survey;

const STEPS: u64 = 1 << 20;

/// The paper's run: a point each 32 steps, an evaluation each 1024.
fn log(steps: u64) -> String {
    let scores =
        || Evaluation { accuracy: 0.9, loss: 0.4, per_class: vec![Some(0.9); 10], confusion: vec![vec![100; 10]; 10] };
    let mut text = String::new();
    let mut write = |event| {
        let record = Record { time: 1.7e9, event };
        text.push_str(&serde_json::to_string(&record).expect("an event has only JSON's types"));
        text.push('\n');
    };
    for step in (32..=steps).step_by(32) {
        let loss = 1.0 / step as f64;
        write(Event::Progress(Progress {
            step,
            n_steps: 32,
            loss,
            loss_supervised: loss / 2.0,
            loss_unsupervised: loss / 2.0,
            lr: 0.03,
            mask_ratio: Some(0.9),
            pseudo_label_accuracy: Some(0.95),
            images_per_s: 12_345.6,
            data_wait: 0.01,
            memory_bytes: 1_234_567_890,
        }));
        if step.is_multiple_of(1024) {
            write(Event::Evaluated(Box::new(Evaluated {
                step,
                raw: scores(),
                ema: scores(),
                median: 0.9,
                median_of: 20,
                best: 0.9,
                best_step: step,
                rates: None,
                requested: false,
            })));
        }
    }
    write(Event::Finished { step: steps });
    text
}

fn run(runs: &Path, name: &str, log: &str) -> RunDir {
    let run = RunFile::new("paper/cifar10-40".into(), vec![], RunConfig::default());
    let dir = RunDir::create(runs, name, &run).expect("a folder that can be written");
    std::fs::write(dir.events(), log).expect("a folder that can be written");
    dir
}

fn long_run(criterion: &mut Criterion) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let dir = run(folder.path(), "long", &log(STEPS));
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
        run(folder.path(), &format!("run-{i}"), &log);
    }
    let mut first = Survey::new(folder.path());
    first.look().expect("readable");
    first.save();
    criterion.bench_function("list a thousand runs", |bencher| {
        bencher.iter(|| black_box(Survey::new(folder.path()).look().expect("readable")));
    });
}

criterion_group! {
    name = opening;
    config = Criterion::default().sample_size(10);
    targets = long_run, many_runs
}
criterion_main!(opening);
