//! Values that a user changes one at a time: a preset's before a run, a run's while it trains.

use anyhow::Result;
use crossterm::event::{KeyCode, KeyEvent};
use fixmatch::config::preset::Preset;
use fixmatch::config::{self, Key, RunConfig};
use fixmatch::data::DATASETS;
use fixmatch::run::change::Change;
use fixmatch::run::dir::RunDir;
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
    pub fn choices(&self) -> Vec<String> {
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

    /// The choice that lies so far from the value, as `key=value`; None where there is nothing to choose from.
    pub fn choice(&self, by: isize) -> Option<String> {
        let field = self.field()?;
        let choices = field.choices();
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

/// A preset on its way to a run.
#[derive(Clone, Debug)]
pub struct Draft {
    /// The preset.
    pub preset: Preset,
    /// What is changed in it, as `--set` takes it.
    pub settings: Vec<String>,
    /// What it comes to.
    pub config: RunConfig,
    /// Its values.
    pub form: Form,
    /// The run that it goes on from, at the newest checkpoint up to this step.
    pub fork: Option<(RunDir, Option<u64>)>,
    /// Whether the labels alone are to be trained beside it.
    pub with_baseline: bool,
    /// Whether a user changed something here that no run was launched with.
    pub is_edited: bool,
}

impl Draft {
    /// A preset as it is.
    pub fn new(preset: &Preset, config: &RunConfig) -> Self {
        let form = Form { fields: fields_of(config), ..Form::default() };
        let (preset, config) = (preset.clone(), config.clone());
        Self { preset, settings: Vec::new(), config, form, fork: None, with_baseline: false, is_edited: false }
    }

    /// A fork of a run, with its values.
    pub fn fork(dir: &RunDir, until: Option<u64>, config: &RunConfig) -> Self {
        let preset = Preset::of_run(&format!("fork of {}", dir.id()), config);
        Self { fork: Some((dir.clone(), until)), ..Self::new(&preset, config) }
    }

    /// Whether there is something that the labels alone can be compared with.
    pub fn has_baseline(&self) -> bool {
        self.fork.is_none() && self.config.train.lambda_u > 0.0
    }

    /// Takes a key while a value is typed: Enter takes the value, arrows go through its choices, and each letter is
    /// followed by a look at whether the value could be taken.
    pub fn press(&mut self, key: KeyEvent) {
        let by = match key.code {
            KeyCode::Left | KeyCode::Up => -1,
            KeyCode::Right | KeyCode::Down => 1,
            _ => 0,
        };
        if let (true, Some(choice)) = (by != 0, self.form.choice(by)) {
            let text = choice.split_once('=').map_or(String::new(), |(_, value)| value.to_owned());
            self.form.editing = Some(Input { text });
        } else if let Some(setting) = self.form.press(key) {
            return self.set(setting);
        }
        self.form.error = self.typed_error();
    }

    /// Why what is typed could not be taken as it is; nothing while it begins one of the choices.
    fn typed_error(&self) -> Option<String> {
        let (input, field) = self.form.editing.as_ref().zip(self.form.field())?;
        let text = input.text.trim();
        if field.choices().iter().any(|choice| choice.starts_with(text)) {
            return None;
        }
        let settings = self.settings_with(format!("{}={text}", field.key));
        self.preset.resolve(&settings).err().map(|error| reason(&error))
    }

    /// The settings with another one, in place of an older one of the same key. An empty value leaves the key out.
    fn settings_with(&self, setting: String) -> Vec<String> {
        let key_of = |setting: &str| setting.split('=').next().map(str::to_owned);
        let mut settings = self.settings.clone();
        settings.retain(|other| key_of(other) != key_of(&setting));
        if !setting.ends_with('=') {
            settings.push(setting);
        }
        settings
    }

    /// Changes a value, by the same checks as `--set`. What cannot be stays in the field, with the reason.
    pub fn set(&mut self, setting: String) {
        let settings = self.settings_with(setting);
        match self.preset.resolve(&settings) {
            Ok(config) => {
                self.is_edited |= self.config != config;
                (self.settings, self.config) = (settings, config);
                self.form.fields = fields_of(&self.config);
                (self.form.editing, self.form.error) = (None, None);
                self.with_baseline &= self.has_baseline();
            }
            Err(error) => self.form.error = Some(reason(&error)),
        }
    }

    /// Goes to another of the choices of the selected value.
    pub fn choose(&mut self, by: isize) {
        if let Some(setting) = self.form.choice(by) {
            self.set(setting);
        }
    }
}

/// What is wrong, without the place, which the user has before their eyes.
fn reason(error: &anyhow::Error) -> String {
    let text = format!("{:#}", error.root_cause());
    text.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or_default().trim().to_owned()
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
    let fields = live.values().map(field).into();
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

    fn typed(draft: &mut Draft, key: &str, text: &str) {
        draft.form.at.at = draft.form.fields.iter().position(|field| field.key == key).expect(key);
        draft.form.editing = Some(Input::default());
        for c in text.chars() {
            let code = if c == '\n' { KeyCode::Enter } else { KeyCode::Char(c) };
            draft.press(KeyEvent::new(code, crossterm::event::KeyModifiers::NONE));
        }
    }

    #[test]
    fn what_is_typed_is_checked_letter_by_letter_and_the_words_of_a_choice_only_once_they_go_astray() {
        let cases = [
            ("train.threshold", "1.5", Some("must be in [0, 1], not 1.5")),
            ("train.threshold", "1.0", None),
            ("train.window", "0", Some("must be at least 1, not 0")),
            ("train.forward", "spl", None),
            ("train.forward", "spx", Some("unknown variant `spx`, expected `joint` or `split`")),
            (
                "data.resize",
                "32",
                Some(
                    "data.resize is for data.dataset = \"folder\"; the images of \"fashion-mini\" have their own size",
                ),
            ),
        ];
        for (key, text, error) in cases {
            let mut draft = draft();
            typed(&mut draft, key, text);
            assert_eq!(draft.form.error.as_deref(), error, "{key} = {text}");
            assert!(!draft.is_edited && draft.settings.is_empty());
        }
    }

    #[test]
    fn choices_are_gone_through_in_a_circle_and_numbers_have_none() {
        let mut draft = draft();
        let go = |draft: &mut Draft, key: &str, by| {
            draft.form.at.at = draft.form.fields.iter().position(|field| field.key == key).expect(key);
            draft.choose(by);
            draft.form.field().expect("selected").value.clone()
        };
        let ways = [1, 1, 1, 1, -1].map(|by| go(&mut draft, "augment.strong", by));
        assert_eq!(ways, ["ctaugment", "autoaugment", "none", "randaugment", "none"]);
        assert!(draft.is_edited);
        assert_eq!(go(&mut draft, "augment.flip", 1), "false");
        assert_eq!(go(&mut draft, "train.mu", 1), draft.config.train.mu.to_string());
        assert_eq!(go(&mut draft, "data.dataset", -1), "fashion-mini", "a choice that cannot be is refused");
        assert!(draft.form.error.is_some());
    }

    #[test]
    fn a_value_that_was_not_given_can_be_given_and_left_out_again() {
        let mut draft = draft();
        typed(&mut draft, "labels.indices", "[1, 2]\n");
        assert_eq!(draft.settings, ["labels.indices=[1, 2]"]);
        typed(&mut draft, "labels.indices", "\n");
        assert!(draft.settings.is_empty() && draft.config.labels.indices.is_none());
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
