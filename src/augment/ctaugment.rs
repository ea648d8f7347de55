//! CTAugment: which strengths of an operation leave the label recognisable is learned during training (Berthelot et
//! al., "ReMixMatch", ICLR 2020; FixMatch paper, appendix).
//!
//! Each parameter's range is cut into bins, each with a rate. A labeled image that was distorted with random strengths,
//! a probe, is shown to the network; the rates of the bins that it used move towards how near the prediction is to the
//! label. Bins whose rate has fallen behind the best one of their parameter are not drawn for training any more.
//!
//! Here are the tables, the rates and the draws. Who predicts, and when rates reach the threads that draw, is not known.

use std::collections::VecDeque;
use std::sync::Arc;

use anyhow::{Result, ensure};

use super::kind::Kind;
use super::range::Range;
use super::{Filter, Op};
use crate::base::rng::Rng;
use crate::config::{self, MAX_DEPTH, Table};

/// An operation of a table.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Row {
    /// Which one.
    pub kind: Kind,
    /// What is drawn for it: nothing, one parameter or two.
    pub parameters: &'static [Parameter],
}

/// A parameter that is learned.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Parameter {
    /// The paper's letter for it.
    pub symbol: &'static str,
    /// Its values.
    pub range: Range,
    /// How many parts of equal length they are cut into.
    pub bins: usize,
}

impl Parameter {
    /// The values of a bin, as people read them: a range, a whole number or a filter's name.
    pub fn label(&self, bin: usize) -> String {
        // From the middle of the bin, where no rounding can reach the next one.
        let [start, middle, end] = [0.0, 0.5, 1.0].map(|part| (bin as f64 + part) / self.bins as f64);
        match self.range {
            Range::Fixed(value) => value.to_string(),
            Range::Whole(..) => self.range.at(middle, 1).to_string(),
            Range::Filters => Filter::ALL[self.range.at(middle, 1) as usize].name().to_owned(),
            Range::Rounded(..) => format!("{} to {}", self.range.at(start, 1), self.range.at(end, 1)),
            Range::Real(..) | Range::Pixels(..) => {
                format!("{:.2} to {:.2}", self.range.at(start, 1), self.range.at(end, 1))
            }
        }
    }
}

/// 17 bins, as nearly all parameters have.
const fn over(symbol: &'static str, range: Range) -> Parameter {
    Parameter { symbol, range, bins: 17 }
}

const fn real(symbol: &'static str, low: f64, high: f64) -> Parameter {
    over(symbol, Range::Real(low, high))
}

const SHARE: &[Parameter] = &[real("λ", 0.0, 1.0)];
const SIDE: Parameter = real("L", 0.5, 1.0);
const METHOD: Parameter = Parameter { symbol: "M", range: Range::Filters, bins: 6 };

const fn row(kind: Kind, parameters: &'static [Parameter]) -> Row {
    Row { kind, parameters }
}

const PAPER: [Row; 18] = [
    row(Kind::Autocontrast, SHARE),
    row(Kind::Brightness, &[real("B", 0.0, 1.0)]),
    row(Kind::Color, &[real("C", 0.0, 1.0)]),
    row(Kind::Contrast, &[real("C", 0.0, 1.0)]),
    row(Kind::Cutout, &[real("L", 0.0, 0.5)]),
    row(Kind::Equalize, SHARE),
    row(Kind::Identity, &[]),
    row(Kind::Invert, SHARE),
    row(Kind::Posterize, &[Parameter { symbol: "B", range: Range::Whole(1, 8), bins: 8 }]),
    row(Kind::Rescale, &[SIDE, METHOD]),
    row(Kind::Rotate, &[real("θ", -45.0, 45.0)]),
    row(Kind::Sharpness, &[real("S", 0.0, 1.0)]),
    row(Kind::ShearX, &[real("R", -0.3, 0.3)]),
    row(Kind::ShearY, &[real("R", -0.3, 0.3)]),
    row(Kind::Smooth, &[real("S", 0.0, 1.0)]),
    row(Kind::Solarize, &[real("T", 0.0, 1.0)]),
    row(Kind::TranslateX, &[real("λ", -0.3, 0.3)]),
    row(Kind::TranslateY, &[real("λ", -0.3, 0.3)]),
];

/// The original code (google-research/fixmatch, `libml/ctaugment.py`): Blur is there too, enhancements go beyond the
/// original image, angles are whole, and translation counts in pixels, so that it does nothing.
const REFERENCE: [Row; 19] = [
    row(Kind::Autocontrast, SHARE),
    row(Kind::Blur, SHARE),
    row(Kind::Brightness, &[real("B", 0.1, 2.0)]),
    row(Kind::Color, &[real("C", 0.1, 2.0)]),
    row(Kind::Contrast, &[real("C", 0.1, 2.0)]),
    row(Kind::Cutout, &[real("L", 0.0, 0.5)]),
    row(Kind::Equalize, SHARE),
    row(Kind::Identity, &[]),
    row(Kind::Invert, SHARE),
    row(Kind::Posterize, &[Parameter { symbol: "B", range: Range::Whole(1, 8), bins: 8 }]),
    row(Kind::Rescale, &[SIDE, METHOD]),
    row(Kind::Rotate, &[over("θ", Range::Rounded(-45.0, 45.0))]),
    row(Kind::Sharpness, &[real("S", 0.1, 2.0)]),
    row(Kind::ShearX, &[real("R", -0.3, 0.3)]),
    row(Kind::ShearY, &[real("R", -0.3, 0.3)]),
    row(Kind::Smooth, &[real("S", 0.0, 1.0)]),
    row(Kind::Solarize, &[real("T", 0.0, 1.0)]),
    row(Kind::TranslateX, &[over("λ", Range::Pixels(-0.3, 0.3))]),
    row(Kind::TranslateY, &[over("λ", Range::Pixels(-0.3, 0.3))]),
];

/// The operations of a table; their places are what [`Choice::row`] counts.
pub fn rows(table: Table) -> &'static [Row] {
    match table {
        Table::Paper => &PAPER,
        Table::Reference => &REFERENCE,
    }
}

/// One drawn operation, as its rates need it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Choice {
    /// Its place in the table.
    pub row: u8,
    /// The bin of each of its parameters.
    pub bins: [u8; 2],
}

/// How well the label is recognised after an operation, for each bin of each parameter; 1 is perfectly.
#[derive(Clone, Debug, PartialEq)]
pub struct Rates {
    table: Table,
    /// Row by row, parameter by parameter.
    values: Vec<f32>,
}

impl Rates {
    /// The rates before the first step: 1 everywhere.
    pub fn ones(table: Table) -> Self {
        Self { table, values: vec![1.0; n_bins(table)] }
    }

    /// Rates that [`values`](Self::values) gave.
    ///
    /// # Errors
    /// If there are too many or too few for the table, or one is not in [0, 1].
    pub fn from_values(table: Table, values: Vec<f32>) -> Result<Self> {
        let n = n_bins(table);
        ensure!(values.len() == n, "{} rates do not fit a table of {n} bins", values.len());
        let wrong = values.iter().find(|rate| !(0.0..=1.0).contains(*rate));
        ensure!(wrong.is_none(), "a rate must be in [0, 1], not {}", wrong.expect("it is there"));
        Ok(Self { table, values })
    }

    /// All rates, row by row, parameter by parameter: 286 for the paper's table, 303 for the original code's.
    pub fn values(&self) -> &[f32] {
        &self.values
    }

    /// The rates of one parameter's bins.
    pub fn of(&self, row: usize, parameter: usize) -> &[f32] {
        &self.values[bins_of(self.table, row, parameter)]
    }

    /// Whether a bin has a chance in training, see [`CtAugment::follow`].
    pub fn is_drawn(&self, row: usize, parameter: usize, bin: usize, settings: config::CtAugment) -> bool {
        let rates = self.of(row, parameter);
        weight(rates[bin], settings) / best_weight(rates, settings) >= settings.threshold
    }

    /// The share of a parameter's bins that have a chance: how much of its range was learned to be harmless.
    pub fn share_drawn(&self, row: usize, parameter: usize, settings: config::CtAugment) -> f64 {
        let n_bins = self.of(row, parameter).len();
        let drawn = (0..n_bins).filter(|&bin| self.is_drawn(row, parameter, bin, settings)).count();
        drawn as f64 / n_bins as f64
    }

    /// Learns from a probe: `proximity` is ω = 1 − ½‖p − onehot(label)‖₁, in [0, 1], of the prediction p.
    ///
    /// The bins of all its operations move: rate ← decay · rate + (1 − decay) · ω. An ω that is no number, of a network that
    /// has diverged, moves nothing: the run ends by its loss, and until then views can be drawn.
    pub fn update(&mut self, probe: &[Choice], proximity: f32, decay: f64) {
        if proximity.is_nan() {
            return;
        }
        for choice in probe {
            let row = choice.row as usize;
            for parameter in 0..rows(self.table)[row].parameters.len() {
                let bins = bins_of(self.table, row, parameter);
                let rate = &mut self.values[bins][choice.bins[parameter] as usize];
                *rate = (decay * f64::from(*rate) + (1.0 - decay) * f64::from(proximity)) as f32;
            }
        }
    }
}

fn n_bins(table: Table) -> usize {
    rows(table).iter().flat_map(|row| row.parameters).map(|parameter| parameter.bins).sum()
}

/// Where the rates of one parameter are among all.
fn bins_of(table: Table, row: usize, parameter: usize) -> std::ops::Range<usize> {
    let rows = rows(table);
    let parameters = &rows[row].parameters[..parameter];
    let before = rows[..row].iter().flat_map(|row| row.parameters).chain(parameters);
    let start = before.map(|parameter| parameter.bins).sum();
    start..start + rows[row].parameters[parameter].bins
}

/// The rates as of the last steps, which decide the draws of the next ones: draws of step t use the rates as of step
/// t − d, that is, before the update of step t − d. Before the first step they are 1.
#[derive(Clone, Debug, PartialEq)]
pub struct History {
    /// d + 1 of them, the oldest first.
    tables: VecDeque<Arc<Rates>>,
}

impl History {
    /// The history before the first step, for a delay of d steps.
    pub fn new(table: Table, delay: usize) -> Self {
        let ones = Arc::new(Rates::ones(table));
        Self { tables: std::iter::repeat_n(ones, delay + 1).collect() }
    }

    /// The history that [`values`](Self::values) gave.
    ///
    /// # Errors
    /// If the values do not fit the table and the delay, or one is not in [0, 1].
    pub fn from_values(table: Table, delay: usize, values: &[f32]) -> Result<Self> {
        let n = n_bins(table);
        ensure!(
            values.len() == n * (delay + 1),
            "{} rates are not {} tables of {n}: the table and the delay must be the run's own",
            values.len(),
            delay + 1
        );
        let tables = values.chunks_exact(n).map(|rates| Rates::from_values(table, rates.to_vec()).map(Arc::new));
        Ok(Self { tables: tables.collect::<Result<_>>()? })
    }

    /// All rates, (d + 1) × bins, the oldest table first.
    pub fn values(&self) -> Vec<f32> {
        self.tables.iter().flat_map(|rates| rates.values()).copied().collect()
    }

    /// The tables, the oldest first.
    pub fn tables(&self) -> impl Iterator<Item = &Arc<Rates>> {
        self.tables.iter()
    }

    /// The rates as of the next step.
    pub fn current(&self) -> &Arc<Rates> {
        self.tables.back().expect("a history has at least one table")
    }

    /// Ends a step: these are the rates after its update.
    pub fn push(&mut self, rates: Arc<Rates>) {
        self.tables.pop_front();
        self.tables.push_back(rates);
    }
}

/// The policy at one moment of the training: its settings, and the chances of the bins by their rates.
#[derive(Clone, Debug, PartialEq)]
pub struct CtAugment {
    table: Table,
    depth: usize,
    settings: config::CtAugment,
    /// For each bin, the chance of it or an earlier one of its parameter.
    chances: Vec<f64>,
    /// Per row, where the chances of its first parameter begin.
    starts: Vec<usize>,
}

impl CtAugment {
    /// The policy before the first step.
    pub fn new(table: Table, depth: usize, settings: config::CtAugment) -> Self {
        let start = |row: &Row| row.parameters.iter().map(|parameter| parameter.bins).sum::<usize>();
        let starts = rows(table).iter().scan(0, |sum, row| Some(std::mem::replace(sum, *sum + start(row)))).collect();
        let mut policy = Self { table, depth, settings, chances: Vec::new(), starts };
        policy.follow(&Rates::ones(table));
        policy
    }

    /// Operations an image.
    pub fn depth(&self) -> usize {
        self.depth
    }

    /// Draws by these rates from now on. Per parameter, with the best bin's rate as 1, a bin below the threshold has no
    /// chance and the others one in proportion to theirs; rates count 1 − decay more than they are.
    ///
    /// # Panics
    /// If the rates are another table's.
    pub fn follow(&mut self, rates: &Rates) {
        assert_eq!(rates.table, self.table, "rates of another table");
        self.chances.clear();
        let mut rest = rates.values();
        for parameter in rows(self.table).iter().flat_map(|row| row.parameters) {
            let (bins, after) = rest.split_at(parameter.bins);
            add_chances(bins, self.settings, &mut self.chances);
            rest = after;
        }
    }

    /// Draws an operation for a strong view: its bins by their chances, its values uniform in their bins.
    pub fn draw(&self, size: [usize; 2], rng: &mut Rng) -> (Op, Choice) {
        let row = rng.below(self.starts.len() as u32) as usize;
        let mut chances = &self.chances[self.starts[row]..];
        draw_row(self.table, row, size, rng, |parameter, rng| {
            let (bins, after) = chances.split_at(parameter.bins);
            chances = after;
            let (point, inside) = (rng.unit(), rng.unit());
            // The last chance is 1 up to rounding.
            let bin = bins.iter().position(|&chance| point < chance).unwrap_or_else(|| last_possible(bins));
            (bin, (bin as f64 + inside) / parameter.bins as f64)
        })
    }

    /// Draws the operations of a probe, whose values are uniform over their whole ranges whatever the rates.
    pub fn draw_probe(&self, size: [usize; 2], rng: &mut Rng) -> ([Op; MAX_DEPTH], [Choice; MAX_DEPTH]) {
        let (mut ops, mut choices) = ([Op::Identity; MAX_DEPTH], [Choice::default(); MAX_DEPTH]);
        for (op, choice) in ops.iter_mut().zip(&mut choices).take(self.depth) {
            let row = rng.below(self.starts.len() as u32) as usize;
            (*op, *choice) = draw_row(self.table, row, size, rng, |parameter, rng| {
                let v = rng.unit();
                ((v * parameter.bins as f64) as usize, v)
            });
        }
        (ops, choices)
    }
}

fn weight(rate: f32, settings: config::CtAugment) -> f64 {
    f64::from(rate) + (1.0 - settings.decay)
}

fn best_weight(rates: &[f32], settings: config::CtAugment) -> f64 {
    rates.iter().map(|&rate| weight(rate, settings)).fold(0.0, f64::max)
}

/// Appends, for each bin of a parameter, the chance of it or an earlier one.
fn add_chances(rates: &[f32], settings: config::CtAugment, chances: &mut Vec<f64>) {
    let best = best_weight(rates, settings);
    let start = chances.len();
    let mut sum = 0.0;
    for &rate in rates {
        let share = weight(rate, settings) / best;
        sum += if share < settings.threshold { 0.0 } else { share };
        chances.push(sum);
    }
    for chance in &mut chances[start..] {
        *chance /= sum;
    }
}

/// The last bin that has a chance, given sums of chances.
fn last_possible(sums: &[f64]) -> usize {
    sums.iter().position(|sum| sum == sums.last().expect("a parameter has bins")).expect("the last is one of them")
}

/// The operation of a row, with each parameter's bin and place in [0, 1) as `draw` says.
fn draw_row(
    table: Table,
    row: usize,
    size: [usize; 2],
    rng: &mut Rng,
    mut draw: impl FnMut(&Parameter, &mut Rng) -> (usize, f64),
) -> (Op, Choice) {
    let Row { kind, parameters } = rows(table)[row];
    let (mut values, mut bins) = ([0.0; 3], [0; 2]);
    for ((value, used), parameter) in values.iter_mut().zip(&mut bins).zip(parameters) {
        let (bin, place) = draw(parameter, rng);
        *used = bin as u8;
        *value = parameter.range.at(place, kind.side(size));
    }
    if kind == Kind::Cutout {
        [values[1], values[2]] = size.map(|side| f64::from(rng.below(side as u32)));
    }
    (kind.op(values), Choice { row: row as u8, bins })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::rng::Stream;

    const SIZE: [usize; 2] = [32, 32];
    const DECAY: f64 = 0.99;

    fn policy(table: Table) -> CtAugment {
        CtAugment::new(table, 2, config::CtAugment::default())
    }

    fn row_of(table: Table, kind: Kind) -> usize {
        rows(table).iter().position(|row| row.kind == kind).expect("it is in the table")
    }

    /// How often each bin of an operation's first parameter is drawn.
    fn counts(policy: &CtAugment, kind: Kind) -> Vec<u32> {
        let row = row_of(Table::Paper, kind);
        let mut counts = vec![0; rows(Table::Paper)[row].parameters[0].bins];
        for index in 0..60_000 {
            let (_, choice) = policy.draw(SIZE, &mut Rng::new(0, Stream::UnlabeledStrong, 0, index));
            if choice.row as usize == row {
                counts[choice.bins[0] as usize] += 1;
            }
        }
        counts
    }

    #[test]
    fn the_tables_have_the_papers_bins() {
        assert_eq!(Rates::ones(Table::Paper).values().len(), 16 * 17 + 8 + 6);
        assert_eq!(Rates::ones(Table::Reference).values().len(), 17 * 17 + 8 + 6);
        for table in [Table::Paper, Table::Reference] {
            let (rates, rescale) = (Rates::ones(table), row_of(table, Kind::Rescale));
            assert_eq!([0, 1].map(|parameter| rates.of(rescale, parameter).len()), [17, 6]);
            assert_eq!(rates.of(row_of(table, Kind::Posterize), 0).len(), 8);
        }
    }

    #[test]
    fn a_rate_moves_by_one_part_in_a_hundred_towards_the_proximity() {
        let (rescale, mut rates) = (row_of(Table::Paper, Kind::Rescale), Rates::ones(Table::Paper));
        let choice = Choice { row: rescale as u8, bins: [3, 5] };
        rates.update(&[choice, choice], 0.5, DECAY);
        let changed: Vec<f32> = rates.values().iter().copied().filter(|&rate| rate != 1.0).collect();
        // 0.99 · 1 + 0.01 · 0.5 = 0.995, and once more
        assert_eq!(changed, [0.990_05; 2]);
        assert_eq!((rates.of(rescale, 0)[3], rates.of(rescale, 1)[5]), (0.990_05, 0.990_05));
    }

    #[test]
    fn views_can_be_drawn_by_the_rates_of_a_network_that_has_diverged() {
        let (mut policy, row) = (policy(Table::Paper), row_of(Table::Paper, Kind::Posterize));
        let mut rates = Rates::ones(Table::Paper);
        rates.update(&[Choice { row: row as u8, bins: [2, 0] }], f32::NAN, DECAY);
        assert!(rates.values().iter().all(|&rate| rate == 1.0));
        policy.follow(&rates);
        assert!(counts(&policy, Kind::Posterize)[2] > 0);
    }

    #[test]
    fn bins_are_drawn_in_proportion_to_their_rates_above_the_threshold() {
        let (mut policy, row) = (policy(Table::Paper), row_of(Table::Paper, Kind::Posterize));
        let mut rates = Rates::ones(Table::Paper);
        let bins = bins_of(Table::Paper, row, 0);
        // With 0.01 more, as shares of the best: 0.9, 1, 0.8 (in), 0.79 (out), 0.011 (out), …
        rates.values[bins].copy_from_slice(&[0.899, 1.0, 0.7981, 0.7879, 0.001, 0.0, 0.0, 0.0]);
        policy.follow(&rates);
        let counts = counts(&policy, Kind::Posterize);
        let n = f64::from(counts.iter().sum::<u32>());
        for (count, share) in counts.iter().zip([0.9, 1.0, 0.8, 0.0, 0.0, 0.0, 0.0, 0.0]) {
            let (found, expected) = (f64::from(*count) / n, share / 2.7);
            assert!((found - expected).abs() < 0.03 && (share > 0.0 || *count == 0), "{found} instead of {expected}");
        }
    }

    #[test]
    fn values_lie_in_the_bins_that_are_told() {
        for table in [Table::Paper, Table::Reference] {
            let policy = policy(table);
            for index in 0..20_000 {
                let (op, choice) = policy.draw(SIZE, &mut Rng::new(1, Stream::UnlabeledStrong, 0, index));
                let row = rows(table)[choice.row as usize];
                let (value, second) = match op {
                    Op::Rotate(degrees) => (degrees, 0),
                    Op::Posterize(bits) => (f64::from(bits), 0),
                    Op::Rescale(side, filter) => {
                        (side, Filter::ALL.iter().position(|&f| f == filter).expect("one of them"))
                    }
                    Op::Cutout { side, x, y } => {
                        assert!(x < 32 && y < 32);
                        (side, 0)
                    }
                    _ => continue,
                };
                let parameter = row.parameters[0];
                let ends = [0.0, 1.0]
                    .map(|end| parameter.range.at((f64::from(choice.bins[0]) + end) / parameter.bins as f64, 32));
                assert!((ends[0]..=ends[1]).contains(&value), "{op:?} is not in bin {}", choice.bins[0]);
                assert_eq!(second, choice.bins[1] as usize, "{op:?}");
            }
        }
    }

    #[test]
    fn probes_use_every_bin_whatever_the_rates() {
        let (mut policy, row) = (policy(Table::Paper), row_of(Table::Paper, Kind::Invert));
        let mut rates = Rates::ones(Table::Paper);
        rates.values[bins_of(Table::Paper, row, 0)][1..].fill(0.0);
        policy.follow(&rates);
        let mut seen = [false; 17];
        for index in 0..5_000 {
            let (_, choices) = policy.draw_probe(SIZE, &mut Rng::new(2, Stream::Probe, 0, index));
            choices[..2]
                .iter()
                .filter(|choice| choice.row as usize == row)
                .for_each(|c| seen[c.bins[0] as usize] = true);
        }
        assert_eq!(seen, [true; 17]);
        assert!(counts(&policy, Kind::Invert)[1..].iter().all(|&count| count == 0));
    }

    #[test]
    fn the_reference_table_translates_by_less_than_half_a_pixel() {
        let policy = policy(Table::Reference);
        for index in 0..5_000 {
            match policy.draw([32, 16], &mut Rng::new(3, Stream::UnlabeledStrong, 0, index)).0 {
                Op::TranslateX(share) => assert!((share * 32.0).abs() <= 0.3),
                Op::TranslateY(share) => assert!((share * 16.0).abs() <= 0.3),
                Op::Rotate(degrees) => assert_eq!(degrees, degrees.round()),
                _ => {}
            }
        }
    }

    #[test]
    fn bins_that_destroy_the_label_are_lost_and_harmless_ones_are_kept() {
        // The network of this simulation does not know inverted images, nor ones that are turned by more than 21°.
        let destroys = |choice: &Choice| match rows(Table::Paper)[choice.row as usize].kind {
            Kind::Invert => choice.bins[0] > 8,
            Kind::Rotate => !(4..=12).contains(&choice.bins[0]),
            _ => false,
        };
        let (mut policy, mut rates) = (policy(Table::Paper), Rates::ones(Table::Paper));
        for step in 0..3_000 {
            for index in 0..64 {
                let (_, choices) = policy.draw_probe(SIZE, &mut Rng::new(4, Stream::Probe, step, index));
                let proximity = if choices[..2].iter().any(destroys) { 0.1 } else { 0.95 };
                rates.update(&choices[..2], proximity, DECAY);
            }
        }
        policy.follow(&rates);
        for (row, Row { kind, parameters }) in
            rows(Table::Paper).iter().enumerate().filter(|(_, r)| !r.parameters.is_empty())
        {
            for (bin, count) in counts(&policy, *kind).into_iter().enumerate() {
                let lost = destroys(&Choice { row: row as u8, bins: [bin as u8, 0] });
                assert_eq!(count == 0, lost, "{} = {} is drawn {count} times", kind.name(), parameters[0].label(bin));
            }
        }
    }

    #[test]
    fn rates_and_their_history_survive_being_saved() {
        let mut history = History::new(Table::Paper, 2);
        let mut rates = Rates::ones(Table::Paper);
        for bin in 0..4 {
            rates.update(&[Choice { row: 0, bins: [bin, 0] }], 0.25, DECAY);
            history.push(Arc::new(rates.clone()));
        }
        assert_eq!(**history.current(), rates);
        let values = history.values();
        assert_eq!(values.len(), 3 * 286);
        assert_eq!(History::from_values(Table::Paper, 2, &values).expect("fits"), history);
        let refused =
            |table, delay, values: &[f32]| History::from_values(table, delay, values).expect_err("refused").to_string();
        assert!(refused(Table::Paper, 3, &values).contains("858 rates are not 4 tables of 286"));
        assert!(refused(Table::Reference, 2, &values).contains("858 rates are not 3 tables of 303"));
        assert!(refused(Table::Paper, 0, &[2.0; 286]).contains("must be in [0, 1], not 2"));
        assert!(refused(Table::Paper, 0, &[f32::NAN; 286]).contains("not NaN"));
    }

    #[test]
    fn bins_have_labels() {
        let label = |kind, parameter: usize, bin| {
            rows(Table::Paper)[row_of(Table::Paper, kind)].parameters[parameter].label(bin)
        };
        assert_eq!(label(Kind::Invert, 0, 0), "0.00 to 0.06");
        assert_eq!(label(Kind::Rotate, 0, 16), "39.71 to 45.00");
        assert_eq!(label(Kind::Posterize, 0, 7), "8");
        assert_eq!(label(Kind::Rescale, 1, 1), "bicubic");
    }
}
