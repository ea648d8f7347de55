//! What a user does with a suite: goes through its cells and their runs, and asks its queue for something.

use super::{OpenSuite, Study, dir};
use crate::console::app::{App, Tone};
use crate::console::dialog::{Ask, Confirm, Dialog, Purpose};
use crate::console::input::Cursor;
use crate::console::keys::{Action, Place};
use crate::console::screens::{Go, Screen};
use crate::console::tasks::{SuiteTask, WorldTask};

impl OpenSuite {
    /// Follows an action.
    pub fn update(&mut self, action: Action, app: &mut App) -> Go {
        let Some(study) = app.home.study(&self.name).cloned() else {
            return if action == Action::Back { Go::Back } else { Go::Nowhere };
        };
        match action {
            Action::Back if self.runs.is_some() => self.runs = None,
            Action::Back => return Go::Back,
            Action::Launch | Action::Resume if study.wanted.is_some() => self.ask(&study, Action::Resume, app),
            Action::Launch | Action::Resume => self.ask(&study, Action::Launch, app),
            Action::Pause | Action::Stop | Action::Retry | Action::More | Action::Move => self.ask(&study, action, app),
            Action::Enter => return self.enter(&study, app),
            _ => self.step(action, &study, app.window.page as isize),
        }
        Go::Nowhere
    }

    fn step(&mut self, action: Action, study: &Study, page: isize) {
        let (n_rows, n_columns) = (study.table.rows.len(), study.table.columns.len());
        let n_runs = self.outcome(study).map_or(0, |outcome| outcome.n);
        let (cursor, n) = match &mut self.runs {
            Some(cursor) => (cursor, n_runs),
            None => (&mut self.row, n_rows),
        };
        match action {
            Action::Up => cursor.step(-1, n),
            Action::Down => cursor.step(1, n),
            Action::PageUp => cursor.step(-page, n),
            Action::PageDown => cursor.step(page, n),
            Action::First => cursor.at = 0,
            Action::Last => cursor.step(isize::MAX, n),
            Action::Left => self.column.step(-1, n_columns),
            Action::Right => self.column.step(1, n_columns),
            _ => {}
        }
    }

    /// Opens the cell, or the run of it.
    fn enter(&mut self, study: &Study, app: &mut App) -> Go {
        if self.runs.is_none() {
            self.runs = self.outcome(study).map(|_| Cursor::default());
            return Go::Nowhere;
        }
        let Some((_, stand)) = self.run(study) else { return Go::Nowhere };
        if let Some(dir) = dir(stand) {
            return Go::To(Screen::run(dir.clone()));
        }
        let moves = app.offer(Place::Cell, Action::Move, ("; ", " has it started next"));
        app.say(Tone::Info, format!("this run was not started yet{moves}"));
        Go::Nowhere
    }

    /// Asks something of the suite's queue, or asks the user first.
    fn ask(&self, study: &Study, action: Action, app: &mut App) {
        if let Some(refusal) = self.refusal(action, study) {
            return app.say(Tone::Error, format!("{}: {refusal}", self.name));
        }
        let (task, text) = match action {
            Action::Launch => return app.ask(Confirm::StartSuite(self.name.clone())),
            Action::Stop => return app.ask(Confirm::StopSuite(self.name.clone())),
            Action::More => {
                let hint = "for each cell, and its baseline if it has one; they are trained last";
                let ask = Ask::new("how many more seeds?", hint, "1".into(), Purpose::MoreSeeds);
                app.dialog = Some(Dialog::Ask(ask));
                return;
            }
            Action::Pause => (SuiteTask::Hold, "no other run is to be started…"),
            Action::Retry => (SuiteTask::Retry, "what failed or was stopped is to be tried again…"),
            Action::Move => (SuiteTask::Front(self.waiting(study)), "to the front…"),
            _ => (SuiteTask::GoOn, "its queue is to go on…"),
        };
        app.say(Tone::Info, text.into());
        app.tasks.world.push(WorldTask::Suite(self.name.clone(), task));
    }

    /// How many more seeds there are to be was typed; returns why that cannot be.
    pub fn answered(&self, text: &str, app: &mut App) -> Result<(), String> {
        let n = text.parse().ok().filter(|n| (1..=1000).contains(n));
        let n: u64 = n.ok_or_else(|| format!("{text:?} is no number from 1 to 1000"))?;
        app.tasks.world.push(WorldTask::Suite(self.name.clone(), SuiteTask::MoreSeeds(n)));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
    use fixmatch::suite::order::Wanted;

    use super::*;
    use crate::console::sample;
    use crate::console::world::News;

    fn press(app: &mut App, keys: &str) {
        for c in keys.chars() {
            let code = match c {
                '\n' => KeyCode::Enter,
                '\x1b' => KeyCode::Esc,
                c => KeyCode::Char(c),
            };
            app.press(KeyEvent::new(code, KeyModifiers::NONE));
        }
    }

    fn asked(app: &mut App) -> Vec<SuiteTask> {
        let suite = |task| if let WorldTask::Suite(_, task) = task { Some(task) } else { None };
        app.take_tasks().world.into_iter().filter_map(suite).collect()
    }

    fn notice(app: &App) -> &str {
        app.notice.as_ref().map_or("", |notice| &notice.text)
    }

    #[test]
    fn the_queue_is_asked_for_what_fits_and_the_rest_is_refused_with_the_reason() {
        let train = Some(Wanted::Train);
        let cases = [
            (None, false, "L", vec![], ""),
            (None, false, "Ly", vec![SuiteTask::Start], "starting the queue…"),
            (None, false, "p", vec![], "study: its queue starts no runs"),
            (None, false, "R", vec![], "study: it was not started yet"),
            (train, true, "L", vec![], "study: its queue is at work already"),
            (train, true, "p", vec![SuiteTask::Hold], "no other run is to be started…"),
            (train, true, "Xy", vec![SuiteTask::Stop], "suspending its runs…"),
            (train, true, "Xn", vec![], ""),
            (train, true, "R", vec![SuiteTask::Retry], "what failed or was stopped is to be tried again…"),
            (train, true, "+\n", vec![SuiteTask::MoreSeeds(1)], ""),
            (train, true, "+0\n", vec![SuiteTask::MoreSeeds(10)], ""),
            (Some(Wanted::Hold), true, "r", vec![SuiteTask::GoOn], "its queue is to go on…"),
            (Some(Wanted::Stop), false, "L", vec![SuiteTask::GoOn], "its queue is to go on…"),
        ];
        for (wanted, has_queue, keys, tasks, said) in cases {
            let mut app = sample::app_on_suite(Study { wanted, has_queue, ..sample::study(2, 2) });
            press(&mut app, keys);
            assert_eq!((asked(&mut app), notice(&app)), (tasks, said), "{wanted:?} {keys}");
        }
    }

    #[test]
    fn what_slurm_trains_is_submitted_again_held_and_stopped_as_far_as_there_is_a_job_or_none() {
        let (without, with) = (true, false);
        for (is_gone, keys, tasks, said) in [
            (without, "r", vec![SuiteTask::GoOn], "its queue is to go on…"),
            (with, "r", vec![], "study: all of its runs have a job"),
            (with, "p", vec![SuiteTask::Hold], "no other run is to be started…"),
            (with, "Xy", vec![SuiteTask::Stop], "suspending its runs…"),
            (with, "R", vec![], "study: no run has failed or was stopped"),
            (without, "jlM", vec![], "study: Slurm starts its jobs in an order of its own"),
        ] {
            let mut app = sample::app_on_suite(sample::study_on_slurm(is_gone));
            press(&mut app, keys);
            assert_eq!((asked(&mut app), notice(&app)), (tasks, said), "{keys}");
        }
    }

    #[test]
    fn a_number_of_seeds_that_is_none_stays_in_the_line_with_the_reason() {
        let mut app = sample::app_on_suite(sample::study(2, 2));
        press(&mut app, "+x\n");
        let Some(Dialog::Ask(ask)) = &app.dialog else { panic!("still asked") };
        assert_eq!(ask.error.as_deref(), Some("\"1x\" is no number from 1 to 1000"));
        assert!(asked(&mut app).is_empty());
    }

    #[test]
    fn what_waits_in_a_cell_or_one_of_its_runs_goes_to_the_front() {
        let mut app = sample::app_on_suite(sample::study(2, 2));
        press(&mut app, "M");
        assert_eq!(notice(&app), "study: nothing here is still to be started");
        press(&mut app, "jM");
        let id = |i: usize| format!("{i:064x}");
        assert_eq!(asked(&mut app), [SuiteTask::Front(vec![id(5)])], "the other one trains");
        press(&mut app, "\njM");
        assert_eq!((app.place(), asked(&mut app)), (Place::Cell, vec![SuiteTask::Front(vec![id(5)])]));
    }

    #[test]
    fn a_cell_opens_as_its_runs_a_run_opens_and_escape_leads_back() {
        use Place::{Cell, Home, Run, Suite};
        let mut app = sample::app_on_suite(sample::study(2, 2));
        let mut places = vec![app.place()];
        for key in ["j", "\n", "\n", "\x1b", "j", "\n", "\x1b", "\x1b"] {
            press(&mut app, key);
            places.push(app.place());
        }
        assert_eq!(places, [Suite, Suite, Cell, Run, Cell, Cell, Cell, Suite, Home]);
        assert!(app.run().is_none());
    }

    #[test]
    fn the_grid_fills_in_under_the_cursor_and_a_suite_that_is_gone_says_so() {
        let mut app = sample::app_on_suite(sample::study(3, 3));
        press(&mut app, "jl");
        app.learn(News::Suites(vec![Arc::new(sample::study(2, 2))]));
        let at = |app: &App| match app.screens.last() {
            Some(Screen::Suite(suite)) => (suite.row.at, suite.column.at),
            other => panic!("{other:?}"),
        };
        assert_eq!(at(&app), (1, 1));
        app.learn(News::Suites(Vec::new()));
        press(&mut app, "LpXRM\n");
        assert!(asked(&mut app).is_empty());
        press(&mut app, "\x1b");
        assert_eq!(app.place(), Place::Home);
    }
}
