//! Disks that are full, and files that may not grow: nothing is lost, the training is held, and the reason is told.

use std::fs::{self, File};
use std::io::Write as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use fixmatch::base::output::note;
use fixmatch::run::change::Request;
use fixmatch::run::dir::RunDir;
use fixmatch::run::event::Event;
use fixmatch::run::heartbeat::Phase;
use fixmatch::run::launch::log_tail;
use rustix::process::{Resource, Rlimit, Signal, setrlimit};

use super::support::{Place, Worker, assert_same, events, finish, worker_command};

/// A disk of a few megabytes, where this user may mount one.
pub struct SmallDisk {
    at: tempfile::TempDir,
}

impl SmallDisk {
    pub fn new(options: &str) -> Option<Self> {
        let at = tempfile::tempdir().expect("a temporary folder");
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", options, "fixmatch-test"]).arg(at.path()).stderr(Stdio::null());
        let is_mounted = mount.status().is_ok_and(|status| status.success());
        if !is_mounted {
            note("skipped: a small disk cannot be mounted here");
        }
        is_mounted.then_some(Self { at })
    }

    pub fn path(&self) -> &Path {
        self.at.path()
    }

    fn remount(&self, how: &str) {
        let status = Command::new("mount").args(["-o", &format!("remount,{how}")]).arg(self.path()).status();
        assert!(status.is_ok_and(|status| status.success()), "{how}");
    }

    fn copy(&self, dir: &RunDir) -> RunDir {
        let to = self.path().join("run");
        if to.exists() {
            fs::remove_dir_all(&to).expect("removed");
        }
        assert!(Command::new("cp").arg("-r").arg(dir.path()).arg(&to).status().expect("cp").success());
        RunDir::open(&to).expect("a run")
    }

    fn filler(&self) -> PathBuf {
        self.path().join("filler")
    }

    /// Takes all room that is left.
    pub fn fill(&self) {
        let mut file = File::options().append(true).create(true).open(self.filler()).expect("opens");
        for size in [1 << 16, 1] {
            while file.write_all(&vec![0; size]).is_ok() {}
        }
    }

    /// Takes all room but so many pages of memory.
    fn fill_but(&self, n_pages: u64) {
        self.fill();
        let file = File::options().write(true).open(self.filler()).expect("opens");
        let length = file.metadata().expect("a length").len();
        file.set_len(length - n_pages * rustix::param::page_size() as u64).expect("shortened");
    }

    pub fn free(&self) {
        fs::remove_file(self.filler()).expect("removed");
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.path()).status();
    }
}

#[track_caller]
fn until_phase(dir: &RunDir, phase: Phase) {
    let deadline = Instant::now() + Duration::from_mins(1);
    while !dir.heartbeat().is_some_and(|(beat, _)| beat.phase == phase) {
        assert!(Instant::now() < deadline, "no heartbeat says {phase:?}\n{}", log_tail(&dir.worker_log()));
        sleep(Duration::from_millis(5));
    }
}

#[test]
fn on_a_full_disk_the_training_is_held_until_there_is_room_and_ends_in_the_same_weights() {
    let Some(disk) = SmallDisk::new("size=24m") else { return };
    let place = Place::new();
    let mut config = place.config();
    config.train.steps = 60;
    let here = place.run(&config);
    let dir = disk.copy(&here);
    let mut worker = Worker::start(&dir);
    let _ = worker.until_progress();
    worker.signal(Signal::STOP); // or it may be done before the disk is full
    disk.fill();
    worker.signal(Signal::CONT);
    until_phase(&dir, Phase::NoSpace);
    assert!(worker.is_alive());
    let held = events(&dir).len();
    until_phase(&dir, Phase::NoSpace);
    assert_eq!(events(&dir).len(), held, "it goes on though nothing can be written");
    disk.free();
    let held_s = worker.until("word of it", |event| match event {
        Event::Warning { held_s, .. } => *held_s,
        _ => None,
    });
    assert!(held_s > 0.0, "{held_s}");
    assert!(worker.end().success());
    assert!(matches!(events(&dir).last(), Some(Event::Finished { step: 60 })));
    finish(&here);
    assert_same(&here, &dir, 60);
}

#[test]
fn whichever_of_its_first_files_finds_no_room_a_run_is_held_and_ends_in_the_same_weights() {
    let Some(disk) = SmallDisk::new("size=24m") else { return };
    let place = Place::new();
    let mut config = place.config();
    config.train.steps = 4;
    let here = place.run(&config);
    finish(&here);
    let fresh = place.run(&config);
    let (mut n_without_labels, mut n_with_labels) = (0, 0);
    for n_pages in 0..8 {
        let dir = disk.copy(&fresh);
        disk.fill_but(n_pages);
        let log_path = here.path().join(format!("log-{n_pages}"));
        let log = File::create(&log_path).expect("made");
        let mut command = worker_command(&dir);
        command.stdout(log.try_clone().expect("a second handle")).stderr(log);
        let mut child = command.spawn().expect("starts");
        let text = || fs::read_to_string(&log_path).expect("reads");
        let deadline = Instant::now() + Duration::from_mins(1);
        while child.try_wait().expect("waits").is_none() && !text().contains("No space left on device") {
            assert!(Instant::now() < deadline, "{n_pages}: neither held nor done\n{}", text());
            sleep(Duration::from_millis(2));
        }
        if child.try_wait().expect("waits").is_none() {
            *if dir.labels().exists() { &mut n_with_labels } else { &mut n_without_labels } += 1;
        }
        disk.free();
        assert!(child.wait().expect("ends").success(), "{n_pages}: {}", text());
        assert_same(&here, &dir, 4);
    }
    assert!(n_without_labels > 1 && n_with_labels > 0, "{n_without_labels} {n_with_labels}");
}

#[test]
fn a_run_that_is_held_by_a_full_disk_gives_up_when_it_is_asked_to_end() {
    let Some(disk) = SmallDisk::new("size=12m") else { return };
    let place = Place::new();
    let mut config = place.endless_config();
    config.checkpoint.every = 20;
    let dir = disk.copy(&place.run(&config));
    let mut command = worker_command(&dir);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("starts");
    until_saved(&dir, &mut child);
    disk.fill();
    until_phase(&dir, Phase::NoSpace);
    end(&child, Signal::TERM);
    let output = child.wait_with_output().expect("ends");
    let (told, log) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    let in_log = events(&dir).into_iter().find_map(|event| match event {
        Event::Failed { reason, .. } => Some(reason),
        _ => None,
    });
    let reason = in_log.clone().unwrap_or(told.to_string()); // its log may have room for a line
    assert!(reason.contains("gave up") && reason.contains("No space left on device"), "{reason:?}\n{log}");
    assert!(in_log.is_some() || log.lines().last() == Some(&*format!("error: {told}")), "{log}");
    assert!(!log.contains("panicked") && !log.contains("backtrace"), "{log}");
    disk.free();
    let mut worker = Worker::start(&dir);
    worker.until("resumption", |event| matches!(event, Event::Resumed { step } if *step > 0).then_some(()));
    let _ = worker.ask(Request::Stop);
    assert!(worker.end().success());
}

fn until_saved(dir: &RunDir, child: &mut Child) {
    let deadline = Instant::now() + Duration::from_mins(1);
    while !events(dir).iter().any(|event| matches!(event, Event::Checkpointed { .. })) {
        assert!(child.try_wait().expect("waits").is_none() && Instant::now() < deadline, "it saves nothing");
        sleep(Duration::from_millis(5));
    }
}

fn end(child: &Child, signal: Signal) {
    let pid = rustix::process::Pid::from_raw(child.id() as i32).expect("a pid");
    rustix::process::kill_process(pid, signal).expect("signalled");
}

/// A worker whose files may not grow beyond so many bytes.
fn limited(dir: &RunDir, n_bytes: u64) -> Command {
    let mut command = worker_command(dir);
    let limit = Rlimit { current: Some(n_bytes), maximum: Some(n_bytes) };
    // SAFETY: setrlimit is async-signal-safe.
    unsafe { command.pre_exec(move || setrlimit(Resource::Fsize, limit).map_err(Into::into)) };
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

#[test]
fn a_log_or_a_checkpoint_that_may_not_grow_ends_no_run_without_its_reason() {
    let place = Place::new();
    let mut config = place.endless_config();
    config.checkpoint.every = 20;
    for n_bytes in [3000, 20_000] {
        let dir = place.run(&config);
        let child = limited(&dir, n_bytes).spawn().expect("starts");
        until_phase(&dir, Phase::NoSpace);
        end(&child, Signal::TERM);
        let output = child.wait_with_output().expect("ends");
        let log = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(log.contains("File too large"), "{n_bytes}: {log}");
        assert!(!log.contains("panicked"), "{n_bytes}: {log}");
        let in_log = matches!(events(&dir).last(), Some(Event::Refused { .. } | Event::Failed { .. }));
        let told = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(in_log || told.contains("gave up"), "{n_bytes}: {told:?} {:?}", events(&dir).last());
        let last = log.lines().last().unwrap_or_default();
        assert!(in_log || last == format!("error: {told}"), "{n_bytes}: {log}");
    }
}

#[test]
fn on_a_disk_that_takes_nothing_a_worker_says_so_and_leaves_the_run_as_it_is() {
    let Some(disk) = SmallDisk::new("size=24m") else { return };
    let place = Place::new();
    let dir = disk.copy(&place.run(&place.config()));
    disk.remount("ro");
    let output = worker_command(&dir).output().expect("it starts");
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    let last = text.lines().last().unwrap_or_default();
    assert!(!output.status.success() && last.contains("Read-only file system"), "{text}");
    disk.remount("rw");
    finish(&dir);
}

#[test]
fn a_heartbeat_or_a_summary_that_cannot_be_written_ends_no_run() {
    let place = Place::new();
    let dir = place.run(&place.config());
    for name in ["heartbeat", ".heartbeat", "summary.json"] {
        fs::create_dir_all(dir.path().join(name).join("in the way")).expect("made");
    }
    finish(&dir);
}

#[test]
fn what_a_killed_worker_left_half_written_is_removed_and_missing_folders_are_made() {
    let place = Place::new();
    let dir = place.run(&place.config());
    fs::remove_dir(dir.checkpoints()).expect("removed");
    fs::remove_dir(dir.control()).expect("removed");
    fs::write(dir.path().join(".x1Y2z3.tmp"), "half a run.toml").expect("written");
    finish(&dir);
    assert!(!dir.path().join(".x1Y2z3.tmp").exists());
    assert!(dir.control().is_dir());
}
