//! What a user does on the screen of pseudo-labels, and when records are read.

use fixmatch::run::change::{Change, Request};
use fixmatch::run::insight::{EDGES, N_BINS};
use fixmatch::run::pseudo::Threshold;

use super::Cell;
use super::tab::Tab;
use crate::console::app::{App, Tone};
use crate::console::input::Cursor;
use crate::console::keys::Action;
use crate::console::screens::run::{OpenRun, Page};
use crate::console::screens::samples::Loading;
use crate::console::tasks::WorldTask;

impl OpenRun {
    pub fn show_pseudo_labels(&mut self, app: &mut App) {
        self.page = Page::PseudoLabels;
        self.begin_records(&mut app.tasks.world);
    }

    /// From now on, reads the run's records as they come.
    pub fn begin_records(&mut self, tasks: &mut Vec<WorldTask>) {
        self.pseudo_labels.is_open = true;
        self.read_records(tasks);
    }

    /// Asks for the records that are not here yet, and then for the images that they are about.
    pub fn read_records(&mut self, tasks: &mut Vec<WorldTask>) {
        let it = &mut self.pseudo_labels;
        if !it.is_open {
            return;
        }
        let wanted = it.wanted(&self.state.insights);
        if !wanted.is_empty() {
            tasks.push(WorldTask::Records(self.dir.clone(), wanted));
        }
        let followed: Vec<u32> =
            it.panel(None).map_or_else(Vec::new, |panel| panel.unlabeled.iter().map(|it| it.index).collect());
        if self.page == Page::PseudoLabels && !followed.is_empty() && matches!(it.sheet, Loading::Not) {
            it.sheet = Loading::Reading;
            tasks.push(WorldTask::Followed(self.dir.clone(), followed));
        }
    }

    pub fn update_pseudo_labels(&mut self, action: Action, app: &mut App) {
        let page = app.window.page as isize;
        let n_images = self.pseudo_labels.shown(self.moment).len();
        let in_force = self.pseudo_labels.histogram(self.moment).map(|histogram| histogram.threshold);
        let it = &mut self.pseudo_labels;
        let columns = it.columns.max(1) as isize;
        let images = (it.tab == Tab::Images).then_some(&mut it.image);
        match (action, images) {
            (Action::Next, _) => it.switch(),
            (Action::Up, Some(image)) => image.step(-columns, n_images),
            (Action::Down, Some(image)) => image.step(columns, n_images),
            (Action::Left, Some(image)) => image.step(-1, n_images),
            (Action::Right, Some(image)) => image.step(1, n_images),
            (Action::PageUp, Some(image)) => image.step(-page, n_images),
            (Action::PageDown, Some(image)) => image.step(page, n_images),
            (Action::Up, None) => it.row.step(-1, it.n_rows),
            (Action::Down, None) => it.row.step(1, it.n_rows),
            (Action::PageUp, None) => it.row.step(-page, it.n_rows),
            (Action::PageDown, None) => it.row.step(page, it.n_rows),
            (Action::First, _) => it.row.step(isize::MIN, it.n_rows),
            (Action::Last, _) => it.row.step(isize::MAX, it.n_rows),
            (Action::Left, None) => it.step_column(-1),
            (Action::Right, None) => it.step_column(1),
            (Action::LowerTau | Action::HigherTau, _) => {
                let by = if action == Action::LowerTau { -1 } else { 1 };
                match in_force {
                    Some(in_force) => it.slide(by, in_force),
                    None => app.say(Tone::Info, "there are no pseudo-labels to try another τ on yet".into()),
                }
            }
            (Action::OtherPolicy, _) => self.try_next_policy(app),
            (Action::ApplyTau, _) => self.apply_tau(app),
            (Action::Undo, _) => self.post(Request::Undo, app),
            (Action::Enter, _) => self.look_closer(),
            (Action::Scale, _) => it.cells = it.cells.other(),
            (Action::Draw, _) => it.draw += 1,
            (Action::Freeze | Action::Earlier | Action::Later | Action::FarEarlier | Action::FarLater, _) => {
                self.move_in_time(action);
            }
            (Action::Back, _) => self.leave_pseudo_labels(),
            _ => {}
        }
        self.read_records(&mut app.tasks.world);
    }

    fn try_next_policy(&mut self, app: &mut App) {
        if !self.pseudo_labels.ask_next_policy(self.moment) {
            app.say(Tone::Info, "no policies watched this run's pseudo-labels, as they do in newer runs".into());
        }
    }

    /// Gives the run the τ that was tried, as any change: asked for, answered, recorded, and undone by the same key.
    fn apply_tau(&mut self, app: &mut App) {
        match self.pseudo_labels.what_if {
            Some(Threshold::Edge(edge)) => {
                self.pseudo_labels.what_if = None;
                self.post(Request::Set(Change::Threshold(EDGES[edge])), app);
            }
            Some(Threshold::Policy(policy)) => {
                let how =
                    format!("a fork can go on by another policy: F, then pseudo_label.policy = {}", policy.name());
                app.say(Tone::Info, how);
            }
            _ => app.say(Tone::Info, "try another τ first, with [ and ]".into()),
        }
    }

    /// From a cell to the images in it, from an image to its views.
    fn look_closer(&mut self) {
        let it = &mut self.pseudo_labels;
        match it.tab {
            Tab::Strip => {
                let bin = *it.bin.get_or_insert(N_BINS - 1);
                it.cell = Some(Cell { class: it.row.at, bin });
                (it.tab, it.image) = (Tab::Images, Cursor::default());
            }
            Tab::Images => it.is_enlarged = !it.is_enlarged,
            Tab::Policies => self.ask_policy(),
            Tab::Confusion | Tab::Classes | Tab::Rates => {}
        }
    }

    /// Shows on the strip what the policy under the cursor would have accepted.
    fn ask_policy(&mut self) {
        let it = &mut self.pseudo_labels;
        let judged = it.histogram(self.moment).and_then(|histogram| histogram.judged.get(it.row.at));
        if let Some((policy, decides)) = judged.map(|judged| (judged.policy, judged.decides)) {
            it.what_if = (!decides).then_some(Threshold::Policy(policy));
            (it.tab, it.row) = (Tab::Strip, Cursor::default());
        }
    }

    fn leave_pseudo_labels(&mut self) {
        let it = &mut self.pseudo_labels;
        if it.tab == Tab::Images && it.is_enlarged {
            it.is_enlarged = false;
        } else if it.tab == Tab::Images && it.cell.is_some() {
            (it.tab, it.cell) = (Tab::Strip, None);
        } else if it.what_if.is_some() {
            it.what_if = None;
        } else if self.moment.is_some() {
            self.thaw();
        } else {
            self.page = Page::Charts;
        }
    }
}

#[cfg(test)]
mod tests {
    use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
    use fixmatch::run::event::{Event, Record};
    use fixmatch::run::insight::{Kind, Pointer};

    use super::*;
    use crate::console::keys::{Access, Place};
    use crate::console::sample;
    use crate::console::screens::run::Reading;
    use crate::console::world::News;

    fn press(app: &mut App, keys: &str) {
        for key in keys.chars() {
            let code = if key == '\n' { KeyCode::Enter } else { KeyCode::Char(key) };
            app.press(KeyEvent::new(code, KeyModifiers::NONE));
        }
    }

    fn posted(app: &mut App) -> Vec<Request> {
        let tasks = app.take_tasks().world.into_iter();
        tasks.filter_map(|task| if let WorldTask::Post(_, request) = task { Some(request) } else { None }).collect()
    }

    #[test]
    fn a_notice_stays_behind_on_the_screen_that_it_is_about() {
        let mut app = sample::app_on_pseudo_labels(Tab::Strip);
        press(&mut app, "aj");
        assert!(app.notice.as_ref().is_some_and(|notice| notice.text.contains("try another τ first")));
        press(&mut app, "o");
        assert_eq!((app.place(), app.notice), (Place::Log, None));
    }

    #[test]
    fn another_threshold_is_tried_and_then_asked_for_as_any_change() {
        let mut app = sample::app_on_pseudo_labels(Tab::Strip);
        press(&mut app, "a");
        assert!(posted(&mut app).is_empty(), "nothing was tried");
        press(&mut app, "[[]a");
        assert_eq!(posted(&mut app), [Request::Set(Change::Threshold(0.94))]);
        assert_eq!(app.run().and_then(|run| run.pseudo_labels.what_if), None);
        app.keymap.access = Access::ReadOnly;
        press(&mut app, "[a");
        assert!(posted(&mut app).is_empty());
    }

    #[test]
    fn a_cell_leads_to_its_images_and_back() {
        let mut app = sample::app_on_pseudo_labels(Tab::Strip);
        if let Some(run) = app.run_mut() {
            run.pseudo_labels.n_rows = 10; // as the view says
        }
        press(&mut app, "jjjjjjhhhhhhhhhhhh\n");
        let pseudo_labels = |app: &App| app.run().map(|run| (run.pseudo_labels.tab, run.pseudo_labels.cell));
        assert_eq!(pseudo_labels(&app), Some((Tab::Images, Some(Cell { class: 6, bin: 13 }))));
        let shown = app.run().map_or(0, |run| run.pseudo_labels.shown(None).len());
        assert_eq!(shown, 5, "those of class 6 at a confidence of 0.9");
        press(&mut app, "\n");
        assert!(app.run().is_some_and(|run| run.pseudo_labels.is_enlarged));
        for expected in [Place::PseudoLabels, Place::PseudoLabels, Place::Run] {
            app.update(Action::Back);
            assert_eq!(app.place(), expected);
        }
    }

    #[test]
    fn records_are_read_as_the_log_names_them_once_the_screen_was_opened() {
        let mut app = sample::app_on_run();
        let dir = app.run().expect("open").dir.clone();
        let wanted = |app: &mut App| {
            let tasks = app.take_tasks().world.into_iter();
            tasks
                .filter_map(|task| if let WorldTask::Records(_, wanted) = task { Some(wanted) } else { None })
                .collect::<Vec<_>>()
        };
        let name = |app: &mut App, step| {
            let pointer = Pointer { step, record: Kind::Histogram, offset: step, n_bytes: 1 };
            let records = vec![Record { time: 1.0, event: Event::Insight(pointer) }];
            app.learn(News::Run(dir.clone(), Box::new(Reading { records, ..Reading::default() })));
            pointer
        };
        let first = name(&mut app, 320);
        assert!(wanted(&mut app).is_empty(), "not shown, not read");
        press(&mut app, "v");
        assert_eq!(wanted(&mut app), [vec![first]]);
        let second = name(&mut app, 330);
        assert!(wanted(&mut app).is_empty(), "one reading at a time");
        app.learn(News::Records(dir.clone(), vec![(first, Err("torn".into()))]));
        assert_eq!(wanted(&mut app), [vec![second]]);
    }
}
