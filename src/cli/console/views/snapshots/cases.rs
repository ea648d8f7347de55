//! Consoles in every place, each with its name: what the snapshots are of.

use super::drawn;
use crate::console::app::App;
use crate::console::dialog::{Confirm, Dialog};
use crate::console::keys::Action;
use crate::console::sample;
use crate::console::screens::Screen;
use crate::console::screens::home::table::View;
use crate::console::screens::preset::Draft;
use crate::console::screens::pseudo_labels::tab::Tab;
use crate::console::screens::run::Page;
use crate::console::screens::suite::Study;
use crate::console::world::DeskNews;

pub(super) fn on_page(page: Page, mut app: App) -> App {
    app.run_mut().expect("open").page = page;
    app
}

pub(super) fn samples() -> App {
    let mut app = on_page(Page::Samples, sample::app_on_run());
    app.run_mut().expect("open").samples = sample::samples();
    app
}

fn predictions() -> App {
    let mut app = on_page(Page::Predictions, sample::app_on_run());
    app.run_mut().expect("open").predictions = sample::predictions();
    app
}

fn enlarged_prediction() -> App {
    let mut app = predictions();
    app.update(Action::Enter);
    app
}

fn enlarged() -> App {
    let mut app = samples();
    app.run_mut().expect("open").samples.enlarge();
    app
}

fn preset() -> App {
    let mut app = sample::app();
    app.update(Action::Enter);
    app
}

fn preset_beside_gpus() -> App {
    let mut app = preset();
    app.machine = Some(sample::machine());
    app
}

fn with_own_presets() -> App {
    let mut app = sample::app();
    app.home.take_own(sample::own_presets());
    for action in [Action::Down, Action::Enter, Action::Last, Action::Up] {
        app.update(action);
    }
    app
}

fn after(actions: &[Action], mut app: App) -> App {
    for action in actions {
        app.update(*action);
    }
    app
}

fn in_suite(study: Study, actions: &[Action]) -> App {
    after(actions, sample::app_on_suite(study))
}

fn with_dialog(dialog: Dialog) -> App {
    let mut app = sample::app_on_run();
    app.dialog = Some(dialog);
    app
}

fn changing() -> App {
    let mut app = sample::app_on_run();
    app.update(Action::Change);
    app
}

fn read_at_the_cursor() -> App {
    let mut app = sample::app_on_run();
    for action in [Action::Left, Action::Left, Action::ZoomIn, Action::Scale, Action::Smooth, Action::Enter] {
        app.update(action);
    }
    app
}

fn what_if() -> App {
    let mut app = sample::app_on_pseudo_labels(Tab::Strip);
    for action in [Action::LowerTau, Action::LowerTau, Action::Down, Action::Down, Action::Left] {
        app.update(action);
    }
    app
}

fn policies() -> App {
    let mut app = sample::app_on_pseudo_labels(Tab::Policies);
    drawn(&mut app, 80, 24); // the view says how many rows there are
    app.update(Action::Down);
    app
}

fn what_if_of_a_policy() -> App {
    let mut app = sample::app_on_pseudo_labels(Tab::Strip);
    app.update(Action::OtherPolicy);
    app
}

/// The policy by which pseudo-labels count in part, tried.
fn what_if_of_softmatch() -> App {
    let mut app = sample::app_on_pseudo_labels(Tab::Strip);
    for action in [Action::OtherPolicy; 3] {
        app.update(action);
    }
    app
}

/// The browser of label sets after some keys.
fn browsing(actions: &[Action]) -> App {
    let mut app = sample::app_browsing();
    drawn(&mut app, 80, 24); // the view says how many images stand beside each other
    for action in actions {
        app.update(*action);
    }
    app.take_tasks();
    app
}

fn naming_a_set() -> App {
    use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
    let mut app = browsing(&[Action::Save]);
    app.press(KeyEvent::new(KeyCode::Char('!'), KeyModifiers::NONE));
    if let Some(Dialog::Ask(ask)) = &mut app.dialog {
        ask.error = Some("\"fashion-mini-6!\" cannot be a label set's name".into());
    }
    app
}

fn without_hidden_labels() -> App {
    let mut app = sample::app_on_pseudo_labels(Tab::Strip);
    if let Some(run) = app.run_mut() {
        run.pseudo_labels.hide_labels();
    }
    app
}

fn followed_enlarged() -> App {
    let mut app = sample::app_on_pseudo_labels(Tab::Images);
    app.update(Action::Enter);
    app
}

pub(super) fn frozen(page: Page) -> App {
    let mut app = sample::app_on_pseudo_labels(Tab::Strip);
    for action in [Action::Earlier; 4] {
        app.update(action);
    }
    on_page(page, app)
}

/// A list of runs of which two are marked, and one raised an alarm.
fn marked() -> App {
    let mut app = sample::app_with_runs();
    if let crate::console::screens::home::Listing::Read(rows) = &mut app.home.runs {
        rows[0].summary.alarms = 2;
        rows[0].summary.last_alarm = Some((300, "one class takes 62 % of the pseudo-labels".into()));
    }
    for action in [Action::Down, Action::Mark, Action::Mark] {
        app.update(action);
    }
    app
}

fn deleting_marked() -> App {
    let mut app = marked();
    app.update(Action::Delete);
    app
}

fn draft(app: &mut App) -> &mut Draft {
    match app.screens.last_mut() {
        Some(Screen::Preset(draft)) => draft,
        other => panic!("{other:?} is no preset"),
    }
}

fn edited(actions: &[Action]) -> App {
    let mut app = preset();
    for (key, value) in [("train.steps", "900"), ("augment.strong", "none")] {
        draft(&mut app).set(format!("{key}={value}"));
    }
    app.update(Action::Baseline);
    for action in actions {
        app.update(*action);
    }
    app
}

fn mistyped() -> App {
    use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
    let mut app = edited(&[]);
    let draft = draft(&mut app);
    draft.form.at.at = draft.form.fields.iter().position(|it| it.key == "train.threshold").expect("a key");
    app.update(Action::Enter);
    for c in "x".chars() {
        app.press(KeyEvent::new(KeyCode::Char(c), KeyModifiers::NONE));
    }
    app
}

fn configuration() -> App {
    let mut app = sample::app_on_run();
    if let Some(Ok(file)) = app.run_mut().and_then(|run| run.file.as_mut()) {
        file.provenance.settings = vec!["train.batch=8".into()];
        file.config.train.batch = 8;
    }
    app.update(Action::Configuration);
    app
}

fn comparing(actions: &[Action]) -> App {
    after(actions, sample::app_compared())
}

fn racing_asked() -> App {
    let mut app = browsing(&[]);
    let row = &app.home.presets[0];
    let base = crate::console::screens::browser::Base { preset: row.preset.clone(), settings: Vec::new() };
    app.dialog = Some(Dialog::Confirm(Confirm::Race(base)));
    app
}

fn mistyped_filter() -> App {
    let mut app = sample::app_with_runs();
    app.home.filter.text = "acuracy>60%".into();
    app.home.is_filtering = true;
    app
}

/// Every screen with a name.
fn labeling(actions: &[Action]) -> App {
    let mut app = sample::app_labeling();
    drawn(&mut app, 80, 24);
    for action in actions {
        app.update(*action);
        drawn(&mut app, 80, 24);
    }
    app
}

fn label_damaged() -> App {
    let mut app = sample::app_labeling();
    let cut = sample::news_of(&mut app, DeskNews::Looked(11, Err("it is cut short: its end is missing".into())));
    app.learn(cut);
    app
}

pub(super) fn screens() -> Vec<(&'static str, App)> {
    vec![
        ("home_without_runs", sample::app()),
        ("home", sample::app_with_runs()),
        ("home_own", with_own_presets()),
        ("suite_4", sample::app_on_suite(sample::study(2, 2))),
        ("suite_400", sample::app_on_suite(sample::study(20, 20))),
        ("suite_400_end", in_suite(sample::study(20, 20), &[Action::Last, Action::Up, Action::Right, Action::Right])),
        ("suite_runs", in_suite(sample::study(2, 2), &[Action::Down, Action::Enter])),
        ("suite_on_slurm", in_suite(sample::study_on_slurm(false), &[Action::Down])),
        ("suite_on_slurm_gone", in_suite(sample::study_on_slurm(true), &[Action::Down, Action::Right])),
        (
            "suite_on_slurm_runs",
            in_suite(sample::study_on_slurm(true), &[Action::Down, Action::Right, Action::Enter, Action::Down]),
        ),
        ("suite_start", in_suite(Study { wanted: None, has_queue: false, ..sample::study(2, 2) }, &[Action::Launch])),
        ("preset", preset()),
        ("preset_beside_gpus", preset_beside_gpus()),
        ("run", sample::app_on_run()),
        ("run_on_gpu", sample::app_on_gpu_run()),
        ("run_without_test_images", sample::app_on_untested_run()),
        ("classes_without_test_images", after(&[Action::Next; 4], sample::app_on_untested_run())),
        ("run_read_at_the_cursor", read_at_the_cursor()),
        ("log", on_page(Page::Log, sample::app_on_run())),
        ("samples", samples()),
        ("predictions", predictions()),
        ("predictions_enlarged", enlarged_prediction()),
        ("sample_enlarged", enlarged()),
        ("pseudo_labels", sample::app_on_pseudo_labels(Tab::Strip)),
        ("pseudo_labels_what_if", what_if()),
        ("pseudo_labels_what_if_of_a_policy", what_if_of_a_policy()),
        ("pseudo_labels_what_if_of_softmatch", what_if_of_softmatch()),
        ("policies", policies()),
        ("pseudo_labels_without_hidden_labels", without_hidden_labels()),
        ("pseudo_labels_frozen", frozen(Page::PseudoLabels)),
        ("run_frozen", frozen(Page::Charts)),
        ("followed", sample::app_on_pseudo_labels(Tab::Images)),
        ("followed_enlarged", followed_enlarged()),
        ("confusion", sample::app_on_pseudo_labels(Tab::Confusion)),
        ("classes", sample::app_on_pseudo_labels(Tab::Classes)),
        ("rates", sample::app_on_pseudo_labels(Tab::Rates)),
        ("help", with_dialog(Dialog::Help(0))),
        ("stop", with_dialog(Dialog::Confirm(Confirm::Stop(vec![sample::dir("20261123-180112-quickstart-s0")], 0)))),
        ("change", changing()),
        ("label_sets", sample::app_on_label_sets()),
        ("browser_ends", browsing(&[Action::Right, Action::Down])),
        ("browser_order", browsing(&[Action::Next, Action::Right])),
        ("browser_set", browsing(&[Action::Next, Action::Next, Action::SwapLess])),
        ("browser_scores", browsing(&[Action::Next, Action::Next, Action::Next])),
        ("browser_image", browsing(&[Action::Right, Action::Enter])),
        ("browser_swap", browsing(&[Action::Swap, Action::Down])),
        ("browser_start", browsing(&[Action::From])),
        ("browser_orders", browsing(&[Action::Ranking])),
        ("browser_name", naming_a_set()),
        ("two_runs", sample::app_racing()),
        ("five_runs", sample::app_comparing()),
        ("compared_curves", comparing(&[Action::Down, Action::Left, Action::Left])),
        ("compared_verdict", comparing(&[Action::Next])),
        ("compared_classes", comparing(&[Action::Next, Action::Next])),
        ("compared_runs", comparing(&[Action::Next, Action::Next, Action::Next])),
        ("home_filter_mistyped", mistyped_filter()),
        ("home_marked", marked()),
        ("home_values", sample::app_with_compared_runs(View::Values)),
        ("home_groups", sample::app_with_compared_runs(View::Groups)),
        ("delete_marked", deleting_marked()),
        ("preset_edited", edited(&[Action::Last, Action::PageUp, Action::Right])),
        ("preset_mistyped", mistyped()),
        ("preset_left", edited(&[Action::Right, Action::Back])),
        ("configuration", configuration()),
        ("changes", sample::app_on_changes(14)),
        ("race_asked", racing_asked()),
        ("label", sample::app_labeling()),
        ("label_disputed", labeling(&[Action::First, Action::Disputed])),
        ("label_sheet", labeling(&[Action::Next, Action::Mark, Action::Right, Action::Mark])),
        ("label_class", labeling(&[Action::Filter])),
        ("label_damaged", label_damaged()),
    ]
}
