//! What the pseudo-labels of a run did, for tests.

use fixmatch::augment::ctaugment::Rates;
use fixmatch::base::image::Image;
use fixmatch::config::{Policy, Table};
use fixmatch::run::insight::{
    EDGES, Histogram, Judged, Kind, N_BINS, Opinion, Panel, Pointer, Quantity, Record, Verdict,
};
use strum::VariantArray as _;

use super::{app_on_run, config};
use crate::console::app::App;
use crate::console::screens::pseudo_labels::tab::Tab;
use crate::console::screens::run::{OpenRun, Page};
use crate::console::screens::samples::{Loading, Sample, Sheet};

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
        for record in [Record::Histogram(histogram(step)), Record::Panel(panel(step))] {
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
    let place = Pointer { step: 305, record: Kind::Histogram, offset: 1 << 20, n_bytes: 1 };
    let head = Histogram { step: 305, n_steps: 5, threshold: 0.95, has_oracle: true, ..Histogram::default() };
    run.pseudo_labels.take(vec![(place, Ok(Record::Histogram(head.from_cells(&vec![1; Histogram::n_cells(n)]))))]);
    run.state.insights.push(place);
}
