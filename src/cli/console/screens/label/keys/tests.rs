//! What a user does on the labelling screen, with a file of answers in a folder of its own.

use std::fs;
use std::path::Path;

use crossterm::event::{MouseButton, MouseEventKind};
use fixmatch::base::text::Name;
use fixmatch::labels::log;
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::layout::Rect;

use super::*;
use crate::console::mouse::Spot;
use crate::console::screens::Screen;
use crate::console::screens::browser::End;
use crate::console::tasks::WorldTask;
use crate::console::world::{DeskNews, News, labeling};
use crate::console::{sample, settle, views};

fn press(app: &mut App, keys: &str) {
    for c in keys.chars() {
        let code = match c {
            '\n' => KeyCode::Enter,
            '\t' => KeyCode::Tab,
            '\x1b' => KeyCode::Esc,
            '>' => KeyCode::Right,
            '<' => KeyCode::Left,
            c => KeyCode::Char(c),
        };
        app.clock.now += 1.0;
        app.press(KeyEvent::new(code, KeyModifiers::NONE));
        settle(app);
    }
}

fn label(app: &App) -> &Label {
    match app.screens.last() {
        Some(Screen::Label(label)) => label,
        other => panic!("{other:?} is no labelling screen"),
    }
}

fn notice(app: &App) -> &str {
    app.notice.as_ref().map_or("", |notice| &notice.text)
}

/// What stands in the file: the image's number, the label or what else was answered, and the guess.
fn answers(folder: &Path) -> Vec<String> {
    let bytes = fs::read(folder.join("labels.csv")).unwrap_or_default();
    let rows = log::rows_of(&bytes).expect("reads").map(|(rows, _)| rows).unwrap_or_default();
    let number = |row: &Row| row.path.display().to_string().replace("fashion-mini:", "");
    let guess = |row: &Row| row.guess.as_ref().map_or_else(String::new, |guess| format!(" saw {guess}"));
    rows.iter().map(|row| format!("{} {}{}", number(row), words(&row.answer), guess(row))).collect()
}

fn opened(folder: &Path) -> App {
    sample::app_labeling_in(folder, |request| request.classes = ["cat", "dog"].map(Name::from).to_vec())
}

#[test]
fn each_key_is_an_answer_on_disk_and_the_next_image_shows() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut app = opened(folder.path());
    press(&mut app, "12 0");
    assert_eq!(answers(folder.path()), ["0 cat", "1 dog", "2 passed over", "3 not sure"]);
    assert_eq!((label(&app).at, label(&app).pace.n), (4, 4));
    press(&mut app, "3");
    assert_eq!((notice(&app), label(&app).at), ("3 stands for no class; / finds a class or makes one", 4));
    press(&mut app, "/frog\n3");
    assert_eq!(answers(folder.path())[4..], ["4 frog", "5 frog"]);
    let again = sample::app_labeling_in(folder.path(), |_| ());
    assert_eq!(label(&again).classes[..3], ["cat", "dog", "frog"].map(Name::from), "keys stay, whoever opens it next");
    assert_eq!(label(&again).at, 6);
}

#[test]
fn answers_are_taken_back_to_any_depth_also_by_the_next_who_opens_the_file() {
    let folder = tempfile::tempdir().expect("a folder");
    press(&mut opened(folder.path()), "121");
    let mut app = opened(folder.path());
    press(&mut app, "2u");
    assert_eq!((label(&app).at, notice(&app)), (3, "taken back: dog"));
    press(&mut app, "uu");
    assert_eq!((label(&app).at, label(&app).tally.n_labeled), (1, 1));
    press(&mut app, "uu");
    assert_eq!((label(&app).at, label(&app).tally.n_labeled), (0, 0));
    assert_eq!(notice(&app), "me gave no answer that could be taken back");
    press(&mut app, "<>>2");
    assert_eq!(label(&app).at, 3, "on from the one that was gone to");
    press(&mut app, "n");
    assert_eq!(label(&app).at, 4);
}

#[test]
fn keys_that_come_before_the_answer_is_on_disk_wait_and_none_is_lost() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut app = opened(folder.path());
    for c in "1221 2".chars() {
        app.press(KeyEvent::new(KeyCode::Char(c), KeyModifiers::NONE));
    }
    let appended = |app: &mut App| {
        let tasks = app.take_tasks().world;
        tasks.iter().filter(|task| matches!(task, WorldTask::Label(_, LabelTask::Answer(_)))).count()
    };
    let (mut counted, mut settled) = (opened(folder.path()), app);
    for c in "12".chars() {
        counted.press(KeyEvent::new(KeyCode::Char(c), KeyModifiers::NONE));
    }
    assert_eq!(appended(&mut counted), 1, "the second answer waits for the first");
    settle(&mut settled);
    assert_eq!(answers(folder.path()), ["0 cat", "1 dog", "2 dog", "3 cat", "4 passed over", "5 dog"]);
}

#[test]
fn an_answer_that_cannot_be_written_is_told_and_the_image_stays() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut app = opened(folder.path());
    fs::create_dir(folder.path().join("labels.csv")).expect("in its place");
    press(&mut app, "1");
    assert_eq!((label(&app).at, label(&app).pace.n), (0, 0));
    assert!(notice(&app).starts_with("the answer is not recorded: cannot write "), "{}", notice(&app));
    fs::remove_dir(folder.path().join("labels.csv")).expect("gone");
    press(&mut app, "1u");
    assert_eq!(answers(folder.path()), ["0 cat", "0 taken back"]);
}

/// What the world has to say about the tasks that wait, which it does now.
fn on_its_way(app: &mut App) -> Vec<News> {
    let (sender, mut news) = tokio::sync::mpsc::unbounded_channel();
    for task in app.take_tasks().world {
        match task {
            WorldTask::OpenLabels(request) => labeling::open(&request, &sender),
            WorldTask::Label(desk, task) => labeling::follow(&desk, task, &sender),
            _ => {}
        }
    }
    std::iter::from_fn(|| news.try_recv().ok()).collect()
}

#[test]
fn what_comes_after_the_screen_was_left_is_not_taken_for_that_of_the_next_one() {
    let folders = [tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder")];
    let request = |folder: &tempfile::TempDir, class: &str| {
        let classes = vec![class.into()];
        fixmatch::labels::desk::Labeling { classes, ..sample::labeling_request(folder.path()) }
    };
    let (first, second) = (request(&folders[0], "cat"), request(&folders[1], "dog"));
    let open = |app: &mut App, request: &fixmatch::labels::desk::Labeling| {
        app.open(Screen::Label(Box::new(Label::new(request.clone()))));
    };
    // the images
    let mut app = sample::app();
    open(&mut app, &first);
    let late = on_its_way(&mut app);
    press(&mut app, "\x1b");
    open(&mut app, &second);
    for news in late {
        app.learn(news);
    }
    assert!(label(&app).desk().is_none(), "its own are still being looked for");
    settle(&mut app);
    assert_eq!(label(&app).classes, ["dog"].map(Name::from));
    // pictures and rows
    let mut app = sample::app();
    open(&mut app, &first);
    settle(&mut app);
    app.press(KeyEvent::new(KeyCode::Char('1'), KeyModifiers::NONE));
    app.update(Action::Last);
    let late = on_its_way(&mut app);
    assert!(late.len() >= 2, "{late:?}");
    press(&mut app, "\x1b");
    open(&mut app, &second);
    settle(&mut app);
    for news in late {
        app.learn(news);
    }
    assert_eq!((label(&app).answers.n_rows(), &label(&app).classes[..]), (0, &["dog".into()][..]));
    press(&mut app, "1");
    assert_eq!(answers(folders[1].path()), ["0 dog"]);
    assert_eq!(answers(folders[0].path()), ["0 cat"]);
}

#[test]
fn an_answer_that_cannot_be_written_is_told_also_after_its_screen_was_left() {
    let folder = tempfile::tempdir().expect("a folder");
    for opens_another in [false, true] {
        let mut app = opened(folder.path());
        fs::create_dir(folder.path().join("labels.csv")).expect("in its place");
        app.press(KeyEvent::new(KeyCode::Char('1'), KeyModifiers::NONE));
        let late = on_its_way(&mut app);
        fs::remove_dir(folder.path().join("labels.csv")).expect("gone");
        press(&mut app, "\x1b");
        if opens_another {
            app.open(Screen::Label(Box::new(Label::new(sample::labeling_request(folder.path())))));
            settle(&mut app);
        }
        for news in late {
            app.learn(news);
        }
        assert!(notice(&app).starts_with("the answer is not recorded: cannot write "), "{}", notice(&app));
    }
}

#[test]
fn several_are_marked_on_a_sheet_and_get_a_class_together() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut app = opened(folder.path());
    press(&mut app, "\t");
    assert_eq!(app.place(), Place::LabelGrid);
    press(&mut app, " > 2");
    assert_eq!(answers(folder.path()), ["0 dog", "2 dog"]);
    press(&mut app, "u");
    assert_eq!((label(&app).tally.n_labeled, notice(&app)), (0, "taken back: 2 answers"));
    press(&mut app, " \x1b1");
    assert_eq!(
        answers(folder.path())[4..],
        ["1 cat"],
        "Escape takes marks away; without, the one under the cursor is meant"
    );
    press(&mut app, "\x1b");
    assert_eq!(app.place(), Place::Label);
    press(&mut app, "\x1b");
    assert_eq!(app.place(), Place::Home);
}

#[test]
fn two_people_see_each_other_and_what_they_disagree_about() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut me = opened(folder.path());
    let mut you = sample::app_labeling_in(folder.path(), |request| request.who = Some("you".into()));
    press(&mut me, "1");
    you.tick(sample::NOW + 1.0);
    settle(&mut you);
    assert_eq!((label(&you).tally.n_labeled, label(&you).at), (1, 0));
    assert_eq!(label(&you).classes.last(), Some(&"cat".into()));
    press(&mut you, "/shirt\n");
    me.tick(sample::NOW + 1.0);
    settle(&mut me);
    assert!(label(&me).is_disputed(0));
    press(&mut me, "!");
    assert_eq!((label(&me).at, label(&me).tally.n_disputed), (0, 1));
    press(&mut you, "u");
    assert_eq!(answers(folder.path()).len(), 3);
}

#[test]
fn a_guess_is_hidden_until_it_is_asked_for_and_the_record_says_so() {
    let folder = tempfile::tempdir().expect("a folder");
    let guesses = folder.path().join("guesses.csv");
    fs::write(&guesses, "index,path,label,confidence\n0,,dog,0.9\n1,,cat,0.8\n2,,cat,0.7\n").expect("written");
    let mut app = sample::app_labeling_in(folder.path(), |request| {
        request.guesses = Some(guesses);
        request.classes = ["cat", "dog"].map(Name::from).to_vec();
    });
    press(&mut app, "\n");
    assert!(notice(&app).starts_with("no guess is shown that could be taken"), "{}", notice(&app));
    press(&mut app, "1g\ng21");
    assert_eq!(answers(folder.path()), ["0 cat", "1 cat saw cat", "2 dog saw cat", "3 cat"]);
    assert_eq!((label(&app).tally.n_guess_seen, label(&app).tally.n_guess_followed), (2, 1));
    press(&mut app, "g");
    assert_eq!(notice(&app), "there is no guess for this image");
}

#[test]
fn a_damaged_image_gets_no_class_and_can_be_passed_over() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut app = opened(folder.path());
    let cut = sample::news_of(&mut app, DeskNews::Looked(0, Err("it is cut short".into())));
    app.learn(cut);
    press(&mut app, "1");
    assert!(
        notice(&app).starts_with("an image that cannot be shown gets no class: it is cut short"),
        "{}",
        notice(&app)
    );
    press(&mut app, " ");
    assert_eq!(answers(folder.path()), ["0 passed over"]);
}

#[test]
fn who_only_looks_gives_no_answer() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut app = opened(folder.path());
    app.keymap.access = Access::ReadOnly;
    press(&mut app, "12 0u/>");
    assert!(answers(folder.path()).is_empty() && label(&app).finder.is_none());
    assert_eq!(label(&app).at, 1);
}

#[test]
fn a_click_gives_a_class_and_marks_an_image_of_the_sheet() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut app = opened(folder.path());
    let area = Rect::new(0, 0, 80, 24);
    let click = |app: &mut App, wanted: Spot| {
        let mut terminal = Terminal::new(TestBackend::new(80, 24)).expect("a terminal in memory");
        terminal.draw(|frame| views::draw(frame, app)).expect("memory does not fail");
        settle(app);
        let at = area.positions().find(|at| views::spot(app, area, *at) == Some(wanted)).expect("on the screen");
        app.point(MouseEventKind::Down(MouseButton::Left), views::spot(app, area, at));
        settle(app);
    };
    click(&mut app, Spot::Row(1));
    assert_eq!(answers(folder.path()), ["0 dog"]);
    press(&mut app, "\t");
    click(&mut app, Spot::Image(End::Most, 3));
    click(&mut app, Spot::Image(End::Most, 5));
    click(&mut app, Spot::Row(0));
    assert_eq!(answers(folder.path())[1..], ["3 cat", "5 cat"]);
}

#[test]
fn no_letter_that_means_something_stands_for_a_class() {
    let keys = class_keys(&Keymap::default());
    assert_eq!(keys.iter().collect::<String>().get(..12), Some("123456789abc"));
    assert!(!keys.iter().any(|key| "qungm?!0".contains(*key)), "{keys:?}");
}

#[test]
fn an_image_that_got_an_answer_elsewhere_meanwhile_is_given_another_only_on_purpose() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut app = opened(folder.path());
    let path = label(&app).desk().expect("here").images[0].name.clone();
    let (answer, who) = (Answer::Class("dog".into()), "me".into());
    let row = Row { line: 2, path, answer, time: "2026".into(), who, guess: None, seconds: None };
    let added = log::News { rows: vec![row], ..log::News::default() };
    let news = sample::news_of(&mut app, DeskNews::Added(Ok(added)));
    app.learn(news);
    press(&mut app, "1");
    assert_eq!((answers(folder.path()).len(), label(&app).at), (0, 0));
    assert!(
        notice(&app).starts_with("answered elsewhere meanwhile, dog: once more gives another, n "),
        "{}",
        notice(&app)
    );
    press(&mut app, "1");
    assert_eq!(answers(folder.path()), ["0 cat"]);
}
