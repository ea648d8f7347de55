//! `fixmatch labels make`: writes a label set into a file, as it was picked or with some images exchanged.

use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;
use std::str::FromStr;

use anyhow::{Context as _, Error, Result, anyhow, bail, ensure};
use fixmatch::base::aside::replace_file;
use fixmatch::base::dirs;
use fixmatch::config::Pick;
use fixmatch::examples;
use fixmatch::labels::set::LabelSet;
use fixmatch::labels::{file, saved};

use super::choice::{Choice, Indices};
use crate::commands::{Runs, complete, fresh_file, say};
use crate::words::numbers::plural;

/// Write a label set into a file, which a preset loads with labels.pick = "file:PATH", or save it under a name
///
/// It starts from any label set, and takes images out, puts others in, or swaps them.
#[derive(clap::Args)]
#[command(after_help = examples!(
    "fixmatch labels make quickstart --seed 3 --name third",
    "fixmatch labels make cifar10 --per-class 10 --output labels.txt",
))]
pub struct Args {
    /// A preset, a run, file:PATH or a data set [default: the newest run]
    #[arg(add = complete::label_source())]
    source: Option<String>,
    #[command(flatten)]
    choice: Choice,
    /// Put image NEW in OLD's place; repeatable
    #[arg(long, value_name = "OLD=NEW")]
    swap: Vec<Swap>,
    /// Take these images out
    #[arg(long, value_name = "N,N,…")]
    remove: Vec<Indices>,
    /// Put these images in
    #[arg(long, value_name = "N,N,…")]
    add: Vec<Indices>,
    /// Let classes go without a label
    #[arg(long)]
    allow_missing_classes: bool,
    /// The file to write
    #[arg(short, long, value_name = "FILE", required_unless_present = "name")]
    output: Option<PathBuf>,
    /// Save it under this name, among those that `fixmatch labels list` and the console show
    #[arg(long, conflicts_with = "output")]
    name: Option<String>,
    /// Overwrite the file
    #[arg(long)]
    force: bool,
}

/// An image and the one that takes its place.
#[derive(Clone, Copy, Debug)]
struct Swap {
    old: u32,
    new: u32,
}

impl FromStr for Swap {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let both = text.split_once('=').and_then(|(old, new)| Some((old.parse().ok()?, new.parse().ok()?)));
        let (old, new) = both.context("must be OLD=NEW, two indices, as in 12=345")?;
        Ok(Self { old, new })
    }
}

pub fn run(args: &Args, runs: &Runs) -> Result<ExitCode> {
    let output = fresh_file(&args.output()?, args.force)?;
    let wanted = args.choice.only(args.source.as_deref(), runs)?;
    let dataset = wanted.load()?;
    let mut side = wanted.pick(&dataset)?;
    ensure!(
        side.set.given.is_none(),
        "a file that gives classes to images is a label set as it is: name it in labels.pick"
    );
    let how = format!("{}{}", side.describe(), args.edits());
    args.edit(&mut side.set, dataset.train.n())?;
    if !args.allow_missing_classes {
        let checked = side.set.ensure_all_classes(&dataset);
        checked.map_err(|error| anyhow!("{error}; --add some, or --allow-missing-classes"))?;
    }
    replace_file(&output, file::text(&side.set, &dataset, &how).as_bytes())?;
    let n = plural(side.set.indices.len() as u64, "image");
    say(format_args!("{n} of {}: {}", dataset.name, output.display()))?;
    let pick = toml::Value::String(Pick::File(output).into());
    say(format_args!("in a preset's [labels]: pick = {pick}"))?;
    Ok(ExitCode::SUCCESS)
}

impl Args {
    /// Where the set goes.
    fn output(&self) -> Result<PathBuf> {
        match (&self.name, &self.output) {
            (Some(name), _) => {
                let folder = dirs::label_sets_dir()?;
                let path = saved::path_of(&folder, name)?;
                fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
                Ok(path)
            }
            (None, Some(path)) => Ok(path.clone()),
            (None, None) => bail!("--output or --name says where the set goes"),
        }
    }

    /// Takes out before it puts in, so that a class can be picked anew.
    fn edit(&self, set: &mut LabelSet, n_train: usize) -> Result<()> {
        for &index in self.remove.iter().flat_map(|Indices(indices)| indices) {
            set.remove(index).with_context(|| format!("--remove {index}"))?;
        }
        for &index in self.add.iter().flat_map(|Indices(indices)| indices) {
            set.insert(index, n_train).with_context(|| format!("--add {index}"))?;
        }
        for Swap { old, new } in &self.swap {
            let swap = || format!("--swap {old}={new}");
            set.remove(*old).with_context(swap)?;
            set.insert(*new, n_train).with_context(swap)?;
        }
        ensure!(!set.indices.is_empty(), "no image is left in the label set");
        Ok(())
    }

    /// The same in words, to be added to how the set was picked.
    fn edits(&self) -> String {
        let listed = |lists: &[Indices]| -> Vec<u32> { lists.iter().flat_map(|list| list.0.clone()).collect() };
        let (removed, added) = (listed(&self.remove), listed(&self.add));
        let removed = removed.into_iter().map(|index| format!("; without {index}"));
        let added = added.into_iter().map(|index| format!("; with {index}"));
        let swapped = self.swap.iter().map(|Swap { old, new }| format!("; {new} for {old}"));
        removed.chain(added).chain(swapped).collect()
    }
}
