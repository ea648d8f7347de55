//! `fixmatch presets`: what can be trained, and what a preset comes to.

use std::process::ExitCode;

use anyhow::Result;
use fixmatch::config::preset::Preset;
use fixmatch::config::{Augment, ModelName, RunConfig, Strong};
use fixmatch::examples;
use serde::Serialize;

use super::{complete, say, say_json};
use crate::words::numbers::{short, table};

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
    let rows = Preset::shipped().iter().map(Row::of).collect::<Result<Vec<_>>>()?;
    if args.json {
        say_json(&rows)?;
    } else {
        let cells: Vec<_> = rows.iter().map(Row::cells).collect();
        say(table(&["PRESET", "DATA SET", "LABELS/CLASS", "STRONG VIEWS", "MODEL", "STEPS"], &cells))?;
    }
    Ok(ExitCode::SUCCESS)
}

impl Row {
    fn of(preset: &Preset) -> Result<Self> {
        let config = preset.resolve(&[])?;
        let model = match config.model.name {
            ModelName::Cnn => "cnn".into(),
            ModelName::Wrn => format!("wrn-{}-{}", config.model.depth, config.model.width),
        };
        Ok(Self {
            name: preset.name.clone(),
            title: config.title,
            about: config.about,
            dataset: config.data.dataset,
            labels_per_class: config.labels.per_class,
            labels: config.labels.amount().replace("/class", ""),
            strong: strong_views(&config.augment),
            model,
            steps: config.train.steps,
        })
    }

    fn cells(&self) -> Vec<String> {
        vec![
            self.name.clone(),
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

/// The configuration as TOML; what departs from a default has that default behind it.
fn annotated(config: &RunConfig) -> String {
    let departures = config.departures();
    let defaults = toml::Value::Table(RunConfig::default().to_table());
    let mut lines = Vec::new();
    let mut section = String::new();
    for line in toml::to_string(config).expect("a configuration has only TOML's types").lines() {
        if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            section = name.into();
        }
        let key = line.split_once(" = ").map(|(key, _)| format!("{section}.{key}"));
        let departure = departures.iter().find(|(departure, _)| Some(departure) == key.as_ref());
        lines.push(departure.map_or_else(
            || line.to_owned(),
            |(key, _)| {
                let default = key.split('.').try_fold(&defaults, |value, key| value.get(key));
                let default = default.map_or_else(|| "none".into(), toml::Value::to_string);
                format!("{line}  # default: {default}")
            },
        ));
    }
    lines.join("\n")
}
