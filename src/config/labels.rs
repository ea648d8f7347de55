//! Which images are labeled.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::range;
use super::rank::Metric;
use crate::base::alike::{asked_behind, closest_by};
use crate::base::dirs::expand_home;

/// `[labels]`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Labels {
    /// Labeled images per class; `all`, `published` and `file` do without. Default: 4, the paper's hardest standard setting
    /// (table 2).
    #[serde(deserialize_with = "range::positive_u32")]
    pub per_class: u32,
    /// Which images; all but `all`, `published`, `fold` and `file` take `per_class` of each class.
    pub pick: Pick,
    /// The order that `most-representative`, `least-representative`, `quantile` and `typical` go by. Default:
    /// `agreement`, one of the metrics of Carlini et al., which the paper's study of 10 labels sorts by.
    pub by: Metric,
    /// The ranking's file, instead of the one that the standard recipe for `by` gives.
    #[serde(deserialize_with = "range::path", skip_serializing_if = "Option::is_none")]
    pub ranking: Option<PathBuf>,
    /// These training indices instead of a draw.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub indices: Option<Vec<u32>>,
    /// The seed of the draw, apart from the run's own.
    #[serde(deserialize_with = "range::seed")]
    pub seed: u64,
    /// Whether the unlabeled set holds the labeled images too, as in the paper.
    pub in_unlabeled: bool,
    /// The part of the labeled images that is tested on instead of trained on (cross-validation).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub crossval: Option<Part>,
}

impl Default for Labels {
    fn default() -> Self {
        Self {
            per_class: 4,
            pick: Pick::Random,
            by: Metric::Agreement,
            ranking: None,
            indices: None,
            seed: 0,
            in_unlabeled: true,
            crossval: None,
        }
    }
}

/// One of so many equal parts, written as `2/5`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Part {
    /// Which one, from 1.
    pub number: u32,
    /// Of how many, at least 2.
    pub of: u32,
}

impl Part {
    /// The most parts that anything is cut into.
    pub const MOST: u32 = 1000;

    /// All parts of so many.
    pub fn all(of: u32) -> impl Iterator<Item = Self> {
        (1..=of).map(move |number| Self { number, of })
    }
}

impl TryFrom<String> for Part {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let numbers = text.split_once('/').and_then(|(number, of)| Some((number.parse().ok()?, of.parse().ok()?)));
        let part = numbers.map(|(number, of)| Self { number, of });
        part.filter(|part| (2..=Self::MOST).contains(&part.of) && (1..=part.of).contains(&part.number)).ok_or_else(
            || {
                format!(
                    "must be the number of a part and of how many, such as \"2/5\", of 2 to {}, not {text:?}",
                    Self::MOST
                )
            },
        )
    }
}

impl From<Part> for String {
    fn from(Part { number, of }: Part) -> Self {
        format!("{number}/{of}")
    }
}

/// How the labeled images are picked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Pick {
    /// A stratified draw with `labels.seed`.
    Random,
    /// Every image whose class is known; classes may have different numbers.
    All,
    /// Of each class, the most representative ones of an order.
    MostRepresentative,
    /// The least representative ones.
    LeastRepresentative,
    /// Those around this place of the order, from 0, the most representative, to 1.
    Quantile(f64),
    /// The most typical image of each of as many clusters as there are labels (TypiClust): the budget, `per_class` ×
    /// classes, is not shared out by class.
    Typical,
    /// A published set, by name.
    Published(String),
    /// The original code's fold of this number (the paper has 1 to 5), of `per_class` × classes labels. STL-10's are those
    /// that come with it, 0 to 9.
    Fold(u32),
    /// The indices in a file, one a line.
    File(PathBuf),
}

/// The words that `labels.pick` may begin with.
const WORDS: [&str; 9] = [
    "random",
    "all",
    "most-representative",
    "least-representative",
    "quantile:Q",
    "typical",
    "published:NAME",
    "fold:N",
    "file:PATH",
];

/// What `labels.pick` may say.
const PICKS: &str = "\"random\", \"all\", \"most-representative\", \"least-representative\", \"quantile:Q\" with Q in [0, 1], \
                     \"typical\", \"published:NAME\", \"fold:N\" or \"file:PATH\"";

impl Pick {
    /// Whether it goes by an order of the training images.
    pub fn needs_ranking(&self) -> bool {
        match self {
            Self::MostRepresentative | Self::LeastRepresentative | Self::Quantile(_) | Self::Typical => true,
            Self::Random | Self::All | Self::Published(_) | Self::Fold(_) | Self::File(_) => false,
        }
    }

    /// Whether `labels.per_class` has a part in it.
    pub fn takes_per_class(&self) -> bool {
        !matches!(self, Self::All | Self::Published(_) | Self::File(_))
    }
}

impl Labels {
    /// How many there are, in a few letters: of each class, or `all`; a dash where only the set itself tells.
    pub fn amount(&self) -> String {
        match &self.pick {
            _ if self.indices.is_some() => "–".into(),
            Pick::All => "all".into(),
            pick if pick.takes_per_class() => format!("{}/class", self.per_class),
            _ => "–".into(),
        }
    }
}

impl TryFrom<String> for Pick {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let refuse = || {
            let head = |text: &'static str| text.split(':').next().unwrap_or(text);
            let word = text.split(':').next().unwrap_or(&text);
            let close = closest_by(word, WORDS.iter().map(|&known| (head(known), known)));
            let is_known = close.iter().any(|&known| head(known) == word);
            let meant = if is_known { String::new() } else { asked_behind(&close) };
            format!("must be {PICKS}, not {text:?}{meant}")
        };
        match text.split_once(':') {
            None if text == "random" => Ok(Self::Random),
            None if text == "all" => Ok(Self::All),
            None if text == "most-representative" => Ok(Self::MostRepresentative),
            None if text == "least-representative" => Ok(Self::LeastRepresentative),
            None if text == "typical" => Ok(Self::Typical),
            Some(("quantile", q)) => {
                q.parse().ok().filter(|q| (0.0..=1.0).contains(q)).map(Self::Quantile).ok_or_else(refuse)
            }
            Some(("published", name)) if !name.is_empty() => Ok(Self::Published(name.into())),
            Some(("fold", n)) => n.parse().map(Self::Fold).map_err(|_| refuse()),
            Some(("file", path)) if !path.is_empty() => {
                expand_home(Path::new(path)).map(Self::File).map_err(|error| error.to_string())
            }
            _ => Err(refuse()),
        }
    }
}

impl From<Pick> for String {
    fn from(pick: Pick) -> Self {
        match pick {
            Pick::Random => "random".into(),
            Pick::All => "all".into(),
            Pick::MostRepresentative => "most-representative".into(),
            Pick::LeastRepresentative => "least-representative".into(),
            Pick::Quantile(q) => format!("quantile:{q}"),
            Pick::Typical => "typical".into(),
            Pick::Published(name) => format!("published:{name}"),
            Pick::Fold(n) => format!("fold:{n}"),
            Pick::File(path) => format!("file:{}", path.display()),
        }
    }
}
