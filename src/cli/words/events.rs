//! Events as sentences, for terminals without a bar, logs of batch systems and screen readers.

use fixmatch::base::text::clean;
use fixmatch::run::change::Request;
use fixmatch::run::event::{Compared, Evaluated, Event, Progress, Started};

use super::numbers::{grouped, percent, plural, short};

/// What is said of a run that finished without having learned anything.
pub const AT_CHANCE: &str = "test accuracy is no better than guessing";

/// What happened, in one line; None for what the next event says anyway.
pub fn sentence(event: &Event) -> Option<String> {
    told(event).map(|text| clean(&text))
}

fn told(event: &Event) -> Option<String> {
    Some(match event {
        Event::Launched { pid, host, version, job } => {
            let job = job.as_ref().map_or_else(String::new, |job| format!(" in job {job}"));
            format!("worker {pid} started on {host}{job}, version {version}")
        }
        Event::Started(started) => start(started),
        Event::Sealed { who, damage, .. } if damage.is_empty() => format!("{who} sealed its files as they are"),
        Event::Sealed { who, damage, .. } => {
            format!("{who} sealed its files as they are, and took damaged lines out of the log: {}", damage.join("; "))
        }
        Event::Forked(parent) => format!("forked from {} after {}", parent.run, plural(parent.step, "step")),
        Event::Resumed { step } => format!("resumed at step {step}"),
        Event::Progress(progress) => progress_made(progress),
        Event::Evaluated(evaluated) => evaluation(evaluated),
        Event::Compared(compared) => {
            let requested = if compared.requested { ", as requested" } else { "" };
            format!("step {}: {}{requested}", compared.step, agreement(compared))
        }
        Event::Checkpointed { step, file, best } => {
            format!("step {step}: saved {file}{}", if *best { ", the best so far" } else { "" })
        }
        Event::Warning { message, .. } => format!("warning: {message}"),
        Event::Alarm(alarm) => format!("step {}: alarm: {}", alarm.step, alarm.message),
        Event::Accepted { request, who, .. } => format!("{who} asks {}", asked(*request)),
        Event::Applied { step, change: Some(change), undoes, cancels, .. } => {
            let undoes = undoes.map_or_else(String::new, |number| format!(", which takes change {number} back"));
            let cancelled: Vec<_> = cancels.iter().map(u32::to_string).collect();
            let cancels = match cancelled.len() {
                0 => String::new(),
                _ => format!("; it cancels what lay ahead: change {}", cancelled.join(", ")),
            };
            format!("{change} from step {step} on{undoes}{cancels}")
        }
        Event::Edited { step, edit, .. } => format!("edited at step {step}: {edit}"),
        Event::Refused { reason, .. } => format!("the request was refused: {reason}"),
        Event::Paused { step } => format!("paused at step {step}"),
        Event::Continued { step } => format!("going on at step {step}"),
        Event::Suspended { step } => format!("suspended at step {step}"),
        Event::Stopped { step } => format!("stopped at step {step}"),
        Event::Finished { step } => format!("finished all {}", plural(*step, "step")),
        Event::Failed { step, reason, .. } => format!("failed at step {step}: {reason}"),
        Event::Applied { change: None, .. } | Event::Diverged { .. } | Event::Insight(_) | Event::Unknown => {
            return None;
        }
    })
}

fn start(started: &Started) -> String {
    if started.classes.is_empty() {
        return format!(
            "learning features on {} with {}: {} images without labels, {}, {}",
            started.device,
            plural(u64::from(started.threads), "thread"),
            grouped(started.n_unlabeled),
            plural(started.n_parameters, "parameter"),
            plural(started.steps, "step"),
        );
    }
    format!(
        "training on {} with {}: {} labeled and {} unlabeled images, {}, {} classes, {}, {}",
        started.device,
        plural(u64::from(started.threads), "thread"),
        grouped(started.n_labeled),
        grouped(started.n_unlabeled),
        test_images(started),
        started.classes.len(),
        plural(started.n_parameters, "parameter"),
        plural(started.steps, "step"),
    )
}

/// How many test images there are, or what it means that there are none.
pub fn test_images(started: &Started) -> String {
    match started.n_test {
        0 => "no test images, so that accuracy is unknown".into(),
        n => format!("{} test images", grouped(n)),
    }
}

/// What takes the place of an accuracy where there are no test images.
pub fn agreement(compared: &Compared) -> String {
    let (share, n) = (percent(compared.agreement), grouped(compared.n));
    format!("accuracy unknown; the averaged and the trained network agree on {share} of {n} images")
}

fn progress_made(progress: &Progress) -> String {
    let mask = progress.mask_ratio.map_or_else(String::new, |mask| format!(", mask {mask:.2}"));
    format!(
        "step {}: loss {:.3}{mask}, learning rate {:.4}, {} images/s",
        progress.step,
        progress.loss,
        progress.lr,
        short(progress.images_per_s)
    )
}

fn evaluation(evaluated: &Evaluated) -> String {
    let scores = format!(
        "step {}: test accuracy {} (EMA), {} (raw)",
        evaluated.step,
        percent(evaluated.ema.accuracy),
        percent(evaluated.raw.accuracy)
    );
    if evaluated.requested {
        return format!("{scores}, as requested");
    }
    format!(
        "{scores}, median of the last {} {}, best {} at step {}",
        evaluated.median_of,
        percent(evaluated.median),
        percent(evaluated.best),
        evaluated.best_step
    )
}

/// What a request asks, after "asks".
fn asked(request: Request) -> String {
    match request {
        Request::Stop => "to stop".into(),
        Request::Suspend => "to suspend".into(),
        Request::Pause => "to pause".into(),
        Request::Continue => "to go on".into(),
        Request::Checkpoint => "for a checkpoint".into(),
        Request::Evaluate => "for an evaluation".into(),
        Request::Set(change) => format!("for {change}"),
        Request::Undo => "to take the last change back".into(),
        Request::Edit(edit) => format!("for an edit: {edit}"),
    }
}
