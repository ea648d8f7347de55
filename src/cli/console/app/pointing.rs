//! What comes of the mouse: a click selects, a click on what is selected opens it, the wheel moves through lists and
//! zooms charts.

use crossterm::event::{MouseButton, MouseEventKind};

use super::{App, Tone};
use crate::console::dialog::Dialog;
use crate::console::keys::{Action, TABLE};
use crate::console::mouse::Spot;
use crate::console::screens::Screen;
use crate::console::screens::home::Pane;
use crate::console::screens::race::part::Part;
use crate::console::screens::run::Page;
use crate::console::tasks::TerminalTask;

/// Lines of a text that one turn of the wheel moves.
const WHEEL_LINES: usize = 3;

impl App {
    /// Takes the mouse from the terminal.
    pub fn take_mouse(&mut self) {
        self.window.has_mouse = true;
        self.tasks.terminal.push(TerminalTask::Mouse(true));
    }

    pub(super) fn switch_mouse(&mut self) {
        self.window.has_mouse = !self.window.has_mouse;
        self.tasks.terminal.push(TerminalTask::Mouse(self.window.has_mouse));
        let text = if self.window.has_mouse {
            "mouse on: click selects, click again opens, the wheel scrolls and zooms"
        } else {
            "mouse off: the terminal selects text with it"
        };
        self.say(Tone::Info, text.into());
    }

    /// Takes a click or a turn of the wheel at what is there; says whether it was one.
    pub fn point(&mut self, kind: MouseEventKind, spot: Option<Spot>) -> bool {
        let is_typing = matches!(self.screens.last(), Some(screen @ Screen::Preset(_)) if screen.is_typing());
        match (kind, &self.dialog) {
            _ if is_typing => return false,
            (MouseEventKind::Down(MouseButton::Left), None) => self.act(|app| app.click(spot)),
            (MouseEventKind::Down(MouseButton::Left), Some(Dialog::Help(_))) => self.dialog = None,
            (MouseEventKind::ScrollUp, None) => self.turn(Action::Up, spot),
            (MouseEventKind::ScrollDown, None) => self.turn(Action::Down, spot),
            (MouseEventKind::ScrollUp, Some(Dialog::Help(line))) => {
                self.dialog = Some(Dialog::Help(line.saturating_sub(WHEEL_LINES)));
            }
            (MouseEventKind::ScrollDown, Some(Dialog::Help(line))) => {
                self.dialog = Some(Dialog::Help(line + WHEEL_LINES));
            }
            _ => return false,
        }
        true
    }

    /// Selects what was clicked; what was selected before does what Enter does there.
    fn click(&mut self, spot: Option<Spot>) {
        if let Some(run) = self.run_mut() {
            run.digest = None;
        }
        let Some(spot) = spot else { return };
        let was_selected = match self.screens.last_mut() {
            Some(Screen::Label(_)) => return self.in_label(|label, app| label.point_at(spot, app)),
            None => self.home.point_at(spot),
            Some(Screen::Preset(draft)) => spot.selects(&mut draft.form.at),
            Some(Screen::Run(run)) => run.point_at(spot),
            Some(Screen::LabelSets) => spot.selects(&mut self.label_sets.at),
            Some(Screen::Browser(browser)) => matches!(spot, Spot::Image(end, to) if browser.point_at(end, to)),
            Some(Screen::Suite(suite)) => suite.point_at(spot),
            Some(Screen::Race(race)) => race.point_at(spot),
        };
        let place = self.place();
        let enter = TABLE.iter().find(|it| it.action == Action::Enter && it.places.contains(&place));
        if let Some(binding) = enter.filter(|_| was_selected) {
            self.follow(binding);
        }
    }

    fn turn(&mut self, way: Action, spot: Option<Spot>) {
        match (self.screens.last(), spot) {
            (Some(Screen::Run(_)), Some(Spot::Panel(panel, share))) => self.zoom_at(way, panel, share),
            (Some(Screen::Run(run)), _) if run.page == Page::Log => {
                (0..WHEEL_LINES).for_each(|_| self.update(way));
            }
            (Some(Screen::Race(race)), _) if race.part == Part::Verdict => {
                self.update(if way == Action::Up { Action::PageUp } else { Action::PageDown });
            }
            (None, Some(spot)) => {
                self.home.pane = if matches!(spot, Spot::Run(_)) { Pane::Runs } else { Pane::Presets };
                self.update(way);
            }
            _ => self.update(way),
        }
    }

    /// Up zooms in and down zooms out, around what is pointed at.
    fn zoom_at(&mut self, way: Action, panel: usize, share: Option<f64>) {
        let Some(run) = self.run_mut() else { return };
        run.charts.focus = panel;
        if let Some(share) = share {
            let cursor = run.charts.cursor;
            run.charts.put_cursor(share);
            self.update(if way == Action::Up { Action::ZoomIn } else { Action::ZoomOut });
            if let Some(run) = self.run_mut() {
                run.charts.cursor = cursor;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use ratatui::Terminal;
    use ratatui::backend::TestBackend;
    use ratatui::layout::{Position, Rect};

    use super::*;
    use crate::console::keys::{Access, Place};
    use crate::console::screens::home::groups::{Line, leaf};
    use crate::console::screens::pseudo_labels::Cell;
    use crate::console::screens::pseudo_labels::tab::Tab;
    use crate::console::{sample, views};

    const AREA: Rect = Rect::new(0, 0, 120, 40);

    /// Where a text stands on the screen.
    fn find(app: &mut App, text: &str) -> Position {
        let mut terminal = Terminal::new(TestBackend::new(AREA.width, AREA.height)).expect("a terminal in memory");
        terminal.draw(|frame| views::draw(frame, app)).expect("memory does not fail");
        let buffer = terminal.backend().buffer();
        let starts_here = |position: &Position| {
            let rest = (position.x..AREA.width).map(|x| buffer[(x, position.y)].symbol());
            rest.collect::<String>().starts_with(text)
        };
        AREA.positions().find(starts_here).unwrap_or_else(|| panic!("{text:?} is not on the screen"))
    }

    fn point_at(app: &mut App, kind: MouseEventKind, position: Position) {
        let spot = views::spot(app, AREA, position);
        app.point(kind, spot);
    }

    fn click(app: &mut App, text: &str) {
        let position = find(app, text);
        point_at(app, MouseEventKind::Down(MouseButton::Left), position);
    }

    fn turn(app: &mut App, kind: MouseEventKind, text: &str) {
        let position = find(app, text);
        point_at(app, kind, position);
    }

    #[test]
    fn a_click_selects_a_row_and_another_one_opens_it() {
        let mut app = sample::app_with_runs();
        click(&mut app, "paper");
        assert_eq!(app.home.line(), Some(Line::Group("paper".into())));
        click(&mut app, "paper");
        click(&mut app, "cifar10-250 ");
        assert_eq!(
            (app.place(), app.home.preset().map(|row| row.preset.name.as_str())),
            (Place::Home, Some("paper/cifar10-250"))
        );
        click(&mut app, "quickstart-s1");
        assert_eq!((app.place(), app.home.pane, app.home.run_at.at), (Place::Home, Pane::Runs, 1));
        click(&mut app, "quickstart-s1");
        assert_eq!(app.place(), Place::Run);
    }

    #[test]
    fn a_cell_of_a_suite_is_selected_and_then_opened_also_where_the_grid_is_scrolled() {
        for (n, actions) in [(4, vec![]), (20, vec![Action::Last, Action::Right])] {
            let mut app = sample::app_on_suite(sample::study(n, n));
            for action in actions {
                app.update(action);
            }
            let position = find(&mut app, "○");
            let spot = views::spot(&app, AREA, position);
            let Some(Spot::Grid(row, column)) = spot else { panic!("{spot:?}") };
            point_at(&mut app, MouseEventKind::Down(MouseButton::Left), position);
            let Some(Screen::Suite(suite)) = app.screens.last() else { panic!("a suite") };
            assert_eq!((suite.row.at, suite.column.at, suite.runs), (row, column, None));
            click(&mut app, "▸○");
            assert_eq!(app.place(), Place::Cell);
            click(&mut app, "1     ");
            click(&mut app, "1     ");
            assert!(app.notice.is_some_and(|notice| notice.text.starts_with("this run was not started yet")));
        }
    }

    #[test]
    fn a_click_on_a_chart_puts_the_cursor_there() {
        let mut app = sample::app_on_run();
        let title = find(&mut app, "test accuracy  EMA");
        let is_right_of_middle = |position: &Position| matches!(views::spot(&app, AREA, *position), Some(Spot::Panel(2, Some(share))) if share > 0.5);
        let position = AREA.positions().filter(|it| it.y > title.y).find(is_right_of_middle).expect("a chart");
        point_at(&mut app, MouseEventKind::Down(MouseButton::Left), position);
        let charts = &app.run().expect("open").charts;
        assert_eq!(charts.focus, 2);
        let ((from, to), cursor) = (charts.range(), charts.cursor.expect("a cursor"));
        assert!((0.5..0.53).contains(&((cursor - from) / (to - from))), "{cursor} of {from}..{to}");
    }

    #[test]
    fn the_wheel_zooms_a_chart_around_the_pointer_and_back() {
        let mut app = sample::app_on_run();
        let title = find(&mut app, "  test accuracy  EMA");
        let position = Position { x: title.x + 20, y: title.y + 5 };
        let range = |app: &App| app.run().expect("open").charts.range();
        let whole = range(&app);
        point_at(&mut app, MouseEventKind::ScrollUp, position);
        assert_eq!(range(&app).1 - range(&app).0, (whole.1 - whole.0) / 2.0);
        assert_eq!(app.run().expect("open").charts.cursor, None);
        point_at(&mut app, MouseEventKind::ScrollDown, position);
        assert_eq!(range(&app), whole);
    }

    #[test]
    fn a_sample_is_selected_and_enlarged() {
        let mut app = sample::app_on_run();
        let run = app.run_mut().expect("open");
        (run.page, run.samples) = (Page::Samples, sample::samples());
        let enlarged = |app: &App| {
            let samples = &app.run().expect("open").samples;
            (samples.at.at, samples.enlarged.is_some())
        };
        click(&mut app, "Ankle boot");
        assert_eq!(enlarged(&app), (6, false));
        click(&mut app, "Ankle boot");
        assert!(enlarged(&app).1);
    }

    #[test]
    fn a_click_moves_no_row_of_a_list_from_under_the_pointer() {
        let mut app = sample::app();
        app.home = crate::console::screens::home::Home::new();
        app.home.folds = app.home.groups().into_iter().map(|group| (group.to_owned(), false)).collect();
        app.update(Action::Last);
        let first = Position { x: 4, y: find(&mut app, "Presets").y + 1 };
        let Line::Preset(i) = app.home.lines()[app.home.preset_at.top] else { panic!("a preset is on top") };
        let name = leaf(&app.home.presets[i]).to_owned();
        assert_eq!(find(&mut app, &name).y, first.y);
        for place in [Place::Home, Place::Preset] {
            point_at(&mut app, MouseEventKind::Down(MouseButton::Left), first);
            find(&mut app, &name); // draws
            assert_eq!(app.place(), place);
        }
        assert!(app.draft().is_some_and(|draft| draft.preset.name.ends_with(&name)));
    }

    #[test]
    fn a_cell_of_the_strip_is_selected_and_then_its_images_are_shown() {
        let mut app = sample::app_on_pseudo_labels(Tab::Strip);
        let pseudo_labels = |app: &App| {
            let pseudo_labels = &app.run().expect("open").pseudo_labels;
            (pseudo_labels.tab, pseudo_labels.row.at, pseudo_labels.bin, pseudo_labels.cell)
        };
        click(&mut app, "Shirt ");
        assert_eq!(pseudo_labels(&app), (Tab::Strip, 6, None, None));
        let row = find(&mut app, "▸Shirt");
        let points_at = |app: &App, cell| {
            let spot = |position: &Position| views::spot(app, AREA, *position) == Some(cell);
            (0..AREA.width).map(|x| Position { x, y: row.y }).find(spot)
        };
        let position = points_at(&app, Spot::Cell(6, Some(13))).expect("on the screen");
        let at_tau = find(&mut app, "│").x;
        assert!(points_at(&app, Spot::Cell(6, Some(18))).is_some_and(|it| it.x == at_tau + 1), "right of the line");
        point_at(&mut app, MouseEventKind::Down(MouseButton::Left), position);
        assert_eq!(pseudo_labels(&app), (Tab::Strip, 6, Some(13), None));
        point_at(&mut app, MouseEventKind::Down(MouseButton::Left), position);
        assert_eq!(pseudo_labels(&app).3, Some(Cell { class: 6, bin: 13 }));
    }

    #[test]
    fn tabs_rows_and_followed_images_can_be_clicked() {
        let mut app = sample::app_on_pseudo_labels(Tab::Strip);
        for (name, tab) in [(" confusion", Tab::Confusion), (" CTAugment", Tab::Rates), (" classes", Tab::Classes)] {
            let position = find(&mut app, name);
            point_at(&mut app, MouseEventKind::Down(MouseButton::Left), Position { x: position.x + 1, ..position });
            assert_eq!(app.run().expect("open").pseudo_labels.tab, tab);
        }
        click(&mut app, "Sandal ");
        assert_eq!(app.run().expect("open").pseudo_labels.row.at, 5);
        turn(&mut app, MouseEventKind::ScrollDown, "Sandal ");
        assert_eq!(app.run().expect("open").pseudo_labels.row.at, 6);
        click(&mut app, "images ");
        let image = |app: &App| {
            let pseudo_labels = &app.run().expect("open").pseudo_labels;
            (pseudo_labels.image.at, pseudo_labels.is_enlarged)
        };
        for expected in [(3, false), (3, true)] {
            click(&mut app, "Dress ✓");
            assert_eq!(image(&app), expected);
        }
    }

    #[test]
    fn parts_groups_curves_and_runs_beside_each_other_can_be_clicked() {
        fn race(app: &App) -> (Part, usize, usize, Option<f64>) {
            let Some(Screen::Race(race)) = app.screens.last() else { panic!("runs beside each other") };
            (race.part, race.focus, race.scroll, race.cursor)
        }
        let mut app = sample::app_compared();
        click(&mut app, "  B  0.1");
        assert_eq!((race(&app).1, app.place()), (3, Place::Race), "the first run of the second group");
        let title = find(&mut app, "  test accuracy (EMA)");
        point_at(&mut app, MouseEventKind::Down(MouseButton::Left), Position { x: title.x + 30, y: title.y + 5 });
        assert!(race(&app).3.is_some(), "a cursor");
        for (name, part) in [("classes", Part::Classes), ("verdict", Part::Verdict), ("runs", Part::Runs)] {
            let tab = find(&mut app, "curves  verdict  classes  runs");
            let offset = "curves  verdict  classes  runs".find(name).expect("a tab") as u16;
            point_at(&mut app, MouseEventKind::Down(MouseButton::Left), Position { x: tab.x + offset, ..tab });
            assert_eq!(race(&app).0, part);
        }
        click(&mut app, "A  quickstart-s1");
        assert_eq!((race(&app).1, app.place()), (1, Place::Race));
        turn(&mut app, MouseEventKind::ScrollDown, "A  quickstart-s1");
        assert_eq!(race(&app).1, 2);
        click(&mut app, "A  quickstart-s1");
        click(&mut app, "A  quickstart-s1");
        assert_eq!(app.place(), Place::Run);
    }

    #[test]
    fn the_cursor_of_two_runs_in_full_can_be_put_by_a_click() {
        let mut app = sample::app_racing();
        let title = find(&mut app, "  test accuracy (EMA)");
        let position = Position { x: title.x + 30, y: AREA.bottom() - 8 };
        point_at(&mut app, MouseEventKind::Down(MouseButton::Left), position);
        let Some(Screen::Race(race)) = app.screens.last() else { panic!("runs beside each other") };
        assert!(race.cursor.is_some_and(|x| x > 0.0));
    }

    #[test]
    fn the_wheel_scrolls_the_list_it_is_over() {
        let mut app = sample::app_with_runs();
        turn(&mut app, MouseEventKind::ScrollDown, "quickstart-s1");
        assert_eq!((app.home.pane, app.home.run_at.at), (Pane::Runs, 1));
    }

    #[test]
    fn a_click_drives_nothing_that_a_key_may_not() {
        let mut app = sample::app();
        app.keymap.access = Access::ReadOnly;
        app.update(Action::Enter);
        click(&mut app, "labels.per_class");
        click(&mut app, "labels.per_class");
        assert!(app.draft().is_some_and(|draft| draft.form.editing.is_none() && draft.form.at.at > 0));
        assert!(app.notice.is_some_and(|notice| notice.text.contains("--readonly")));
    }
}
