//! Curves as a drawing that needs nothing else: axes, a legend, bands over seeds.

use fixmatch::base::text::{fit_middle, wrap};
use fixmatch::compare::bands::Place;
use fixmatch::run::curves::Axis;

use super::drawing::{Anchor, Color, Drawing, Mark};
use super::pdf::pdf;
use crate::words::numbers::{Unit, seconds, short};

/// Room beside the curves, in units of the figure.
const LEFT: f64 = 52.0;
const RIGHT: f64 = 24.0;
const TOP: f64 = 30.0;
const BOTTOM: f64 = 40.0;
/// The height of a line of the title.
const TITLE: f64 = 16.0;
/// The height of a line of the legend.
const LEGEND: f64 = 18.0;
/// A line of the legend, before its name.
const DASH: f64 = 28.0;
/// The width of a character, about.
const CHARACTER: f64 = 7.0;

/// The size of a figure on a phone: about as wide as that is in CSS pixels, so that text is read as it is meant.
const NARROW: (f64, f64) = (320.0, 250.0);
/// A curve has about so many points there at most.
const NARROW_POINTS: usize = 160;

/// Curves that share axes.
#[derive(Clone, Debug)]
pub struct Figure {
    /// What is over it.
    pub title: String,
    /// What runs from left to right.
    pub axis: Axis,
    /// How values are written.
    pub unit: Unit,
    /// A curve for each group, with its name.
    pub curves: Vec<(String, Vec<Place>)>,
    /// Where curves branch: lines from top to bottom.
    pub branches: Vec<f64>,
    /// Its width and the height of the plot with its axes, in units that text is 12 of.
    pub size: (f64, f64),
}

/// From where to where an axis goes, and the numbers that stand at it.
struct Ticks {
    from: f64,
    to: f64,
    step: f64,
}

impl Ticks {
    /// Round numbers around what is there: about five, 1, 2 or 5 times a power of ten apart.
    fn around(low: f64, high: f64) -> Self {
        let span = if high > low { high - low } else { high.abs().max(1e-6) };
        let power = 10_f64.powf((span / 5.0).log10().floor());
        let step = [1.0, 2.0, 5.0, 10.0].map(|times| times * power).into_iter().find(|step| span / step <= 5.5);
        let step = step.unwrap_or(10.0 * power);
        let (mut from, mut to) = ((low / step).floor() * step, (high / step).ceil() * step);
        if from >= to {
            // one value that is round itself: the line lies at the top, and that of zero at the bottom
            (from, to) = if to > 0.0 { (to - step, to) } else { (from, from + step) };
        }
        Self { from, to, step }
    }

    /// Times: whole minutes, hours or days apart.
    fn of_time(high: f64) -> Self {
        const STEPS: [f64; 14] =
            [1.0, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0, 3600.0, 7200.0, 21_600.0, 43_200.0, 86_400.0];
        let step =
            STEPS.into_iter().find(|step| high / step <= 6.0).unwrap_or((high / 6.0 / 86_400.0).ceil() * 86_400.0);
        Self { from: 0.0, to: high.max(1.0), step }
    }

    fn all(&self) -> Vec<f64> {
        let n = ((self.to - self.from) / self.step + 1e-9).floor() as usize;
        (0..=n.min(20)).map(|i| self.from + i as f64 * self.step).collect()
    }
}

impl Figure {
    /// Whether there is nothing to draw.
    pub fn is_empty(&self) -> bool {
        self.curves.iter().all(|(_, places)| places.is_empty())
    }

    /// As an SVG file of its own, on white.
    pub fn file(&self) -> String {
        let svg = self.drawing().svg(" color=\"#222222\" style=\"background:#ffffff\"");
        format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n{svg}")
    }

    /// As a PDF.
    pub fn pdf(&self) -> Vec<u8> {
        pdf(&self.drawing())
    }

    /// As a part of a page: laid out for a desk and, since text that shrinks with its figure cannot be read there, once more
    /// for a phone. The page's style shows one of them.
    pub fn inline(&self) -> String {
        let mut narrow = Self { size: NARROW, ..self.clone() };
        for (_, places) in &mut narrow.curves {
            let (step, last) = (places.len().div_ceil(NARROW_POINTS).max(1), places.last().copied());
            *places = places.iter().step_by(step).copied().collect();
            places.extend(last.filter(|last| places.last() != Some(last)));
        }
        self.drawing().svg(" class=\"desk\"") + &narrow.drawing().svg(" class=\"phone\"")
    }

    fn drawing(&self) -> Drawing {
        let lines = wrap(&self.title, ((self.size.0 - LEFT) / CHARACTER) as usize);
        let above = TITLE * lines.len().saturating_sub(1) as f64;
        let (width, height) = (self.size.0, self.size.1 + above);
        let top = TOP + above;
        let drawn: Vec<_> = self.curves.iter().enumerate().filter(|(_, (_, places))| !places.is_empty()).collect();
        let line = |(i, line): (usize, String)| {
            let at = (LEFT, 18.0 + TITLE * i as f64);
            Mark::Text { at, anchor: Anchor::Start, is_bold: true, text: line }
        };
        let mut marks: Vec<Mark> = lines.into_iter().enumerate().map(line).collect();
        let (x, y) = (self.horizontal(), self.vertical());
        let at_x =
            |value: f64| LEFT + (value - x.from) / (x.to - x.from).max(f64::MIN_POSITIVE) * (width - LEFT - RIGHT);
        let at_y = |value: f64| {
            height - BOTTOM - (value - y.from) / (y.to - y.from).max(f64::MIN_POSITIVE) * (height - top - BOTTOM)
        };
        let ink = |points, opacity| Mark::Line { points, color: Color::Ink, opacity };
        for value in y.all() {
            let line = at_y(value);
            marks.push(ink(vec![(LEFT, line), (width - RIGHT, line)], 0.15));
            marks.push(text((LEFT - 6.0, line + 4.0), Anchor::End, &self.value(value, y.step)));
        }
        let base = height - BOTTOM;
        for value in x.all() {
            let label = if self.axis == Axis::Step { short(value) } else { seconds(value) };
            marks.push(ink(vec![(at_x(value), base), (at_x(value), base + 4.0)], 1.0));
            marks.push(text((at_x(value), base + 17.0), Anchor::Middle, &label));
        }
        marks.push(ink(vec![(LEFT, top), (LEFT, base), (width - RIGHT, base)], 1.0));
        let name = if self.axis == Axis::Step { "step" } else { "time" };
        marks.push(text((f64::midpoint(LEFT, width - RIGHT), height - 6.0), Anchor::Middle, name));
        for branch in self.branches.iter().map(|x| at_x(*x)) {
            marks.push(ink(vec![(branch, top), (branch, base)], 0.4));
        }
        let (lowest, highest) = self.limits();
        let point = |place: &Place, value: f64| (at_x(place.x), at_y(value.clamp(lowest, highest)));
        for (i, (_, places)) in &drawn {
            let color = Color::Curve(*i);
            let spread = places.iter().filter_map(|place| Some((place, place.sd?)));
            let upper: Vec<_> = spread.clone().map(|(place, sd)| point(place, place.mean + sd)).collect();
            let lower: Vec<_> = spread.rev().map(|(place, sd)| point(place, place.mean - sd)).collect();
            if upper.len() > 1 {
                marks.push(Mark::Area { points: [upper, lower].concat(), color });
            }
            let points = places.iter().map(|place| point(place, place.mean)).collect();
            marks.push(Mark::Line { points, color, opacity: 1.0 });
        }
        let names: Vec<_> = drawn.iter().map(|(i, (name, _))| (*i, name.as_str())).collect();
        let below = self.legend(&names, height, &mut marks);
        Drawing { title: self.title.clone(), width, height: height + below, marks }
    }

    /// Draws the legend below the plot; returns its height.
    fn legend(&self, names: &[(usize, &str)], top: f64, marks: &mut Vec<Mark>) -> f64 {
        let width = self.size.0;
        let (mut x, mut y) = (LEFT, top + 12.0);
        let most = ((width - LEFT - RIGHT - DASH) / CHARACTER) as usize;
        for (i, name) in names {
            let name = fit_middle(name, most.clamp(8, 56));
            let needed = DASH + 6.0 + CHARACTER * name.chars().count() as f64;
            if x > LEFT && x + needed > width - RIGHT {
                (x, y) = (LEFT, y + LEGEND);
            }
            let points = vec![(x, y - 4.0), (x + 22.0, y - 4.0)];
            marks.push(Mark::Line { points, color: Color::Curve(*i), opacity: 1.0 });
            marks.push(text((x + DASH, y), Anchor::Start, &name));
            x += needed;
        }
        y - top + 8.0
    }

    fn horizontal(&self) -> Ticks {
        let last = self.curves.iter().filter_map(|(_, places)| places.last()).map(|place| place.x).fold(0.0, f64::max);
        match self.axis {
            Axis::Step => Ticks { from: 0.0, to: last.max(1.0), ..Ticks::around(0.0, last) },
            Axis::Time => Ticks::of_time(last),
        }
    }

    fn vertical(&self) -> Ticks {
        let (lowest, highest) = self.limits();
        let places = self.curves.iter().flat_map(|(_, places)| places);
        let ends = places.flat_map(|place| {
            let sd = place.sd.unwrap_or(0.0);
            [place.mean - sd, place.mean + sd].map(|end| end.clamp(lowest, highest))
        });
        let (low, high) = ends.fold((f64::MAX, f64::MIN), |(low, high), value| (low.min(value), high.max(value)));
        let low = if low > 0.0 && low < 0.5 * high { 0.0 } else { low };
        if low > high { Ticks::around(0.0, 1.0) } else { Ticks::around(low, high) }
    }

    /// What the quantity can be: shares are in [0, 1], and what is never below zero has no band there.
    fn limits(&self) -> (f64, f64) {
        let is_positive = || self.curves.iter().all(|(_, places)| places.iter().all(|place| place.mean >= 0.0));
        match self.unit {
            Unit::Percent => (0.0, 1.0),
            Unit::Number if is_positive() => (0.0, f64::MAX),
            Unit::Number => (f64::MIN, f64::MAX),
        }
    }

    /// A number at the vertical axis, with as many digits as its neighbours need.
    fn value(&self, value: f64, step: f64) -> String {
        let (value, step) = if self.unit == Unit::Percent { (100.0 * value, 100.0 * step) } else { (value, step) };
        let decimals = (-step.log10().floor()).clamp(0.0, 6.0) as usize;
        let value = if value.abs() < step / 1e6 { 0.0 } else { value };
        if self.unit == Unit::Percent { format!("{value:.decimals$} %") } else { format!("{value:.decimals$}") }
    }
}

fn text(at: (f64, f64), anchor: Anchor, text: &str) -> Mark {
    Mark::Text { at, anchor, is_bold: false, text: text.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figure(curves: Vec<(String, Vec<Place>)>) -> Figure {
        Figure {
            title: "a <title>".into(),
            axis: Axis::Step,
            unit: Unit::Percent,
            curves,
            branches: vec![],
            size: (460.0, 260.0),
        }
    }

    #[test]
    fn an_axis_has_about_five_round_numbers_around_what_is_there() {
        for (low, high, expected) in [
            (0.0, 1.0, vec![0.0, 0.2, 0.4, 0.6, 0.8, 1.0]),
            (0.11, 0.23, vec![0.1, 0.15, 0.2, 0.25]),
            (0.0, 1000.0, vec![0.0, 200.0, 400.0, 600.0, 800.0, 1000.0]),
            (0.5, 0.5, vec![0.4, 0.5]),
            (1.0, 1.0, vec![0.8, 1.0]),
            (0.0, 0.0, vec![0.0, 2e-7]),
        ] {
            let found = Ticks::around(low, high).all();
            let is_close = found.iter().zip(&expected).all(|(a, b)| (a - b).abs() < 1e-9);
            assert!(is_close && found.len().abs_diff(expected.len()) <= 1, "{low}..{high}: {found:?}");
        }
        assert_eq!(Ticks::of_time(500.0).all(), [0.0, 120.0, 240.0, 360.0, 480.0]);
    }

    #[test]
    fn a_figure_has_its_curves_bands_and_names_and_escapes_them() {
        let place = |x, mean, sd| Place { x, mean, sd };
        let curves = vec![
            ("a<b".into(), vec![place(0.0, 0.1, Some(0.05)), place(100.0, 0.5, Some(0.05))]),
            ("none".into(), vec![]),
            ("one run".into(), vec![place(0.0, 0.2, None), place(50.0, 0.3, None)]),
        ];
        let svg = figure(curves).file();
        assert_eq!(svg.matches("fill-opacity").count(), 1, "{svg}");
        assert!(svg.contains(">a&lt;b</text>") && svg.contains(">one run</text>") && !svg.contains(">none<"), "{svg}");
        assert!(svg.contains("<title>a &lt;title&gt;</title>") && svg.contains(">40 %</text>"), "{svg}");
        assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
        assert!(figure(vec![("x".into(), vec![])]).is_empty());
    }

    #[test]
    fn a_pdf_is_one_page_with_its_font_whose_objects_are_where_it_says() {
        let place = |x, mean| Place { x, mean, sd: Some(0.05) };
        let figure = figure(vec![("λ_u ± 1, 漢".into(), vec![place(0.0, 0.1), place(100.0, 0.5)])]);
        let bytes = figure.pdf();
        let text = String::from_utf8_lossy(&bytes);
        assert!(text.starts_with("%PDF-1.7") && text.trim_end().ends_with("%%EOF"), "{}", &text[..20]);
        for part in ["/Count 1", "/FontFile2", "/ToUnicode", "/ca 0.16"] {
            assert!(text.contains(part), "no {part}");
        }
        let find = |part: &[u8], from: usize| {
            from + bytes[from..].windows(part.len()).position(|it| it == part).expect("there")
        };
        let table = find(b"startxref\n", 0) + 10;
        let start: usize =
            String::from_utf8_lossy(&bytes[table..]).lines().next().expect("a number").parse().expect("a number");
        let entries = String::from_utf8_lossy(&bytes[start..]).into_owned();
        let objects: Vec<usize> = entries
            .lines()
            .filter_map(|line| line.trim_end().strip_suffix(" 00000 n"))
            .map(|offset| offset.parse().expect("a number"))
            .collect();
        assert_eq!(objects.len(), 13);
        for (i, offset) in objects.iter().enumerate() {
            assert!(bytes[*offset..].starts_with(format!("{} 0 obj", i + 1).as_bytes()), "object {}", i + 1);
        }
    }

    #[test]
    fn one_point_and_extreme_values_are_drawn_without_a_number_that_is_none() {
        for mean in [0.0, 1e-300, 1e300, -5.0] {
            let svg = figure(vec![("x".into(), vec![Place { x: 0.0, mean, sd: None }])]).inline();
            assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
        }
    }
}
