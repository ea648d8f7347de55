//! `fixmatch train` and `resume`, with a shell script for a worker.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use fixmatch::base::output::note;
use fixmatch::machine::processor::{cpuinfo, emulates_bf16};
use fixmatch::run::dir::RunDir;
use fixmatch::run::event::{Event, FailureKind, Record};
use rustix::process::{Pid, Signal, kill_process};

use super::{Place, Said, end_of, launched, progress, started, unsealed, until, whole_run};

/// Says that the run was stopped, once it is asked for anything.
const STOPS: &str = r#"until ls "$2"/control/*.json >"$2/asked" 2>&1; do [ -d "$2" ] || exit; sleep 0.05; done
echo '{"time":9,"event":"stopped","step":7}' >>"$2/events.jsonl""#;

/// Prints canned events as this worker's own.
const SAYS: &str = r#"sed "s/\"pid\":77,/\"pid\":$$,/""#;

/// A file with these events.
fn canned(place: &Place, name: &str, events: &[Event]) -> PathBuf {
    let line =
        |event: &Event| serde_json::to_string(&Record { time: 1.0, event: event.clone() }).expect("serialises") + "\n";
    let path = place.folder.path().join(name);
    fs::write(&path, events.iter().map(line).collect::<String>()).expect("written");
    path
}

/// A worker that writes these events, then does what the script says; `$2` is the run directory.
pub fn worker(place: &Place, events: &[Event], script: &str) -> PathBuf {
    let canned = canned(place, "canned", events);
    let program = place.folder.path().join("worker.sh");
    let text = format!("#!/bin/sh\n{SAYS} '{}' >>\"$2/events.jsonl\"\n{script}\n", canned.display());
    fs::write(&program, text).expect("written");
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).expect("made executable");
    program
}

fn with_worker(place: &Place, args: &[&str], events: &[Event], script: &str) -> Command {
    let mut command = place.command(args);
    command.env("FIXMATCH_WORKER", worker(place, events, script));
    command
}

fn train(place: &Place, args: &[&str], events: &[Event], script: &str) -> Said {
    let args = [&["train", "quickstart"], args].concat();
    end_of(with_worker(place, &args, events, script).spawn().expect("fixmatch starts"))
}

fn only_run(place: &Place) -> RunDir {
    until("there is a run", || RunDir::list(&place.runs()).expect("lists").pop())
}

#[test]
fn bf16_that_the_processor_would_emulate_is_refused_before_there_is_a_run() {
    let place = Place::new();
    let in_bf16 = ["--device", "cpu", "--set", "train.precision=bf16"];
    let insists = [in_bf16.as_slice(), &["--set", "machine.emulate_bf16=true"]].concat();
    if emulates_bf16(&cpuinfo()) {
        train(&place, &in_bf16, &whole_run(0.75), "").check(1, &[], &["ten times as long", "machine.emulate_bf16"]);
        assert!(!place.runs().exists());
        train(&place, &insists, &whole_run(0.75), "").check(0, &["finished"], &[]);
    } else {
        train(&place, &in_bf16, &whole_run(0.75), "").check(0, &["finished"], &[]);
    }
}

#[test]
fn instructions_that_there_are_none_of_are_refused_before_there_is_a_run() {
    let place = Place::new();
    let mut command = with_worker(&place, &["train", "quickstart"], &whole_run(0.75), "");
    command.env("FIXMATCH_SIMD", "avx9");
    let said = end_of(command.spawn().expect("fixmatch starts"));
    said.check(1, &[], &["FIXMATCH_SIMD=avx9", "is none of"]);
    assert!(!place.runs().exists());
}

#[test]
fn a_run_that_finishes_is_summed_up() {
    let place = Place::new();
    let args = ["--seed", "7", "--set", "train.lr=0.01", "--device", "cpu", "--name", "mine"];
    let said = train(&place, &args, &whole_run(0.75), "");
    said.check(
        0,
        &["finished 20 steps in ", "2000 images/s", "75.0 % (EMA)  65.0 % (raw)", "75.0 % best, at step 20"],
        &["run directory: ", "step 20: test accuracy 75.0 %"],
    );
    assert!(!said.err.contains('\u{1b}'), "an escape code without a terminal: {}", said.err);
    let dir = only_run(&place);
    assert!(dir.id().ends_with("-mine-s7"), "{}", dir.id());
    let run = dir.read_run().expect("reads");
    assert_eq!((run.config.train.seed, run.config.train.lr), (7, 0.01));
    assert_eq!(run.provenance.settings, ["train.lr=0.01", "train.seed=7", "machine.device=cpu"]);
}

#[test]
fn a_baseline_is_trained_and_compared() {
    let place = Place::new();
    // The second run is ten points worse.
    let (first, second) = (canned(&place, "first", &whole_run(0.75)), canned(&place, "second", &whole_run(0.65)));
    let script = format!(
        "if mkdir '{}' 2>/dev/null; then {SAYS} '{}'; else {SAYS} '{}'; fi >>\"$2/events.jsonl\"",
        place.folder.path().join("begun").display(),
        first.display(),
        second.display()
    );
    let said = train(&place, &["--baseline"], &[], &script);
    said.check(0, &["FixMatch       75.0 %", "labels only    65.0 %", "gap: +10.0 points of EMA accuracy"], &[]);
    let runs = RunDir::list(&place.runs()).expect("lists");
    for (name, is_baseline) in [("-quickstart-s1", false), ("-quickstart-labels-only-s1", true)] {
        let dir = runs.iter().find(|dir| dir.id().ends_with(name)).expect(name);
        assert_eq!(dir.read_run().expect("reads").config.train.lambda_u <= 0.0, is_baseline, "{name}");
    }
}

#[test]
fn a_run_that_fails_says_why() {
    let failed = Event::Failed { step: 10, reason: "the loss is NaN".into(), kind: FailureKind::Unknown };
    let events = [launched(), started(), progress(10), failed];
    for (args, message) in [
        (&[][..], "error: the run failed at step 10: the loss is NaN"),
        (&["--detach"], "error: the worker failed: the loss is NaN"),
        (&["--baseline"], "error: the run failed at step 10: the loss is NaN"),
    ] {
        train(&Place::new(), args, &events, "").check(1, &[], &[message]);
    }
}

#[test]
fn a_worker_that_dies_without_a_word_is_told_with_its_last_output() {
    for args in [&[][..], &["--detach"]] {
        let said = train(&Place::new(), args, &[], "echo libtorch_cpu.so: cannot open >&2; exit 127");
        said.check(1, &[], &["ended without a word", "exit status: 127", "worker.log:\nlibtorch_cpu.so: cannot open"]);
    }
    let said = train(&Place::new(), &[], &[], "kill -9 $$");
    said.check(1, &[], &["signal: 9", "it printed nothing either"]);
}

#[test]
fn where_no_worker_can_start_no_run_is_made() {
    let no_worker = ("FIXMATCH_WORKER", "/no/such/program", "there is no worker at /no/such/program");
    let no_settings = ("FIXMATCH_CONFIG", "/", "cannot read /: it is a folder, not a file");
    for (name, value, message) in [no_worker, no_settings] {
        for more in [&[][..], &["--detach"]] {
            let place = Place::new();
            let mut command = place.command(&[&["train", "quickstart"], more].concat());
            if name != "FIXMATCH_WORKER" {
                command.env("FIXMATCH_WORKER", worker(&place, &[], ""));
            }
            end_of(command.env(name, value).spawn().expect("starts")).check(1, &[], &[message]);
            assert!(place.fixmatch(&["runs", "--json"]).out.trim() == "[]", "{name}");
        }
    }
}

#[test]
fn a_detached_run_goes_on_by_itself() {
    let place = Place::new();
    let said = train(&place, &["--detach"], &[launched(), started()], STOPS);
    said.check(0, &["trains in the background", "fixmatch watch ", "fixmatch stop "], &["run directory: "]);
    let dir = only_run(&place);
    fs::write(dir.control().join("1.json"), "{}").expect("ended");
    until("it ends", || fs::read_to_string(dir.events()).expect("reads").contains("stopped").then_some(()));
}

fn interrupt(child: &Child) {
    send(child, Signal::INT);
}

fn send(child: &Child, signal: Signal) {
    let pid = Pid::from_raw(child.id().try_into().expect("a pid")).expect("not zero");
    kill_process(pid, signal).expect("signalled");
}

/// Suspends once it is asked for anything, and lives a little longer than its last word.
const SUSPENDS: &str = r#"until grep -qs suspend "$2"/control/*.json; do [ -d "$2" ] || exit; sleep 0.05; done
echo '{"time":9,"event":"suspended","step":7}' >>"$2/events.jsonl"; sleep 0.3; touch "$2/gone""#;

#[test]
fn sigterm_suspends_the_worker_and_waits_until_it_is_gone() {
    for args in [&["train", "quickstart"][..], &["resume"]] {
        let place = Place::new();
        if args == ["resume"] {
            unsealed(&place.run("it", &[launched(), Event::Stopped { step: 5 }]));
        }
        let child = with_worker(&place, args, &[launched(), started()], SUSPENDS).spawn().expect("starts");
        let dir = only_run(&place);
        until("it began", || fs::read_to_string(dir.events()).ok().filter(|log| log.contains("\"started\"")));
        send(&child, Signal::TERM);
        let said = end_of(child);
        said.check(
            143,
            &[],
            &["SIGTERM: asked the worker to save", "suspended at step 7; go on with `fixmatch resume "],
        );
        assert!(dir.path().join("gone").exists(), "it ended before its worker");
    }
}

/// A shell line that runs its arguments as the first process of a container, if that can be made here.
fn container(place: &Place, init: &str, args: &[&str], events: &[Event], script: &str) -> Option<Command> {
    let namespaces = ["--pid", "--fork", "--mount-proc", "--kill-child=KILL"];
    let is_possible = Command::new("unshare").args(namespaces).arg("true").stderr(Stdio::null()).status();
    if !is_possible.is_ok_and(|status| status.success()) {
        note("skipped: no namespace of processes can be made here");
        return None;
    }
    let inside = with_worker(place, args, events, script);
    let mut command = Command::new("unshare");
    command.args(namespaces).args(["sh", "-c", init, "init"]).arg(inside.get_program()).args(inside.get_args());
    command.envs(inside.get_envs().filter_map(|(name, value)| Some((name, value?))));
    command.current_dir(place.folder.path());
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    // SAFETY: signal is async-signal-safe and touches no memory of the parent.
    unsafe {
        command.pre_exec(|| {
            libc::signal(libc::SIGHUP, libc::SIG_DFL); // where the tests run under nohup, it is ignored
            Ok(())
        });
    }
    Some(command)
}

/// The one process of this name that is a descendant of another one.
fn descendant(of: u32, name: &str) -> Option<Pid> {
    let children = fs::read_to_string(format!("/proc/{of}/task/{of}/children")).ok()?;
    children.split_whitespace().filter_map(|child| child.parse().ok()).find_map(|child: u32| {
        let command = fs::read_to_string(format!("/proc/{child}/comm")).ok()?;
        if command.trim() == name { Pid::from_raw(child as i32) } else { descendant(child, name) }
    })
}

#[test]
fn the_first_process_of_a_container_suspends_its_worker_before_all_ends() {
    // by itself, and below an init that ends everything once its child ends
    for init in [r#"exec "$@""#, r#""$@"; exit $?"#] {
        let place = Place::new();
        for signal in [Signal::TERM, Signal::HUP] {
            let args = ["train", "quickstart", "--name", "it"];
            let Some(mut command) = container(&place, init, &args, &[launched(), started()], SUSPENDS) else { return };
            let child = command.spawn().expect("starts");
            let dir = until("there is a run", || RunDir::list(&place.runs()).expect("lists").pop());
            until("it began", || fs::read_to_string(dir.events()).ok().filter(|log| log.contains("\"started\"")));
            let inside = until("it is there", || descendant(child.id(), "fixmatch"));
            kill_process(inside, signal).expect("signalled");
            let said = end_of(child);
            let code = 128 + signal.as_raw();
            said.check(code, &[], &["asked the worker to save and suspend", "suspended at step 7"]);
            assert!(dir.path().join("gone").exists(), "{init}: it ended before its worker");
            fs::remove_dir_all(dir.path()).expect("removed");
        }
    }
}

#[test]
fn a_resume_that_another_one_was_faster_than_says_so() {
    let place = Place::new();
    let dir = place.run("it", &[launched(), Event::Stopped { step: 5 }]);
    unsealed(&dir);
    for args in [&["resume"][..], &["resume", "--detach"]] {
        // another worker takes the run up and ends first
        let script = r#"echo '{"time":9,"event":"launched","pid":1,"host":"h","version":"0"}' >>"$2/events.jsonl"
echo '{"time":9,"event":"stopped","step":9}' >>"$2/events.jsonl"; exit 75"#;
        let mut command = with_worker(&place, args, &[], script);
        let said = end_of(command.spawn().expect("starts"));
        said.check(1, &[], &["another resume was faster: ", "is stopped at step 9 now"]);
        assert!(!said.out.contains("trains in the background"), "{}", said.out);
    }
    drop(dir);
}

#[test]
fn a_worker_that_ends_tells_its_reason_also_where_its_log_takes_nothing() {
    for args in [&[][..], &["--detach"]] {
        let said = train(&Place::new(), args, &[], "printf 'cannot write x: No space left on device'; exit 1");
        said.check(1, &[], &["the worker ended: cannot write x: No space left on device"]);
    }
}

#[test]
fn a_gpu_that_will_stay_idle_is_told_before_the_launch() {
    let place = Place::new();
    for file in ["proc/driver/nvidia/version", "dev/nvidia0"] {
        let path = place.folder.path().join("root").join(file);
        fs::create_dir_all(path.parent().expect("a folder")).expect("made");
        fs::write(path, "").expect("written");
    }
    let mut command = with_worker(&place, &["train", "quickstart"], &whole_run(0.75), "");
    command.env("FIXMATCH_PROBE_ROOT", place.folder.path().join("root")).env_remove("CUDA_VISIBLE_DEVICES");
    let said = end_of(command.spawn().expect("starts"));
    let is_set_up = option_env!("FIXMATCH_LIBTORCH").is_some_and(|libtorch| !Path::new(libtorch).join("cuda").exists());
    let expected = if is_set_up { "TRAINS ON THE CPU" } else { "" };
    said.check(0, &["finished 20 steps"], &[expected]);
}

#[test]
fn ctrl_c_asks_the_worker_to_stop_and_tells_how_to_go_on() {
    let place = Place::new();
    let args = ["train", "quickstart", "--baseline"];
    let child = with_worker(&place, &args, &[launched(), started()], STOPS).spawn().expect("starts");
    let dir = only_run(&place);
    until("it began", || fs::read(dir.events()).ok().filter(|log| !log.is_empty()));
    interrupt(&child);
    let said = end_of(child);
    said.check(130, &[], &["asked the worker to save and stop", "stopped at step 7; go on with `fixmatch resume "]);
    assert_eq!(RunDir::list(&place.runs()).expect("lists").len(), 1, "the baseline was trained after Ctrl-C");
}

#[test]
fn a_second_ctrl_c_leaves_the_worker_to_itself() {
    let place = Place::new();
    let script = r#"until [ -e "$2/enough" ]; do [ -d "$2" ] || exit; sleep 0.05; done"#;
    let child = with_worker(&place, &["train", "quickstart"], &[launched()], script).spawn().expect("starts");
    let dir = only_run(&place);
    until("it began", || fs::read(dir.events()).ok().filter(|log| !log.is_empty()));
    interrupt(&child);
    until("the request is there", || fs::read_dir(dir.control()).expect("reads").next().map(drop));
    interrupt(&child);
    end_of(child).check(130, &[], &["the worker saves and stops by itself; `fixmatch wait "]);
    fs::write(dir.path().join("enough"), "").expect("ended");
}

#[test]
fn a_stopped_run_is_resumed() {
    let place = Place::new();
    let events = [launched(), started(), progress(10), Event::Stopped { step: 10 }];
    train(&place, &[], &events, "").check(3, &[], &["stopped at step 10; go on with `fixmatch resume "]);
    let rest = [launched(), Event::Resumed { step: 10 }, progress(20), Event::Finished { step: 20 }];
    let mut command = with_worker(&place, &["resume"], &rest, "");
    let said = end_of(command.spawn().expect("starts"));
    said.check(0, &["finished 20 steps"], &["run directory: ", "resumed at step 10"]);
}
