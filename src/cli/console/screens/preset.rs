//! A preset's values, on their way to a run.

use crossterm::event::{KeyCode, KeyEvent};
use fixmatch::config::RunConfig;
use fixmatch::config::preset::Preset;
use fixmatch::run::dir::RunDir;
use fixmatch::run::fork;

use super::home::{DataState, Home};
use crate::console::form::{Form, fields_of};
use crate::console::input::Input;
use crate::console::keys::Action;

mod keys;
pub mod view;

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
        let mut draft = Self { fork: Some((dir.clone(), until)), ..Self::new(&preset, config) };
        draft.show_values();
        draft
    }

    /// Shows the values that can be changed.
    fn show_values(&mut self) {
        self.form.fields = fields_of(&self.config);
        if self.fork.is_some() {
            self.form.fields.retain(|field| !fork::keeps(&field.key));
        }
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
        if self.form.choices(field).iter().any(|choice| choice.starts_with(text)) {
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
                self.show_values();
                (self.form.editing, self.form.error) = (None, None);
                self.with_baseline &= self.has_baseline();
            }
            Err(error) => self.form.error = Some(reason(&error)),
        }
    }

    /// Whether an action is of use here.
    pub fn fits(&self, action: Action, home: &Home) -> bool {
        match action {
            Action::Fetch => matches!(home.data(&self.config.data.dataset), DataState::Missing(_)),
            Action::Baseline => self.has_baseline(),
            _ => true,
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
}
