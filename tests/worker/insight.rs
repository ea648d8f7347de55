//! What a run records about its pseudo-labels, besides the curves.

use std::fs;

use fixmatch::labels::set::LabelSet;
use fixmatch::run::dir::RunDir;
use fixmatch::run::event::{Event, Progress};
use fixmatch::run::insight::{Count, Histogram, InsightReader, Panel, Pointer, Record};

use super::support::{PER_CLASS, Place, events};

fn records(dir: &RunDir) -> (Vec<Pointer>, Vec<Histogram>, Vec<Panel>) {
    let (mut pointers, mut histograms, mut panels) = (Vec::new(), Vec::new(), Vec::new());
    let mut reader = InsightReader::open(&dir.insight()).expect("opens");
    for event in events(dir) {
        let Event::Insight(pointer) = event else { continue };
        pointers.push(pointer);
        match reader.read(&pointer).expect("reads") {
            Record::Histogram(histogram) => histograms.push(histogram),
            Record::Panel(panel) => panels.push(panel),
        }
    }
    (pointers, histograms, panels)
}

#[test]
fn every_pseudo_label_is_counted_and_what_counts_is_what_the_curves_say() {
    let place = Place::new();
    let mut config = place.config();
    config.insight.every = 14; // and at evaluations, at 20 and 40
    let dir = place.finished(&config);
    let (pointers, histograms, _) = records(&dir);
    let spans: Vec<_> = histograms.iter().map(|it| (it.step, it.n_steps)).collect();
    assert_eq!(spans, [(14, 14), (20, 6), (28, 8), (40, 12)]);
    assert!(histograms.iter().all(|it| it.threshold == 0.4 && it.has_oracle && it.n_classes() == 3));
    let counted: Count = histograms.iter().map(Histogram::total).sum();
    assert_eq!(counted.n, 40 * 4, "μB is 4");

    let mut curves = Count::default();
    for event in events(&dir) {
        let Event::Progress(Progress { n_steps, mask_ratio: Some(mask), pseudo_label_accuracy, .. }) = event else {
            continue;
        };
        let n = mask * (n_steps * 4) as f64;
        let right = pseudo_label_accuracy.map_or(0.0, |accuracy| accuracy * n);
        curves = curves + Count { n: n.round() as u64, right: right.round() as u64 };
    }
    assert!(curves.n > 0);
    assert_eq!(histograms.iter().flat_map(|it| it.accepted.clone()).sum::<Count>(), curves);
    let end = pointers.iter().fold(0, |end, pointer| {
        assert_eq!(pointer.offset, end);
        end + pointer.n_bytes
    });
    assert_eq!(fs::metadata(dir.insight()).expect("there").len(), end);
}

#[test]
fn the_same_images_are_asked_about_at_every_evaluation() {
    let place = Place::new();
    let mut config = place.config();
    (config.insight.panel, config.insight.labeled) = (7, 4);
    let dir = place.finished(&config);
    let (_, _, panels) = records(&dir);
    assert_eq!(panels.iter().map(|panel| panel.step).collect::<Vec<_>>(), [20, 40]);
    let labels: LabelSet = serde_json::from_slice(&fs::read(dir.labels()).expect("picked")).expect("reads");
    let indices = |panel: &Panel| panel.unlabeled.iter().map(|it| it.index).collect::<Vec<_>>();
    assert_eq!(indices(&panels[0]), indices(&panels[1]));
    assert!(indices(&panels[0]).iter().all(|index| !labels.indices.contains(index)));
    let n_of_class = |class| panels[0].unlabeled.iter().filter(|it| it.label == Some(class)).count();
    assert_eq!([0, 1, 2].map(n_of_class), [3, 2, 2]);
    let labeled: Vec<u32> = panels[0].labeled.iter().map(|it| it.index).collect();
    assert_eq!(labeled, labels.indices[..4]);
    for opinion in panels.iter().flat_map(|panel| panel.unlabeled.iter().chain(&panel.labeled)) {
        let verdicts = [opinion.ema, opinion.online];
        assert!(verdicts.iter().all(|it| it.class < 3 && it.confidence > 0.333 && it.confidence <= 1.0), "{opinion:?}");
    }
}

#[test]
fn of_images_whose_class_is_not_known_nothing_is_called_right() {
    let place = Place::new();
    for i in 0..9 {
        place.draw(&format!("unlabeled/{i}.png"), i as usize % 3, 100 + i);
    }
    let mut config = place.config();
    config.labels.per_class = PER_CLASS; // so all that is left to follow is of unknown class
    config.labels.in_unlabeled = false;
    let dir = place.finished(&config);
    let (_, histograms, panels) = records(&dir);
    assert!(!histograms.is_empty() && histograms.iter().all(|it| !it.has_oracle && it.total().right == 0));
    let indices: Vec<u32> = panels[0].unlabeled.iter().map(|it| it.index).collect();
    assert_eq!(indices, (3 * PER_CLASS..3 * PER_CLASS + 9).collect::<Vec<_>>());
    assert!(panels[0].unlabeled.iter().all(|it| it.label.is_none()));
    assert!(panels[0].labeled.iter().all(|it| it.label.is_some()));
    for event in events(&dir) {
        match event {
            Event::Started(started) => assert_eq!((started.n_labeled, started.n_unlabeled), (36, 9)),
            Event::Progress(progress) => {
                assert!(progress.mask_ratio.is_some() && progress.pseudo_label_accuracy.is_none());
            }
            _ => {}
        }
    }
}

#[test]
fn without_unlabeled_images_there_are_no_pseudo_labels_to_count() {
    let place = Place::new();
    let mut config = place.config();
    config.train.lambda_u = 0.0;
    let (_, histograms, panels) = records(&place.finished(&config));
    assert_eq!((histograms.len(), panels.len()), (0, 2));
}
