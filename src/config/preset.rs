//! Presets: sparse TOML files that say how a run departs from the defaults, and why.
//!
//! Shipped ones are compiled in from `experiments/`, named by their path there; a file whose name starts with `_` is a
//! shared recipe, which others extend but lists do not show. Each file is checked on its own text before the files are
//! laid over one another, so that an error names its file, line and column.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail, ensure};
use rust_embed::RustEmbed;
use toml::{Table, Value};

use crate::base::alike::{asked, asked_behind, closest, unknown_key, with_last};
use crate::base::dirs::expand_home;
use crate::base::files;
use crate::config::{self, Pick, RunConfig};

mod earlier;
pub mod own;

/// A chain of `extends` longer than this goes in circles.
const MAX_DEPTH: usize = 8;

/// The group of presets in files.
pub const OWN: &str = "own";

/// The folder of suites among the presets.
const SUITES: &str = "suites/";

#[derive(RustEmbed)]
#[folder = "experiments"]
struct Shipped;

/// A preset and where it came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Preset {
    /// Its path in `experiments/` or a folder of one's own without `.toml`, or the stem of its file.
    pub name: String,
    /// What errors call it.
    origin: String,
    /// Its whole path, for presets in files: relative paths in it start from there.
    path: Option<PathBuf>,
    text: String,
}

impl Preset {
    /// The shipped presets, in the order of their names, shared recipes left out.
    pub fn shipped() -> Vec<Self> {
        let mut names: Vec<String> =
            Shipped::iter().filter_map(|path| path.strip_suffix(".toml").map(str::to_owned)).collect();
        names.retain(|name| !name.rsplit('/').next().is_some_and(|file| file.starts_with('_')));
        names.retain(|name| !name.starts_with(SUITES));
        names.sort_by_key(|name| natural_order(name));
        names.iter().map(|name| Self::shipped_as(name).expect("a listed preset is embedded")).collect()
    }

    /// The preset of that name, a shipped one or one's own (see [`own`]), or the file at that path.
    pub fn find(name_or_path: &str) -> Result<Self> {
        let path = Path::new(name_or_path);
        let is_toml = path.extension().is_some_and(|extension| extension == "toml");
        if is_toml && path.is_file() {
            return Self::from_file(path);
        }
        if let Some(named) = Self::named(name_or_path.trim_end_matches(".toml")) {
            return named;
        }
        if !is_toml {
            bail!(
                "no preset is called {name_or_path:?}; {}`fixmatch presets` lists them, or give the path of a .toml file",
                asked(&alike(name_or_path, &names())),
            );
        }
        Self::from_file(path)
    }

    /// The preset of that name: a shipped one, else one's own.
    pub fn named(name: &str) -> Option<Result<Self>> {
        Self::shipped_as(name).map(Ok).or_else(|| Self::find_own(name))
    }

    /// The preset in a file.
    pub fn from_file(path: &Path) -> Result<Self> {
        let text = files::read_text(path, files::MAX_TOML);
        let text = text.with_context(|| format!("cannot read the preset {}", path.display()))?;
        let name = path.file_stem().map_or_else(|| "preset".into(), |stem| stem.to_string_lossy().into_owned());
        Ok(Self { name, origin: path.display().to_string(), path: Some(std::path::absolute(path)?), text })
    }

    /// What finds it again from any folder: a shipped preset's name, or the whole path of a file.
    pub fn reference(&self) -> String {
        self.path.as_ref().map_or_else(|| self.name.clone(), |path| path.display().to_string())
    }

    /// The group that lists show it in: `own` for one in a file, the folder of a shipped one. Some stand alone.
    pub fn group(&self) -> Option<&str> {
        match &self.path {
            Some(_) => Some(OWN),
            None => self.name.split_once('/').map(|(folder, _)| folder),
        }
    }

    /// The whole configuration: defaults, the presets this one extends, this one, then `key=value` settings.
    pub fn resolve(&self, settings: &[String]) -> Result<RunConfig> {
        let mut layers = self.layers()?;
        for setting in settings {
            layers.push(parse_setting(setting)?);
        }
        let mut merged = Table::new();
        for layer in layers {
            merge(&mut merged, layer);
        }
        let config: RunConfig = merged.try_into().with_context(|| format!("in {}", self.origin))?;
        config.validate().with_context(|| format!("in {}", self.origin))?;
        Ok(config)
    }

    /// A run's configuration, as a preset to change values of.
    pub fn of_run(name: &str, config: &RunConfig) -> Self {
        let text = toml::to_string(config).expect("a configuration has only TOML's types");
        Self { name: name.to_owned(), origin: name.to_owned(), path: None, text }
    }

    fn shipped_as(name: &str) -> Option<Self> {
        let file = Shipped::get(&format!("{name}.toml")).filter(|_| !name.starts_with(SUITES));
        let text = match file {
            Some(file) => std::str::from_utf8(&file.data).expect("shipped presets are UTF-8").to_owned(),
            None => earlier::text(name)?,
        };
        Some(Self { name: name.to_owned(), origin: format!("experiments/{name}.toml"), path: None, text })
    }

    /// This preset and those it extends, the farthest first.
    fn layers(&self) -> Result<Vec<Table>> {
        let (mut layers, mut preset) = (Vec::new(), self.clone());
        loop {
            ensure!(layers.len() < MAX_DEPTH, "{}: `extends` goes in circles or deeper than {MAX_DEPTH}", self.origin);
            let (table, base) = preset.parse()?;
            layers.push(table);
            let Some(base) = base else { break };
            preset = preset.base(&base)?;
        }
        layers.reverse();
        Ok(layers)
    }

    /// The table of this file alone, checked, with relative paths made absolute, and the name that it extends.
    fn parse(&self) -> Result<(Table, Option<String>)> {
        let config: RunConfig = toml::from_str(&self.text).map_err(|error| located(&self.origin, &error))?;
        let mut table: Table = toml::from_str(&self.text).map_err(|error| located(&self.origin, &error))?;
        table.remove("extends");
        if let Some(folder) = self.folder() {
            make_paths_absolute(&mut table, &config, |path| Ok(folder.join(path)))?;
        }
        Ok((table, config.extends))
    }

    fn folder(&self) -> Option<&Path> {
        self.path.as_ref()?.parent()
    }

    fn base(&self, name: &str) -> Result<Self> {
        if let Some(preset) = Self::shipped_as(name) {
            return Ok(preset);
        }
        let path = expand_home(Path::new(name)).with_context(|| format!("{}: extends", self.origin))?;
        let beside = self.folder().map(|folder| folder.join(path)).filter(|path| path.is_file());
        let path = beside.with_context(|| {
            let (origin, meant) = (&self.origin, asked_behind(&alike(name, &shipped_names())));
            format!("{origin}: extends = {name:?} is neither a shipped preset nor a file beside this one{meant}")
        })?;
        Self::from_file(&path)
    }
}

/// A configuration with `key=value` settings, checked as a preset's are.
pub fn with_settings(config: &RunConfig, settings: &[String]) -> Result<RunConfig> {
    Preset::of_run("the run", config).resolve(settings)
}

/// `a.b=value` as a table. The value is TOML; a bare word is a string.
fn parse_setting(setting: &str) -> Result<Table> {
    let origin = format!("--set {setting}");
    let (key, value) = setting
        .split_once('=')
        .with_context(|| format!("{origin}: expected KEY=VALUE, such as --set train.lr=0.01"))?;
    let is_name = |part: &str| !part.is_empty() && part.chars().all(|c| c.is_ascii_alphanumeric() || "_-".contains(c));
    let key = key.trim();
    ensure!(key.split('.').all(is_name), "{origin}: {key:?} is no key; one is written as in --set train.lr=0.01");
    let quoted = format!("{key} = {}", Value::String(value.trim().to_owned()));
    let text = match toml::from_str::<Table>(&format!("{key} = {value}")) {
        Ok(_) => format!("{key} = {value}"),
        Err(_) => quoted,
    };
    let config: RunConfig = toml::from_str(&text).map_err(|error| located(&origin, &error))?;
    ensure!(config.extends.is_none(), "{origin}: `extends` belongs in a preset");
    let mut table: Table = toml::from_str(&text).map_err(|error| located(&origin, &error))?;
    let absolute = |path: &Path| std::path::absolute(path).context("a relative path, in a folder that is gone");
    make_paths_absolute(&mut table, &config, absolute).with_context(|| origin)?;
    Ok(table)
}

/// A parser's error with where it is from, in words that are no programmer's.
pub(crate) fn located(origin: &str, error: &toml::de::Error) -> anyhow::Error {
    let words = [
        ("expected f64", "expected a number"),
        ("expected u32", "expected a whole number from 0 to 4294967295"),
        ("expected u64", "expected a whole number from 0 on"),
        ("expected usize", "expected a whole number from 0 on"),
        ("` as i128", "`"),
    ];
    let text = words.iter().fold(error.to_string(), |text, (theirs, ours)| text.replace(theirs, ours));
    let meant = unknown_key(&text).map_or_else(String::new, meant_key);
    anyhow!("{origin}{meant}: {}", text.trim_end())
}

/// The names of all presets.
pub fn names() -> Vec<String> {
    let own = own::list().into_iter().filter(|own| own.taken.is_none()).map(|own| own.name);
    shipped_names().into_iter().chain(own).collect()
}

fn shipped_names() -> Vec<String> {
    Preset::shipped().into_iter().map(|preset| preset.name).collect()
}

fn alike(wanted: &str, names: &[String]) -> Vec<String> {
    let names: Vec<_> = names.iter().map(String::as_str).collect();
    names_like(wanted, &names).into_iter().map(str::to_owned).collect()
}

/// The names that a word, with or without a folder, comes closest to, if it comes close.
pub fn names_like<'a>(wanted: &str, names: &[&'a str]) -> Vec<&'a str> {
    let whole = closest(wanted, names.iter().copied());
    if whole.is_empty() { with_last(names, '/', wanted) } else { whole }
}

/// ` (did you mean train.lr?)` for a key that stands in another table, or was mistyped; else nothing.
fn meant_key(key: &str) -> String {
    let keys: Vec<_> = config::keys().iter().map(|key| key.name).collect();
    let names = with_last(&keys, '.', key);
    if names.is_empty() { String::new() } else { format!(" (did you mean {}?)", names.join(" or ")) }
}

fn make_paths_absolute(
    table: &mut Table,
    config: &RunConfig,
    absolute: impl Fn(&Path) -> Result<PathBuf>,
) -> Result<()> {
    let mut replace = |section: &str, key: &str, value: String| {
        if let Some(slot) = table.get_mut(section).and_then(|section| section.get_mut(key)) {
            *slot = Value::String(value);
        }
    };
    if let Some(path) = &config.data.path {
        replace("data", "path", absolute(path)?.display().to_string());
    }
    if let Pick::File(path) = &config.labels.pick {
        replace("labels", "pick", Pick::File(absolute(path)?).into());
    }
    if let Some(path) = &config.labels.ranking {
        replace("labels", "ranking", absolute(path)?.display().to_string());
    }
    Ok(())
}

fn merge(below: &mut Table, above: Table) {
    for (key, value) in above {
        match (below.get_mut(&key), value) {
            (Some(Value::Table(below)), Value::Table(above)) => merge(below, above),
            (_, value) => {
                below.insert(key, value);
            }
        }
    }
}

/// Sorts `labels-4` before `labels-25`: runs of digits count as numbers.
fn natural_order(name: &str) -> Vec<(String, u64)> {
    let mut parts = Vec::new();
    let mut rest = name;
    while !rest.is_empty() {
        let text_end = rest.find(|c: char| c.is_ascii_digit()).unwrap_or(rest.len());
        let (text, tail) = rest.split_at(text_end);
        let digits_end = tail.find(|c: char| !c.is_ascii_digit()).unwrap_or(tail.len());
        let (digits, tail) = tail.split_at(digits_end);
        parts.push((text.to_owned(), digits.parse().unwrap_or(0)));
        rest = tail;
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Augment, Labels, Metric, Strong};

    fn in_folder(files: &[(&str, &str)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().expect("a temporary folder");
        for (name, text) in files {
            std::fs::write(folder.path().join(name), text).expect("written");
        }
        folder
    }

    fn error_of(settings: &[&str], text: &str) -> String {
        let folder = in_folder(&[("mine.toml", text)]);
        let preset = Preset::from_file(&folder.path().join("mine.toml")).expect("reads");
        let settings: Vec<String> = settings.iter().map(|&s| s.to_owned()).collect();
        format!("{:#}", preset.resolve(&settings).expect_err("must be refused"))
    }

    #[test]
    fn every_shipped_preset_parses_and_says_what_it_shows() {
        let presets = Preset::shipped();
        assert!(presets.iter().any(|preset| preset.name == "quickstart"));
        for preset in presets {
            let config = preset.resolve(&[]).unwrap_or_else(|error| panic!("{}: {error:#}", preset.name));
            assert!(!config.title.is_empty() && !config.about.is_empty(), "{} says too little", preset.name);
        }
    }

    #[test]
    fn the_augmentation_study_has_every_policy_with_and_without_cutout() {
        let policies = [
            ("weak", Strong::None, 0.0),
            ("cutout", Strong::None, 0.5),
            ("randaugment", Strong::Randaugment, 0.0),
            ("randaugment-cutout", Strong::Randaugment, 0.5),
            ("ctaugment", Strong::Ctaugment, 0.0),
            ("ctaugment-cutout", Strong::Ctaugment, 0.5),
            ("autoaugment", Strong::Autoaugment, 0.0),
            ("autoaugment-cutout", Strong::Autoaugment, 0.5),
        ];
        for (name, strong, cutout) in policies {
            for per_class in [4, 25] {
                let resolve = |name: &str| Preset::find(name).and_then(|preset| preset.resolve(&[])).expect(name);
                let base = resolve(&format!("slides/labels-{per_class}"));
                let config = resolve(&format!("slides/augment-{name}-{per_class}"));
                let augment = Augment { strong, cutout, ..base.augment.clone() };
                let (title, about) = (config.title.clone(), config.about.clone());
                assert_eq!(config, RunConfig { title, about, augment, ..base }, "{name}");
                assert_eq!(config.labels.per_class, per_class);
            }
        }
    }

    /// What the name of a preset in `which-labels/` says of its labels.
    fn sets_of_the_label_study() -> Vec<(String, Labels)> {
        let set = |per_class, by, pick| Labels { per_class, pick, by, ..Labels::default() };
        let places =
            [("most", Pick::MostRepresentative), ("middle", Pick::Quantile(0.5)), ("least", Pick::LeastRepresentative)];
        let mut sets: Vec<_> = (0..8)
            .map(|part| {
                let pick = Pick::Published(format!("prototypicality-{part}"));
                (format!("1-published-{part}"), set(1, Metric::Agreement, pick))
            })
            .collect();
        for n in [1, 4, 10] {
            sets.push((format!("{n}-random"), set(n, Metric::Agreement, Pick::Random)));
            for by in [Metric::Agreement, Metric::Typicality] {
                let of_metric = |(place, pick): &(&str, Pick)| (format!("{n}-{by}-{place}"), set(n, by, pick.clone()));
                sets.extend(places.iter().filter(|(place, _)| n < 10 || *place != "middle").map(of_metric));
            }
        }
        sets
    }

    #[test]
    fn the_papers_runs_depart_from_its_cifar10_recipe_as_it_says() {
        let cases = [
            ("paper/cifar10-40", vec![]),
            ("paper/cifar10-250", vec!["labels.per_class = 25"]),
            ("paper/cifar10-4000", vec!["labels.per_class = 400"]),
            (
                "paper/cifar100-400",
                vec!["data.dataset = \"cifar100\"", "model.width = 8", "optim.weight_decay = 0.001"],
            ),
            ("paper/svhn-40", vec!["augment.flip = false", "data.dataset = \"svhn\""]),
            (
                "paper/stl10-1000",
                vec![
                    "data.dataset = \"stl10\"",
                    "labels.per_class = 100",
                    "labels.pick = \"fold:1\"",
                    "model.depth = 37",
                ],
            ),
        ];
        for (name, expected) in cases {
            let config = Preset::find(name).and_then(|preset| preset.resolve(&[])).expect(name);
            let departures = config.departures();
            let departures: Vec<_> = departures.iter().map(|(key, value)| format!("{key} = {value}")).collect();
            assert_eq!(departures, expected, "{name}");
        }
        let shipped = Preset::shipped().into_iter().filter(|preset| preset.name.starts_with("paper/"));
        assert_eq!(shipped.count(), 6);
    }

    #[test]
    fn the_label_study_has_every_set_for_both_networks_and_nothing_else_differs() {
        let resolve = |name: &str| Preset::find(name).and_then(|preset| preset.resolve(&[])).expect(name);
        let bases = [("cnn", resolve("slides/labels-4"), 10), ("wrn", resolve("paper/cifar10-40"), 4)];
        let mut names = Vec::new();
        for (model, base, most_labels) in bases {
            let in_unlabeled = base.labels.in_unlabeled;
            for (set, labels) in sets_of_the_label_study() {
                if labels.per_class > most_labels {
                    continue;
                }
                let name = format!("which-labels/{model}-{set}");
                let config = resolve(&name);
                let (title, about) = (config.title.clone(), config.about.clone());
                let expected = RunConfig { title, about, labels: Labels { in_unlabeled, ..labels }, ..base.clone() };
                assert_eq!(config, expected, "{name}");
                names.push(name);
            }
        }
        assert_eq!(names.len(), 49, "every name of earlier versions");
        for name in
            ["which-labels/wrn-10-random", "which-labels/cnn-4-published-1", "which-labels/cnn-10-agreement-middle"]
        {
            assert!(Preset::find(name).is_err(), "{name} never was");
        }
    }

    #[test]
    fn shipped_presets_are_listed_in_natural_order() {
        let mut names = vec!["slides/labels-25", "quickstart", "slides/labels-4"];
        names.sort_by_key(|name| natural_order(name));
        assert_eq!(names, ["quickstart", "slides/labels-4", "slides/labels-25"]);
    }

    #[test]
    fn a_preset_extends_another_and_settings_win() {
        let folder = in_folder(&[
            ("base.toml", "[train]\nlr = 0.1\nbatch = 8\n[data]\npath = \"images\""),
            ("mine.toml", "extends = \"base.toml\"\n[train]\nlr = 0.2"),
        ]);
        let preset = Preset::from_file(&folder.path().join("mine.toml")).expect("reads");
        let config = preset.resolve(&["optim.decay=all".into(), "train.mu=3".into()]).expect("resolves");
        assert_eq!((config.train.lr, config.train.batch, config.train.mu), (0.2, 8, 3));
        assert_eq!(config.optim.decay, crate::config::Decay::All);
        assert_eq!(config.data.path, Some(folder.path().join("images")));
    }

    #[test]
    fn an_error_names_the_file_the_line_and_what_is_allowed() {
        let error = error_of(&[], "[train]\nthreshold = 1.5\n");
        assert!(error.contains("mine.toml: TOML parse error at line 2, column 13"), "{error}");
        assert!(error.contains("threshold = 1.5") && error.contains("must be in [0, 1]"), "{error}");
        let error = error_of(&[], "[train]\nstep = 5\n");
        assert!(error.contains("unknown field `step`, expected one of `steps`"), "{error}");
        let error = error_of(&[], "[train]\nbatch = 99999999999999999999\n");
        assert!(error.contains("integer `99999999999999999999`, expected a whole number from 0 to"), "{error}");
    }

    #[test]
    fn an_error_in_a_setting_names_the_setting() {
        let cases = [
            ("train.threshold=2", "--set train.threshold=2: "),
            ("train.threshold=2", "must be in [0, 1], not 2"),
            ("train.lrr=1", "unknown field `lrr`"),
            ("nothing", "expected KEY=VALUE"),
            ("train.forward=both", "expected `joint` or `split`"),
            ("train.steps=", "invalid type: string \"\", expected a whole number from 0 on"),
            ("train.batch=-1", "invalid value: integer `-1`, expected a whole number from 0 to 4294967295"),
            ("train.lr=fast", "invalid type: string \"fast\", expected a number"),
        ];
        for (setting, expected) in cases {
            let error = error_of(&[setting], "");
            assert!(error.contains(expected), "{setting}: {error}");
        }
    }

    #[test]
    fn circles_and_missing_bases_are_refused() {
        assert!(error_of(&[], "extends = \"mine.toml\"").contains("goes in circles"));
        assert!(error_of(&[], "extends = \"nowhere\"").contains("neither a shipped preset nor a file"));
    }

    #[test]
    fn an_unknown_name_is_answered_with_those_that_are_close_to_it() {
        let cases = [
            ("quikstart", "did you mean quickstart? `fixmatch presets` lists them"),
            ("labels-4", "did you mean slides/labels-4? "),
            ("cifar10-400", "did you mean paper/cifar10-40 or paper/cifar10-4000 or paper/cifar100-400? "),
            ("nonesuch", "no preset is called \"nonesuch\"; `fixmatch presets` lists them"),
        ];
        for (wanted, expected) in cases {
            let error = Preset::find(wanted).expect_err("unknown").to_string();
            assert!(error.contains(expected), "{error}");
        }
    }

    #[test]
    fn a_key_of_another_table_or_mistyped_is_named_in_full() {
        for (setting, expected) in [
            ("lr=1", "--set lr=1 (did you mean train.lr?): "),
            ("train.stepz=5", "(did you mean train.steps?)"),
            ("data.ema_decay=0.9", "(did you mean optim.ema_decay?)"),
            ("seed=3", "(did you mean labels.seed or train.seed?)"),
            ("nonsense=3", "--set nonsense=3: "),
            ("train lr=1", "\"train lr\" is no key; one is written as in --set train.lr=0.01"),
            ("=1", "\"\" is no key"),
        ] {
            let error = error_of(&[setting], "");
            assert!(error.contains(expected), "{setting}: {error}");
        }
        assert!(error_of(&[], "[train]\nlrr = 1").contains("(did you mean train.lr?)"));
    }
}
