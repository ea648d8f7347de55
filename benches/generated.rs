//! Runs as their logs would be, for benchmarks of what reads them.

use std::path::Path;

use fixmatch::config::RunConfig;
use fixmatch::run::dir::RunDir;
use fixmatch::run::event::{Evaluated, Evaluation, Event, Progress, Record};
use fixmatch::run::file::RunFile;
use fixmatch::run::insight::{Kind, Pointer};
use fixmatch::run::summary::Summary;
use fixmatch::run::survey::Row;

/// The steps of the paper's run.
pub const STEPS: u64 = 1 << 20;

/// The log of a run: a point each 32 steps, where a histogram of pseudo-labels is each 256, an evaluation and where a panel
/// is each 1024.
pub fn log(steps: u64) -> String {
    log_to(steps, 0.9)
}

/// A log of a run that comes to an accuracy.
fn log_to(steps: u64, accuracy: f64) -> String {
    let scores =
        || Evaluation { accuracy, loss: 0.4, per_class: vec![Some(0.9); 10], confusion: vec![vec![100; 10]; 10] };
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
        let place = |record| Pointer { step, record, offset: 1200 * (step / 256), n_bytes: 1200 };
        if step.is_multiple_of(256) {
            write(Event::Insight(place(Kind::Histogram)));
        }
        if step.is_multiple_of(1024) {
            write(Event::Evaluated(Box::new(Evaluated {
                step,
                raw: scores(),
                ema: scores(),
                median: accuracy,
                median_of: 20,
                best: accuracy,
                best_step: step,
                rates: None,
                requested: false,
            })));
            write(Event::Insight(place(Kind::Panel)));
        }
    }
    write(Event::Finished { step: steps });
    text
}

/// A run with that log.
pub fn run(runs: &Path, name: &str, log: &str, config: RunConfig) -> RunDir {
    let run = RunFile::new("paper/cifar10-40".into(), vec![], config);
    let dir = RunDir::create(runs, name, &run).expect("a folder that can be written");
    std::fs::write(dir.events(), log).expect("a folder that can be written");
    dir
}

/// A study of so many runs of 2^15 points each: twenty seeds of each configuration. Ten logs are those of all, by links.
pub fn study(runs: &Path, n: usize) {
    let mut logged = Vec::new();
    for i in 0..n {
        let mut config = RunConfig::default();
        config.train.lr = 0.001 * (1 + i / 20) as f64;
        (config.train.seed, config.labels.seed) = ((i % 20) as u64, (i % 20) as u64);
        let name = format!("study-{:02}-s{}", i / 20, i % 20);
        if i < 10 {
            let dir = run(runs, &name, &log_to(STEPS, 0.9 + 0.001 * i as f64), config);
            let summary = Row::of(&dir).summary;
            summary.write(&dir).expect("a folder that can be written");
            logged.push((dir, summary));
            continue;
        }
        let (like, summary): &(RunDir, Summary) = &logged[(7 * i + i / 20) % 10];
        let dir = run(runs, &name, "", config);
        std::fs::remove_file(dir.events()).expect("it was written");
        std::fs::hard_link(like.events(), dir.events()).expect("one file system");
        summary.write(&dir).expect("a folder that can be written");
    }
}
