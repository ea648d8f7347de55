//! One thread for each receiver: a server that is down keeps no other from being told.

use std::collections::HashSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc};
use std::thread::{self, sleep};
use std::time::Duration;

use anyhow::{Context as _, Result};

use crate::base::host::now;
use crate::base::output::note;
use crate::notify::journal::{Journal, MAX_AGE, Mark};
use crate::notify::message::{Message, Outcome};
use crate::notify::settings::Receiver;

/// The pauses between tries: each twice the one before.
#[derive(Clone, Copy, Debug)]
pub struct Pauses {
    /// The first.
    pub first: Duration,
    /// The longest.
    pub longest: Duration,
}

impl Default for Pauses {
    fn default() -> Self {
        Self { first: Duration::from_secs(1), longest: Duration::from_mins(15) }
    }
}

/// The way to one receiver.
#[derive(Debug)]
pub struct Courier {
    key: String,
    /// Nothing before is told.
    since: f64,
    messages: mpsc::Sender<Message>,
    offered: HashSet<String>,
    journal: Arc<Mutex<Journal>>,
    n_waiting: Arc<AtomicUsize>,
}

impl Courier {
    /// Starts the thread. A receiver that is new is told what happens from `first` on.
    pub fn start(receiver: Receiver, journal: &Arc<Mutex<Journal>>, first: f64, pauses: Pauses) -> Result<Self> {
        let key = receiver.key();
        let since = locked(journal).since(&key, first)?;
        let (messages, queue) = mpsc::channel();
        let n_waiting = Arc::new(AtomicUsize::new(0));
        let way = Way { receiver, key: key.clone(), journal: journal.clone(), pauses };
        let left = n_waiting.clone();
        let carry = move || {
            for message in queue {
                way.carry(&message);
                left.fetch_sub(1, Ordering::SeqCst);
            }
        };
        thread::Builder::new().name("courier".into()).spawn(carry).context("cannot start a thread")?;
        Ok(Self { key, since, messages, offered: HashSet::new(), journal: journal.clone(), n_waiting })
    }

    /// The moment from which on the receiver is told.
    pub fn since(&self) -> f64 {
        self.since
    }

    /// Takes a message, unless it was taken before or is too old.
    pub fn offer(&mut self, message: &Message) {
        let is_due = message.time >= self.since.max(now() - MAX_AGE.as_secs_f64());
        if is_due
            && !locked(&self.journal).is_settled(&self.key, &message.id)
            && self.offered.insert(message.id.clone())
        {
            self.n_waiting.fetch_add(1, Ordering::SeqCst);
            let _ = self.messages.send(message.clone()); // the thread ends after this
        }
    }

    /// How many messages are still to be sent.
    pub fn n_waiting(&self) -> usize {
        self.n_waiting.load(Ordering::SeqCst)
    }
}

/// What the thread knows.
struct Way {
    receiver: Receiver,
    key: String,
    journal: Arc<Mutex<Journal>>,
    pauses: Pauses,
}

impl Way {
    /// Sends until it has arrived, or nobody knows, or it is too old.
    fn carry(&self, message: &Message) {
        let name = self.receiver.name();
        let mut pause = self.pauses.first;
        let mut told_why = String::new();
        let give_up = |why: &str| {
            note(format_args!("{} was not sent to {name}: {why}", message.title()));
            let _ = self.mark(message, Mark::GivenUp, why);
        };
        loop {
            if now() - message.time > MAX_AGE.as_secs_f64() {
                return give_up("it is too old");
            }
            // Before it is sent: whatever happens meanwhile, it is not sent again.
            let outcome = match self.mark(message, Mark::Sending, &message.title()) {
                Ok(()) => message.send(&self.receiver),
                Err(error) => Outcome::NotNow(format!("{error:#}")),
            };
            match outcome {
                Outcome::Told => {
                    note(format_args!("{}: told {name}", message.title()));
                    let _ = self.mark(message, Mark::Sent, "");
                    return;
                }
                Outcome::Never(why) => return give_up(&why),
                Outcome::Unclear(why) => {
                    return give_up(&format!("it may have arrived, so it is not sent twice: {why}"));
                }
                Outcome::NotNow(why) => {
                    if told_why != why {
                        note(format_args!("{}: {name} is not reached, it is tried again: {why}", message.title()));
                    }
                    let _ = self.mark(message, Mark::Failed, &why);
                    told_why = why;
                }
            }
            sleep(pause);
            pause = (pause * 2).min(self.pauses.longest);
        }
    }

    fn mark(&self, message: &Message, mark: Mark, what: &str) -> Result<()> {
        locked(&self.journal).write(&self.key, &message.id, mark, what)
    }
}

fn locked(journal: &Mutex<Journal>) -> MutexGuard<'_, Journal> {
    journal.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
