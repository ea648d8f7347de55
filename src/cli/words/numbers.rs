//! Numbers as people read them.

use std::time::Duration;

use fixmatch::base::output::is_terminal;
use fixmatch::base::text::{clean, fit_middle, left, right, width};

/// How the values of curves are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// A share of one, shown in percent.
    Percent,
    /// As they are.
    Number,
}

/// How much of a whole is done, in whole percent. Logs may hold any number.
pub fn percent_of(part: u64, whole: u64) -> u128 {
    100 * u128::from(part) / u128::from(whole.max(1))
}

/// 0.712 → `71.2 %`
pub fn percent(ratio: f64) -> String {
    format!("{:.1} %", 100.0 * ratio)
}

/// `0.1332`, and below a thousandth `1.5e-5`
pub fn significant(number: f32) -> String {
    if number == 0.0 || number.abs() >= 0.001 { format!("{number:.4}") } else { format!("{number:.1e}") }
}

/// The most columns of a table.
const WIDEST_TABLE: usize = 120;

/// A cell is not cut to fewer columns.
const NARROWEST_CUT: usize = 8;

/// What stands between columns.
const GAP: &str = "  ";

/// A value that may be missing.
pub fn or_dash<T>(value: Option<T>, format: impl Fn(T) -> String) -> String {
    value.map_or_else(|| "–".into(), format)
}

/// 12345 → `12.3k`: three digits and a letter from ten thousand on, whole numbers below; from 10^12 on, `5.0e13`.
pub fn short(number: f64) -> String {
    const UNITS: [(f64, &str); 3] = [(1e9, "G"), (1e6, "M"), (1e3, "k")];
    if number.abs() >= 999.5e9 {
        return format!("{number:.1e}");
    }
    let unit = UNITS.iter().find(|(size, _)| number >= 0.9995 * size);
    match unit {
        Some((size, letter)) if number >= 9999.5 => {
            let scaled = number / size;
            let decimals = if scaled < 9.995 { 2 } else { usize::from(scaled < 99.95) };
            format!("{scaled:.decimals$}{letter}")
        }
        _ => format!("{number:.0}"),
    }
}

/// 1234567 → `1,234,567`
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `58s`, `3m12s`, `2h05m`, `3d04h`
pub fn duration(duration: Duration) -> String {
    let s = duration.as_secs_f64().round() as u64;
    match s {
        0..60 => format!("{s}s"),
        60..3600 => format!("{}m{:02}s", s / 60, s % 60),
        3600..86400 => format!("{}h{:02}m", s / 3600, s / 60 % 60),
        _ => format!("{}d{:02}h", s / 86400, s / 3600 % 24),
    }
}

/// The same of seconds; a dash for what is no time, or longer than any.
pub fn seconds(s: f64) -> String {
    or_dash(Duration::try_from_secs_f64(s).ok(), duration)
}

/// 1234567 → `1.2 MB`
pub fn bytes(n_bytes: u64) -> String {
    const UNITS: [(f64, &str); 3] = [(1e9, "GB"), (1e6, "MB"), (1e3, "kB")];
    let n_bytes = n_bytes as f64;
    match UNITS.iter().find(|(size, _)| n_bytes >= *size) {
        Some((size, unit)) => format!("{:.1} {unit}", n_bytes / size),
        None => format!("{n_bytes} B"),
    }
}

/// `1 step`, `2 steps`
pub fn plural(n: u64, noun: &str) -> String {
    format!("{} {noun}{}", grouped(n), if n == 1 { "" } else { "s" })
}

/// Rows under a head, columns as wide as their widest cell, the first one to the left and the others to the right.
pub fn table(head: &[&str], rows: &[Vec<String>]) -> String {
    aligned(head, rows, |column| column > 0)
}

/// The same for words: all columns to the left.
pub fn columns(head: &[&str], rows: &[Vec<String>]) -> String {
    aligned(head, rows, |_| false)
}

/// The same with each column to the side that `is_right` says. A cell is one line, measured as a terminal shows it. On a
/// terminal, a table that would be wider than 120 columns loses the middles of its longest words; numbers stay whole.
pub fn aligned(head: &[&str], rows: &[Vec<String>], is_right: impl Fn(usize) -> bool) -> String {
    aligned_in(if is_terminal() { WIDEST_TABLE } else { usize::MAX }, head, rows, is_right)
}

fn aligned_in(room: usize, head: &[&str], rows: &[Vec<String>], is_right: impl Fn(usize) -> bool) -> String {
    let rows: Vec<Vec<String>> = rows.iter().map(|row| row.iter().map(|cell| clean(cell)).collect()).collect();
    let width_of = |column: usize| {
        let cells = rows.iter().map(|row: &Vec<String>| width(&row[column]));
        cells.chain([width(head[column])]).max().unwrap_or_default()
    };
    let is_number = |column: usize| !rows.iter().any(|row| row[column].contains(char::is_alphabetic));
    let columns = (0..head.len()).map(|column| (width_of(column), is_number(column)));
    let widths = fitting(columns.collect(), room);
    let cut = |column: usize, cell: &str| fit_middle(cell, widths[column]);
    let line = |cells: Vec<&str>| {
        let padded = cells.iter().zip(&widths).enumerate();
        let padded = padded.map(|(column, (cell, &width))| {
            let cell = cut(column, cell);
            if is_right(column) { right(&cell, width) } else { left(&cell, width) }
        });
        padded.collect::<Vec<_>>().join(GAP).trim_end().to_owned()
    };
    let mut lines = vec![line(head.to_vec())];
    lines.extend(rows.iter().map(|row| line(row.iter().map(String::as_str).collect())));
    lines.join("\n")
}

/// The widths of columns with two blanks between, the widest ones narrowed until the table has room, but for those that hold
/// numbers.
fn fitting(columns: Vec<(usize, bool)>, room: usize) -> Vec<usize> {
    let room = room.saturating_sub(GAP.len() * columns.len().saturating_sub(1));
    let of_numbers = columns.iter().filter(|(_, is_number)| *is_number).map(|(width, _)| width).sum();
    let mut widths: Vec<usize> = columns.iter().filter(|(_, is_number)| !is_number).map(|(width, _)| *width).collect();
    narrow(&mut widths, room.saturating_sub(of_numbers));
    let mut narrowed = widths.into_iter();
    columns
        .into_iter()
        .map(|(width, is_number)| if is_number { width } else { narrowed.next().unwrap_or(width) })
        .collect()
}

fn narrow(widths: &mut [usize], room: usize) {
    while widths.iter().sum::<usize>() > room {
        let over = widths.iter().sum::<usize>() - room;
        let widest = widths.iter().copied().max().unwrap_or_default();
        let next = widths.iter().copied().filter(|&width| width < widest).max().unwrap_or(0);
        let n_widest = widths.iter().filter(|&&width| width == widest).count();
        let column = widths.iter().rposition(|&width| width == widest).expect("it is one of them");
        if widest <= NARROWEST_CUT {
            break; // more columns than any table of ours has
        }
        widths[column] = widest.saturating_sub(over.div_ceil(n_widest)).max(next).clamp(NARROWEST_CUT, widest - 1);
    }
}

/// Two numbers to a thousandth as a range, or one where they are the same.
pub fn range(low: f64, high: f64) -> String {
    let [low, high] = [low, high].map(|it| format!("{it:.3}"));
    if low == high { high } else { format!("{low} to {high}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_at_most_120_columns_wide_and_cuts_what_is_longest() {
        let rows = [
            vec!["x".repeat(100) + "1", "y".repeat(90), "12".into()],
            vec!["猫".repeat(100) + "2", "short".into(), "3".into()],
        ];
        let text = aligned_in(120, &["A", "B", "N"], &rows, |_| false);
        let lines: Vec<_> = text.lines().collect();
        assert!(lines.iter().all(|line| width(line) <= 120), "{text}");
        assert!(lines[1].contains("…") && lines[1].contains("x1  ") && lines[1].ends_with("12"), "{text}");
        assert!(lines[2].contains("猫2 ") && lines[2].contains("short"), "{text}");
        let words = |widths: &[usize]| fitting(widths.iter().map(|&width| (width, false)).collect(), 120);
        assert_eq!(words(&[200, 10, 10]), [96, 10, 10]);
        assert_eq!(words(&[60, 56]), [60, 56]);
        assert_eq!(words(&[20; 10]).iter().sum::<usize>(), 102);
        assert_eq!(fitting(vec![(90, false), (60, true), (20, true)], 120), [36, 60, 20]);
        let piped = columns(&["A", "B", "N"], &rows);
        assert!(!piped.contains('…') && piped.contains(&rows[0][0]), "who reads it from a file wants all of it");
    }

    #[test]
    fn large_numbers_have_three_digits_and_a_letter() {
        let cases = [
            (7.0, "7"),
            (9999.0, "9999"),
            (10_000.0, "10.0k"),
            (12_345.0, "12.3k"),
            (999_960.0, "1.00M"),
            (1_048_576.0, "1.05M"),
            (123_456.0, "123k"),
            (5.0044e13, "5.0e13"),
        ];
        for (number, expected) in cases {
            assert_eq!(short(number), expected);
        }
    }

    #[test]
    fn durations_have_two_units() {
        let cases = [(0.4, "0s"), (59.6, "1m00s"), (192.0, "3m12s"), (7500.0, "2h05m"), (273_600.0, "3d04h")];
        for (s, expected) in cases {
            assert_eq!(duration(Duration::from_secs_f64(s)), expected);
        }
    }

    #[test]
    fn digits_are_grouped_by_three() {
        for (number, expected) in [(0, "0"), (999, "999"), (1000, "1,000"), (1_234_567, "1,234,567")] {
            assert_eq!(grouped(number), expected);
        }
    }

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let rows = [vec!["a".to_owned(), "1000".into()], vec!["bbb".into(), "–".into()]];
        assert_eq!(table(&["x", "n"], &rows), "x       n\na    1000\nbbb     –");
        assert_eq!(columns(&["x", "n"], &rows), "x    n\na    1000\nbbb  –");
        let rows = [vec!["猫\t".to_owned(), "1".into()], vec!["u\u{308}\n\x1b".into(), "22".into()]];
        assert_eq!(table(&["x", "n"], &rows), "x     n\n猫    1\nu\u{308} ␛  22");
    }
}
