//! `fixmatch presets`: what can be trained, and what a preset comes to.

use std::process::ExitCode;

use anyhow::Result;
use fixmatch::base::text::{clean, left, width};
use fixmatch::config::preset::Preset;
use fixmatch::config::preset::own::{self, Own};
use fixmatch::config::{self, Augment, Key, ModelName, RunConfig, Strong, one_line};
use fixmatch::examples;
use serde::Serialize;
use toml::Value;

use super::{complete, say, say_json};
use crate::words::numbers::{short, table};
use crate::words::presets::taken;

/// List the presets, or show one in full
#[derive(clap::Args)]
#[command(after_help = examples!("fixmatch presets", "fixmatch presets quickstart"))]
pub struct Args {
    /// A preset's name or path: shows all its values, and the default where it departs from it
    #[arg(add = complete::preset())]
    preset: Option<String>,
    /// As JSON
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Row {
    name: String,
    /// The file of one's own preset.
    path: Option<String>,
    /// Why it cannot be trained, or only by its path.
    problem: Option<String>,
    /// None of one that cannot be read.
    #[serde(flatten)]
    of: Option<Values>,
}

#[derive(Serialize)]
struct Values {
    title: String,
    about: String,
    dataset: String,
    labels_per_class: u32,
    #[serde(skip)]
    labels: String,
    strong: String,
    model: String,
    steps: u64,
}

pub fn run(args: &Args) -> Result<ExitCode> {
    if let Some(name) = &args.preset {
        let config = Preset::find(name)?.resolve(&[])?;
        let shown = if args.json { say_json(&config) } else { say(annotated(&config)) };
        return shown.map(|()| ExitCode::SUCCESS);
    }
    let own = own::list().into_iter().map(Row::own);
    let rows = Preset::shipped().iter().map(Row::shipped).chain(own.map(Ok)).collect::<Result<Vec<_>>>()?;
    if args.json {
        say_json(&rows)?;
        return Ok(ExitCode::SUCCESS);
    }
    let by_name = rows.iter().filter(|row| row.problem.is_none());
    let cells: Vec<_> = by_name.filter_map(|row| Some(row.of.as_ref()?.cells(&row.name))).collect();
    say(table(&["PRESET", "DATA SET", "LABELS/CLASS", "STRONG VIEWS", "MODEL", "STEPS"], &cells))?;
    say_own(&rows)?;
    Ok(ExitCode::SUCCESS)
}

/// Where one's own presets are, and what is wrong with some.
fn say_own(rows: &[Row]) -> Result<()> {
    let own: Vec<_> = rows.iter().filter_map(|row| Some((row, row.path.as_deref()?))).collect();
    if own.is_empty() {
        return Ok(());
    }
    say("\nyour own:")?;
    let longest = own.iter().map(|(row, _)| width(&row.name)).max().unwrap_or(0);
    for (row, path) in own {
        let problem = row.problem.as_ref().map_or_else(String::new, |problem| format!("\n    {problem}"));
        say(format_args!("  {}  {}{problem}", left(&row.name, longest), clean(path)))?;
    }
    Ok(())
}

impl Row {
    fn shipped(preset: &Preset) -> Result<Self> {
        let of = Some(Values::of(preset.resolve(&[])?));
        Ok(Self { name: preset.name.clone(), path: None, problem: None, of })
    }

    fn own(own: Own) -> Self {
        let (of, problem) = match own.resolve() {
            Ok(config) => (Some(Values::of(config)), own.taken.as_ref().map(taken)),
            Err(error) => (None, Some(error)),
        };
        Self { name: own.name, path: Some(own.path.display().to_string()), problem, of }
    }
}

impl Values {
    fn of(config: RunConfig) -> Self {
        let model = match config.model.name {
            ModelName::Cnn => "cnn".into(),
            ModelName::Wrn => format!("wrn-{}-{}", config.model.depth, config.model.width),
        };
        Self {
            title: config.title,
            about: config.about,
            dataset: config.data.dataset,
            labels_per_class: config.labels.per_class,
            labels: config.labels.amount().replace("/class", ""),
            strong: strong_views(&config.augment),
            model,
            steps: config.train.steps,
        }
    }

    fn cells(&self, name: &str) -> Vec<String> {
        vec![
            name.to_owned(),
            self.dataset.clone(),
            self.labels.clone(),
            self.strong.clone(),
            self.model.clone(),
            short(self.steps as f64),
        ]
    }
}

/// `randaugment + cutout`, `ctaugment`, `weak`
fn strong_views(augment: &Augment) -> String {
    let policy = match augment.strong {
        Strong::None => None,
        Strong::Randaugment => Some("randaugment"),
        Strong::Ctaugment => Some("ctaugment"),
        Strong::Autoaugment => Some("autoaugment"),
    };
    let cutout = (augment.cutout > 0.0).then_some("cutout");
    let parts: Vec<_> = policy.into_iter().chain(cutout).collect();
    if parts.is_empty() { "weak".into() } else { parts.join(" + ") }
}

/// The configuration as TOML, a line a value; what departs from a default has that default behind it.
fn annotated(config: &RunConfig) -> String {
    let (values, defaults) = (Value::Table(config.to_table()), Value::Table(RunConfig::default().to_table()));
    let of = |table: &Value, key: &str| key.split('.').try_fold(table, |value, part| value.get(part)).map(one_line);
    let texts = ["title", "about"].into_iter();
    let mut lines: Vec<_> = texts.filter_map(|key| Some(format!("{key} = {}", of(&values, key)?))).collect();
    let mut section = "";
    for Key { name, .. } in config::keys() {
        let (Some(value), default, Some((of_key, key))) =
            (of(&values, name), of(&defaults, name), name.rsplit_once('.'))
        else {
            continue;
        };
        if of_key != section {
            section = of_key;
            lines.extend([String::new(), format!("[{section}]")]);
        }
        let departs = default.as_ref() != Some(&value);
        let default = departs.then(|| format!("  # default: {}", default.as_deref().unwrap_or("none")));
        lines.push(format!("{key} = {value}{}", default.unwrap_or_default()));
    }
    lines.join("\n")
}
