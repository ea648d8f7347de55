//! Our training step beside PyTorch's on this machine: `cargo bench --bench peer`, after `cargo build` and `make bench-setup`.
//!
//! Ours is `fixmatch-worker bench`, theirs `benches/peer.py`: the same network, batch, data and policy, every pseudo-label
//! accepted. Each is a process of its own, in turns; the median of all steps counts. Prints a table in Markdown.
//! `-- wrn` for the wide network, `-- evaluate` for passes of 500 images forward instead of steps, `-- --turns N --steps N`
//! for more.

#![expect(clippy::disallowed_macros, reason = "a report")]

use std::path::Path;
use std::process::Command;

use serde_json::Value;

#[path = "python.rs"]
mod python;

/// A row: its name, our way and precision or the flags of `peer.py`.
enum Row {
    Theirs(&'static str, &'static [&'static str]),
    Ours(&'static str, &'static str, &'static str),
}

const STEPS: [Row; 8] = [
    Row::Theirs("PyTorch, as people write it", &[]),
    Row::Theirs("PyTorch, tuned", &["--tuned"]),
    Row::Theirs("PyTorch, tuned, bf16", &["--tuned", "--bf16"]),
    Row::Ours("fixmatch, joint", "joint, all", "f32"),
    Row::Ours("fixmatch, split", "split, all", "f32"),
    Row::Ours("fixmatch, split, none accepted", "split, none", "f32"),
    Row::Ours("fixmatch, split, bf16", "split, all", "bf16"),
    Row::Ours("fixmatch, joint, bf16", "joint, all", "bf16"),
];

/// The same of an evaluation: 500 images forward, without gradients.
const EVALUATIONS: [Row; 3] = [
    Row::Theirs("PyTorch, as people write it", &["--evaluate"]),
    Row::Theirs("PyTorch, tuned", &["--evaluate", "--tuned"]),
    Row::Ours("fixmatch", "evaluation", "f32"),
];

/// What the launcher sets for a worker.
const ENVIRONMENT: [(&str, &str); 2] = [("GLIBC_TUNABLES", "glibc.malloc.hugetlb=1"), ("GOMP_SPINCOUNT", "2000")];

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let model = words.iter().find(|word| word.starts_with("wrn")).map_or("cnn", String::as_str);
    let is_evaluation = words.iter().any(|word| word == "evaluate");
    let rows = if is_evaluation { &EVALUATIONS[..] } else { &STEPS[..] };
    let number = |flag: &str, default: usize| {
        let at = words.iter().position(|word| word == flag);
        at.map_or(default, |at| words[at + 1].parse().expect("a number after the flag"))
    };
    let (turns, steps) = (number("--turns", 2), number("--steps", if model == "cnn" { 12 } else { 2 }));
    let Some(python) = python::with(&["numpy", "PIL", "torch"]) else {
        println!(
            "skipped: no Python with torch, numpy and Pillow; `make bench-setup` makes one, or set FIXMATCH_PYTHON"
        );
        return;
    };
    let mut found = vec![(Vec::new(), 0); rows.len()];
    for _ in 0..turns {
        for (row, (times, peak)) in rows.iter().zip(&mut found) {
            let (steps, mib) = measure(row, model, steps, &python);
            times.extend(steps);
            *peak = mib.max(*peak);
        }
    }
    println!("{}, {model}, {turns} turns of {steps} steps\n", processor());
    println!(
        "| | ms a {} | times as fast | memory, MiB |\n|---|---|---|---|",
        if is_evaluation { "pass" } else { "step" }
    );
    let medians: Vec<f64> = found.iter().map(|(times, _)| median(times)).collect();
    for ((row, ms), (_, peak)) in rows.iter().zip(&medians).zip(&found) {
        let (Row::Theirs(name, _) | Row::Ours(name, ..)) = row;
        println!("| {name} | {ms:.0} | {:.2} | {peak} |", medians[0] / ms);
    }
}

/// Milliseconds of each step, and the most resident memory in MiB.
fn measure(row: &Row, model: &str, steps: usize, python: &Path) -> (Vec<f64>, u64) {
    let steps = steps.to_string();
    let mut command = match row {
        Row::Theirs(_, flags) => {
            let mut command = Command::new(python);
            command.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/peer.py")).args(*flags);
            command
        }
        Row::Ours(_, way, precision) => {
            let mut command = Command::new(worker());
            command.args(["bench", "--way", way, "--precision", precision]).envs(ENVIRONMENT);
            command
        }
    };
    let output = command.args(["--model", model, "--steps", &steps]).output().expect("starts");
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    let found: Value = serde_json::from_slice(&output.stdout).expect("one line of JSON");
    let number = |value: &Value| value.as_f64().expect("a number");
    let sum = |parts: &Value| parts.as_array().expect("parts").iter().map(number).sum();
    let times = match row {
        Row::Theirs(..) => found["step_ms"].as_array().expect("steps").iter().map(number).collect(),
        Row::Ours(..) => found["parts_ms"].as_array().expect("steps").iter().map(sum).collect(),
    };
    (times, found["peak_mib"].as_u64().expect("a number"))
}

/// The worker that the profile of users' builds made.
fn worker() -> std::path::PathBuf {
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| "target".into(), std::path::PathBuf::from);
    let worker = Path::new(env!("CARGO_MANIFEST_DIR")).join(target).join("debug/fixmatch-worker");
    assert!(worker.is_file(), "{} is not there: run `cargo build`", worker.display());
    worker
}

fn processor() -> String {
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let name =
        info.lines().find_map(|line| line.strip_prefix("model name\t: ")).unwrap_or("unknown processor").to_owned();
    let n_cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    format!("{name}, {n_cores} cores")
}

fn median(values: &[f64]) -> f64 {
    let mut values = values.to_vec();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
