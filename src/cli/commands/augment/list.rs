//! The tables that `fixmatch augment --list` prints: operations, what the policies draw, AutoAugment's pairs.

use fixmatch::augment::{Kind, autoaugment, ctaugment, randaugment};
use fixmatch::config::Table;

use crate::words::numbers::columns;

pub fn tables() -> String {
    let parts = [
        "Operations, as --op takes them:",
        &operations(),
        "",
        "What RandAugment and CTAugment draw, by the paper's table and by the original code's. The original code's RandAugment \
         draws\none of nine levels and applies only half of the operations.",
        &policies(),
        "",
        "AutoAugment's pairs, with the probability of each operation:",
        &pairs(),
    ];
    parts.join("\n")
}

fn operations() -> String {
    let row = |&kind: &Kind| {
        let [usage, allowed] = kind.usage();
        vec![usage, kind.effect().to_owned(), allowed]
    };
    columns(&["OPERATION", "EFFECT", "ALLOWED"], &Kind::ALL.iter().map(row).collect::<Vec<_>>())
}

fn policies() -> String {
    let row = |&kind: &Kind| {
        let learned = |table| ctaugment::rows(table).iter().find(|row| row.kind == kind);
        let bins = learned(Table::Reference).map(|row| joined(row, |parameter| parameter.bins.to_string(), " and "));
        vec![
            kind.name().to_owned(),
            randaugment::PAPER.iter().find(|row| row.0 == kind).map(|row| row.1.to_string()).unwrap_or_default(),
            levels(kind),
            learned(Table::Paper).map(ranges).unwrap_or_default(),
            learned(Table::Reference).map(ranges).unwrap_or_default(),
            bins.unwrap_or_default(),
        ]
    };
    let head = ["OPERATION", "RANDAUGMENT", "ORIGINAL CODE", "CTAUGMENT", "ORIGINAL CODE", "BINS"];
    columns(&head, &Kind::ALL.iter().map(row).collect::<Vec<_>>())
}

fn ranges(row: &ctaugment::Row) -> String {
    if row.parameters.is_empty() { "–".into() } else { joined(row, |parameter| parameter.range.to_string(), "; ") }
}

fn joined(row: &ctaugment::Row, text: impl Fn(&ctaugment::Parameter) -> String, between: &str) -> String {
    row.parameters.iter().map(text).collect::<Vec<_>>().join(between)
}

/// What the first and the last level of the original code's RandAugment mean.
fn levels(kind: Kind) -> String {
    if !randaugment::PAPER.iter().any(|row| row.0 == kind) {
        return String::new();
    }
    let [first, last] = [1, randaugment::LAST_LEVEL].map(|level| randaugment::reference_value(kind, level, 1));
    match kind {
        Kind::TranslateX | Kind::TranslateY => format!("±{first} to ±{last} pixels"),
        Kind::Rotate | Kind::ShearX | Kind::ShearY => format!("±{} to ±{}", rounded(first), rounded(last)),
        _ if first == last => "–".into(),
        _ => format!("{} to {}", rounded(first), rounded(last)),
    }
}

fn pairs() -> String {
    let cells = |(kind, probability, magnitude): autoaugment::Step| {
        let [low, high] = [-1.0, 1.0].map(|sign| autoaugment::value(kind, magnitude, sign));
        let value = match kind {
            Kind::Autocontrast | Kind::Equalize | Kind::Invert => String::new(),
            _ if low == high => format!("={}", rounded(high)),
            _ if low == -high => format!("=±{}", rounded(high)),
            _ => format!("={} or {}", rounded(low), rounded(high)),
        };
        [format!("{}{value}", kind.name()), probability.to_string()]
    };
    let row = |pair: &[autoaugment::Step; 2]| pair.map(cells).concat();
    columns(&["FIRST", "", "SECOND", ""], &autoaugment::POLICY.each_ref().map(row))
}

/// At most three decimals, and none that are zero.
fn rounded(value: f64) -> f64 {
    (value * 1000.0).round() / 1000.0
}
