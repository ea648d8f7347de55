//! What a run's pseudo-labels did: the records that were read so far, and how they are looked at.

use fixmatch::config::Policy;
use fixmatch::run::curves::{Point, Series};
use fixmatch::run::insight::{EDGES, Histogram, N_BINS, Opinion, Panel, Pointer, Record};
use fixmatch::run::pseudo::{Threshold, View};

use crate::console::input::Cursor;
use crate::console::mouse::Spot;
use crate::console::screens::pseudo_labels::tab::Tab;
use crate::console::screens::samples::Loading;

mod keys;
pub mod tab;
pub mod view;

/// What the cells of a confusion matrix count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Cells {
    /// Test images.
    #[default]
    Images,
    /// Percent of the class's.
    Percent,
}

impl Cells {
    /// The other one.
    #[must_use]
    pub fn other(self) -> Self {
        match self {
            Self::Images => Self::Percent,
            Self::Percent => Self::Images,
        }
    }
}

/// One cell of the strip.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cell {
    /// The class that pseudo-labels name.
    pub class: usize,
    /// Their confidence.
    pub bin: usize,
}

impl Cell {
    /// Whether what the trained network says of an image falls into it.
    pub fn holds(self, opinion: &Opinion) -> bool {
        let (from, to) = (EDGES[self.bin] as f32, EDGES[self.bin + 1] as f32); // as the device bins them
        let confidence = opinion.online.confidence;
        let is_last = self.bin + 1 == N_BINS;
        usize::from(opinion.online.class) == self.class && confidence >= from && (confidence < to || is_last)
    }
}

/// The records of a run and the view of them.
#[derive(Debug, Default)]
pub struct PseudoLabels {
    /// What is shown.
    pub tab: Tab,
    /// The row under the cursor: a class, an operation.
    pub row: Cursor,
    /// The bin under the cursor, once it was moved.
    pub bin: Option<usize>,
    /// The leftmost column of the confusion matrix.
    pub column: usize,
    /// How many of its columns have room; the view says.
    pub n_columns: usize,
    /// What if pseudo-labels had been accepted by another rule.
    pub what_if: Option<Threshold>,
    /// What the cells of a confusion matrix count.
    pub cells: Cells,
    /// The image under the cursor, among those that are shown.
    pub image: Cursor,
    /// Only images in this cell are shown.
    pub cell: Option<Cell>,
    /// Whether the image under the cursor is enlarged.
    pub is_enlarged: bool,
    /// Which of the endless row of views is drawn.
    pub draw: u64,
    /// The images that are followed.
    pub sheet: Loading,
    /// How many images stand beside each other; the view says.
    pub columns: usize,
    /// How many rows there are; the view says.
    pub n_rows: usize,
    /// Whether records are read as they come.
    pub is_open: bool,
    read: Vec<(Pointer, Result<Record, String>)>,
    is_reading: bool,
}

impl PseudoLabels {
    /// Goes to the next tab.
    pub fn switch(&mut self) {
        self.show(Tab::ALL[(self.tab as usize + 1) % Tab::ALL.len()]);
    }

    fn show(&mut self, tab: Tab) {
        self.tab = tab;
        (self.row, self.column, self.cell, self.is_enlarged) = (Cursor::default(), 0, None, false);
    }

    /// Goes to another column of the confusion matrix, else to another bin of confidence.
    pub fn step_column(&mut self, by: isize) {
        if self.tab == Tab::Confusion {
            let last = self.n_rows.saturating_sub(self.n_columns);
            self.column = self.column.saturating_add_signed(by).min(last);
        } else {
            let at = self.bin.map_or(N_BINS - 1, |bin| bin.saturating_add_signed(by).min(N_BINS - 1));
            self.bin = Some(at);
        }
    }

    /// Selects what a mouse points at; says whether it was selected before.
    pub fn point_at(&mut self, spot: Spot) -> bool {
        let was = (self.row, self.bin, self.image);
        match spot {
            Spot::Tab(tab) => {
                self.show(tab);
                return false;
            }
            Spot::Cell(class, bin) => (self.row.at, self.bin) = (class, bin.or(self.bin)),
            Spot::Row(image) if self.tab == Tab::Images => self.image.at = image,
            Spot::Row(row) => self.row.at = row,
            Spot::Preset(_) | Spot::Run(_) | Spot::Panel(..) | Spot::Image(..) | Spot::Grid(..) | Spot::Part(_) => {
                return false;
            }
        }
        was == (self.row, self.bin, self.image)
    }

    /// The records that are named and not read yet, unless some are being read. Forgets those that are named no more.
    pub fn wanted(&mut self, named: &[Pointer]) -> Vec<Pointer> {
        let n = self.read.iter().zip(named).take_while(|((read, _), named)| read == *named).count();
        self.read.truncate(n);
        if self.is_reading || n == named.len() {
            return Vec::new();
        }
        self.is_reading = true;
        named[n..].to_vec()
    }

    /// Takes records in the order in which they are named, or why one cannot be read.
    pub fn take(&mut self, records: Vec<(Pointer, Result<Record, String>)>) {
        self.is_reading = false;
        self.read.extend(records);
    }

    /// How many records cannot be read, and why not the last of them.
    pub fn problem(&self) -> Option<(usize, &str)> {
        let mut problems = self.read.iter().filter_map(|(_, record)| record.as_ref().err());
        problems.next_back().map(|last| (problems.count() + 1, last.as_str()))
    }

    fn records(&self) -> impl DoubleEndedIterator<Item = &Record> {
        self.read.iter().filter_map(|(_, record)| record.as_ref().ok())
    }

    /// All histograms, oldest first.
    pub fn histograms(&self) -> impl DoubleEndedIterator<Item = &Histogram> {
        self.records().filter_map(|record| match record {
            Record::Histogram(histogram) => Some(histogram),
            Record::Panel(_) => None,
        })
    }

    /// All panels, oldest first.
    pub fn panels(&self) -> impl DoubleEndedIterator<Item = &Panel> {
        self.records().filter_map(|record| match record {
            Record::Panel(panel) => Some(panel),
            Record::Histogram(_) => None,
        })
    }

    /// The newest histogram of a moment.
    pub fn histogram(&self, moment: Option<u64>) -> Option<&Histogram> {
        self.histograms().rev().find(|it| moment.is_none_or(|moment| it.step <= moment))
    }

    /// The newest panel of a moment.
    pub fn panel(&self, moment: Option<u64>) -> Option<&Panel> {
        self.panels().rev().find(|it| moment.is_none_or(|moment| it.step <= moment))
    }

    /// What was last said of a training image that is followed, at a moment.
    pub fn opinion(&self, index: u32, moment: Option<u64>) -> Option<&Opinion> {
        let panel = self.panel(moment)?;
        panel.labeled.iter().chain(&panel.unlabeled).find(|it| it.index == index)
    }

    /// The images of a moment's panel that are shown: those of the cell, if there is one.
    pub fn shown(&self, moment: Option<u64>) -> Vec<&Opinion> {
        let all = self.panel(moment).map_or(&[][..], |panel| &panel.unlabeled);
        all.iter().filter(|it| self.cell.is_none_or(|cell| cell.holds(it))).collect()
    }

    /// The mask ratio and the pseudo-label accuracy over the run, as a threshold has them.
    pub fn curves(&self, threshold: Threshold) -> [Series<'static>; 2] {
        let mut curves = [Series::default(), Series::default()];
        for histogram in self.histograms() {
            let Some(view) = View::of(histogram, threshold) else { continue };
            for (curve, value) in curves.iter_mut().zip([view.mask_ratio, view.purity]) {
                let step = histogram.step as f64;
                curve.push(Point { step, seconds: step, value: value.unwrap_or(f64::NAN) });
            }
        }
        curves
    }

    /// From which confidence on a policy counts the pseudo-labels of a class, over the run.
    pub fn thresholds(&self, policy: Policy, class: usize) -> Series<'static> {
        let mut thresholds = Series::default();
        for histogram in self.histograms() {
            let value = Threshold::Policy(policy).of_class(histogram, class).unwrap_or(f64::NAN);
            thresholds.push(Point { step: histogram.step as f64, seconds: histogram.step as f64, value });
        }
        thresholds
    }

    /// The share of the followed images of which both networks say the same, over the run.
    pub fn agreement(&self) -> Series<'static> {
        let mut agreement = Series::default();
        for panel in self.panels() {
            let (step, value) = (panel.step as f64, panel.agreement().share().unwrap_or(f64::NAN));
            agreement.push(Point { step, seconds: step, value });
        }
        agreement
    }

    /// Moves τ by some edges, from the one in force at first.
    pub fn slide(&mut self, by: isize, in_force: f64) {
        let from = match self.what_if {
            Some(Threshold::Edge(edge)) => edge,
            _ => EDGES[..N_BINS].iter().rposition(|&edge| edge <= in_force + 1e-9).unwrap_or(0),
        };
        self.what_if = Some(Threshold::Edge(from.saturating_add_signed(by).min(N_BINS - 1)));
    }

    /// Asks the next policy that watched and does not decide; after the last of them none. False if none watched.
    pub fn ask_next_policy(&mut self, moment: Option<u64>) -> bool {
        let judged = self.histogram(moment).map_or(&[][..], |histogram| &histogram.judged);
        let others: Vec<Policy> = judged.iter().filter(|it| !it.decides).map(|it| it.policy).collect();
        let next = match self.what_if {
            Some(Threshold::Policy(asked)) => others.iter().position(|&it| it == asked).map_or(0, |place| place + 1),
            _ => 0,
        };
        self.what_if = others.get(next).copied().map(Threshold::Policy);
        !others.is_empty()
    }

    /// What is said of an image over the run up to a moment, and the step at which its pseudo-label last became another.
    pub fn story(&self, index: u32, moment: Option<u64>) -> Story {
        let mut story = Story::default();
        let mut before = None;
        for panel in self.panels().take_while(|it| moment.is_none_or(|moment| it.step <= moment)) {
            let Some(opinion) = panel.unlabeled.iter().find(|it| it.index == index) else { continue };
            let class = opinion.online.class;
            if before.is_some_and(|before| before != class) {
                story.flipped = Some(panel.step);
                story.n_flips += 1;
            }
            before = Some(class);
            story.confidences.push(Some(f64::from(opinion.online.confidence)));
        }
        story
    }
}

#[cfg(test)]
impl PseudoLabels {
    /// Makes the records those of data whose true labels are not known.
    pub fn hide_labels(&mut self) {
        for (_, record) in &mut self.read {
            match record {
                Ok(Record::Histogram(histogram)) => histogram.has_oracle = false,
                Ok(Record::Panel(panel)) => panel.unlabeled.iter_mut().for_each(|it| it.label = None),
                Err(_) => {}
            }
        }
    }
}

/// An image over the run.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Story {
    /// When its pseudo-label last became another.
    pub flipped: Option<u64>,
    /// How often it did.
    pub n_flips: usize,
    /// How sure the trained network was at each evaluation.
    pub confidences: Vec<Option<f64>>,
}

#[cfg(test)]
mod tests {
    use fixmatch::run::insight::{Kind, Verdict};

    use super::*;

    fn panel(step: u64, class: u16, confidence: f32) -> Record {
        let verdict = Verdict { class, confidence };
        let opinion = Opinion { index: 7, label: Some(1), ema: verdict, online: verdict };
        Record::Panel(Panel { step, unlabeled: vec![opinion], labeled: vec![] })
    }

    fn pointer(step: u64) -> Pointer {
        Pointer { step, record: Kind::Panel, offset: step, n_bytes: 1 }
    }

    fn read() -> PseudoLabels {
        let mut pseudo_labels = PseudoLabels::default();
        let records = [(10, 0, 0.5), (20, 1, 0.9), (30, 1, 0.97)];
        pseudo_labels.take(records.map(|(step, class, sure)| (pointer(step), Ok(panel(step, class, sure)))).to_vec());
        pseudo_labels
    }

    #[test]
    fn records_are_asked_for_once_and_forgotten_when_the_run_takes_their_steps_again() {
        let mut pseudo_labels = read();
        let named = [pointer(10), pointer(20), pointer(30), pointer(40)];
        assert_eq!(pseudo_labels.wanted(&named), [pointer(40)]);
        assert!(pseudo_labels.wanted(&named).is_empty());
        pseudo_labels.take(vec![(pointer(40), Err("torn".into()))]);
        assert_eq!(
            (pseudo_labels.problem(), pseudo_labels.panel(None).map(|panel| panel.step)),
            (Some((1, "torn")), Some(30))
        );
        let again = Pointer { offset: 99, ..pointer(20) };
        assert_eq!(pseudo_labels.wanted(&[pointer(10), again]), [again]);
        assert_eq!(pseudo_labels.problem(), None);
        assert_eq!(pseudo_labels.panel(None).map(|panel| panel.step), Some(10));
    }

    #[test]
    fn an_image_tells_when_its_pseudo_label_flipped() {
        let story = read().story(7, None);
        assert_eq!((story.flipped, story.n_flips, story.confidences.len()), (Some(20), 1, 3));
        assert_eq!(read().story(7, Some(10)).flipped, None);
    }

    #[test]
    fn a_cell_holds_its_lower_edge_and_the_last_one_certainty() {
        let pseudo_labels = PseudoLabels { cell: Some(Cell { class: 1, bin: 20 }), ..read() };
        assert_eq!((EDGES[20], pseudo_labels.shown(None).len(), pseudo_labels.shown(Some(20)).len()), (0.97, 1, 0));
        let sure = Opinion { online: Verdict { class: 1, confidence: 1.0 }, ..Opinion::default() };
        assert!(Cell { class: 1, bin: N_BINS - 1 }.holds(&sure));
    }

    #[test]
    fn a_threshold_slides_from_the_one_in_force_along_the_edges() {
        let mut pseudo_labels = PseudoLabels::default();
        pseudo_labels.slide(-1, 0.95);
        assert_eq!(pseudo_labels.what_if, Some(Threshold::at(0.94).expect("an edge")));
        pseudo_labels.slide(9, 0.95);
        assert_eq!(pseudo_labels.what_if, Some(Threshold::at(0.999).expect("an edge")));
        pseudo_labels.slide(-99, 0.95);
        assert_eq!(pseudo_labels.what_if, Some(Threshold::Edge(0)));
    }
}
