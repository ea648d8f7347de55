//! Groups of presets and the grid of a suite, in the real console.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use fixmatch::suite::batch::Batch;
use fixmatch::suite::order::Folder;

use super::Place;
use super::looking::quit;

#[test]
fn a_suite_is_found_on_the_home_screen_opened_as_a_grid_and_started_only_after_a_question() {
    let place = Place::new();
    let own = place.path("experiments");
    fs::create_dir_all(&own).expect("made");
    fs::write(own.join("mine.toml"), "extends = \"quickstart\"\ntitle = \"Mine\"\n").expect("written");
    fs::write(own.join("broken.toml"), "[train]\nstep = 3\n").expect("written");
    let mut terminal = place.open(&[]);
    terminal.until("experiments/mine.toml");
    terminal.until("did you mean train.steps?");
    terminal.until("+ suites");
    terminal.press("G");
    terminal.until("▸ + suites");
    terminal.press("\r");
    terminal.until("paper-cifar10");
    terminal.press("/labels-small\r");
    terminal.until("▸     slides-labels-small");
    terminal.press("\r");
    terminal.until("not started: L starts it");
    terminal.until("per_class");
    terminal.press("l");
    terminal.until("per_class=4: 0 of ");
    terminal.press("\r");
    terminal.until("○ waiting");
    terminal.press("\x1bL"); // in one piece, as over a slow connection
    terminal.until("start the suite?");
    terminal.press("n");
    terminal.until_it("the question goes", |text| !text.contains("start the suite?"));
    assert!(!place.runs().join(".suites").exists(), "nothing was started");
    terminal.press("\x1b\x1b");
    terminal.until("Presets");
    quit(&mut terminal);
    let mut again = place.open(&[]);
    again.until("− suites"); // what was opened stays so
    quit(&mut again);
}

/// Commands of Slurm are played by shell scripts.
#[test]
fn where_the_runs_of_a_suite_are_in_slurm_is_shown_in_its_grid_and_its_cells_and_what_has_no_job_is_submitted_again() {
    let place = Place::new();
    fs::create_dir_all(place.path("bin")).expect("made");
    let plays = |command: &str, script: &str| {
        let path = place.path("bin").join(command);
        fs::write(&path, format!("#!/bin/sh\n{script}\n")).expect("written");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("set");
    };
    plays("sbatch", "echo 77");
    plays("scontrol", "echo 'MaxArraySize = 1001'");
    plays("scancel", "echo \"$@\" >> \"$0.asked\"");
    plays("squeue", "");
    fs::create_dir_all(place.path("slurm")).expect("made");
    fs::write(place.path("slurm/gpu.toml"), "partition = \"gpu\"\n").expect("written");
    let axis = "[[axis]]\nkey = \"labels.per_class\"\nvalues = [1]\n";
    fs::write(place.path("zebra.toml"), format!("title = \"Zebra\"\nbase = \"quickstart\"\nseeds = 3\n{axis}"))
        .expect("written");
    let path = format!("{}:/usr/bin:/bin", place.path("bin").display());
    let submitted = Command::new(env!("CARGO_BIN_EXE_fixmatch"))
        .args(["suite", "run", "zebra.toml", "--slurm", "gpu"])
        .current_dir(place.folder.path())
        .env("PATH", &path)
        .env("FIXMATCH_RUNS", place.runs())
        .env("FIXMATCH_STATE", place.path("state"))
        .env("FIXMATCH_CONFIG", place.path("config.toml"))
        .output()
        .expect("it starts");
    assert!(submitted.status.success(), "{}", String::from_utf8_lossy(&submitted.stderr));
    let batch = Batch::list(&Folder::of(&place.runs(), "zebra")).pop().expect("a batch").token();
    let line =
        |task: usize, state: &str, host: &str| format!("77 |{task} |{state} |{host} |0 |1:00:00 |fixmatch/{batch} ");
    let jobs = [line(0, "RUNNING |None", "node7"), line(1, "PENDING |Priority", "")];
    plays("squeue", &format!("echo '{}'\necho '{}'", jobs[0], jobs[1]));
    let mut terminal = place.open_at((120, 30), &[], &[("PATH", &path)]);
    terminal.until("+ suites");
    terminal.press("G\r/zebra\r");
    terminal.until("▸     zebra");
    terminal.press("\r");
    terminal.until("1 run without a job: r submits it");
    terminal.until("1 starting on node7, 1 queued (Priority), 1 gone");
    terminal.press("\r");
    terminal.until("◉ starting");
    terminal.until("○ queued");
    terminal.until("✗ gone");
    terminal.press("j");
    terminal.until("job 77_1 · queued (Priority)");
    terminal.press("\x1b");
    terminal.until("1 starting on node7");
    terminal.press("r");
    terminal.until("zebra: 1 run as job 77 submitted");
    assert_eq!(Batch::list(&Folder::of(&place.runs(), "zebra")).len(), 2);
    terminal.press("Xy");
    terminal.until("suspending its runs…");
    terminal.until_it("Slurm is asked", |_| {
        let asked = fs::read_to_string(place.path("bin/scancel.asked")).unwrap_or_default();
        asked.contains("--state=PENDING 77_1") && asked.contains("--signal=TERM 77_0")
    });
    terminal.press("\x1b");
    quit(&mut terminal);
}

#[cfg(feature = "train")]
#[test]
fn a_queue_at_work_is_held_stopped_given_seeds_and_ended_by_keys_and_leaves_no_process_behind() {
    let place = Place::new();
    let suites = place.path("presets/suites");
    fs::create_dir_all(&suites).expect("made");
    // a small residual network: one run at a time, on all cores
    let model = "model.name = \"wrn\"\nmodel.depth = 10\nmodel.width = 1\n";
    let small = "train.batch = 4\ntrain.mu = 1\ntrain.window = 2\neval.every = 8\ntrain.steps = 8\n";
    let axis = "[[axis]]\nkey = \"labels.per_class\"\nvalues = [1, 2]\n";
    let text = format!("title = \"Zebra\"\nbase = \"quickstart\"\nseeds = 1\n[config]\n{model}{small}{axis}");
    fs::write(suites.join("zebra.toml"), text).expect("written");
    let mut terminal = place.open(&[]);
    terminal.until("+ suites");
    terminal.press("G\r/zebra\r");
    terminal.until("▸     zebra");
    terminal.press("\r");
    terminal.until("not started: L starts it");
    terminal.press("Ly");
    terminal.until("training on cpu");
    terminal.press("p");
    terminal.until("held: r goes on");
    terminal.press("+\x152\r");
    terminal.until(" of 6 runs done");
    terminal.press("l");
    terminal.until("per_class=2: 0 of 3");
    terminal.press("M");
    terminal.until("3 runs at the front, to be started before all others");
    terminal.press("r");
    terminal.until("training on cpu");
    terminal.until(" 1 of 6 runs done");
    terminal.press("Xy");
    terminal.until("no queue is at work: r goes on");
    terminal.press("r");
    terminal.until("training on cpu");
    terminal.until(" 6 of 6 runs done");
    let log = fs::read_to_string(place.runs().join(".suites/zebra/queue.log")).expect("a queue's log");
    let queues: Vec<_> = log.lines().filter_map(|line| Some(line.split_once("begins as process ")?.1)).collect();
    assert_eq!(queues.len(), 2, "{log}");
    for queue in queues {
        let process = place.path(&format!("/proc/{queue}"));
        terminal.until_it("the queue's process is gone", |_| !process.exists());
    }
    assert_eq!(fs::read_dir(place.runs()).expect("runs").flatten().filter(is_run).count(), 6);
    terminal.press("\x1b");
    quit(&mut terminal);
}

#[cfg(feature = "train")]
fn is_run(entry: &fs::DirEntry) -> bool {
    !entry.file_name().to_string_lossy().starts_with('.')
}
