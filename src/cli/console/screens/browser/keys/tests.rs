//! What a user does on the screens of label sets.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use fixmatch::config::{Metric, Pick, RunConfig};
use fixmatch::labels::saved::Overwrite;

use super::*;
use crate::console::keys::{Access, Place};
use crate::console::sample;
use crate::console::screens::Screen;
use crate::console::screens::browser::Start;
use crate::console::tasks::TerminalTask;
use crate::console::world::News;

fn press(app: &mut App, keys: &str) {
    for key in keys.chars() {
        let code = match key {
            '\r' => KeyCode::Enter,
            '\x1b' => KeyCode::Esc,
            '\t' => KeyCode::Tab,
            key => KeyCode::Char(key),
        };
        app.press(KeyEvent::new(code, KeyModifiers::NONE));
    }
}

fn browser(app: &App) -> Option<&Browser> {
    app.screens.iter().find_map(|screen| if let Screen::Browser(it) = screen { Some(&**it) } else { None })
}

fn asks(app: &App, before: Action) -> bool {
    matches!(&app.dialog, Some(Dialog::Confirm(Confirm::LeaveSet(action))) if *action == before)
}

fn notice(app: &App) -> &str {
    app.notice.as_ref().map_or("", |notice| &notice.text)
}

#[test]
fn a_set_is_named_saved_and_launched_with_a_preset_that_loads_its_file() {
    let mut app = sample::app_browsing();
    press(&mut app, "L\r");
    let tasks = app.take_tasks().world;
    let [WorldTask::SaveSet { name, set, then_launch: true, overwrite: Overwrite::No, .. }] = &tasks[..] else {
        panic!("{tasks:?}");
    };
    assert_eq!((name.as_str(), set.indices.len()), ("fashion-mini-6", 6));
    let (name, saved) = (name.clone(), Ok("/sets/fashion-mini-6.txt".into()));
    app.learn(News::SetSaved { name, then_launch: true, saved });
    press(&mut app, "\r"); // the quickstart is the only preset of these images
    assert_eq!(app.place(), Place::Preset);
    let draft = app.draft().expect("a preset");
    assert_eq!(draft.config.labels.pick, Pick::File("/sets/fashion-mini-6.txt".into()));
    press(&mut app, "\x1b");
    assert_eq!(app.place(), Place::Browser);
    // unchanged, it is not asked for a name again
    press(&mut app, "L");
    assert!(matches!(app.dialog, Some(Dialog::Choose(_))));
}

#[test]
fn a_race_is_two_runs_that_differ_in_the_end_of_the_order() {
    let mut app = sample::app_browsing();
    press(&mut app, "R\ry");
    let tasks = app.take_tasks().world;
    let [WorldTask::Race(contestants)] = &tasks[..] else { panic!("{tasks:?}") };
    let [most, least] = contestants.each_ref().map(|it| it.preset.resolve(&it.settings).expect("resolves"));
    assert_eq!(most.labels.pick, Pick::MostRepresentative);
    assert_eq!((most.labels.per_class, most.labels.ranking.as_deref()), (2, Some("/cache/agreement.json".as_ref())));
    let labels = fixmatch::config::Labels { pick: Pick::LeastRepresentative, ..most.labels.clone() };
    assert_eq!(least, RunConfig { labels, ..most });
    app.learn(News::Raced(Ok([sample::dir("a"), sample::dir("b")])));
    assert_eq!(app.place(), Place::Race);
    press(&mut app, "j\r");
    assert_eq!(app.run().map(|run| run.dir.clone()), Some(sample::dir("b")));
    press(&mut app, "\x1b\x1b");
    assert_eq!(app.place(), Place::Browser);
}

#[test]
fn presets_with_as_many_labels_as_the_set_stand_first_and_are_marked() {
    let mut app = sample::app_browsing();
    let quickstart = app.home.presets.iter().find(|row| row.preset.name == "quickstart").expect("shipped");
    let mut two = quickstart.clone();
    (two.preset.name, two.config.labels.per_class) = ("two".into(), 2);
    app.home.presets.push(two);
    press(&mut app, "R");
    let Some(Dialog::Choose(chooser)) = &app.dialog else { panic!("a list") };
    let lines: Vec<_> = chooser.shown().iter().map(|item| (item.text.as_str(), &item.note[..11])).collect();
    assert_eq!(lines[0], ("two", "✓ 2/class"));
    assert_eq!(lines[1], ("quickstart", "  4/class  "));
}

#[test]
fn a_missing_order_is_made_by_a_run() {
    let mut app = sample::app_browsing();
    press(&mut app, "oretr\r");
    assert!(matches!(app.take_tasks().world[..], [WorldTask::Rank(_, Metric::Retraining)]));
}

#[test]
fn what_cannot_be_is_said_with_the_numbers() {
    let mut app = sample::app_browsing();
    press(&mut app, "f");
    press(&mut app, "nothing\rs");
    assert!(notice(&app).contains("the label set is empty"), "{}", notice(&app));
    press(&mut app, " s");
    assert!(notice(&app).contains("2 of 3 classes have no labeled image: 1 (Ankle boot), 2 (Bag)"), "{}", notice(&app));
    press(&mut app, "++++R");
    assert!(notice(&app).contains("class 0 (Trouser) has only 20 training images"), "{}", notice(&app));
    press(&mut app, "/99\r");
    let Some(Dialog::Ask(ask)) = &app.dialog else { panic!("asked again") };
    assert_eq!(ask.error.as_deref(), Some("there is no training image 99: they go from 0 to 59"));
    press(&mut app, "\x1b/7\r");
    assert_eq!(browser(&app).and_then(Browser::selected), Some(7));
}

#[test]
fn a_set_that_was_edited_and_not_saved_is_not_left_without_a_question() {
    for (key, is_left) in [('n', false), ('y', true)] {
        let mut app = sample::app_browsing();
        press(&mut app, " \x1b");
        assert!(asks(&app, Action::Back));
        press(&mut app, &key.to_string());
        assert_eq!(browser(&app).is_none(), is_left);
    }
    let mut app = sample::app_browsing();
    press(&mut app, " q");
    assert!(app.take_tasks().terminal.is_empty() && asks(&app, Action::Quit));
    press(&mut app, "y");
    assert!(app.take_tasks().terminal == [TerminalTask::Quit]);
}

#[test]
fn read_only_looks_but_neither_saves_nor_launches() {
    let mut app = sample::app_browsing();
    app.keymap.access = Access::ReadOnly;
    for keys in ["s", "L", "R", "oretr\r"] {
        press(&mut app, keys);
        assert!(notice(&app).contains("--readonly"), "{keys}: {}", notice(&app));
    }
    assert!(app.take_tasks().world.is_empty());
}

#[test]
fn an_image_is_exchanged_for_one_that_is_looked_for() {
    let mut app = sample::app_browsing();
    let before = browser(&app).expect("open").set.indices.clone();
    press(&mut app, "xlll"); // to the least representative end
    press(&mut app, "\r");
    let open = browser(&app).expect("open");
    assert_ne!(open.set.indices, before);
    assert_eq!((open.set.indices.len(), open.swapping), (before.len(), None));
    press(&mut app, "u");
    assert_eq!(browser(&app).expect("open").set.indices, before);
}

#[test]
fn two_runs_are_marked_and_put_beside_each_other() {
    let mut app = sample::app_with_runs();
    press(&mut app, "gcjc");
    let Some(Screen::Race(race)) = app.screens.last() else { panic!("two runs") };
    assert_ne!(race.runs[0].dir, race.runs[1].dir);
    press(&mut app, "\x1b");
    assert_eq!(app.place(), Place::Home);
}

#[test]
fn the_browser_opens_on_what_a_preset_or_a_run_labels() {
    let mut app = sample::app();
    press(&mut app, "\rb");
    let opening = &browser(&app).expect("open").opening;
    assert_eq!((opening.data.dataset.as_str(), opening.seed), ("fashion-mini", 1));
    assert_eq!(opening.start, Some(Start::Pick(Pick::Random)));
    press(&mut app, "\x1b");
    assert_eq!(app.place(), Place::Preset);

    let mut app = sample::app_on_run();
    press(&mut app, "b");
    let opening = &browser(&app).expect("open").opening;
    assert_eq!(opening.start, Some(Start::Run(sample::run().dir)));
    let tasks = app.take_tasks().world;
    let is_asked = |task: &WorldTask| matches!(task, WorldTask::Base(preset, _) if preset == "quickstart");
    assert!(tasks.iter().any(is_asked), "{tasks:?}");
    press(&mut app, "\x1b");
    assert_eq!(app.place(), Place::Run);
}
