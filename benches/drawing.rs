//! How long the console takes to draw a screen, to show its first one, and how much memory it holds then: with a run of
//! 2^20 steps among a thousand, generated.
//!
//! `cargo bench --profile dev --no-default-features --bench drawing`: the profile that `make run` builds
//!
//! The console is part of the program, not of the library, so the program itself is measured: `fixmatch screenshot
//! --draws N` draws all of a screen N times, and for the rest it is opened in a pseudo-terminal.

#![expect(clippy::disallowed_macros, reason = "a report")]

mod generated;

use std::io::Read as _;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use criterion::{Criterion, criterion_group, criterion_main};
use fixmatch::config::RunConfig;
use fixmatch::labels::set::{LabelSet, Picked};
use generated::{STEPS, log, run};
use portable_pty::{CommandBuilder, PtySize, native_pty_system};

const PROGRAM: &str = env!("CARGO_BIN_EXE_fixmatch");

/// What ends a frame: the end of a synchronized update.
const FRAME_END: &[u8] = b"\x1b[?2026l";

/// The paper's run, on images that are there.
fn config() -> RunConfig {
    let mut config = RunConfig::default();
    config.data.dataset = "fashion-mini".into();
    config
}

/// A thousand runs, the newest of them long and with its labels.
fn runs() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let short = log(4096);
    for i in 0..999 {
        run(folder.path(), &format!("run-{i}"), &short, RunConfig::default());
    }
    let dir = run(folder.path(), "long", &log(STEPS), config());
    let labels = LabelSet { indices: (0..40).collect(), picked: Picked::Listed, given: None };
    let labels = serde_json::to_vec(&labels).expect("it has only JSON's types");
    std::fs::write(dir.labels(), labels).expect("a folder that can be written");
    let status = Command::new(PROGRAM).arg("--runs").arg(folder.path()).arg("runs").output().expect("it starts").status;
    assert!(status.success(), "the runs cannot be listed");
    folder
}

fn drawing(criterion: &mut Criterion) {
    let runs = runs();
    for screen in ["home", "preset", "run", "log", "samples", "sample"] {
        for size in ["80x24", "200x60"] {
            criterion.bench_function(&format!("draw {screen} at {size}"), |bencher| {
                bencher.iter_custom(|n| draws(runs.path(), screen, size, n));
            });
        }
    }
}

fn draws(runs: &Path, screen: &str, size: &str, n: u64) -> Duration {
    let mut command = Command::new(PROGRAM);
    command.arg("--runs").arg(runs).args(["screenshot", "long", "--screen", screen, "--size", size]);
    let output = command.arg("--draws").arg(n.to_string()).output().expect("it starts");
    let seconds = String::from_utf8_lossy(&output.stdout).trim().parse();
    Duration::from_secs_f64(seconds.unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr))))
}

fn opening(criterion: &mut Criterion) {
    let runs = runs();
    for (name, args) in [("home", &[][..]), ("a run of 2^20 steps", &["attach", "long"])] {
        println!("resident after two seconds on {name}: {:.1} MB", memory_mb(runs.path(), args));
        criterion.bench_function(&format!("first frame of {name}"), |bencher| {
            bencher.iter_custom(|n| (0..n).map(|_| first_frame(runs.path(), args, Duration::ZERO).0).sum());
        });
    }
}

/// Megabytes that the console holds once it has read what it shows.
fn memory_mb(runs: &Path, args: &[&str]) -> f64 {
    let status = first_frame(runs, args, Duration::from_secs(2)).1;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("a process has memory");
    let kib: f64 = line.trim().trim_end_matches(" kB").parse().expect("a number of kB");
    kib * 1024.0 / 1e6
}

/// Opens the console in a terminal of 200×60 and ends it after its first frame and a while; how long that frame took
/// from the start of the program, and what `/proc` says of the program before its end.
fn first_frame(runs: &Path, args: &[&str], stay: Duration) -> (Duration, String) {
    let size = PtySize { rows: 60, cols: 200, pixel_width: 0, pixel_height: 0 };
    let pair = native_pty_system().openpty(size).expect("a pseudo-terminal");
    let mut command = CommandBuilder::new(PROGRAM);
    command.args(args);
    command.env("FIXMATCH_RUNS", runs);
    command.env("FIXMATCH_STATE", runs.join(".state"));
    command.env("FIXMATCH_CONFIG", runs.join(".none"));
    command.env("TERM", "xterm-256color");
    command.env("LANG", "C.UTF-8");
    let mut output = pair.master.try_clone_reader().expect("its output");
    let start = Instant::now();
    let mut child = pair.slave.spawn_command(command).expect("it starts");
    let (mut seen, mut bytes) = (Vec::new(), [0; 4096]);
    while !seen.windows(FRAME_END.len()).any(|window| window == FRAME_END) {
        let n = output.read(&mut bytes).expect("it draws");
        seen.extend_from_slice(&bytes[..n]);
    }
    let took = start.elapsed();
    // What it writes meanwhile has to be read, or it would wait for that.
    std::thread::spawn(move || std::io::copy(&mut output, &mut std::io::sink()));
    std::thread::sleep(stay);
    let id = child.process_id().expect("it runs");
    let status = std::fs::read_to_string(format!("/proc/{id}/status")).expect("Linux");
    child.kill().expect("it runs");
    child.wait().expect("it ran");
    (took, status)
}

criterion_group! {
    name = screens;
    config = Criterion::default().sample_size(10);
    targets = drawing, opening
}
criterion_main!(screens);
