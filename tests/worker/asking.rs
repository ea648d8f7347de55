//! Requests, signals and a second worker.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;
use std::process::Stdio;
use std::thread::sleep;
use std::time::{Duration, Instant, SystemTime};

use fixmatch::base::output::note;
use fixmatch::config::Device;
use fixmatch::run::change::{Change, Request};
use fixmatch::run::event::{Evaluated, Event};
use fixmatch::run::heartbeat::{Heartbeat, Phase, STALE};
use fixmatch::run::launch::OVERTAKEN;
use fixmatch::run::log::EventLog;
use fixmatch::run::mailbox;
use rustix::fs::{CWD, Mode, mkfifoat};
use rustix::process::Signal;

use super::support::{Place, Worker, checkpoint, events, finish, worker_command};

impl Worker {
    #[track_caller]
    fn until_evaluated(&mut self, requested: bool) -> Evaluated {
        self.until("evaluation", |event| match event {
            Event::Evaluated(evaluated) if evaluated.requested == requested => Some((**evaluated).clone()),
            _ => None,
        })
    }

    /// Waits for a heartbeat that says so.
    fn until_beat(&self, step: u64, phase: Phase) {
        let deadline = Instant::now() + Duration::from_mins(1);
        let says_so = |beat: Heartbeat| (beat.step, beat.phase) == (step, phase);
        while !self.dir.heartbeat().is_some_and(|(beat, _)| says_so(beat)) {
            assert!(Instant::now() < deadline, "no heartbeat says {phase:?} at step {step}");
            sleep(Duration::from_millis(1));
        }
    }
}

#[test]
fn a_paused_run_waits_and_answers_until_it_goes_on() {
    let place = Place::new();
    let mut worker = Worker::start(&place.run(&place.endless_config()));
    let _ = worker.until_progress();
    let step = worker.ask(Request::Pause);
    worker.until("pause", |event| (*event == Event::Paused { step }).then_some(()));
    assert_eq!(worker.ask_in_vain(Request::Pause), "it is paused already");
    assert_eq!(worker.ask(Request::Set(Change::Threshold(0.5))), step);
    assert_eq!(worker.ask(Request::Evaluate), step);
    assert_eq!(worker.ask(Request::Checkpoint), step);
    worker.until_beat(step, Phase::Paused);
    assert_eq!(worker.ask(Request::Continue), step);
    assert!(worker.until_progress().step > step);
    assert_eq!(worker.ask_in_vain(Request::Continue), "it is not paused");
    let _ = worker.post(Request::Stop);
    assert!(worker.end().success());
}

#[test]
fn a_suspended_run_is_saved_and_goes_on_from_there() {
    let place = Place::new();
    let mut worker = Worker::start(&place.run(&place.endless_config()));
    let _ = worker.until_progress();
    let step = worker.ask(Request::Suspend);
    let dir = worker.dir.clone();
    assert!(worker.end().success());
    assert_eq!(events(&dir).pop(), Some(Event::Suspended { step }));
    assert_eq!(checkpoint(&dir, step).state.step, step);
    let mut worker = Worker::start(&dir);
    worker.until("resumption", |event| (*event == Event::Resumed { step }).then_some(()));
    assert!(worker.until_progress().step > step);
}

#[test]
fn an_evaluation_on_request_leaves_median_and_best_alone() {
    let place = Place::new();
    let mut worker = Worker::start(&place.run(&place.endless_config()));
    let _ = worker.until_evaluated(false);
    let step = worker.ask(Request::Pause);
    let mut scheduled = events(&worker.dir).into_iter().filter_map(|event| match event {
        Event::Evaluated(evaluated) => Some(evaluated),
        _ => None,
    });
    let last = scheduled.next_back().expect("one was waited for");
    let _ = worker.post(Request::Evaluate);
    let asked = worker.until_evaluated(true);
    assert_eq!(asked.step, step);
    let summary = |e: &Evaluated| (e.median, e.median_of, e.best, e.best_step);
    assert_eq!(summary(&asked), summary(&last));
    let _ = worker.post(Request::Continue);
    assert_eq!(worker.until_evaluated(false).median_of, (last.median_of + 1).min(20));
}

#[test]
fn values_out_of_range_are_refused_with_a_reason() {
    let place = Place::new();
    let mut worker = Worker::start(&place.run(&place.endless_config()));
    let _ = worker.until_progress();
    for (change, reason) in [
        (Change::Threshold(1.5), "threshold must be in [0, 1], not 1.5"),
        (Change::LambdaU(-1.0), "lambda_u must be in [0, 1000], not -1"),
        (Change::LrFactor(0.0), "lr_factor must be more than 0 and at most 100, not 0"),
        (Change::Steps(1), "already done, not 1"),
    ] {
        let refusal = worker.ask_in_vain(Request::Set(change));
        assert!(refusal.contains(reason), "{change:?}: {refusal}");
    }
    let garbage = worker.dir.control().join("1.json");
    fs::write(&garbage, "{").expect("written");
    let reason = worker.until("refusal", |event| match event {
        Event::Refused { id, reason } if id == "1" => Some(reason.clone()),
        _ => None,
    });
    assert!(reason.contains("not one this version knows"), "{reason}");
    let step = worker.ask(Request::Pause);
    let refusal = worker.ask_in_vain(Request::Set(Change::Steps(step)));
    assert_eq!(refusal, format!("steps must be more than the {step} already done, not {step}"));
}

#[test]
fn every_accepted_request_is_answered_even_as_the_run_ends() {
    let place = Place::new();
    let mut worker = Worker::start(&place.run(&place.config()));
    while worker.is_alive() {
        let _ = worker.post(Request::Evaluate);
        sleep(Duration::from_millis(50)); // faster than it can follow, the run would never end
    }
    let mut open = Vec::new();
    for event in events(&worker.dir) {
        match event {
            Event::Accepted { id, .. } => open.push(id),
            Event::Applied { id, .. } | Event::Edited { id, .. } | Event::Refused { id, .. } => {
                open.retain(|other| *other != id);
            }
            _ => {}
        }
    }
    assert!(open.is_empty(), "{open:?}");
}

#[test]
fn a_checkpoint_is_written_on_request_and_on_sigusr1() {
    let place = Place::new();
    let mut worker = Worker::start(&place.run(&place.endless_config()));
    let _ = worker.until_progress();
    let step = worker.ask(Request::Checkpoint);
    assert_eq!(checkpoint(&worker.dir, step).state.step, step);
    worker.signal(Signal::USR1);
    let file = worker.until("checkpoint", |event| match event {
        Event::Checkpointed { file, .. } => Some(file.clone()),
        _ => None,
    });
    assert!(worker.dir.checkpoints().join(file).exists());
}

#[test]
fn sigterm_suspends_and_sigint_stops() {
    let place = Place::new();
    for (signal, is_meant) in [
        (Signal::TERM, (|last| matches!(last, Event::Suspended { .. })) as fn(&Event) -> bool),
        (Signal::INT, |last| matches!(last, Event::Stopped { .. })),
    ] {
        let mut worker = Worker::start(&place.run(&place.endless_config()));
        let _ = worker.until_progress();
        worker.signal(signal);
        let dir = worker.dir.clone();
        assert!(worker.end().success());
        let last = events(&dir).pop().expect("a log");
        assert!(is_meant(&last), "{signal:?}: {last:?}");
    }
}

#[test]
fn a_second_worker_says_so_and_leaves_the_log_alone() {
    let place = Place::new();
    let mut worker = Worker::start(&place.run(&place.endless_config()));
    let _ = worker.until_progress();
    let step = worker.ask(Request::Pause);
    worker.until("pause", |event| (*event == Event::Paused { step }).then_some(()));
    let log = fs::read(worker.dir.events()).expect("reads");
    let second = worker_command(&worker.dir).output().expect("runs");
    assert!(!second.status.success());
    let message = String::from_utf8_lossy(&second.stderr);
    assert!(message.contains("another worker is training this run"), "{message}");
    assert_eq!(fs::read(worker.dir.events()).expect("reads"), log);
}

#[test]
fn what_is_no_request_is_passed_over_with_one_warning_and_the_worker_lives() {
    let place = Place::new();
    let mut worker = Worker::start(&place.run(&place.endless_config()));
    let _ = worker.until_progress();
    let control = worker.dir.control();
    let at = |name: &str| control.join(name);
    mkfifoat(CWD, at("0-pipe.json"), Mode::RWXU).expect("made");
    fs::create_dir(at("1-folder.json")).expect("made");
    for (name, to) in [("2-zero.json", "/dev/zero"), ("3-nothing.json", "nowhere"), ("4-users.json", "/etc/passwd")] {
        symlink(to, at(name)).expect("linked");
    }
    let mut names = vec!["0-pipe.json", "1-folder.json", "2-zero.json", "3-nothing.json", "4-users.json"];
    while let Some(name) = names.first().copied() {
        let warned = worker.until("warning", |event| match event {
            Event::Warning { message, .. } => Some(message.clone()),
            _ => None,
        });
        assert!(warned.starts_with("passed over ") && warned.contains(name), "{warned}");
        names.remove(0);
    }
    let garbled = control.join(OsStr::from_bytes(b"\xff\xfe.json"));
    fs::write(&garbled, "{").expect("written");
    let large = File::create(at("5.json")).expect("made");
    large.set_len(300 << 20).expect("a hole");
    for (id, reason) in [("5", "more than 65536 bytes"), ("\u{fffd}\u{fffd}", "not one this version knows")] {
        let refused = worker.until("refusal", |event| match event {
            Event::Refused { id: refused, reason } if refused == id => Some(reason.clone()),
            _ => None,
        });
        assert!(refused.contains(reason), "{refused}");
    }
    let _ = worker.ask(Request::Stop);
    let dir = worker.dir.clone();
    assert!(worker.end().success());
    assert!(!garbled.exists() && !at("5.json").exists());
    let n_warnings = events(&dir).iter().filter(|event| matches!(event, Event::Warning { .. })).count();
    assert_eq!(n_warnings, 5, "one warning each");
}

#[test]
fn requests_are_told_apart_by_what_was_there_before_the_worker_whatever_clocks_say() {
    let place = Place::new();
    let dir = place.run(&place.endless_config());
    let early = mailbox::post(&dir.control(), Request::Stop).expect("posted");
    let future = SystemTime::now() + Duration::from_hours(24 * 365 * 9);
    File::options()
        .write(true)
        .open(dir.control().join(format!("{early}.json")))
        .expect("opens")
        .set_modified(future)
        .expect("set");
    let mut worker = Worker::start(&dir);
    let reason = worker.until("refusal", |event| match event {
        Event::Refused { id, reason } if *id == early => Some(reason.clone()),
        _ => None,
    });
    assert_eq!(reason, "the worker that it was meant for ended before reading it");
    let _ = worker.until_progress();
    let old = dir.path().join("old");
    fs::write(&old, r#"{"who":"me","request":"stop"}"#).expect("written");
    File::options().write(true).open(&old).expect("opens").set_modified(SystemTime::UNIX_EPOCH).expect("set");
    fs::rename(&old, dir.control().join("1.json")).expect("posted");
    assert!(worker.end().success());
    assert!(matches!(events(&dir).last(), Some(Event::Stopped { .. })));
}

#[test]
fn a_worker_that_waited_for_another_ones_end_does_not_take_its_run_up() {
    let place = Place::new();
    let dir = place.run(&place.endless_config());
    let lock = dir.lock().expect("free");
    let mut second = worker_command(&dir).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("starts");
    // it has opened the lock once its process holds it open; then the first one writes its last words and ends
    let fds = format!("/proc/{}/fd", second.id());
    let deadline = Instant::now() + Duration::from_mins(1);
    let waits = || {
        let links = fs::read_dir(&fds).into_iter().flatten().flatten();
        links.filter_map(|link| fs::read_link(link.path()).ok()).any(|link| link.ends_with("worker.lock"))
    };
    while !waits() {
        assert!(second.try_wait().expect("waits").is_none() && Instant::now() < deadline, "it does not wait");
        sleep(Duration::from_millis(1));
    }
    let mut log = EventLog::open(&dir.events()).expect("opens");
    log.append(Event::Stopped { step: 7 }).expect("appended");
    drop(lock);
    let output = second.wait_with_output().expect("ends");
    assert_eq!(output.status.code(), Some(i32::from(OVERTAKEN)));
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(told.contains("another worker has taken this run up"), "{told}");
    assert_eq!(events(&dir), [Event::Stopped { step: 7 }]);
}

#[test]
fn a_run_that_another_machine_trains_is_left_alone_and_one_that_it_left_is_taken_up() {
    let place = Place::new();
    let dir = place.run(&place.config());
    let launched = Event::Launched { pid: 1, host: "elsewhere".into(), version: "0".into(), job: None };
    EventLog::open(&dir.events()).and_then(|mut log| log.append(launched)).expect("appended");
    let beat = |step| {
        let beat = Heartbeat { time: 0.0, pid: 1, host: "elsewhere".into(), step, phase: Phase::Training };
        dir.beat(&beat).expect("written");
    };
    beat(0);
    let mut other = worker_command(&dir).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("starts");
    let deadline = Instant::now() + Duration::from_mins(1);
    for step in 1.. {
        beat(step);
        if other.try_wait().expect("waits").is_some() {
            break;
        }
        assert!(Instant::now() < deadline, "it does not notice");
        sleep(Duration::from_millis(20));
    }
    let output = other.wait_with_output().expect("ended");
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && text.contains("a worker on elsewhere is training this run"), "{text}");
    assert_eq!(events(&dir).len(), 1);
    let heartbeat = File::options().write(true).open(dir.path().join("heartbeat")).expect("there");
    heartbeat.set_modified(SystemTime::now() - STALE).expect("set");
    finish(&dir);
}

#[test]
fn only_the_owner_can_hold_the_lock_also_of_a_run_of_an_earlier_version() {
    let place = Place::new();
    let dir = place.run(&place.config());
    let lock = dir.path().join("worker.lock");
    fs::write(&lock, "").expect("written");
    fs::set_permissions(&lock, fs::Permissions::from_mode(0o644)).expect("set");
    finish(&dir);
    assert_eq!(fs::metadata(&lock).expect("there").permissions().mode() & 0o777, 0o600);
}

#[test]
fn a_gpu_that_stays_idle_is_told_in_the_log() {
    if Path::new("/proc/driver/nvidia/version").exists() {
        return note("skipped: this machine has a GPU of its own");
    }
    let root = tempfile::tempdir().expect("a temporary folder");
    for file in ["proc/driver/nvidia/version", "dev/nvidia0"] {
        fs::create_dir_all(root.path().join(file).parent().expect("a folder")).expect("made");
        fs::write(root.path().join(file), "").expect("written");
    }
    let place = Place::new();
    let mut config = place.config();
    config.machine.device = Device::Auto;
    let dir = place.run(&config);
    let output = worker_command(&dir).env("FIXMATCH_PROBE_ROOT", root.path()).output().expect("runs");
    assert!(output.status.success());
    let warned =
        |event: &Event| matches!(event, Event::Warning { message, .. } if message.contains("TRAINS ON THE CPU"));
    assert!(events(&dir).iter().any(warned), "{:?}", events(&dir));
    assert!(String::from_utf8_lossy(&output.stderr).contains("warning: there is an NVIDIA GPU"));
}
