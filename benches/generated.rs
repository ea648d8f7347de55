//! Runs as their logs would be, for benchmarks of what reads them.

use std::path::Path;

use fixmatch::config::RunConfig;
use fixmatch::run::dir::RunDir;
use fixmatch::run::event::{Evaluated, Evaluation, Event, Progress, Record};
use fixmatch::run::file::RunFile;
use fixmatch::run::insight::{Kind, Pointer};

/// The steps of the paper's run.
pub const STEPS: u64 = 1 << 20;

/// The log of a run: a point each 32 steps, where a histogram of pseudo-labels is each 256, an evaluation and where a panel
/// is each 1024.
pub fn log(steps: u64) -> String {
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
        let place = |record| Pointer { step, record, offset: 1200 * (step / 256), n_bytes: 1200 };
        if step.is_multiple_of(256) {
            write(Event::Insight(place(Kind::Histogram)));
        }
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
