//! A run, runs and images for tests: always the same, whatever the clock says.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use fixmatch::augment::ctaugment::Rates;
use fixmatch::base::image::Image;
use fixmatch::config::preset::Preset;
use fixmatch::config::preset::own::{Own, Taken};
use fixmatch::config::{Pick, Policy, Rank, RunConfig, Table};
use fixmatch::data::{Dataset, Images, Known};
use fixmatch::labels::file::Header;
use fixmatch::labels::pick::by_ranking;
use fixmatch::labels::ranking::{Made, Neighbors, Predictions, Ranking};
use fixmatch::labels::saved::Saved;
use fixmatch::run::card::Card;
use fixmatch::run::change::{Change, Request};
use fixmatch::run::dir::RunDir;
use fixmatch::run::event::{Evaluated, Evaluation, Event, Progress, Record, Started};
use fixmatch::run::file::{Environment, Parent, Provenance, RunFile};
use fixmatch::run::heartbeat::Phase;
use fixmatch::run::insight::{
    EDGES, Histogram, Judged, N_BINS, Opinion, Panel, Pointer, Quantity, Record as Bulk, Verdict,
};
use fixmatch::run::jobs::Jobs;
use fixmatch::run::setup::Setup;
use fixmatch::run::state::{LastState, Status, Summary};
use fixmatch::run::survey::Row;
use strum::VariantArray as _;

use super::app::App;
use super::glyphs::Glyphs;
use super::keys::Keymap;
use super::machine::{Gpu, Machine};
use super::screens::Screen;
use super::screens::browser::atlas::Atlas;
use super::screens::browser::{Browser, Opening};
use super::screens::home::groups::OwnPresets;
use super::screens::home::{DataState, Listing};
use super::screens::label_sets;
use super::screens::pseudo_labels::tab::Tab;
use super::screens::run::{Glance, OpenRun, Page, Reading};
use super::screens::samples::{Loading, Sample, Samples, Sheet};
use super::theme::{Depth, Theme};
use super::world::News;
use fixmatch::labels::order::Order;

mod labeling;
mod suite;

pub use labeling::{app_labeling, app_labeling_in, news_of, request as labeling_request};
pub use suite::{app_on_suite, study};

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
    if let Some(Ok(file)) = app.run_mut().and_then(|run| run.file.as_mut()) {
        file.environment = Some(Environment {
            host: "here".into(),
            cpu: String::new(),
            device: "cuda:0".into(),
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

fn rows() -> Vec<Row> {
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
    run.take(
        Reading { file: Some(Ok(Box::new(file))), records: records(31), glance: Some(glance), ..Reading::default() },
        NOW,
    );
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
    let mut events = vec![(0.0, launched), (1.0, Event::Started(started))];
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

/// A console on what the pseudo-labels of a run do.
pub fn app_on_pseudo_labels(tab: Tab) -> App {
    let mut app = app_on_run();
    if let Some(run) = app.run_mut() {
        record_pseudo_labels(run);
        run.pseudo_labels.tab = tab;
        run.page = Page::PseudoLabels;
    }
    app
}

/// Gives a run the records that belong to its evaluations.
fn record_pseudo_labels(run: &mut OpenRun) {
    let n_rates = Rates::ones(Table::Paper).values().len();
    let (mut records, steps) = (Vec::new(), run.state.evaluations.iter().map(|it| it.step).collect::<Vec<_>>());
    for (i, &step) in steps.iter().enumerate() {
        for record in [Bulk::Histogram(histogram(step)), Bulk::Panel(panel(step))] {
            let place = Pointer { step, record: record.kind(), offset: records.len() as u64, n_bytes: 1 };
            records.push((place, Ok(record)));
            run.state.insights.push(place);
        }
        let rate = |bin: usize| (1000 - (bin % 17) * (i + 1) * 9) as u16;
        run.state.evaluations[i].rates = Some((0..n_rates).map(rate).collect());
    }
    run.pseudo_labels.take(records);
    run.pseudo_labels.is_open = true;
    let image = |i: u32| Image::new(28, 28, 1, (0..28 * 28).map(|p| ((p * (i + 2) / 5) % 256) as u8).collect());
    let sample = |i: u32| Sample { index: 100 + i, class: "Shirt".into(), image: image(i) };
    run.pseudo_labels.sheet = Loading::Read(Sheet::new((0..12).map(sample).collect(), &config()));
}

/// More and surer pseudo-labels the later; of class 6 more than its share, and fewer of them right.
fn histogram(step: u64) -> Histogram {
    let mut cells = vec![0; Histogram::n_cells(10)];
    for class in 0..10_u64 {
        for bin in 3..N_BINS as u64 {
            let n = (bin * bin * (step + 100 * u64::from(class == 6)) / 40 + 7 * class) / (1 + 24 - bin);
            let wrong = n * (2 + 3 * u64::from(class == 6)) / (bin + 2);
            let accepted = u64::from(bin >= 18);
            let cell = 4 * (class * N_BINS as u64 + bin);
            cells[(cell + accepted) as usize] = wrong.min(n);
            cells[(cell + 2 + accepted) as usize] = n - wrong.min(n);
        }
    }
    let head = Histogram { step, n_steps: 50, threshold: 0.95, has_oracle: true, ..Histogram::default() };
    let histogram = head.from_cells(&cells);
    Histogram { judged: judged(&histogram), ..histogram }
}

/// The paper's rule decides; the others accept from lower confidences, in class 6 from the lowest.
fn judged(histogram: &Histogram) -> Vec<Judged> {
    let of = |(i, &policy): (usize, &Policy)| {
        let threshold = |class: usize| match policy {
            Policy::Fixed => 0.95,
            Policy::Softmatch => 0.91,
            _ => 0.95 - 0.02 * i as f32 * (class + 1) as f32 - 0.1 * f32::from(u8::from(class == 6)),
        };
        let bins = |class: usize| histogram.of_class(class).iter().zip(EDGES);
        let counted = |class| {
            bins(class).filter(|(_, edge)| *edge + 1e-6 >= f64::from(threshold(class))).map(|(count, _)| *count).sum()
        };
        let n = if matches!(policy, Policy::Fixed | Policy::Softmatch) { 1 } else { 10 };
        let mut memory = vec![(Quantity::Threshold, (0..n).map(threshold).collect())];
        let share = |class: usize| 0.05 + 0.01 * class as f32;
        memory.extend(match policy {
            Policy::Fixed => vec![],
            Policy::Flexmatch => vec![(Quantity::Status, (0..10).map(|class| 1.0 - 0.06 * class as f32).collect())],
            Policy::Freematch => {
                [Quantity::Shares, Quantity::Histogram].map(|it| (it, (0..10).map(share).collect())).into()
            }
            Policy::Softmatch => vec![(Quantity::Deviation, vec![0.07])],
        });
        let (decides, since) = (i == 0, if i == 3 { 120 } else { 0 });
        Judged { policy, decides, since, counted: (0..10).map(counted).collect(), memory }
    };
    Policy::VARIANTS.iter().enumerate().map(of).collect()
}

fn panel(step: u64) -> Panel {
    let opinion = |i: u32| {
        let label = (i % 10) as u16;
        let class = if step < 40 * u64::from(i) { 6 } else { label };
        let online = Verdict { class, confidence: 0.4 + step as f32 / 600.0 };
        let ema = Verdict { class: if i.is_multiple_of(4) { 6 } else { class }, confidence: 0.7 };
        Opinion { index: 100 + i, label: Some(label), ema, online }
    };
    Panel { step, unlabeled: (0..12).map(opinion).collect(), labeled: vec![] }
}

/// Makes it a run with so many classes, whose names are as wide as names come.
pub fn give_classes(run: &mut OpenRun, n: usize) {
    if let Some(started) = &mut run.state.started {
        started.classes = (0..n).map(|class| format!("長い名前の組 {class}").into()).collect();
        started.labeled_per_class = vec![4; n];
    }
    let mut confusion = vec![vec![0; n]; n];
    for (class, row) in confusion.iter_mut().enumerate() {
        (row[(class + 1) % n], row[class]) = (3, 17);
    }
    for evaluated in &mut run.state.evaluations {
        evaluated.ema.per_class = vec![Some(0.85); n];
        evaluated.ema.confusion = confusion.clone();
    }
    let place = Pointer { step: 305, record: fixmatch::run::insight::Kind::Histogram, offset: 1 << 20, n_bytes: 1 };
    let head = Histogram { step: 305, n_steps: 5, threshold: 0.95, has_oracle: true, ..Histogram::default() };
    run.pseudo_labels.take(vec![(place, Ok(Bulk::Histogram(head.from_cells(&vec![1; Histogram::n_cells(n)]))))]);
    run.state.insights.push(place);
}

/// Puts a loss of a hundred times the usual into one window.
pub fn spike(run: &mut OpenRun) {
    let progress = Progress { loss: 50.0, ..progress(32) };
    let records = vec![Record { time: NOW, event: Event::Progress(progress) }];
    run.take(Reading { records, ..Reading::default() }, NOW);
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

/// Sixty small images of three classes, ordered by two metrics.
pub fn atlas() -> Atlas {
    let (n, side) = (60_u32, 28);
    let pixel = |i: u32, p: u32| ((p * (i % 7 + 1) / 3 + 5 * i) % 256) as u8;
    let images = |n: u32| Images {
        width: side,
        height: side,
        channels: 1,
        pixels: (0..n).flat_map(|i| (0..(side * side) as u32).map(move |p| pixel(i, p))).collect(),
        labels: (0..n).map(|i| (i % 3) as u16).collect(),
    };
    let dataset = Dataset {
        name: "fashion-mini".into(),
        classes: ["Trouser", "Ankle boot", "Bag"].map(Into::into).to_vec(),
        train: images(n),
        unlabeled: None,
        test: images(3),
        digest: "d".repeat(64),
        known: Known::Own,
        read: None,
        own: None,
        folds: Vec::new(),
        warnings: Vec::new(),
    };
    let order = |by: fixmatch::config::Metric, scores: Vec<f32>| {
        let needs_labels = by.needs_labels();
        let probabilities: Vec<f32> = scores.iter().flat_map(|x| [0.7 * x, 0.3, 0.7 - 0.7 * x]).collect();
        let near: Vec<Vec<u32>> = (0..n).map(|i| (1..=8).map(|by| (i + by) % n).collect()).collect();
        let ranking = Ranking {
            dataset: "fashion-mini".into(),
            data_digest: "d".repeat(64),
            rank: Rank { by, ..Rank::default() },
            needs_labels,
            made: Made { version: "0".into(), run: format!("20261123-180112-rank-fashion-mini-{by}-s0") },
            order: fixmatch::labels::ranking::order(by, &scores),
            scores,
            clusters: (!needs_labels).then(|| vec![0; n as usize]),
            predictions: needs_labels.then(|| Predictions::new(3, &probabilities)),
            neighbors: (!needs_labels).then(|| Neighbors::new(&near)),
        };
        Order::new(std::path::Path::new(&format!("/cache/{by}.json")), ranking, &dataset).expect("of these images")
    };
    let agreement = (0..n).map(|i| (i * 37 % n) as f32 / n as f32).collect();
    let typicality = (0..n).map(|i| 1.0 / (1.0 + (i * 37 % n + i % 5) as f32)).collect();
    let orders = vec![
        order(fixmatch::config::Metric::Agreement, agreement),
        order(fixmatch::config::Metric::Typicality, typicality),
    ];
    Atlas::new(dataset, orders, Vec::new())
}

/// The browser on them, with two images of each class in the set.
pub fn browser() -> Browser {
    let mut browser = Browser::new(Opening { per_class: Some(2), ..Opening::default() });
    browser.opening.data.dataset = "fashion-mini".into();
    let atlas = Arc::new(atlas());
    let ranking = &atlas.orders[0].order.ranking;
    let set = by_ranking(&atlas.dataset, ranking, 2, &Pick::MostRepresentative).expect("enough images");
    browser.take(atlas);
    browser.start_with(&set, set.picked.to_string(), None);
    browser
}

/// A console on the list of label sets.
pub fn app_on_label_sets() -> App {
    let mut app = app_with_runs();
    app.label_sets.take(Ok(label_sets()));
    app.open(Screen::LabelSets);
    app.take_tasks();
    app
}

/// A console on the browser, opened from there.
pub fn app_browsing() -> App {
    let mut app = app_on_label_sets();
    app.open(Screen::Browser(Box::new(browser())));
    app.take_tasks();
    app
}

/// Data sets in every state, and two saved label sets.
pub fn label_sets() -> Vec<label_sets::Row> {
    use fixmatch::config::Metric::{Agreement, Typicality};
    let data = |name: &str, state, orders| label_sets::Row::Data { name: name.into(), state, orders };
    let set = |name: &str, n, picked: &str| {
        let digest = Some("d".repeat(64));
        let header = Header { dataset: Some("fashion-mini".into()), digest, picked: Some(picked.into()) };
        label_sets::Row::Set(Saved { name: name.into(), path: format!("/sets/{name}.txt").into(), header, n })
    };
    vec![
        data("fashion-mini", DataState::Here, vec![Agreement, Typicality]),
        data("fashion-mnist", DataState::Here, vec![]),
        data("cifar10", DataState::Missing(170_052_171), vec![]),
        set("best-two", 6, "most-representative by agreement, 2 per class"),
        set("mine", 12, "by hand; with 3; with 7"),
    ]
}

/// A console on two runs beside each other.
pub fn app_racing() -> App {
    let mut app = app_with_runs();
    let dirs = ["most", "least"].map(|end| dir(&format!("20261123-180112-{end}-quickstart-s0")));
    app.open_race(dirs.to_vec());
    for (i, n) in [31, 24].into_iter().enumerate() {
        let mut config = config();
        config.labels.pick = [Pick::MostRepresentative, Pick::LeastRepresentative][i].clone();
        let run = run();
        let mut file = run.file.expect("read").expect("a run");
        file.config = config;
        let reading = Reading { file: Some(Ok(file)), records: records(n), glance: run.glance, ..Reading::default() };
        app.learn(News::Run(dirs[i].clone(), Box::new(reading)));
    }
    app.take_tasks();
    app
}

/// A console on six finished runs beside each other: two configurations with three seeds each, the second one worse.
pub fn app_compared() -> App {
    let mut app = app_with_runs();
    let dirs: Vec<_> = (0..6).map(|i| dir(&format!("20261123-180112-quickstart-s{i}"))).collect();
    app.open_race(dirs.clone());
    for (i, dir) in dirs.iter().enumerate() {
        app.learn(News::Run(dir.clone(), Box::new(compared(i, Status::Finished))));
    }
    app.take_tasks();
    app
}

/// What is read of one of six runs, of two configurations with three seeds each.
pub fn compared(place: usize, status: Status) -> Reading {
    let (worse, seed) = (place / 3, place as u64 % 3);
    let run = run();
    let mut file = run.file.expect("read").expect("a run");
    file.provenance.parent = None;
    file.config.train.lr = [0.03, 0.1][worse];
    (file.config.train.seed, file.config.labels.seed) = (seed, seed);
    let mut records = records(31);
    records.retain(|record| !matches!(record.event, Event::Applied { .. }));
    // seeds lie a little apart, and differences between partners too
    let factor = 1.0 - 0.2 * worse as f64 - 0.01 * seed as f64 - 0.005 * (worse as u64 * seed % 2) as f64;
    for record in &mut records {
        if let Event::Evaluated(evaluated) = &mut record.event {
            evaluated.ema.accuracy *= factor;
            evaluated.best *= factor;
            evaluated.median *= factor;
            let of_class = evaluated.ema.per_class.iter_mut().enumerate();
            of_class.for_each(|(class, it)| *it = it.map(|it| it * (factor + 0.02 * (worse * class) as f64)));
            evaluated.ema.confusion = confusion(evaluated.ema.accuracy);
        }
    }
    let glance = run.glance.map(|glance| Glance { status, ..glance });
    Reading { file: Some(Ok(file)), labeled: Some(format!("labels {seed}")), records, glance, ..Reading::default() }
}

/// A console on five runs beside each other: two seeds of one configuration, two of another, and one that is not read yet.
pub fn app_comparing() -> App {
    let mut app = app_with_runs();
    let dirs: Vec<_> = (0..5).map(|i| dir(&format!("20261123-180112-quickstart-s{i}"))).collect();
    app.open_race(dirs.clone());
    for (i, dir) in dirs.iter().take(4).enumerate() {
        let mut config = config();
        config.train.lr = [0.03, 0.1][i / 2];
        (config.train.seed, config.labels.seed) = (i as u64 % 2, i as u64 % 2);
        let run = run();
        let mut file = run.file.expect("read").expect("a run");
        (file.config, file.provenance.parent) = (config, None);
        let mut records = records([31, 24, 20, 31][i]);
        records.retain(|record| !matches!(record.event, Event::Applied { .. }));
        for record in &mut records {
            if let Event::Evaluated(evaluated) = &mut record.event {
                evaluated.ema.accuracy *= 1.0 - 0.1 * i as f64;
                evaluated.best *= 1.0 - 0.1 * i as f64;
            }
        }
        let reading = Reading { file: Some(Ok(file)), records, glance: run.glance, ..Reading::default() };
        app.learn(News::Run(dir.clone(), Box::new(reading)));
    }
    app.take_tasks();
    app
}
