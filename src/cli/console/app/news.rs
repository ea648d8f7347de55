//! What happened outside.

use std::path::PathBuf;
use std::sync::Arc;

use fixmatch::config::Data;
use fixmatch::labels::desk::{Desk, Labeling};
use fixmatch::labels::log::News as Added;
use fixmatch::run::dir::RunDir;
use fixmatch::run::event::Event;
use fixmatch::run::pseudo::alarm::Alarm;
use fixmatch::run::state::Status;

use super::{App, Tone};
use crate::console::keys::{Action, Place};
use crate::console::screens::Screen;
use crate::console::screens::browser::atlas::Atlas;
use crate::console::screens::browser::{self, Near};
use crate::console::screens::home::Listing;
use crate::console::screens::label::{self, Label};
use crate::console::screens::run::Reading;
use crate::console::screens::samples::Loading;
use crate::console::tasks::{TerminalTask, WorldTask};
use crate::console::world::{DeskNews, LabelNews, News};
use crate::words::numbers::plural;

impl App {
    /// Takes in what happened outside.
    pub fn learn(&mut self, news: News) {
        match news {
            News::Runs(listing) => {
                self.ring_for_others(&listing);
                self.home.take(listing);
                if let Some(Screen::Race(race)) = self.screens.last_mut() {
                    race.know(self.home.rows());
                }
            }
            News::Machine(machine) => self.machine = Some(machine),
            News::Run(dir, reading) => self.learn_of_run(&dir, *reading),
            News::Launched(Ok(dir)) => self.show_launched(&[dir]),
            News::Died(dir, error) => {
                let text = format!("{}: {error}", dir.id());
                self.say(Tone::Error, text);
            }
            News::Posted(dir, request, Ok(id)) => {
                let now = self.clock.now;
                if let Some(run) = self.run_mut().filter(|run| run.dir == dir) {
                    run.posted(id, request, now);
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
            | News::Asked(Err(error))
            | News::Posted(_, _, Err(error))
            | News::Amended(Err(error))
            | News::Discarded(Err(error)) => {
                self.say(Tone::Error, error);
            }
            News::Told(text) | News::Amended(Ok(text)) | News::Asked(Ok(text)) => self.say(Tone::Info, text),
            News::Discarded(Ok(path)) => self.say(Tone::Info, format!("moved to {}", path.display())),
            News::Data(name, state) => {
                self.home.set_data(&name, &state);
                self.label_sets.set_data(&name, &state);
            }
            News::Suites(suites) => self.home.take_suites(suites),
            News::Own(own) => self.home.take_own(*own),
            News::LabelSets(rows) => self.label_sets.take(rows),
            News::Atlas(data, atlas) => self.learn_of_images(&data, atlas),
            News::Base(base) => {
                if let Some(browser) = self.browser_mut() {
                    browser.opening.base = Some(*base);
                }
            }
            News::Start(started) => match (self.browser_mut(), started) {
                (Some(browser), Ok((set, how, saved))) => browser.start_with(&set, how, saved),
                (Some(_), Err(error)) => self.say(Tone::Error, error),
                (None, _) => {}
            },
            News::SetSaved { name, then_launch, saved } => match saved {
                Ok(path) => self.set_saved(&name, path, then_launch),
                Err(error) => self.say(Tone::Error, error),
            },
            News::Nearest(index, near) => {
                let opened = self.browser_mut().and_then(|browser| browser.opened.as_mut());
                if let Some(opened) = opened.filter(|opened| opened.index == index) {
                    opened.near = Near::Pixels(Some(near));
                }
            }
            News::Raced(Ok(dirs)) => self.show_launched(&dirs),
            News::Label(news) => self.learn_of_labels(news),
            News::Fetched(name, Ok(())) => self.say(Tone::Info, format!("{name} is here, checksums right")),
            News::Fetched(_, Err(error)) => self.say(Tone::Error, error),
            News::Records(dir, records) => {
                if let Some(run) = self.run_mut().filter(|run| run.dir == dir) {
                    run.pseudo_labels.take(records);
                }
                self.read_records();
            }
            News::Followed(dir, sheet) => {
                if let Some(run) = self.run_mut().filter(|run| run.dir == dir) {
                    run.pseudo_labels.sheet = sheet.map_or_else(Loading::Failed, Loading::Read);
                }
            }
            News::Predicted(dir, loading) => {
                if let Some(run) = self.run_mut().filter(|run| run.dir == dir) {
                    run.take_predictions(loading);
                }
            }
            News::Samples(dir, sheet) => {
                if let Some(run) = self.run_mut().filter(|run| run.dir == dir) {
                    run.samples.loading = sheet.map_or_else(Loading::Failed, Loading::Read);
                }
            }
        }
    }

    fn learn_of_labels(&mut self, news: LabelNews) {
        self.has_come = true;
        let told = match news {
            LabelNews::Opened(request, opened) => Ok(self.labels_opened(&request, opened)),
            LabelNews::Of(desk, news) => self.learn_of_desk(&desk, news),
        };
        match told {
            Ok(None) => {}
            Ok(Some(text)) => self.say(Tone::Info, text),
            Err(error) => self.say(Tone::Error, error),
        }
        self.in_label(Label::ask);
        while let Some(key) = self.label_mut().and_then(Label::release) {
            self.press(key);
        }
    }

    /// Gives images to the screen that waits for them, if it is still there. Returns what is to be said.
    fn labels_opened(&mut self, request: &Labeling, opened: Result<(Arc<Desk>, Added), String>) -> Option<String> {
        let label = self.label_mut().filter(|label| matches!(label.loading, label::Loading::Reading))?;
        if label.request != *request {
            return None;
        }
        match opened {
            Err(error) => {
                label.loading = label::Loading::Failed(error);
                None
            }
            Ok((desk, news)) => {
                let torn = news.torn.as_ref().map(ToString::to_string);
                let told = torn.or_else(|| desk.told.first().cloned());
                label.take(desk, news);
                told
            }
        }
    }

    /// Gives news to the screen that is on these images. Returns what is to be said: of an answer that is not on disk also
    /// where that screen was left.
    fn learn_of_desk(&mut self, desk: &Arc<Desk>, news: DeskNews) -> Result<Option<String>, String> {
        let now = self.clock.now;
        let not_recorded = |error| format!("the answer is not recorded: {error}");
        let is_of = |label: &&mut Label| label.desk().is_some_and(|own| Arc::ptr_eq(own, desk));
        let Some(label) = self.label_mut().filter(is_of) else {
            return match news {
                DeskNews::Saved(Err(error)) => Err(not_recorded(error)),
                _ => Ok(None),
            };
        };
        match news {
            DeskNews::Looked(image, picture) => label.take_picture(image, picture, now),
            DeskNews::Near(image, near) => label.take_near(image, near),
            DeskNews::Saved(saved) => {
                label.take_saved(saved).map_err(not_recorded)?;
                self.notice.take_if(|notice| notice.tone == Tone::Error); // what was in the way is over
            }
            DeskNews::Added(news) => label.take_added(news?),
        }
        Ok(None)
    }

    /// Shows runs that were launched, unless a user is typing or labels images: the next letters would be keys there.
    fn show_launched(&mut self, dirs: &[RunDir]) {
        self.notice = None;
        match dirs {
            _ if self.is_typing() || self.label_mut().is_some() => {
                let names: Vec<_> = dirs.iter().map(RunDir::id).collect();
                self.say(Tone::Info, format!("a worker is on its way: {}", names.join(", ")));
            }
            [dir] if self.run().is_none_or(|run| run.dir != *dir) => self.open_run(dir.clone()),
            [one, other] => self.open_race(vec![one.clone(), other.clone()]),
            _ => {}
        }
    }

    /// Asks for what is to be read of the open run's pseudo-labels.
    fn read_records(&mut self) {
        let mut tasks = std::mem::take(&mut self.tasks.world);
        if let Some(run) = self.run_mut() {
            run.read_records(&mut tasks);
        }
        self.tasks.world = tasks;
    }

    /// A label set was saved; a run may be launched from it.
    fn set_saved(&mut self, name: &str, path: PathBuf, then_launch: bool) {
        let Some(browser) = self.browser_mut() else { return };
        browser.set.is_changed = false;
        browser.set.saved = Some((name.to_owned(), path));
        self.tasks.world.push(WorldTask::LabelSets);
        let lists = self.offer(Place::Home, Action::Browse, ("; ", " on the home screen lists it"));
        let launches = self.offer(Place::Browser, Action::Launch, (", ", " launches a run from it"));
        self.say(Tone::Info, format!("saved as {name}{lists}{launches}"));
        if then_launch && self.place() == Place::Browser {
            self.update(Action::Launch);
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
        let mut tasks = Vec::new();
        let Some(browser) = self.browser_mut().filter(|browser| browser.opening.data == *data) else { return };
        match atlas {
            Ok(atlas) => {
                let warning = atlas.warnings.first().cloned();
                if let Some(start) = browser.take(atlas) {
                    browser.begin_start(start, &mut tasks);
                }
                self.tasks.world.append(&mut tasks);
                if let Some(warning) = warning {
                    self.say(Tone::Error, warning);
                }
            }
            Err(error) => browser.loading = browser::Loading::Failed(error),
        }
    }

    fn learn_of_run(&mut self, dir: &RunDir, reading: Reading) {
        let now = self.clock.now;
        let followed = self.screens.iter_mut().rev().find(|it| matches!(it, Screen::Run(_) | Screen::Race(_)));
        let run = match followed {
            Some(Screen::Race(race)) => return race.take(dir, reading, now),
            Some(Screen::Run(run)) if run.dir == *dir => run,
            _ => return,
        };
        let before = run.glance.as_ref().map(|glance| glance.status);
        let warning = reading.records.iter().rev().find_map(|record| match &record.event {
            Event::Warning { message, .. } | Event::Alarm(Alarm { message, .. }) => Some(message.clone()),
            _ => None,
        });
        run.take(reading, now);
        let (id, status, then) = (run.dir.id(), run.status(), run.then.take());
        if self.stays_with.as_ref() == Some(dir) && !status.is_alive() {
            self.update(Action::Quit);
        }
        self.read_records();
        if let Some(action) = then {
            self.update(action);
        }
        if before.is_some_and(|before| ended(before, status)) {
            self.tasks.terminal.push(TerminalTask::Ring(format!("{id} {}", status.label())));
        } else if let Some(message) = warning.filter(|_| before.is_some()) {
            self.tasks.terminal.push(TerminalTask::Ring(format!("{id}: {message}")));
        }
    }

    /// Tells of each run in the list that has ended since the last look, but for the open one, which is followed closer.
    fn ring_for_others(&mut self, listing: &Listing) {
        let (Listing::Read(old), Listing::Read(new)) = (&self.home.runs, listing) else { return };
        let open = self.run().map(|run| run.dir.clone());
        let alive = old.iter().filter(|row| row.status.is_alive() && open.as_ref() != Some(&row.dir));
        let rings = alive.filter_map(|before| {
            let row = new.iter().find(|row| row.dir == before.dir)?;
            ended(before.status, row.status)
                .then(|| TerminalTask::Ring(format!("{} {}", row.dir.id(), row.status.label())))
        });
        let rings: Vec<_> = rings.collect();
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
    use crate::console::screens::run::Glance;

    fn rings(app: &mut App) -> Vec<String> {
        let tasks = app.take_tasks().terminal;
        tasks
            .into_iter()
            .filter_map(|task| if let TerminalTask::Ring(text) = task { Some(text) } else { None })
            .collect()
    }

    #[test]
    fn a_console_that_stays_with_a_run_leaves_at_its_end_and_at_no_others() {
        let glance = |status| Glance { status, ..sample::run().glance.expect("read") };
        let opened = sample::dir("20261123-180112-quickstart-s2");
        for (name, leaves) in [(opened.clone(), true), (sample::dir("another"), false)] {
            let mut app = sample::app_with_runs();
            app.stays_with = Some(name);
            app.open_run(opened.clone());
            app.take_tasks();
            let reading = Reading { glance: Some(glance(Status::Finished)), ..Reading::default() };
            app.learn(News::Run(opened.clone(), Box::new(reading)));
            assert_eq!(app.take_tasks().terminal.contains(&TerminalTask::Quit), leaves);
        }
    }

    #[test]
    fn a_run_that_was_launched_leaves_who_labels_images_where_they_are() {
        let other = || sample::dir("20261123-180112-quickstart-s2");
        let one = || sample::dir("one");
        for news in [News::Launched(Ok(one())), News::Raced(Ok([one(), other()]))] {
            let mut app = sample::app_labeling();
            app.learn(news);
            assert_eq!(app.place(), Place::Label);
            let said = app.notice.as_ref().map_or("", |notice| &notice.text);
            assert!(said.starts_with("a worker is on its way: one"), "{said}");
            app.update(Action::Help);
            app.learn(News::Launched(Ok(other())));
            assert_eq!((app.place(), app.dialog.is_some()), (Place::Label, true));
        }
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
        let warning = || Record { time: 1.0, event: Event::warning("one class takes all") };
        let dir = app.run().expect("open").dir.clone();
        let reading = || Reading { records: vec![warning()], ..Reading::default() };
        app.learn(News::Run(dir.clone(), Box::new(reading())));
        assert_eq!(rings(&mut app), ["20261123-180112-quickstart-s0: one class takes all"]);
        app.open_run(dir.clone());
        app.learn(News::Run(dir, Box::new(reading())));
        assert!(rings(&mut app).is_empty());
    }
}
