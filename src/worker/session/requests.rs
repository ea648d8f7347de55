//! What a run does when it is asked to, at the boundary between two steps.

use std::sync::mpsc::TryRecvError;

use anyhow::{Result, bail};
use fixmatch::base::host::now;
use fixmatch::run::change::{Change, Edit, Request};
use fixmatch::run::event::{Event, Record};
use fixmatch::run::heartbeat::Phase;
use fixmatch::run::history::History;
use fixmatch::run::live::Live;

use super::Session;
use crate::recorder::{Command, Reporter};

/// Why the unsupervised loss cannot be weighted.
pub(super) const NO_UNLABELED: &str =
    "there are no unlabeled images: all are labeled, and labels.in_unlabeled is false";

/// Whether a request would have the run learn from unlabeled images.
pub(super) fn asks_for_unlabeled(request: Request) -> bool {
    matches!(
        request,
        Request::Set(Change::LambdaU(value)) | Request::Edit(Edit::Value(_, Change::LambdaU(value))) if value > 0.0
    )
}

/// Answers a request about the values that can change, after `step` steps. Says whether the history is another one now.
pub(super) fn change(
    history: &mut History,
    start: &Live,
    Command { id, request }: Command,
    step: u64,
    reporter: &Reporter,
) -> Result<bool> {
    let event = match history.answer(request, &id, step, start) {
        Ok(event) => event,
        Err(error) => {
            reporter.event(Event::Refused { id, reason: format!("{error:#}") });
            return Ok(false);
        }
    };
    // On disk before the next step runs: no step is ever taken under an unrecorded value.
    reporter.event(event.clone());
    reporter.sync()?;
    history.apply(&Record { time: now(), event });
    Ok(true)
}

impl Session {
    /// Follows the requests that have arrived; while paused, waits for more. Returns the event that ends the run.
    pub(super) fn follow_requests(&mut self) -> Result<Option<Event>> {
        loop {
            let command = if self.paused {
                self.commands.recv().map_err(|_| TryRecvError::Disconnected)
            } else {
                self.commands.try_recv()
            };
            match command {
                Ok(command) => {
                    if let Some(end) = self.follow(command)? {
                        return Ok(Some(end));
                    }
                }
                Err(TryRecvError::Empty) => return Ok(None),
                Err(TryRecvError::Disconnected) => bail!("the recorder has ended"),
            }
        }
    }

    fn follow(&mut self, Command { id, request }: Command) -> Result<Option<Event>> {
        let step = self.state.step;
        if let Some(reason) = self.refusal(request) {
            self.reporter.event(Event::Refused { id, reason });
            return Ok(None);
        }
        if request.is_about_changes() {
            if change(&mut self.history, &self.start, Command { id, request }, step, &self.reporter)? {
                self.bring_into_force();
            }
            return Ok(None);
        }
        let outcome = match request {
            Request::Pause => Some(self.pause()),
            Request::Continue => Some(self.go_on()),
            Request::Stop => Some(Event::Stopped { step }),
            Request::Suspend => Some(Event::Suspended { step }),
            Request::Checkpoint | Request::Set(_) | Request::Undo | Request::Edit(_) => None,
            Request::Evaluate => {
                self.evaluate_on_request()?;
                None
            }
        };
        let ends = matches!(request, Request::Stop | Request::Suspend);
        if ends || request == Request::Checkpoint {
            self.save()?;
        }
        self.reporter.event(Event::Applied { id, step, change: None, undoes: None, cancels: Vec::new() });
        if ends {
            return Ok(outcome);
        }
        if let Some(event) = outcome {
            self.reporter.event(event);
        }
        self.reporter.phase(step, if self.paused { Phase::Paused } else { Phase::Training });
        Ok(None)
    }

    /// Why a request cannot be followed now, if so.
    fn refusal(&self, request: Request) -> Option<String> {
        match request {
            Request::Pause if self.paused => Some("it is paused already".into()),
            Request::Continue if !self.paused => Some("it is not paused".into()),
            _ if request.is_about_changes() && self.ranker.is_some() => {
                Some("a ranking has the values of its recipe; `fixmatch rank` with others makes another one".into())
            }
            Request::Evaluate if self.run.config.is_contrastive() => {
                Some("it learns without labels, so it has no accuracy".into())
            }
            _ if asks_for_unlabeled(request) && self.run.source.unlabeled.is_empty() => Some(NO_UNLABELED.into()),
            _ => None,
        }
    }

    fn pause(&mut self) -> Event {
        self.paused = true;
        Event::Paused { step: self.state.step }
    }

    fn go_on(&mut self) -> Event {
        self.paused = false;
        Event::Continued { step: self.state.step }
    }

    /// Brings the values into force that the changes up to this step make.
    pub(super) fn bring_into_force(&mut self) {
        let drew_unlabeled = self.live.lambda_u > 0.0;
        self.live = self.history.live(&self.start, self.state.step);
        let draws_unlabeled = self.live.lambda_u > 0.0;
        if drew_unlabeled != draws_unlabeled {
            self.loader = None;
        }
    }
}
