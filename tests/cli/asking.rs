//! Commands that ask a worker for something or wait for it; the test plays the worker.

use std::ffi::OsStr;
use std::process::{Command, Stdio};

use fixmatch::base::output::note;
use fixmatch::run::change::{Change, Request};
use fixmatch::run::event::{Evaluated, Event, FailureKind};
use fixmatch::run::heartbeat::Phase;

use super::{Place, Worker, end_of, evaluated, launched, progress, started, until};

#[test]
fn requests_tell_what_came_of_them() {
    let place = Place::new();
    let dir = place.run("it", &[]);
    let mut worker = Worker::on(&dir);
    worker.say(started());
    let Event::Evaluated(scores) = evaluated(30, 0.75) else { unreachable!() };
    let scores = Event::Evaluated(Box::new(Evaluated { requested: true, ..*scores }));
    let set = |x| Request::Set(Change::Threshold(x));
    let cases = [
        (&["checkpoint"][..], vec![], Request::Checkpoint, "saved step 30 as "),
        (&["evaluate"], vec![scores], Request::Evaluate, "step 30: test accuracy 75.0 % (EMA), 65.0 % (raw)"),
        (&["set", "threshold=0.9"], vec![], set(0.9), "threshold = 0.9 from step 30 on, was 0.95"),
        (&["set", "it", "threshold=0.8"], vec![], set(0.8), "threshold = 0.8 from step 30 on, was 0.9"),
        (&["pause"], vec![Event::Paused { step: 30 }], Request::Pause, "paused at step 30; its memory is kept"),
        (&["pause"], vec![], Request::Pause, "is paused already, at step 30"),
        (&["resume"], vec![Event::Continued { step: 30 }], Request::Continue, "goes on at step 30"),
    ];
    for (args, events, request, expected) in cases {
        let child = place.start(args);
        if !expected.contains("already") {
            assert_eq!(worker.follow(30, &events), request);
        }
        end_of(child).check(0, &[expected], &[]);
    }
}

#[test]
fn a_refusal_is_an_error_with_its_reason() {
    let place = Place::new();
    let mut worker = Worker::on(&place.run("it", &[]));
    let child = place.start(&["set", "steps=3"]);
    let (id, _) = worker.read();
    worker.say(Event::Refused { id, reason: "30 steps are done already".into() });
    end_of(child).check(1, &[], &["error: the worker refuses: 30 steps are done already"]);
}

#[test]
fn stop_and_suspend_wait_until_the_worker_is_gone() {
    let cases = [
        ("stop", Request::Stop, Event::Stopped { step: 30 }, "stopped at step 30; go on with `fixmatch resume "),
        ("suspend", Request::Suspend, Event::Suspended { step: 30 }, "suspended at step 30; go on with `fixmatch"),
    ];
    for (command, request, event, expected) in cases {
        let place = Place::new();
        let dir = place.run("it", &[]);
        let mut worker = Worker::on(&dir);
        let mut child = place.start(&[command]);
        assert_eq!(worker.follow(30, &[]), request);
        worker.say(event);
        assert!(child.try_wait().expect("waits").is_none(), "{command} did not wait for the lock");
        drop(worker);
        end_of(child).check(0, &[expected], &[]);
    }
}

#[test]
fn a_stop_says_what_comes_first() {
    for (phase, expected) in [
        (Phase::Evaluating, "-it-s1, once the test set is evaluated…"),
        (Phase::Saving, "-it-s1, once the checkpoint is written…"),
        (Phase::Training, "-it-s1…"),
    ] {
        let place = Place::new();
        let mut worker = Worker::on(&place.run("it", &[]));
        worker.beat(phase);
        let child = place.start(&["stop"]);
        assert_eq!(worker.follow(30, &[]), Request::Stop);
        worker.say(Event::Stopped { step: 30 });
        drop(worker);
        end_of(child).check(0, &["stopped at step 30"], &[expected]);
    }
}

#[test]
fn a_worker_that_does_not_answer_is_waited_for_only_so_long() {
    let place = Place::new();
    let worker = Worker::on(&place.run("it", &[]));
    let said = place.fixmatch(&["checkpoint", "--timeout", "0"]);
    said.check(
        1,
        &[],
        &["has not answered for 0 s (status: running)", "it will do this once it responds", "worker.log"],
    );
    drop(worker);
}

#[test]
fn a_worker_that_gives_no_sign_of_life_is_told_with_its_process() {
    let place = Place::new();
    let worker = Worker::on(&place.run("it", &[]));
    worker.fall_silent();
    let silent = "is not responding: process 77 on here, silent for 1";
    place.fixmatch(&["stop", "--timeout", "0"]).check(1, &[], &[silent, "it will do this once it responds"]);
    place.fixmatch(&["resume"]).check(1, &[], &[silent, "kill it and `fixmatch resume` the run"]);
    place.fixmatch(&["runs"]).check(0, &["not responding"], &[]);
    drop(worker);
}

#[test]
fn of_a_worker_whose_disk_does_not_even_take_a_heartbeat_one_sees_why() {
    let place = Place::new();
    let worker = Worker::on(&place.run("it", &[]));
    worker.fall_silent();
    place.fixmatch(&["show", "it"]).check(0, &["not responding, step 0 of 500 (0 %)\n"], &[]);
    // as a disk that the system has made read-only after an error: whoever has files open keeps them
    let runs = place.runs();
    if !mounted(&["--bind".as_ref(), runs.as_os_str(), runs.as_os_str()]) {
        return note(format_args!("skipped: nothing can be mounted here"));
    }
    assert!(mounted(&["-o".as_ref(), "remount,ro,bind".as_ref(), runs.as_os_str()]));
    let said = [&["show", "it"][..], &["runs"], &["stop", "it", "--timeout", "0"]].map(|args| place.fixmatch(args));
    assert!(Command::new("umount").arg("-l").arg(&runs).status().is_ok_and(|status| status.success()));
    said[0].check(0, &["not responding, waiting for its disk, which fails, step 0 of 500 (0 %)"], &[]);
    said[1].check(0, &["waiting for its disk, which fails"], &[]);
    said[2].check(1, &[], &["cannot", "Read-only file system"]);
}

fn mounted(args: &[&OsStr]) -> bool {
    Command::new("mount").args(args).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
}

#[test]
fn where_no_worker_is_left_the_status_and_what_to_do_are_told() {
    let cases = [
        (Event::Stopped { step: 1 }, "is stopped: there is no worker to ask; `fixmatch resume "),
        (
            Event::Failed { step: 1, reason: "r".into(), kind: FailureKind::Unknown },
            "is failed: there is no worker to ask",
        ),
        (progress(1), "is lost: there is no worker to ask; `fixmatch resume "),
        (Event::Finished { step: 1 }, "has finished, so there is no worker to ask; `fixmatch fork "),
    ];
    for (event, expected) in cases {
        let place = Place::new();
        place.run("it", &[launched(), event]);
        place.fixmatch(&["pause"]).check(1, &[], &[expected]);
    }
}

#[test]
fn a_run_that_needs_no_resuming_is_left_alone() {
    let place = Place::new();
    let dir = place.run("done", &super::whole_run(0.5));
    place.fixmatch(&["resume"]).check(1, &[], &["has finished all 20 steps", "--set train.steps=40"]);
    drop(dir);
    let worker = Worker::on(&place.run("works", &[]));
    place.fixmatch(&["resume", "works"]).check(1, &[], &["is running already; `fixmatch watch "]);
    drop(worker);
}

#[test]
fn wait_and_watch_end_with_the_worker_and_their_exit_codes_tell_how() {
    let cases = [
        (Some(Event::Finished { step: 9 }), 0, 0, "finished all 9 steps"),
        (Some(Event::Stopped { step: 9 }), 3, 0, "stopped at step 9"),
        (Some(Event::Suspended { step: 9 }), 3, 0, "suspended at step 9"),
        (
            Some(Event::Failed { step: 9, reason: "why".into(), kind: FailureKind::Unknown }),
            1,
            1,
            "failed at step 9: why",
        ),
        (None, 1, 1, "worker 77 started on here"),
    ];
    for (event, wait_code, watch_code, line) in cases {
        let place = Place::new();
        let mut worker = Worker::on(&place.run("it", &[]));
        let (mut wait, watch) = (place.start(&["wait"]), place.start(&["watch"]));
        assert!(wait.try_wait().expect("waits").is_none());
        if let Some(event) = event {
            worker.say(event);
        }
        drop(worker);
        end_of(wait).check(wait_code, &[], &[]);
        end_of(watch).check(watch_code, &[line], &[]);
    }
}

#[test]
fn a_worker_that_vanished_is_told_with_its_last_output() {
    let place = Place::new();
    let dir = place.run("it", &[launched(), progress(10)]);
    std::fs::write(dir.worker_log(), "terminate called after throwing\n").expect("written");
    place.fixmatch(&["watch"]).check(1, &[], &["the run is lost", "terminate called", "`fixmatch resume "]);
    place.fixmatch(&["show"]).check(0, &["lost, step 10", "terminate called"], &[]);
}

#[test]
fn a_request_waits_for_a_worker_that_is_on_its_way() {
    let place = Place::new();
    let dir = place.run("it", &[]);
    let child = place.start(&["checkpoint"]);
    let mut worker = Worker::on(&dir);
    assert_eq!(worker.follow(5, &[]), Request::Checkpoint);
    end_of(child).check(0, &["saved step 5"], &[]);
    worker.beat(Phase::Paused);
}

#[test]
fn outside_of_the_usual_folder_commands_are_told_with_the_runs_path() {
    let place = Place::new();
    let dir = place.run("it", &[launched(), Event::Stopped { step: 1 }]);
    let moved = place.folder.path().join("elsewhere");
    std::fs::rename(place.runs(), &moved).expect("moved");
    let path = moved.join(dir.id()).display().to_string();
    until("it is there", || moved.is_dir().then_some(()));
    let advice = format!("`fixmatch resume {path}`");
    place.fixmatch(&["pause", "--runs", "elsewhere"]).check(1, &[], &[&advice]);
}

#[test]
fn stop_returns_once_its_request_was_followed_though_another_worker_goes_on() {
    let place = Place::new();
    let dir = place.run("it", &[]);
    let mut worker = Worker::on(&dir);
    let child = place.start(&["stop"]);
    assert_eq!(worker.follow(30, &[]), Request::Stop);
    worker.say(Event::Stopped { step: 30 });
    worker.say(launched());
    worker.say(Event::Resumed { step: 30 });
    end_of(child).check(0, &["saved at step 30; another worker has taken the run up since"], &[]);
}

#[test]
fn a_request_whose_worker_ended_before_it_followed_it_is_not_waited_for() {
    let place = Place::new();
    let mut worker = Worker::on(&place.run("it", &[]));
    for command in ["stop", "checkpoint"] {
        let child = place.start(&[command]);
        let _ = worker.read();
        worker.say(launched());
        end_of(child).check(1, &[], &["the worker ended before it did what it was asked"]);
    }
}

#[test]
fn a_worker_that_waits_for_its_disk_is_told_by_runs_and_show() {
    let place = Place::new();
    let worker = Worker::on(&place.run("it", &[started()]));
    worker.beat(Phase::NoSpace);
    place.fixmatch(&["runs"]).check(0, &["waiting for disk space"], &[]);
    place.fixmatch(&["show"]).check(0, &["running, waiting for disk space"], &[]);
    worker.beat(Phase::Ranking);
    place.fixmatch(&["runs"]).check(0, &["waiting for a ranking"], &[]);
}
