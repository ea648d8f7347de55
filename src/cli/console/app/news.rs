//! What happened outside.

use std::path::PathBuf;
use std::sync::Arc;

use fixmatch::config::Data;
use fixmatch::run::dir::RunDir;
use fixmatch::run::event::Event;
use fixmatch::run::pseudo::alarm::Alarm;
use fixmatch::run::state::Status;

use super::{App, Tone};
use crate::console::Stay;
use crate::console::atlas::Atlas;
use crate::console::browser::{self, Near};
use crate::console::chosen::Chosen;
use crate::console::home::Listing;
use crate::console::input::Cursor;
use crate::console::keys::{Action, Place};
use crate::console::run::Reading;
use crate::console::samples::Loading;
use crate::console::tasks::TerminalTask;
use crate::console::world::News;
use crate::words::numbers::plural;

impl App {
    /// Takes in what happened outside.
    pub fn learn(&mut self, news: News) {
        match news {
            News::Runs(listing) => {
                self.ring_for_others(&listing);
                self.home.take(listing);
            }
            News::Machine(machine) => self.machine = Some(machine),
            News::Run(dir, reading) => self.learn_of_run(&dir, *reading),
            News::Launched(Ok(dir)) => {
                self.notice = None;
                if self.run.as_ref().is_none_or(|run| run.dir != dir) {
                    self.open_run(dir);
                }
            }
            News::Died(dir, error) => {
                let text = format!("{}: {error}", dir.id());
                self.say(Tone::Error, text);
            }
            News::Posted(dir, request, Ok(id)) => {
                if let Some(run) = self.run.as_mut().filter(|run| run.dir == dir) {
                    run.posted(id, request, self.now);
                }
            }
            News::Resumed(Ok(dir)) => {
                self.home.marked.retain(|marked| *marked != dir);
            }
            News::Trashed { kept, failed } => self.learn_of_trash(kept, &failed),
            News::Restored { kept, failed } => {
                let text = format!("{} back from the trash", plural(kept.len() as u64, "run"));
                self.report(text, kept.len(), &failed);
            }
            News::Launched(Err(error))
            | News::Resumed(Err(error))
            | News::Raced(Err(error))
            | News::Posted(_, _, Err(error))
            | News::Amended(Err(error))
            | News::Discarded(Err(error)) => {
                self.say(Tone::Error, error);
            }
            News::Amended(Ok(text)) => self.say(Tone::Info, text),
            News::Discarded(Ok(path)) => self.say(Tone::Info, format!("moved to {}", path.display())),
            News::Data(name, state) => {
                self.home.set_data(&name, &state);
                self.shelf.set_data(&name, &state);
            }
            News::Shelf(rows) => self.shelf.take(rows),
            News::Atlas(data, atlas) => self.learn_of_images(&data, atlas),
            News::Base(base) => {
                if let Some(browser) = &mut self.browser {
                    browser.opening.base = Some(*base);
                }
            }
            News::Start(started) => match (&mut self.browser, started) {
                (Some(browser), Ok((set, how, saved))) => {
                    browser.chosen = Chosen::from_set(&set, how, saved);
                    browser.set_at = Cursor::default();
                }
                (Some(_), Err(error)) => self.say(Tone::Error, error),
                (None, _) => {}
            },
            News::SetSaved { name, then_launch, saved } => match saved {
                Ok(path) => self.set_saved(&name, path, then_launch),
                Err(error) => self.say(Tone::Error, error),
            },
            News::Nearest(index, near) => {
                let opened = self.browser.as_mut().and_then(|browser| browser.opened.as_mut());
                if let Some(opened) = opened.filter(|opened| opened.index == index) {
                    opened.near = Near::Pixels(Some(near));
                }
            }
            News::Raced(Ok(dirs)) => {
                self.notice = None;
                self.open_race(dirs);
            }
            News::Fetched(name, Ok(())) => self.say(Tone::Info, format!("{name} is here, checksums right")),
            News::Fetched(_, Err(error)) => self.say(Tone::Error, error),
            News::Insight(dir, records) => {
                if let Some(run) = self.run.as_mut().filter(|run| run.dir == dir) {
                    run.insight.take(records);
                }
                self.read_insight();
            }
            News::Followed(dir, sheet) => {
                if let Some(run) = self.run.as_mut().filter(|run| run.dir == dir) {
                    run.insight.sheet = sheet.map_or_else(Loading::Failed, Loading::Read);
                }
            }
            News::Sheet(dir, sheet) => {
                if self.run.as_ref().is_some_and(|run| run.dir == dir) {
                    self.samples.loading = sheet.map_or_else(Loading::Failed, Loading::Read);
                }
            }
        }
    }

    fn learn_of_trash(&mut self, kept: Vec<(RunDir, PathBuf)>, failed: &[String]) {
        self.home.forget(&kept);
        let n = kept.len();
        self.home.trashed = kept;
        let it = if n == 1 { " brings it back" } else { " brings them back" };
        let back = self.offer(Place::Home, Action::Undo, ("; ", it));
        let text = format!("moved {} to the trash{back}; `fixmatch trash list` shows it", plural(n as u64, "run"));
        self.report(text, n, failed);
    }

    /// Says what was done to runs, and why not to some.
    fn report(&mut self, done: String, n_done: usize, failed: &[String]) {
        match failed {
            [] => self.say(Tone::Info, done),
            errors if n_done == 0 => self.say(Tone::Error, errors.join("; ")),
            errors => self.say(Tone::Error, format!("{done}; but {}", errors.join("; "))),
        }
    }

    fn learn_of_images(&mut self, data: &Data, atlas: Result<Arc<Atlas>, String>) {
        let Some(browser) = self.browser.as_mut().filter(|browser| browser.opening.data == *data) else { return };
        match atlas {
            Ok(atlas) => {
                let warning = atlas.warnings.first().cloned();
                if let Some(start) = browser.take(atlas) {
                    self.begin_start(start);
                }
                if let Some(warning) = warning {
                    self.say(Tone::Error, warning);
                }
            }
            Err(error) => browser.loading = browser::Loading::Failed(error),
        }
    }

    fn learn_of_run(&mut self, dir: &RunDir, reading: Reading) {
        if let Some(race) = self.race.as_mut().filter(|_| self.place == Place::Race) {
            return race.take(dir, reading, self.now);
        }
        let Some(run) = self.run.as_mut().filter(|run| run.dir == *dir) else { return };
        let before = run.glance.as_ref().map(|glance| glance.status);
        let warning = reading.records.iter().rev().find_map(|record| match &record.event {
            Event::Warning { message } | Event::Alarm(Alarm { message, .. }) => Some(message.clone()),
            _ => None,
        });
        run.take(reading, self.now);
        let status = run.status();
        if self.stay == Stay::WithRun && !status.is_alive() {
            self.update(Action::Quit);
        }
        self.read_insight();
        if let Some(action) = self.then.take() {
            self.update(action);
        }
        let Some(run) = &self.run else { return };
        let id = run.dir.id();
        if before.is_some_and(|before| ended(before, status)) {
            self.tasks.terminal.push(TerminalTask::Ring(format!("{id} {}", status.label())));
        } else if let Some(message) = warning.filter(|_| before.is_some()) {
            self.tasks.terminal.push(TerminalTask::Ring(format!("{id}: {message}")));
        }
    }

    /// Tells of each run in the list that has ended since the last look, but for the open one, which is followed closer.
    fn ring_for_others(&mut self, listing: &Listing) {
        let (Listing::Read(old), Listing::Read(new)) = (&self.home.runs, listing) else { return };
        let open = self.run.as_ref().map(|run| &run.dir);
        let alive = old.iter().filter(|row| row.status.is_alive() && open != Some(&row.dir));
        let rings = alive.filter_map(|before| {
            let row = new.iter().find(|row| row.dir == before.dir)?;
            ended(before.status, row.status)
                .then(|| TerminalTask::Ring(format!("{} {}", row.dir.id(), row.status.label())))
        });
        self.tasks.terminal.extend(rings);
    }
}

/// Whether a run came to an end that nobody asked for.
fn ended(before: Status, now: Status) -> bool {
    before.is_alive() && matches!(now, Status::Finished | Status::Failed | Status::Lost)
}

#[cfg(test)]
mod tests {
    use fixmatch::run::event::Record;

    use super::*;
    use crate::console::sample;

    fn rings(app: &mut App) -> Vec<String> {
        let tasks = app.take_tasks().terminal;
        tasks
            .into_iter()
            .filter_map(|task| if let TerminalTask::Ring(text) = task { Some(text) } else { None })
            .collect()
    }

    #[test]
    fn a_run_of_the_list_that_ends_rings_once() {
        let mut app = sample::app_with_runs();
        let Listing::Read(mut rows) = app.home.runs.clone() else { unreachable!("they were read") };
        rows[0].status = Status::Finished;
        rows[1].status = Status::Stopped;
        app.learn(News::Runs(Listing::Read(rows.clone())));
        assert_eq!(rings(&mut app), ["20261123-180112-quickstart-s0 finished"]);
        app.learn(News::Runs(Listing::Read(rows)));
        assert!(rings(&mut app).is_empty());
    }

    #[test]
    fn a_new_warning_of_the_open_run_rings_and_an_old_one_does_not() {
        let mut app = sample::app_on_run();
        let warning = || Record { time: 1.0, event: Event::Warning { message: "one class takes all".into() } };
        let dir = app.run.as_ref().expect("open").dir.clone();
        let reading = || Reading { records: vec![warning()], ..Reading::default() };
        app.learn(News::Run(dir.clone(), Box::new(reading())));
        assert_eq!(rings(&mut app), ["20261123-180112-quickstart-s0: one class takes all"]);
        app.open_run(dir.clone());
        app.learn(News::Run(dir, Box::new(reading())));
        assert!(rings(&mut app).is_empty());
    }
}
