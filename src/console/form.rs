//! Values that a user changes one at a time: a preset's before a run, a run's while it trains.

use anyhow::Result;
use crossterm::event::KeyEvent;
use fixmatch::config::RunConfig;
use fixmatch::control::Change;
use fixmatch::preset::Preset;
use fixmatch::run_dir::RunDir;
use fixmatch::schedule::Live;

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
}

impl Form {
    /// The selected value.
    pub fn field(&self) -> Option<&Field> {
        self.fields.get(self.at.at)
    }

    /// Begins to type, with the value as it is.
    pub fn edit(&mut self) {
        self.editing = self.field().map(|field| Input { text: field.value.clone() });
        self.error = None;
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

/// A preset on its way to a run.
#[derive(Clone, Debug)]
pub struct Draft {
    /// The preset.
    pub preset: Preset,
    /// What was changed, as `--set` takes it.
    pub settings: Vec<String>,
    /// What it comes to.
    pub config: RunConfig,
    /// Its values.
    pub form: Form,
    /// The run that it goes on from, at the newest checkpoint up to this step.
    pub fork: Option<(RunDir, Option<u64>)>,
}

impl Draft {
    /// A preset as it is.
    pub fn new(preset: &Preset, config: &RunConfig) -> Self {
        let form = Form { fields: fields_of(config), ..Form::default() };
        Self { preset: preset.clone(), settings: Vec::new(), config: config.clone(), form, fork: None }
    }

    /// A fork of a run, with its values.
    pub fn fork(dir: &RunDir, until: Option<u64>, config: &RunConfig) -> Self {
        let preset = Preset::of_run(&format!("fork of {}", dir.id()), config);
        Self { fork: Some((dir.clone(), until)), ..Self::new(&preset, config) }
    }

    /// Changes a value, by the same checks as `--set`. What cannot be stays in the field, with the reason.
    pub fn set(&mut self, setting: String) {
        let key_of = |setting: &str| setting.split('=').next().map(str::to_owned);
        let mut settings = self.settings.clone();
        settings.retain(|other| key_of(other) != key_of(&setting));
        settings.push(setting);
        match self.preset.resolve(&settings) {
            Ok(config) => {
                (self.settings, self.config) = (settings, config);
                self.form.fields = fields_of(&self.config);
                (self.form.editing, self.form.error) = (None, None);
            }
            Err(error) => self.form.error = Some(reason(&error)),
        }
    }
}

/// What is wrong, without the place, which the user has before their eyes.
fn reason(error: &anyhow::Error) -> String {
    let text = format!("{:#}", error.root_cause());
    text.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or_default().trim().to_owned()
}

/// Every value of a configuration, in the order of its documentation.
fn fields_of(config: &RunConfig) -> Vec<Field> {
    let departures = config.departures();
    let defaults = toml::Value::Table(RunConfig::default().to_table());
    let default_of = |key: &str| {
        let default = key.split('.').try_fold(&defaults, |value, key| value.get(key))?;
        Some(bare(&default.to_string()))
    };
    let (mut fields, mut section) = (Vec::new(), None);
    for line in toml::to_string(config).expect("a configuration has only TOML's types").lines() {
        if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            section = Some(name.to_owned());
        } else if let (Some(section), Some((key, value))) = (&section, line.split_once(" = ")) {
            let key = format!("{section}.{key}");
            let departs = departures.iter().any(|(departed, _)| *departed == key);
            let default = departs.then(|| default_of(&key).unwrap_or_else(|| "none".into()));
            fields.push(Field { key, value: bare(value), default });
        }
    }
    fields
}

/// A TOML value without the quotes around a word.
fn bare(value: &str) -> String {
    let word = value.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    word.filter(|word| !word.contains(['"', '\\'])).unwrap_or(value).to_owned()
}

/// The values that can change while a run trains, as they are.
pub fn live_form(live: &Live) -> Form {
    let field = |key: &str, value: String| Field { key: key.into(), value, default: None };
    let fields = vec![
        field("threshold", live.threshold.to_string()),
        field("lambda_u", live.lambda_u.to_string()),
        field("lr_factor", live.lr_factor.to_string()),
        field("steps", live.steps.to_string()),
    ];
    Form { fields, ..Form::default() }
}

/// What a change would come to, before it is asked for.
pub fn preview(live: &Live, text: &str, step: u64) -> Result<String> {
    let change: Change = text.parse()?;
    let mut after = live.clone();
    after.apply(change, step);
    let halfway = step.midpoint(after.steps.max(step));
    Ok(match change {
        Change::LrFactor(_) => format!("learning rate now {:.5}, then {:.5}", live.lr(step), after.lr(step)),
        Change::Steps(_) => {
            let (before, then) = (live.lr(halfway), after.lr(halfway));
            format!("learning rate at step {halfway}: {before:.5} as it is, {then:.5} then")
        }
        Change::Threshold(_) | Change::LambdaU(_) => "from the next step on".into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draft() -> Draft {
        let preset = Preset::find("quickstart").expect("shipped");
        Draft::new(&preset, &preset.resolve(&[]).expect("resolves"))
    }

    #[test]
    fn a_preset_shows_its_values_and_their_defaults_where_they_depart() {
        let form = draft().form;
        let field = |key: &str| form.fields.iter().find(|field| field.key == key).expect(key).clone();
        assert_eq!((field("train.steps").value, field("train.steps").default), ("500".into(), Some("1048576".into())));
        assert_eq!((field("data.dataset").value.as_str(), field("train.threshold").default), ("fashion-mini", None));
    }

    #[test]
    fn a_value_is_checked_as_set_does_it() {
        let mut draft = draft();
        draft.set("train.threshold=1.5".into());
        assert_eq!(draft.form.error.as_deref(), Some("must be in [0, 1], not 1.5"));
        assert!(draft.settings.is_empty());
        draft.set("train.threshold=0.8".into());
        draft.set("train.threshold=0.9".into());
        assert_eq!(
            (draft.settings.as_slice(), draft.config.train.threshold),
            (&["train.threshold=0.9".into()][..], 0.9)
        );
        assert_eq!(draft.form.error, None);
    }

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
