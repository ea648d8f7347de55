//! Requests, signals and a second worker.

use std::fs;
use std::thread::sleep;
use std::time::{Duration, Instant};

use fixmatch::control::{Change, Request};
use fixmatch::event::{Evaluated, Event};
use fixmatch::run_dir::{Heartbeat, Phase};
use rustix::process::Signal;

use super::support::{Place, Worker, checkpoint, events, worker_command};

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
            Event::Applied { id, .. } | Event::Refused { id, .. } => open.retain(|other| *other != id),
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
