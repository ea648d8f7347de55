//! A run, runs and images for tests: always the same, whatever the clock says.

use std::path::PathBuf;
use std::time::Duration;

use fixmatch::base::image::Image;
use fixmatch::compare::crossval::{Crossval, Tested};
use fixmatch::config::preset::Preset;
use fixmatch::config::preset::own::{Own, Taken};
use fixmatch::config::{Part, RunConfig};
use fixmatch::run::card::Card;
use fixmatch::run::change::{Change, Request};
use fixmatch::run::dir::RunDir;
use fixmatch::run::event::{Compared, Evaluated, Evaluation, Event, Progress, Record, Started};
use fixmatch::run::file::{Environment, Parent, Provenance, RunFile};
use fixmatch::run::heartbeat::Phase;
use fixmatch::run::jobs::Jobs;
use fixmatch::run::setup::Setup;
use fixmatch::run::state::{LastState, Status};
use fixmatch::run::summary::Summary;
use fixmatch::run::survey::Row;

use super::app::App;
use super::glyphs::Glyphs;
use super::keys::Keymap;
use super::machine::{Gpu, Machine};
use super::screens::Screen;
use super::screens::home::groups::OwnPresets;
use super::screens::home::{DataState, Listing};
use super::screens::run::{Glance, OpenRun, Reading};
use fixmatch::data::{Images, UNKNOWN};

use super::screens::predictions::{self, Predictions, Told};
use super::screens::samples::{Loading, Sample, Samples, Sheet};
use super::theme::{Depth, Theme};
use super::world::News;

mod browsing;
mod labeling;
mod pseudo_labels;
mod racing;
mod suite;

pub use browsing::{app_browsing, app_on_label_sets, atlas, browser};
pub use labeling::{app_labeling, app_labeling_in, news_of, request as labeling_request};
pub use pseudo_labels::{app_on_pseudo_labels, give_classes};
pub use racing::{app_compared, app_comparing, app_racing, app_with_compared_runs, compared};
pub use suite::{app_on_suite, study, study_on_slurm};

/// The moment at which the tests take place.
pub const NOW: f64 = 1_795_456_800.0;

/// A console that nothing is known to but the presets.
pub fn app() -> App {
    let mut app = App::new(Keymap::default(), Theme { depth: Depth::Indexed }, Glyphs::Braille, NOW);
    // Few of the shipped presets, so that a new one changes no test.
    let names = ["quickstart", "paper/cifar10-40", "paper/cifar10-250", "paper/cifar10-4000", "slides/labels-4"];
    app.home.presets.retain(|row| names.contains(&row.preset.name.as_str()));
    app.learn(News::Data("fashion-mini".into(), DataState::Here));
    app.learn(News::Data("cifar10".into(), DataState::Missing(170_052_171)));
    app
}

/// Presets of one's own: one to train, one whose name is taken, one that is broken.
pub fn own_presets() -> OwnPresets {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let preset = |name: &str| {
        let file = folder.path().join(format!("{name}.toml"));
        std::fs::write(&file, "extends = \"quickstart\"").expect("written");
        Preset::from_file(&file).expect("reads")
    };
    let own = |name: &str, preset, taken| Own {
        name: name.into(),
        path: PathBuf::from(format!("experiments/{name}.toml")),
        preset,
        taken,
    };
    let here = DataState::Here;
    OwnPresets {
        expressions: [("good", "accuracy>0.7 status!=failed"), ("bad", "accuracy>")]
            .map(|(name, text)| (name.into(), text.into()))
            .into(),
        folders: vec!["experiments".into(), "/home/me/.config/fixmatch/presets".into()],
        rows: vec![
            (own("mine", Ok(preset("mine")), None), Ok(config()), here.clone()),
            (own("quickstart", Ok(preset("quickstart")), Some(Taken::Shipped)), Ok(config()), here),
            (
                own("broken", Err("no".into()), None),
                Err("experiments/broken.toml: line 3: no key".into()),
                DataState::Unknown,
            ),
        ],
    }
}

/// A console with runs of every kind.
pub fn app_with_runs() -> App {
    let mut app = app();
    app.learn(News::Runs(Listing::Read(rows())));
    app
}

/// A console on a run.
pub fn app_on_run() -> App {
    let mut app = app_with_runs();
    let run = run();
    app.open(Screen::Run(Box::new(run)));
    app.take_tasks();
    app
}

/// The same without test images, whose labeled images two of five parts have tested.
pub fn app_on_untested_run() -> App {
    let untested = |mut record: Record| {
        match record.event {
            Event::Started(ref mut started) => started.n_test = 0,
            Event::Evaluated(evaluated) => {
                let predicted = (0..10).map(|class| 820 + 40 * class).collect();
                let compared = Compared {
                    step: evaluated.step,
                    n: 10_000,
                    agreement: 0.872,
                    predicted,
                    rates: None,
                    requested: false,
                };
                record.event = Event::Compared(Box::new(compared));
            }
            _ => {}
        }
        record
    };
    let tested =
        |number| Tested { part: Part { number, of: 5 }, run: dir("a-part"), n: 8, n_right: 4 + u64::from(number) };
    let crossval = Crossval { of: 5, tested: vec![tested(1), tested(2)] };
    let run = run_of(records(31).into_iter().map(untested).collect());
    let mut app = app_with_runs();
    app.open(Screen::Run(Box::new(OpenRun { crossval: Some(crossval), ..run })));
    app.take_tasks();
    app
}

/// A suspended run with `n` more changes, one at each step from 301 on, in the list of them: those from 313 on lie ahead.
pub fn app_on_changes(n: u64) -> App {
    let mut app = app_on_run();
    let run = app.run_mut().expect("open");
    let change = |i: u64| {
        let (id, step) = (format!("c{i}"), 300 + i);
        let (change, who) = (Change::LrFactor(1.0 + i as f64 / 4.0), "me@here".to_owned());
        let accepted = Event::Accepted { id: id.clone(), request: Request::Set(change), who };
        let applied = Event::Applied { id, step, change: Some(change), undoes: None, cancels: Vec::new() };
        [accepted, applied].map(|event| Record { time: NOW, event })
    };
    run.take(Reading { records: (1..=n).flat_map(change).collect(), ..Reading::default() }, NOW);
    run.glance.as_mut().expect("read").status = Status::Suspended;
    app.update(super::keys::Action::Changes);
    app
}

/// A machine with two GPUs, one of which others use.
pub fn machine() -> Machine {
    let gpu = |used, holders: &[(&str, u64)]| Gpu {
        name: "NVIDIA H100 80GB HBM3".into(),
        memory: Some((used, 85_520_000_000)),
        utilization: Some(0.87),
        temperature: Some(61),
        holders: holders.iter().map(|(who, n_bytes)| ((*who).to_owned(), *n_bytes)).collect(),
    };
    let busy = gpu(31_000_000_000, &[("me", 21_000_000_000), ("you", 9_500_000_000)]);
    let memory = Some((61_000_000_000, 64_000_000_000));
    Machine { host: "here".into(), n_cores: 16, memory, gpus: vec![busy, gpu(400_000_000, &[])] }
}

/// A console on a run that trains on the first of them.
pub fn app_on_gpu_run() -> App {
    let mut app = app_on_run();
    app.machine = Some(machine());
    if let Some(started) = app.run_mut().and_then(|run| run.state.started.as_mut()) {
        started.device = "cuda:0".into();
    }
    if let Some(Ok(file)) = app.run_mut().and_then(|run| run.file.as_mut()) {
        file.environment = Some(Environment {
            host: "here".into(),
            cpu: String::new(),
            device: "cuda:0".into(),
            gpu: Some("NVIDIA H200".into()),
            cuda_visible_devices: None,
            libtorch: String::new(),
            threads: 2,
            version: String::new(),
            data_digest: String::new(),
            data_known: true,
            instructions: None,
            input: None,
        });
    }
    app
}

/// A directory with that name, which need not be there.
pub fn dir(name: &str) -> RunDir {
    RunDir::at(std::path::Path::new("/runs").join(name))
}

pub fn rows() -> Vec<Row> {
    let row = |name: &str, status, step, last_state: Option<LastState>| Row {
        dir: dir(&format!("20261123-180112-{name}")),
        status,
        summary: Summary {
            jobs: Jobs::default(),
            fails_again: matches!(status, Status::Failed),
            step,
            steps: 500,
            ema_accuracy: Some(0.712),
            best: Some(0.72),
            median: Some(0.7),
            agreement: None,
            last_state,
            trend: (1..=10).map(|x| 1.0 - 1.0 / x as f32).collect(),
            step_s: Some(0.05),
            training_s: 0.0,
            n_test: 0,
            changes: 0,
            memory_bytes: 300_000_000,
            alarms: 0,
            last_alarm: None,
            at_chance: false,
            labels: String::new(),
            n_log_bytes: 0,
        },
        phase: None,
        created: Some(NOW - 192.0),
        preset: "quickstart".into(),
        parent: None,
        remaining: None,
        setup: Setup::of(&config()).filter(|_| name == "quickstart-s2"),
        images: None,
        file: None,
        card: Card::default(),
        is_damaged: false,
        error: None,
    };
    let failed = Some(LastState::Failed("the loss is not finite at step 120: lower train.lr".into()));
    let mut broken = row("broken", Status::Lost, 0, None);
    let mut fork = row("quickstart-s3", Status::Lost, 44, Some(LastState::Running));
    fork.parent = Some(Parent { run: "20261123-180112-quickstart-s0".into(), step: 40 });
    broken.error = Some("run.toml: expected a table".into());
    (broken.summary, broken.created) = (Summary::default(), None);
    vec![
        Row {
            remaining: Some(Duration::from_secs(72)),
            ..row("quickstart-s0", Status::Running, 312, Some(LastState::Running))
        },
        row("quickstart-s1", Status::Paused, 200, Some(LastState::Paused)),
        row("quickstart-s2", Status::Finished, 500, Some(LastState::Finished)),
        row("slides-labels-4-s0", Status::Suspended, 90, Some(LastState::Suspended)),
        row("paper-cifar10-40-s0", Status::Failed, 120, failed),
        fork,
        broken,
    ]
}

fn config() -> RunConfig {
    Preset::find("quickstart").and_then(|preset| preset.resolve(&[])).expect("the quickstart resolves")
}

/// A quickstart at step 310 of 500 in which τ was changed at step 200.
pub fn run() -> OpenRun {
    run_of(records(31))
}

fn run_of(records: Vec<Record>) -> OpenRun {
    let mut run = OpenRun::new(dir("20261123-180112-quickstart-s0"));
    let provenance = Provenance {
        preset: "quickstart".into(),
        settings: vec![],
        version: "0".into(),
        who: "me@here".into(),
        created: "2026-11-23T18:01:00Z".into(),
        parent: None,
        suite: None,
    };
    let file = RunFile { provenance, environment: None, config: config() };
    let glance = Glance {
        status: Status::Running,
        step: 312,
        phase: Some(Phase::Training),
        remaining: Some(Duration::from_secs(72)),
        silent: None,
        ahead_from: 313,
    };
    run.take(Reading { file: Some(Ok(Box::new(file))), records, glance: Some(glance), ..Reading::default() }, NOW);
    run
}

/// The events of the first `n` windows of ten steps.
pub fn records(n: u64) -> Vec<Record> {
    let classes =
        ["T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"];
    let started = Started {
        steps: 500,
        device: "cpu".into(),
        threads: 2,
        n_parameters: 140_000,
        n_labeled: 40,
        n_unlabeled: 10_000,
        n_test: 2000,
        classes: classes.map(Into::into).to_vec(),
        labeled_per_class: vec![4; 10],
        digests: None,
    };
    let launched = Event::Launched { pid: 77, host: "here".into(), version: "0".into(), job: None };
    let mut events = vec![(0.0, launched), (1.0, Event::Started(Box::new(started)))];
    for window in 1..=n {
        let time = 1.0 + window as f64;
        events.push((time, Event::Progress(progress(window))));
        if window % 5 == 0 {
            events.push((time + 0.1, Event::Evaluated(Box::new(evaluated(window)))));
        }
        if window == 20 {
            let change = Change::Threshold(0.9);
            let (id, who) = ("1".to_owned(), "me@here".to_owned());
            events.push((time + 0.2, Event::Accepted { id: id.clone(), request: Request::Set(change), who }));
            events.push((
                time + 0.3,
                Event::Applied { id, step: 200, change: Some(change), undoes: None, cancels: Vec::new() },
            ));
        }
    }
    events.into_iter().map(|(time, event)| Record { time: NOW - 100.0 + time, event }).collect()
}

fn progress(window: u64) -> Progress {
    let x = window as f64;
    let wiggle = 0.05 * (x * 1.7).sin();
    Progress {
        step: 10 * window,
        n_steps: 10,
        loss: 0.3 + 2.0 * (-x / 8.0).exp() + wiggle,
        loss_supervised: 0.1 + 1.8 * (-x / 6.0).exp() + wiggle / 2.0,
        loss_unsupervised: 0.2 + wiggle / 2.0,
        lr: 0.06 * (x / 50.0 * 1.374).cos(),
        mask_ratio: Some(0.8 - 0.7 * (-x / 10.0).exp() + wiggle / 2.0),
        pseudo_label_accuracy: (window > 2).then_some(0.85 + wiggle),
        images_per_s: 4012.0,
        data_wait: 0.02,
        memory_bytes: 1_100_000_000,
    }
}

/// 200 images of each class, of which the wrong ones are taken for the next class or for class 6.
fn confusion(accuracy: f64) -> Vec<Vec<u32>> {
    let row = |class: usize| {
        let n_right = (200.0 * accuracy) as u32;
        let mut row = vec![0; 10];
        row[class] = n_right;
        row[(class + 1) % 10] += (200 - n_right) / 3;
        row[6] += 200 - n_right - (200 - n_right) / 3;
        row
    };
    (0..10).map(row).collect()
}

fn evaluated(window: u64) -> Evaluated {
    let accuracy = 0.8 - 0.6 * (-(window as f64) / 9.0).exp();
    let scores = |accuracy: f64| Evaluation {
        accuracy,
        loss: 0.5,
        per_class: (0..10).map(|class| (class != 3).then_some((accuracy + 0.03 * class as f64).min(1.0))).collect(),
        confusion: confusion(accuracy),
    };
    Evaluated {
        step: 10 * window,
        raw: scores(accuracy - 0.04),
        ema: scores(accuracy),
        median: accuracy,
        median_of: window / 5,
        best: accuracy,
        best_step: 10 * window,
        rates: None,
        requested: false,
    }
}

/// Puts a loss of a hundred times the usual into one window.
pub fn spike(run: &mut OpenRun) {
    let progress = Progress { loss: 50.0, ..progress(32) };
    let records = vec![Record { time: NOW, event: Event::Progress(progress) }];
    run.take(Reading { records, ..Reading::default() }, NOW);
}

/// Twelve images, of which a network is ever surer, taken for two classes in turn.
pub fn predictions() -> Predictions {
    let told = |i: u32| {
        let (class, p) = ((i % 2) as usize, 0.5 + i as f32 / 25.0);
        let name = format!("photos/IMG_{i:04}.jpg").into();
        Told { index: 100 + i, name, top: vec![(class, p), (1 - class, 1.0 - p)] }
    };
    let pixels = (0..112 * 28 * 28).map(|p: usize| (p * (p / 784) / 3 % 256) as u8).collect();
    let images = Images { width: 28, height: 28, channels: 1, pixels, labels: vec![UNKNOWN; 112] };
    let classes = vec!["Trouser".into(), "Ankle boot".into()];
    let sheet = predictions::Sheet { step: 300, classes, told: (0..12).map(told).collect(), n_all: 9960, images };
    let mut predictions =
        Predictions { loading: predictions::Loading::Read(Box::new(sheet)), ..Predictions::default() };
    predictions.arrange_by(&[]);
    predictions
}

/// Twelve images of two classes.
pub fn samples() -> Samples {
    let image = |i: u32| Image::new(28, 28, 1, (0..28 * 28).map(|p| ((p * (i + 1) / 3) % 256) as u8).collect());
    let sample =
        |i: u32| Sample { index: 100 + i, class: if i < 6 { "Trouser" } else { "Ankle boot" }.into(), image: image(i) };
    let sheet = Sheet::new((0..12).map(sample).collect(), &config());
    let mut samples = Samples::default();
    samples.loading = Loading::Read(sheet);
    samples
}
