use ratatui::Terminal;
use ratatui::backend::TestBackend;

use super::*;
use crate::console::app::App;
use crate::console::keys::{Action, Place};
use crate::console::screens::Screen;
use crate::console::screens::home::{Listing, Pane};
use crate::console::world::News;
use crate::console::{sample, views};

/// The screen as lines of text.
fn screen(app: &mut App) -> Vec<String> {
    let mut terminal = Terminal::new(TestBackend::new(100, 30)).expect("a terminal in memory");
    terminal.draw(|frame| views::draw(frame, app)).expect("memory does not fail");
    let rows = terminal.backend().buffer().content.chunks(100);
    rows.map(|row| row.iter().map(ratatui::buffer::Cell::symbol).collect::<String>().trim_end().to_owned()).collect()
}

fn shows(app: &mut App, text: &str) {
    let lines = screen(app);
    assert!(lines.iter().any(|line| line.contains(text)), "no {text:?}:\n{}", lines.join("\n"));
}

fn race(app: &mut App) -> &mut Race {
    match app.screens.last_mut() {
        Some(Screen::Race(race)) => race,
        other => panic!("{other:?}"),
    }
}

#[test]
fn groups_are_held_against_the_one_that_is_chosen_by_the_accuracy_that_is_chosen() {
    let mut app = sample::app_compared();
    shows(&mut app, "6 runs in 2 groups");
    shows(&mut app, "they differ in lr");
    app.update(Action::Down);
    shows(&mut app, "B: A is better (paired t, 3 pairs, p < 0.001)");
    app.update(Action::Reference);
    app.update(Action::Up);
    shows(&mut app, "− B");
    shows(&mut app, "A: A is better (paired t, 3 pairs, p < 0.001)");
    app.update(Action::Measure);
    shows(&mut app, "median of 20");
    app.update(Action::Next);
    shows(&mut app, "Paired t-test: runs with the same seed and the same labeled images");
    app.update(Action::Next);
    shows(&mut app, "taken for");
    app.update(Action::Next);
    app.update(Action::Down);
    let place = race(&mut app).focus;
    app.update(Action::Enter);
    assert_eq!(app.place(), Place::Run);
    assert_eq!((place, app.run_mut().expect("open").dir.id()), (1, "20261123-180112-quickstart-s1".into()));
}

#[test]
fn the_cursor_reads_the_curves_of_all_groups_until_it_is_left() {
    let mut app = sample::app_compared();
    app.update(Action::Left);
    // the columns of a row: its letter, the learning rate, runs, the accuracy, the value at the cursor
    let column = |app: &mut App| -> Vec<String> {
        let lines = screen(app);
        let table = lines.iter().skip_while(|line| !line.contains("accuracy")).take(3);
        let cells = |line: &String| {
            line.split("  ").map(str::trim).filter(|cell| !cell.is_empty()).map(str::to_owned).collect()
        };
        let rows: Vec<Vec<String>> = table.map(cells).collect();
        vec![rows[0][3].clone(), rows[1][4].clone(), rows[2][4].clone()]
    };
    assert!(column(&mut app)[0].starts_with("at "), "{:?}", column(&mut app));
    let newest = column(&mut app);
    (0..40).for_each(|_| app.update(Action::Left));
    let earlier = column(&mut app);
    assert!(newest[1..].iter().zip(&earlier[1..]).all(|(newest, earlier)| newest != earlier), "{newest:?} {earlier:?}");
    app.update(Action::Quantity);
    shows(&mut app, "mask ratio  A  B");
    app.update(Action::Back);
    assert_eq!((app.place(), race(&mut app).cursor), (Place::Race, None));
    app.update(Action::Back);
    assert_eq!(app.place(), Place::Home);
}

#[test]
fn there_is_a_table_before_a_log_was_read() {
    let mut app = sample::app_compared();
    let accuracies = |app: &mut App| {
        let lines = screen(app).into_iter().filter(|line| line.contains(" ± ") && line.contains('%'));
        lines.map(|line| line.split('%').next().unwrap_or_default().to_owned()).collect::<Vec<_>>()
    };
    let expected = accuracies(&mut app);
    let rows: Vec<Row> = race(&mut app).runs.iter().filter_map(row).collect();
    let dirs: Vec<RunDir> = rows.iter().map(|row| row.dir.clone()).collect();
    app.learn(News::Runs(Listing::Read(rows)));
    app.open_race(dirs);
    shows(&mut app, "6 runs in 2 groups");
    shows(&mut app, "reading the runs…");
    assert_eq!(accuracies(&mut app), expected);
    assert!(!screen(&mut app).join("\n").contains("is better"), "what was not read was judged");
}

#[test]
fn of_more_runs_than_go_beside_each_other_the_first_ones_are_shown_and_the_title_says_so() {
    let dirs = |n: usize| (0..n).map(|i| sample::dir(&format!("run-{i}"))).collect();
    let race = Race::new(dirs(Race::MOST + 234));
    assert_eq!((race.runs.len(), race.title()), (1000, "the first 1,000 of 1,234 runs".into()));
    assert_eq!(Race::new(dirs(Race::MOST)).title(), "1,000 runs");
}

#[test]
fn what_people_wrote_on_runs_stays_known_when_their_logs_are_read() {
    let mut app = sample::app_compared();
    let title = || Card { title: "too hot".into(), ..Card::default() };
    let rows: Vec<Row> = race(&mut app).runs.iter().filter_map(row).map(|row| Row { card: title(), ..row }).collect();
    let dirs: Vec<RunDir> = rows.iter().map(|row| row.dir.clone()).collect();
    app.learn(News::Runs(Listing::Read(rows)));
    app.open_race(dirs.clone());
    for (i, dir) in dirs.iter().enumerate() {
        app.learn(News::Run(dir.clone(), Box::new(sample::compared(i, Status::Finished))));
    }
    let known = race(&mut app).experiments.iter().flatten().map(|it| it.row.card.title.clone());
    assert_eq!(known.collect::<Vec<_>>(), vec!["too hot"; dirs.len()]);
}

#[test]
fn legends_say_the_titles_of_groups_and_of_two_runs_also_those_given_meanwhile() {
    let mut app = sample::app_compared();
    let mut rows: Vec<Row> = race(&mut app).runs.iter().filter_map(row).collect();
    rows[0].card.title = "as in the paper".into();
    rows[4].card.title = "too hot".into();
    app.learn(News::Runs(Listing::Read(rows.clone())));
    shows(&mut app, "test accuracy (EMA)  A as in the paper  B too hot");
    rows[5].card.title = "another one".into(); // a group whose runs have several has none
    app.learn(News::Runs(Listing::Read(rows.clone())));
    shows(&mut app, "test accuracy (EMA)  A as in the paper  B  faint");
    app.open_race([0, 1].map(|i| rows[i].dir.clone()).to_vec());
    shows(&mut app, "test accuracy (EMA)  as in the paper  ");
}

#[test]
fn a_run_counts_from_when_it_is_finished() {
    let mut app = sample::app_compared();
    let dirs: Vec<RunDir> = race(&mut app).runs.iter().map(|run| run.dir.clone()).collect();
    app.open_race(dirs.clone());
    for (i, dir) in dirs.iter().enumerate() {
        let status = if i == 5 { Status::Running } else { Status::Finished };
        app.learn(News::Run(dir.clone(), Box::new(sample::compared(i, status))));
    }
    shows(&mut app, "2/3");
    let finished = Reading { records: Vec::new(), file: None, ..sample::compared(5, Status::Finished) };
    app.learn(News::Run(dirs[5].clone(), Box::new(finished)));
    let lines = screen(&mut app);
    assert!(!lines.iter().any(|line| line.contains("2/3")), "{}", lines.join("\n"));
}

#[test]
fn a_run_without_forks_and_changes_is_said_to_have_no_family() {
    let mut app = sample::app_compared();
    let mut rows: Vec<Row> = race(&mut app).runs.iter().filter_map(row).collect();
    app.update(Action::Back);
    app.home.pane = Pane::Runs;
    app.learn(News::Runs(Listing::Read(rows.clone())));
    app.update(Action::Family);
    assert_eq!(app.place(), Place::Home);
    shows(&mut app, "it has no family");
    for row in &mut rows {
        row.summary.changes = 1;
    }
    app.learn(News::Runs(Listing::Read(rows)));
    app.update(Action::Family);
    shows(&mut app, "› 1 run");
}
