//! How long the console takes to draw a screen, to show its first one, and how much memory it holds then: with a run of
//! 2^20 steps among a thousand, generated. And how long fifty of a thousand such runs take beside each other.
//!
//! `cargo bench --profile dev --no-default-features --bench drawing`: the profile that `make run` builds
//!
//! The console is part of the program, not of the library, so the program itself is measured: `fixmatch screenshot
//! --draws N` draws all of a screen N times, and for the rest it is opened in a pseudo-terminal.

#![expect(clippy::disallowed_macros, reason = "a report")]

mod generated;

use std::io::{Read, Write};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use criterion::{Criterion, criterion_group, criterion_main};
use fixmatch::config::RunConfig;
use fixmatch::labels::set::{LabelSet, Picked};
use generated::{STEPS, log, run, study};
use portable_pty::{Child, CommandBuilder, PtySize, native_pty_system};

const PROGRAM: &str = env!("CARGO_BIN_EXE_fixmatch");

/// An expression that fits fifty runs of a study.
const FIFTY: &str = "lr<=0.005 seed<10";

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
    let labels = LabelSet::new((0..40).collect(), Picked::Listed);
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
                bencher.iter_custom(|n| draws(runs.path(), "long", screen, size, n));
            });
        }
    }
}

/// Fifty runs of 2^15 points each among a thousand: as a table, and beside each other.
fn comparing(criterion: &mut Criterion) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let runs = folder.path();
    study(runs, 1000);
    criterion.bench_function("print a thousand runs in groups", |bencher| {
        bencher.iter(|| {
            let output = Command::new(PROGRAM).arg("--runs").arg(runs).args(["runs", "--group"]).output();
            assert!(output.is_ok_and(|output| output.status.success()));
        });
    });
    for size in ["80x24", "200x60"] {
        criterion.bench_function(&format!("draw a comparison of fifty runs at {size}"), |bencher| {
            bencher.iter_custom(|n| draws(runs, FIFTY, "compare", size, n));
        });
    }
    let args = ["compare", FIFTY, "--attach"];
    criterion.bench_function("first frame of a comparison of fifty runs", |bencher| {
        bencher.iter_custom(|n| (0..n).map(|_| first_frame(runs, &args, Duration::ZERO).0).sum());
    });
    criterion.bench_function("all curves of a comparison of fifty runs", |bencher| {
        bencher.iter_custom(|n| (0..n).map(|_| Console::open(runs, &args).wait_until_read()).sum());
    });
    let mut console = Console::open(runs, &args);
    console.wait_until_read();
    criterion.bench_function("a key on a comparison of fifty runs", |bencher| {
        bencher.iter_custom(|n| (0..n).map(|i| console.press(if i % 2 == 0 { b"h" } else { b"l" })).sum());
    });
    drop(console);
    criterion.bench_function("a list of a thousand runs", |bencher| {
        bencher.iter_custom(|n| (0..n).map(|_| Console::open(runs, &[]).wait_for("1000 runs")).sum());
    });
    let mut console = Console::open(runs, &[]);
    console.wait_for("1000 runs");
    console.press(b"\t"); // to the runs
    for view in ["progress", "values", "groups"] {
        criterion.bench_function(&format!("a key on the list of a thousand runs by {view}"), |bencher| {
            bencher.iter_custom(|n| (0..n).map(|i| console.press(if i % 2 == 0 { b"j" } else { b"k" })).sum());
        });
        println!("to the next view: {:.1} ms", 1e3 * console.press(b"v").as_secs_f64());
    }
}

fn draws(runs: &Path, run: &str, screen: &str, size: &str, n: u64) -> Duration {
    let mut command = Command::new(PROGRAM);
    command.arg("--runs").arg(runs).args(["screenshot", run, "--screen", screen, "--size", size]);
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
    let mut console = Console::open(runs, args);
    console.frame();
    let took = console.start.elapsed();
    // What it writes meanwhile has to be read, or it would wait for that.
    let mut output = std::mem::replace(&mut console.output, Box::new(std::io::empty()));
    std::thread::spawn(move || std::io::copy(&mut output, &mut std::io::sink()));
    std::thread::sleep(stay);
    let id = console.child.process_id().expect("it runs");
    let status = std::fs::read_to_string(format!("/proc/{id}/status")).expect("Linux");
    (took, status)
}

/// The console in a terminal of 200×60; it ends with this.
struct Console {
    start: Instant,
    child: Box<dyn Child + Send + Sync>,
    output: Box<dyn Read + Send>,
    keys: Box<dyn Write + Send>,
    screen: vt100::Parser,
    /// What was read behind the end of the last frame.
    rest: Vec<u8>,
}

impl Console {
    fn open(runs: &Path, args: &[&str]) -> Self {
        let size = PtySize { rows: 60, cols: 200, pixel_width: 0, pixel_height: 0 };
        let pair = native_pty_system().openpty(size).expect("a pseudo-terminal");
        let mut command = CommandBuilder::new(PROGRAM);
        command.args(args);
        command.env("FIXMATCH_RUNS", runs);
        command.env("FIXMATCH_STATE", runs.join(".state"));
        command.env("FIXMATCH_CONFIG", runs.join(".none"));
        command.env("TERM", "xterm-256color");
        command.env("LANG", "C.UTF-8");
        let output = pair.master.try_clone_reader().expect("its output");
        let keys = pair.master.take_writer().expect("its keyboard");
        let start = Instant::now();
        let child = pair.slave.spawn_command(command).expect("it starts");
        Self { start, child, output, keys, screen: vt100::Parser::new(60, 200, 0), rest: Vec::new() }
    }

    /// Waits until the next frame is drawn.
    fn frame(&mut self) {
        let mut bytes = [0; 4096];
        loop {
            if let Some(at) = self.rest.windows(FRAME_END.len()).position(|window| window == FRAME_END) {
                let frame: Vec<u8> = self.rest.drain(..at + FRAME_END.len()).collect();
                return self.screen.process(&frame);
            }
            let n = self.output.read(&mut bytes).expect("it draws");
            self.rest.extend_from_slice(&bytes[..n]);
        }
    }

    /// Waits until all runs are read; how long that took from the start of the program.
    fn wait_until_read(&mut self) -> Duration {
        self.wait_for("they differ in")
    }

    /// Waits until a text is on the screen; how long that took from the start of the program.
    fn wait_for(&mut self, text: &str) -> Duration {
        loop {
            self.frame();
            if self.screen.screen().contents().contains(text) {
                return self.start.elapsed();
            }
        }
    }

    /// How long it takes from a key to the end of the next frame.
    fn press(&mut self, key: &[u8]) -> Duration {
        let start = Instant::now();
        self.keys.write_all(key).expect("it runs");
        self.keys.flush().expect("it runs");
        self.frame();
        start.elapsed()
    }
}

impl Drop for Console {
    fn drop(&mut self) {
        self.child.kill().expect("it runs");
        self.child.wait().expect("it ran");
    }
}

criterion_group! {
    name = screens;
    config = Criterion::default().sample_size(10);
    targets = drawing, opening, comparing
}
criterion_main!(screens);
