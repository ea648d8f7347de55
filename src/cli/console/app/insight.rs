//! The screen of pseudo-labels: what its keys do, and when records are read.

use fixmatch::run::change::{Change, Request};
use fixmatch::run::insight::{EDGES, N_BINS};

use super::screens::scrub;
use super::{App, Tone};
use crate::console::insight::Cell;
use crate::console::keys::{Action, Place};
use crate::console::samples::Loading;
use crate::console::tab::Tab;
use crate::console::tasks::WorldTask;

impl App {
    pub(super) fn open_insight(&mut self) {
        self.place = Place::Insight;
        self.begin_insight();
    }

    /// From now on, reads the run's records as they come.
    pub(super) fn begin_insight(&mut self) {
        if let Some(run) = &mut self.run {
            run.insight.is_open = true;
        }
        self.read_insight();
    }

    /// Asks for the records that are not here yet, and then for the images that they are about.
    pub(super) fn read_insight(&mut self) {
        let Some(run) = self.run.as_mut().filter(|run| run.insight.is_open) else { return };
        let wanted = run.insight.wanted(&run.state.insights);
        if !wanted.is_empty() {
            self.tasks.world.push(WorldTask::Insight(run.dir.clone(), wanted));
        }
        let followed: Vec<u32> =
            run.insight.panel(None).map_or_else(Vec::new, |panel| panel.unlabeled.iter().map(|it| it.index).collect());
        if self.place == Place::Insight && !followed.is_empty() && matches!(run.insight.sheet, Loading::Not) {
            run.insight.sheet = Loading::Reading;
            self.tasks.world.push(WorldTask::Followed(run.dir.clone(), followed));
        }
    }

    pub(super) fn update_insight(&mut self, action: Action) {
        let page = self.page as isize;
        let Some(run) = &mut self.run else { return };
        let in_force = run.insight.histogram(run.moment).map(|histogram| histogram.threshold);
        let insight = &mut run.insight;
        let (is_among_images, columns) = (insight.tab == Tab::Images, insight.columns.max(1) as isize);
        match action {
            Action::Next => insight.switch(),
            Action::Up if is_among_images => self.move_image(-columns),
            Action::Down if is_among_images => self.move_image(columns),
            Action::Left if is_among_images => self.move_image(-1),
            Action::Right if is_among_images => self.move_image(1),
            Action::PageUp if is_among_images => self.move_image(-page),
            Action::PageDown if is_among_images => self.move_image(page),
            Action::Up => self.move_row(-1),
            Action::Down => self.move_row(1),
            Action::PageUp => self.move_row(-page),
            Action::PageDown => self.move_row(page),
            Action::First => self.move_row(isize::MIN),
            Action::Last => self.move_row(isize::MAX),
            Action::Left | Action::Right if insight.tab == Tab::Confusion => {
                let last = insight.n_rows.saturating_sub(insight.n_columns);
                let by = if action == Action::Left { -1 } else { 1 };
                insight.column = insight.column.saturating_add_signed(by).min(last);
            }
            Action::Left | Action::Right => {
                let by = if action == Action::Left { -1 } else { 1 };
                let at = insight.bin.map_or(N_BINS - 1, |bin| bin.saturating_add_signed(by).min(N_BINS - 1));
                insight.bin = Some(at);
            }
            Action::LowerTau | Action::HigherTau => {
                let by = if action == Action::LowerTau { -1 } else { 1 };
                match in_force {
                    Some(in_force) => insight.slide(by, in_force),
                    None => self.say(Tone::Info, "there are no pseudo-labels to try another τ on yet".into()),
                }
            }
            Action::ApplyTau => self.apply_tau(),
            Action::Undo => self.undo(),
            Action::Fork => self.open_fork(),
            Action::Enter => self.look_closer(),
            Action::Scale => insight.cells = insight.cells.other(),
            Action::Draw => insight.draw += 1,
            Action::Freeze | Action::Earlier | Action::Later | Action::FarEarlier | Action::FarLater => {
                scrub(run, action);
            }
            Action::Log => self.place = Place::Log,
            Action::Samples => self.open_samples(),
            Action::Back => self.leave_insight(),
            _ => {}
        }
        self.read_insight();
    }

    fn move_row(&mut self, by: isize) {
        let Some(run) = &mut self.run else { return };
        let n = run.insight.n_rows;
        run.insight.row.step(by, n);
    }

    fn move_image(&mut self, by: isize) {
        let Some(run) = &mut self.run else { return };
        let n = run.insight.shown(run.moment).len();
        run.insight.image.step(by, n);
    }

    /// Gives the run the τ that was tried, as any change: asked for, answered, recorded, and undone by the same key.
    fn apply_tau(&mut self) {
        let Some(edge) = self.run.as_ref().and_then(|run| run.insight.what_if) else {
            return self.say(Tone::Info, "try another τ first, with [ and ]".into());
        };
        self.post(Request::Set(Change::Threshold(EDGES[edge])));
        if let Some(run) = &mut self.run {
            run.insight.what_if = None;
        }
    }

    /// From a cell to the images in it, from an image to its views.
    fn look_closer(&mut self) {
        let Some(run) = &mut self.run else { return };
        let insight = &mut run.insight;
        match insight.tab {
            Tab::Strip => {
                let bin = *insight.bin.get_or_insert(N_BINS - 1);
                insight.cell = Some(Cell { class: insight.row.at, bin });
                (insight.tab, insight.image) = (Tab::Images, crate::console::input::Cursor::default());
            }
            Tab::Images => insight.is_enlarged = !insight.is_enlarged,
            Tab::Confusion | Tab::Classes | Tab::Rates => {}
        }
    }

    fn leave_insight(&mut self) {
        let Some(run) = &mut self.run else { return };
        let insight = &mut run.insight;
        if insight.tab == Tab::Images && insight.is_enlarged {
            insight.is_enlarged = false;
        } else if insight.tab == Tab::Images && insight.cell.is_some() {
            (insight.tab, insight.cell) = (Tab::Strip, None);
        } else if insight.what_if.is_some() {
            insight.what_if = None;
        } else if run.moment.is_some() {
            run.thaw();
        } else {
            self.place = Place::Run;
        }
    }
}

#[cfg(test)]
mod tests {
    use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
    use fixmatch::run::event::{Event, Record};
    use fixmatch::run::insight::{Kind, Pointer};

    use super::*;
    use crate::console::app::Access;
    use crate::console::run::Reading;
    use crate::console::sample;
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
        let mut app = sample::app_on_insight(Tab::Strip);
        press(&mut app, "aj");
        assert!(app.notice.as_ref().is_some_and(|notice| notice.text.contains("try another τ first")));
        press(&mut app, "o");
        assert_eq!((app.place, app.notice), (Place::Log, None));
    }

    #[test]
    fn another_threshold_is_tried_and_then_asked_for_as_any_change() {
        let mut app = sample::app_on_insight(Tab::Strip);
        press(&mut app, "a");
        assert!(posted(&mut app).is_empty(), "nothing was tried");
        press(&mut app, "[[]a");
        assert_eq!(posted(&mut app), [Request::Set(Change::Threshold(0.94))]);
        assert_eq!(app.run.as_ref().and_then(|run| run.insight.what_if), None);
        app.access = Access::ReadOnly;
        press(&mut app, "[a");
        assert!(posted(&mut app).is_empty());
    }

    #[test]
    fn a_cell_leads_to_its_images_and_back() {
        let mut app = sample::app_on_insight(Tab::Strip);
        if let Some(run) = &mut app.run {
            run.insight.n_rows = 10; // as the view says
        }
        press(&mut app, "jjjjjjhhhhhhhhhhhh\n");
        let insight = |app: &App| app.run.as_ref().map(|run| (run.insight.tab, run.insight.cell));
        assert_eq!(insight(&app), Some((Tab::Images, Some(Cell { class: 6, bin: 13 }))));
        let shown = app.run.as_ref().map_or(0, |run| run.insight.shown(None).len());
        assert_eq!(shown, 5, "those of class 6 at a confidence of 0.9");
        press(&mut app, "\n");
        assert!(app.run.as_ref().is_some_and(|run| run.insight.is_enlarged));
        for expected in [Place::Insight, Place::Insight, Place::Run] {
            app.update(Action::Back);
            assert_eq!(app.place, expected);
        }
    }

    #[test]
    fn records_are_read_as_the_log_names_them_once_the_screen_was_opened() {
        let mut app = sample::app_on_run();
        let dir = app.run.as_ref().expect("open").dir.clone();
        let wanted = |app: &mut App| {
            let tasks = app.take_tasks().world.into_iter();
            tasks
                .filter_map(|task| if let WorldTask::Insight(_, wanted) = task { Some(wanted) } else { None })
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
        app.learn(News::Insight(dir.clone(), vec![(first, Err("torn".into()))]));
        assert_eq!(wanted(&mut app), [vec![second]]);
    }
}
