//! What happened outside.

use fixmatch::run_dir::RunDir;
use fixmatch::run_state::Status;

use super::{App, Tone};
use crate::console::Stay;
use crate::console::keys::Action;
use crate::console::run::Reading;
use crate::console::samples::Loading;
use crate::console::world::{News, Task};

impl App {
    /// Takes in what happened outside.
    pub fn learn(&mut self, news: News) {
        match news {
            News::Runs(listing) => self.home.take(listing),
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
            News::Launched(Err(error)) | News::Posted(_, _, Err(error)) | News::Discarded(Err(error)) => {
                self.say(Tone::Error, error);
            }
            News::Discarded(Ok(path)) => self.say(Tone::Info, format!("moved to {}", path.display())),
            News::Data(name, state) => self.home.set_data(&name, &state),
            News::Fetched(name, Ok(())) => self.say(Tone::Info, format!("{name} is here, checksums right")),
            News::Fetched(_, Err(error)) => self.say(Tone::Error, error),
            News::Sheet(dir, sheet) => {
                if self.run.as_ref().is_some_and(|run| run.dir == dir) {
                    self.samples.loading = sheet.map_or_else(Loading::Failed, Loading::Read);
                }
            }
        }
    }

    fn learn_of_run(&mut self, dir: &RunDir, reading: Reading) {
        let Some(run) = self.run.as_mut().filter(|run| run.dir == *dir) else { return };
        let before = run.glance.as_ref().map(|glance| glance.status);
        run.take(reading, self.now);
        let status = run.status();
        if self.stay == Stay::WithRun && !status.is_alive() {
            self.update(Action::Quit);
        }
        let Some(run) = &self.run else { return };
        let has_ended = matches!(status, Status::Finished | Status::Failed | Status::Lost);
        if has_ended && before.is_some_and(|before| before != status && before.is_alive()) {
            self.tasks.push(Task::Ring(format!("{} {}", run.dir.id(), status.label())));
        }
    }
}
