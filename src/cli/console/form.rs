//! Values that a user changes one at a time: a preset's before a run, a run's while it trains.

use anyhow::Result;
use crossterm::event::KeyEvent;
use fixmatch::config::{self, Key, RunConfig};
use fixmatch::data::DATASETS;
use fixmatch::run::change::Change;
use fixmatch::run::live::Live;
use toml::Value;

use super::input::{Cursor, Input, Typed};

/// One value.
#[derive(Clone, Debug, PartialEq)]
pub struct Field {
    /// Its dotted name.
    pub key: String,
    /// The value as a user types it.
    pub value: String,
    /// The default, where the value departs from it.
    pub default: Option<String>,
    /// What it means and may be.
    pub about: Option<&'static Key>,
}

impl Field {
    /// The values to choose from, if there are few.
    fn choices(&self) -> Vec<String> {
        match &self.about {
            Some(key) if key.name == "data.dataset" => DATASETS.iter().map(|it| it.name.to_owned()).collect(),
            Some(key) => key.choices.clone(),
            None => Vec::new(),
        }
    }
}

/// A list of values, one of which may be being typed.
#[derive(Clone, Debug, Default)]
pub struct Form {
    /// The values.
    pub fields: Vec<Field>,
    /// The selected one.
    pub at: Cursor,
    /// What is typed for it.
    pub editing: Option<Input>,
    /// Why what was typed last cannot be.
    pub error: Option<String>,
    /// Folders of images that runs were trained on before.
    pub folders: Vec<String>,
}

impl Form {
    /// The selected value.
    pub fn field(&self) -> Option<&Field> {
        self.fields.get(self.at.at)
    }

    /// The values of a field to choose from, if there are few or some were used before.
    pub fn choices(&self, field: &Field) -> Vec<String> {
        if field.key == "data.path" { self.folders.clone() } else { field.choices() }
    }

    /// Begins to type, with the value as it is.
    pub fn edit(&mut self) {
        self.editing = self.field().map(|field| Input { text: field.value.clone() });
        self.error = None;
    }

    /// The choice that lies so far from the value, as `key=value`; None where there is nothing to choose from.
    pub fn choice(&self, by: isize) -> Option<String> {
        let field = self.field()?;
        let choices = self.choices(field);
        let value = self.editing.as_ref().map_or(field.value.as_str(), |input| input.text.trim());
        let n = choices.len() as isize;
        let at =
            choices.iter().position(|choice| choice == value).map_or(if by > 0 { -1 } else { 0 }, |at| at as isize);
        let choice = choices.get(usize::try_from((at + by).rem_euclid(n.max(1))).ok()?)?;
        Some(format!("{}={choice}", field.key))
    }

    /// Takes a key while typing; returns `key=value` once it is complete.
    pub fn press(&mut self, key: KeyEvent) -> Option<String> {
        let input = self.editing.as_mut()?;
        match input.press(key) {
            Typed::On => {
                self.error = None;
                None
            }
            Typed::Left => {
                (self.editing, self.error) = (None, None);
                None
            }
            Typed::Done => {
                let text = input.text.trim().to_owned();
                self.field().map(|field| format!("{}={text}", field.key))
            }
        }
    }
}

/// Every value of a configuration, also those that are not given, in the order of its documentation.
pub fn fields_of(config: &RunConfig) -> Vec<Field> {
    let (values, defaults) = (Value::Table(config.to_table()), Value::Table(RunConfig::default().to_table()));
    let of = |table: &Value, key: &str| {
        let value = key.split('.').try_fold(table, |value, part| value.get(part))?;
        Some(bare(&value.to_string()))
    };
    let field = |key: &'static Key| {
        let (value, default) = (of(&values, key.name), of(&defaults, key.name));
        let departs = value != default;
        let default = departs.then(|| default.unwrap_or_else(|| "none".into()));
        Field { key: key.name.into(), value: value.unwrap_or_default(), default, about: Some(key) }
    };
    let is_of_kind = |key: &&Key| config.rank.is_some() || !key.name.starts_with("rank.");
    config::keys().iter().filter(is_of_kind).map(field).collect()
}

/// A TOML value without the quotes around a word.
fn bare(value: &str) -> String {
    let word = value.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    word.filter(|word| !word.contains(['"', '\\'])).unwrap_or(value).to_owned()
}

/// The values that can change while a run trains, as they are.
pub fn live_form(live: &Live) -> Form {
    let field = |change: Change| {
        let key = change.key();
        Field { key: key.name.into(), value: change.value(), default: None, about: None }
    };
    let fields = live.values().into_iter().map(field).collect();
    Form { fields, ..Form::default() }
}

/// What a change would come to, before it is asked for.
pub fn preview(live: &Live, text: &str, step: u64) -> Result<String> {
    let change: Change = text.parse()?;
    live.check(change)?;
    let mut after = live.clone();
    after.apply(change, step);
    let halfway = step.midpoint(after.steps.max(step));
    Ok(match change {
        Change::LrFactor(_) => format!("learning rate now {:.5}, then {:.5}", live.lr(step), after.lr(step)),
        Change::Steps(_) => {
            let (before, then) = (live.lr(halfway), after.lr(halfway));
            format!("learning rate at step {halfway}: {before:.5} as it is, {then:.5} then")
        }
        _ => "from the next step on".into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_shows_what_it_comes_to() {
        let mut config = RunConfig::default();
        config.train.steps = 1000;
        config.train.lr = 1.0;
        let live = Live::new(&config, 1);
        assert_eq!(preview(&live, "lr_factor=0.5", 0).expect("fits"), "learning rate now 1.00000, then 0.50000");
        // halfway of the new 2000: 7π/32 stretched against the end of the old cosine, cos(7π/16)
        let steps = preview(&live, "steps=2000", 0).expect("fits");
        assert_eq!(steps, "learning rate at step 1000: 0.19509 as it is, 0.77301 then");
        assert!(preview(&live, "threshold=2", 0).is_err());
    }
}
