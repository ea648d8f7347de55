//! Which runs are meant: words that their names hold, and conditions on what is known of them.
//!
//! `labels-small train.lr>=0.03 labels.per_class=4 status=finished accuracy>0.6`: a run is meant if one of the words fits it, or
//! there are none, and all conditions hold.

use std::cmp::Ordering;
use std::path::Path;

use anyhow::{Context as _, Result, bail, ensure};

use crate::base::alike::asked;
use crate::compare::experiment::Experiment;
use crate::compare::keys::{self, Key, Kind, NONE};
use crate::compare::saved::{self, Saved};
use crate::run::dir::{RunDir, ids_like};
use crate::run::survey::Row;

/// An expression.
#[derive(Debug, Default)]
pub struct Expression {
    /// Names of runs and suites, or parts of them.
    pub words: Vec<String>,
    conditions: Vec<Condition>,
}

/// A condition on a run.
#[derive(Debug)]
struct Condition {
    key: &'static Key,
    operator: Operator,
    text: String,
    number: Option<f64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operator {
    Equal,
    NotEqual,
    Less,
    AtMost,
    More,
    AtLeast,
}

/// The longer ones first.
const OPERATORS: [(&str, Operator); 7] = [
    ("!=", Operator::NotEqual),
    ("<=", Operator::AtMost),
    (">=", Operator::AtLeast),
    ("==", Operator::Equal),
    ("=", Operator::Equal),
    ("<", Operator::Less),
    (">", Operator::More),
];

impl Expression {
    /// Reads an expression, blanks around operators allowed. A value with blanks stands in quotes.
    ///
    /// # Errors
    /// For a key that does not exist, a value that it cannot have, and a condition without one of its sides.
    pub fn parse(text: &str) -> Result<Self> {
        Self::parse_with(text, &Saved::new())
    }

    /// The same where `@NAME` stands for an expression that was saved.
    ///
    /// # Errors
    /// As above, and for a name that none was saved under.
    pub fn parse_with(text: &str, saved: &Saved) -> Result<Self> {
        let mut expression = Self::default();
        let mut rest = text.trim_start();
        while !rest.is_empty() {
            let start = rest;
            let (word, after) = token(rest, true)?;
            let behind = after.trim_start();
            match OPERATORS.iter().find_map(|(sign, operator)| Some((operator, sign, behind.strip_prefix(sign)?))) {
                None => {
                    ensure!(!word.is_empty(), "{:?} is neither a name nor a condition", first_word(start));
                    match word.strip_prefix('@') {
                        Some(name) => {
                            let text = saved.get(name).with_context(|| {
                                format!("no expression is saved as {word}; {}", saved::there_are(saved))
                            })?;
                            let meant = Self::parse(text).with_context(|| format!("cannot read {word}: {text:?}"))?;
                            expression.words.extend(meant.words);
                            expression.conditions.extend(meant.conditions);
                        }
                        None => expression.words.push(word),
                    }
                    rest = behind;
                }
                Some((operator, sign, value)) => {
                    let (value, after) = token(value.trim_start(), false)?;
                    let said = start[..start.len() - after.len()].trim_end();
                    ensure!(!word.is_empty(), "{said:?} lacks a key before {sign}, such as train.lr");
                    ensure!(!value.is_empty(), "{said:?} lacks a value after {sign}");
                    let condition = Condition::new(&word, *operator, value);
                    expression.conditions.push(condition.with_context(|| format!("cannot read {said:?}"))?);
                    rest = after.trim_start();
                }
            }
        }
        Ok(expression)
    }

    /// Whether a text is meant to have a condition, well written or not, or to stand for one.
    pub fn has_condition(text: &str) -> bool {
        text.contains(['=', '<', '>']) || text.split_whitespace().any(|word| word.starts_with('@'))
    }

    /// The runs that are meant, in the order of the words, those of one word in the order in which they were given. A word that
    /// is the name of runs or of a suite means these and not others that only hold it; one with a slash is a run's folder.
    ///
    /// # Errors
    /// If a word fits no run.
    pub fn select(&self, all: Vec<Experiment>) -> Result<Vec<Experiment>> {
        if self.words.is_empty() {
            return Ok(all.into_iter().filter(|it| self.conditions_hold(it)).collect());
        }
        let mut chosen: Vec<Experiment> = Vec::new();
        for word in &self.words {
            let is_made_of_it = |it: &Experiment| it.row.preset == *word;
            let fitting = if word.contains('/') && !all.iter().any(is_made_of_it) {
                vec![Experiment::of(Row::of(&RunDir::open(Path::new(word))?))]
            } else {
                fitting(word, &all)?
            };
            for experiment in fitting {
                if self.conditions_hold(&experiment) && chosen.iter().all(|it| it.row.dir != experiment.row.dir) {
                    chosen.push(experiment);
                }
            }
        }
        Ok(chosen)
    }

    /// Whether a run is meant, names held against each other only in part.
    pub fn holds(&self, experiment: &Experiment) -> bool {
        let id = experiment.id();
        let named = self.words.is_empty() || self.words.iter().any(|word| holds_word(&id, word));
        named && self.conditions_hold(experiment)
    }

    fn conditions_hold(&self, experiment: &Experiment) -> bool {
        self.conditions.iter().all(|condition| condition.holds(experiment))
    }
}

/// A word or a value at the start of a text, and what follows. A key ends where an operator begins.
fn token(text: &str, is_key: bool) -> Result<(String, &str)> {
    for quote in ['"', '\''] {
        if let Some(inner) = text.strip_prefix(quote) {
            let (value, rest) =
                inner.split_once(quote).with_context(|| format!("{text:?} lacks its closing {quote}"))?;
            return Ok((value.to_owned(), rest));
        }
    }
    let ends = |(at, c): (usize, char)| {
        c.is_whitespace() || is_key && OPERATORS.iter().any(|(sign, _)| text[at..].starts_with(sign))
    };
    let end = text.char_indices().find(|it| ends(*it)).map_or(text.len(), |(at, _)| at);
    Ok((text[..end].to_owned(), &text[end..]))
}

fn first_word(text: &str) -> &str {
    text.split_whitespace().next().unwrap_or(text)
}

fn holds_word(id: &str, word: &str) -> bool {
    id.to_lowercase().contains(&word.to_lowercase())
}

fn fitting(word: &str, all: &[Experiment]) -> Result<Vec<Experiment>> {
    type Fits<'a> = &'a dyn Fn(&Experiment) -> bool;
    let ways: [Fits; 5] = [
        &|it| it.id() == word,
        &|it| it.is_of(word),
        &|it| it.row.dir.is_called(word),
        &|it| word.contains('/') && it.row.preset == word,
        &|it| holds_word(&it.id(), word),
    ];
    for fits in ways {
        let fitting: Vec<_> = all.iter().filter(|it| fits(it)).cloned().collect();
        if !fitting.is_empty() {
            return Ok(fitting);
        }
    }
    let ids: Vec<_> = all.iter().rev().map(Experiment::id).collect();
    let meant = asked(&ids_like(word, ids.iter().map(String::as_str)));
    let meant = if meant.is_empty() { "`fixmatch runs` lists them".into() } else { meant };
    bail!("no run's name holds {word:?}; {}", meant.trim_end())
}

impl Condition {
    fn new(key: &str, operator: Operator, text: String) -> Result<Self> {
        let key = keys::find(key)?;
        let number = key.number_in(&text)?;
        let is_ordered = !matches!(operator, Operator::Equal | Operator::NotEqual);
        ensure!(
            !is_ordered || text != NONE,
            "what is missing is neither more nor less: {} = none or != none",
            key.name
        );
        ensure!(!is_ordered || key.kind != Kind::Word, "{} is a word: compare it with = or !=", key.name);
        Ok(Self { key, operator, text, number })
    }

    /// What is not known of a run is equal to `none` and to nothing else, and neither more nor less than anything.
    fn holds(&self, experiment: &Experiment) -> bool {
        if self.key.name == "tag" && self.text != NONE {
            let has_it = experiment.row.card.tags.contains(&self.text);
            return has_it == (self.operator == Operator::Equal);
        }
        let value = experiment.value(self.key);
        let ordering = match (&value, self.number) {
            (None, _) => (self.text == NONE).then_some(Ordering::Equal),
            (Some(value), Some(number)) => value.number.and_then(|it| it.partial_cmp(&number)),
            // a day is all of its moments
            (Some(value), None) if self.key.kind == Kind::Moment => {
                let end = value.text.len().min(self.text.len());
                Some(value.text.get(..end).unwrap_or(&value.text).cmp(&self.text))
            }
            (Some(value), None) => Some(value.text.cmp(&self.text)),
        };
        match self.operator {
            Operator::Equal => ordering == Some(Ordering::Equal),
            Operator::NotEqual => ordering != Some(Ordering::Equal),
            Operator::Less => ordering == Some(Ordering::Less),
            Operator::AtMost => ordering.is_some_and(Ordering::is_le),
            Operator::More => ordering == Some(Ordering::Greater),
            Operator::AtLeast => ordering.is_some_and(Ordering::is_ge),
        }
    }
}
