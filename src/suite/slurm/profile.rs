//! Profiles: what the jobs of a suite ask of a cluster, from a file of the user.

use std::path::PathBuf;

use anyhow::{Context, Result, bail, ensure};
use serde::Deserialize;

use crate::base::alike::closest;
use crate::base::dirs::config_file;
use crate::base::files;
use crate::config::Device;
use crate::config::preset::located;
use crate::suite::slots::Slot;

/// The profile that `--slurm` means without a name. It need not be there.
pub const DEFAULT: &str = "default";

/// What the batch script says itself.
const OURS: [&str; 12] = [
    "--array",
    "--comment",
    "--output",
    "--error",
    "--open-mode",
    "--signal",
    "--requeue",
    "--no-requeue",
    "--wrap",
    "-a",
    "-o",
    "-e",
];

/// `fixmatch/slurm/NAME.toml` in the configuration directory.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(default, deny_unknown_fields)]
pub struct Profile {
    /// Its name.
    #[serde(skip)]
    pub name: String,
    /// `--partition`
    pub partition: Option<String>,
    /// `--account`
    pub account: Option<String>,
    /// `--qos`
    pub qos: Option<String>,
    /// `--time`: minutes, or as Slurm writes times.
    pub time: Option<Time>,
    /// `--gres=gpu:…`: how many, or `TYPE:N`.
    pub gpus: Option<Gpus>,
    /// `--cpus-per-task`, and the threads that a run on a CPU takes.
    pub cpus: u32,
    /// `--mem`
    pub memory: Option<String>,
    /// Jobs that run at a time, at most.
    pub at_once: Option<u32>,
    /// How many seconds before its time is used up a job is told to save.
    pub signal_before: u32,
    /// Lines of the batch script before the worker starts: modules, variables.
    pub setup: Vec<String>,
    /// Options of `sbatch` that have no key here.
    pub extra: Vec<String>,
}

/// A time, as a number of minutes or as text.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(untagged, expecting = "time is minutes, as in 240, or text, as in \"4:00:00\" or \"1-12\"")]
pub enum Time {
    /// Minutes.
    Minutes(u32),
    /// As Slurm has it.
    Text(String),
}

/// GPUs, as a number or with their type.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(untagged, expecting = "gpus is a number, as in 1, or text with the type, as in \"a100:1\"")]
pub enum Gpus {
    /// Of any type.
    Number(u32),
    /// `TYPE:N`
    Text(String),
}

impl Default for Profile {
    fn default() -> Self {
        Self {
            name: DEFAULT.into(),
            partition: None,
            account: None,
            qos: None,
            time: None,
            gpus: None,
            cpus: 1,
            memory: None,
            at_once: None,
            signal_before: 90,
            setup: vec![],
            extra: vec![],
        }
    }
}

impl Profile {
    /// The folder of profiles.
    pub fn folder() -> Result<PathBuf> {
        let config = config_file()?;
        Ok(config.parent().context("the configuration has no folder")?.join("slurm"))
    }

    /// The names of all profiles.
    pub fn names() -> Vec<String> {
        let entries = Self::folder().and_then(|folder| Ok(std::fs::read_dir(folder)?)).into_iter().flatten().flatten();
        let name = |entry: std::fs::DirEntry| Some(entry.file_name().to_str()?.strip_suffix(".toml")?.to_owned());
        let mut names: Vec<_> = entries.filter_map(name).collect();
        names.sort();
        names
    }

    /// The profile of that name. The default one need not be there: it then asks for one CPU, and for nothing else.
    pub fn find(name: &str) -> Result<Self> {
        let folder = Self::folder()?;
        let path = folder.join(format!("{name}.toml"));
        let is_name = !name.is_empty() && !name.starts_with('.') && !name.contains('/');
        if !is_name || !path.exists() {
            if name == DEFAULT {
                return Ok(Self::default());
            }
            let names = Self::names();
            let meant = closest(name, names.iter().map(String::as_str)).join(" or ");
            let meant = if meant.is_empty() { String::new() } else { format!("did you mean {meant}? ") };
            let there = if names.is_empty() { "none".into() } else { names.join(", ") };
            bail!("no profile is called {name:?}; {meant}in {} there are: {there}", folder.display());
        }
        let origin = path.display().to_string();
        let text = files::read_text(&path, files::MAX_TOML).with_context(|| format!("cannot read {origin}"))?;
        Ok(Self { name: name.to_owned(), ..Self::parse(&origin, &text)? })
    }

    fn parse(origin: &str, text: &str) -> Result<Self> {
        let profile: Self = toml::from_str(text).map_err(|error| located(origin, &error))?;
        profile.validate().with_context(|| origin.to_owned())?;
        Ok(profile)
    }

    fn validate(&self) -> Result<()> {
        let words =
            [("partition", &self.partition), ("account", &self.account), ("qos", &self.qos), ("memory", &self.memory)];
        for (key, value) in words {
            let is_word = |word: &String| !word.is_empty() && !word.contains(|c: char| c.is_whitespace() || c == '"');
            ensure!(
                value.as_ref().is_none_or(is_word),
                "{key} must be one word, not {:?}",
                value.as_deref().unwrap_or("")
            );
        }
        ensure!((1..=4096).contains(&self.cpus), "cpus must be in [1, 4096], not {}", self.cpus);
        ensure!(self.at_once != Some(0), "at_once must be at least 1");
        ensure!(
            (1..=65535).contains(&self.signal_before),
            "signal_before must be in [1, 65535], not {}",
            self.signal_before
        );
        if let Some(limit) = self.time_limit()? {
            let before = self.signal_before;
            ensure!(
                limit > u64::from(before),
                "time is {limit} s, and signal_before asks for a signal {before} s before its end: it would come at once"
            );
        }
        if let Some(gpus) = &self.gpus {
            let words = gpus.words();
            let n = words.rsplit(':').next().and_then(|n| n.parse::<u32>().ok()).filter(|n| *n <= 1024);
            let is_right = n.is_some() && !words.contains(|c: char| c.is_whitespace() || c == '"' || c == ',');
            ensure!(is_right, "gpus is a number or \"TYPE:NUMBER\", not {words:?}");
        }
        for line in self.setup.iter().chain(&self.extra) {
            ensure!(!line.contains('\n'), "{line:?} has a line break: write each line by itself");
        }
        for option in &self.extra {
            ensure!(
                option.starts_with('-'),
                "extra has options of sbatch, such as \"--constraint=a100\", not {option:?}"
            );
            let name = option.split([' ', '=']).next().unwrap_or_default();
            ensure!(!OURS.contains(&name), "extra cannot have {name}: fixmatch says that itself");
        }
        Ok(())
    }

    /// The time limit in seconds.
    fn time_limit(&self) -> Result<Option<u64>> {
        let Some(time) = &self.time else { return Ok(None) };
        let wrong = || format!("time is minutes, H:MM:SS, D-HH or D-HH:MM:SS, not {:?}", time.words());
        let words = time.words();
        let (days, rest) = words.split_once('-').map_or((None, words.as_str()), |(days, rest)| (Some(days), rest));
        let parts: Vec<u64> = rest.split(':').map(str::parse).collect::<Result<_, _>>().with_context(wrong)?;
        let days: Option<u64> = days.map(str::parse).transpose().with_context(wrong)?;
        Ok(Some(match (days, &parts[..]) {
            (None, [minutes]) => minutes * 60,
            (None, [minutes, seconds]) => minutes * 60 + seconds,
            (None, [hours, minutes, seconds]) => hours * 3600 + minutes * 60 + seconds,
            (Some(days), [hours]) => days * 86400 + hours * 3600,
            (Some(days), [hours, minutes]) => days * 86400 + hours * 3600 + minutes * 60,
            (Some(days), [hours, minutes, seconds]) => days * 86400 + hours * 3600 + minutes * 60 + seconds,
            _ => bail!(wrong()),
        }))
    }

    /// Where each run trains, inside of its job.
    pub fn slot(&self) -> Slot {
        match &self.gpus {
            Some(gpus) if gpus.words() != "0" => Slot { device: Device::Cuda(0), threads: 0 },
            _ => Slot { device: Device::Cpu, threads: self.cpus },
        }
    }

    /// Its options, as `sbatch` takes them.
    pub fn options(&self) -> Vec<String> {
        let mut options = Vec::new();
        let mut add = |name: &str, value: Option<String>| options.extend(value.map(|it| format!("--{name}={it}")));
        add("partition", self.partition.clone());
        add("account", self.account.clone());
        add("qos", self.qos.clone());
        add("time", self.time.as_ref().map(Time::words));
        add("gres", self.gpus.as_ref().map(|gpus| format!("gpu:{}", gpus.words())).filter(|it| it != "gpu:0"));
        add("cpus-per-task", Some(self.cpus.to_string()));
        add("mem", self.memory.clone());
        options.extend(self.extra.iter().cloned());
        options
    }
}

impl Time {
    fn words(&self) -> String {
        match self {
            Self::Minutes(n) => n.to_string(),
            Self::Text(text) => text.clone(),
        }
    }
}

impl Gpus {
    fn words(&self) -> String {
        match self {
            Self::Number(n) => n.to_string(),
            Self::Text(text) => text.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_profile_is_options_of_sbatch() {
        let text = r#"
            partition = "gpu"
            account = "vision"
            time = "4:00:00"
            gpus = "a100:1"
            cpus = 8
            memory = "32G"
            extra = ["--constraint=ib"]
        "#;
        let profile = Profile::parse("gpu.toml", text).expect("reads");
        let expected = "--partition=gpu --account=vision --time=4:00:00 --gres=gpu:a100:1 --cpus-per-task=8 --mem=32G --constraint=ib";
        assert_eq!(profile.options().join(" "), expected);
        assert_eq!(profile.slot().to_string(), "cuda:0");
        assert_eq!(Profile::default().options(), ["--cpus-per-task=1"]);
        assert_eq!(Profile::default().slot().to_string(), "cpu:1");
    }

    #[test]
    fn times_are_read_as_slurm_reads_them() {
        for (time, seconds) in [
            ("240", Some(14400)),
            ("\"90:00\"", Some(5400)),
            ("\"4:00:00\"", Some(14400)),
            ("\"1-12\"", Some(129_600)),
            ("\"1-00:30\"", Some(88200)),
            ("\"0-00:02:00\"", Some(120)),
            ("\"soon\"", None),
            ("\"1:2:3:4\"", None),
            ("\"\"", None),
        ] {
            let limit = Profile::parse("x.toml", &format!("time = {time}")).ok().map(|it| it.time_limit().expect(time));
            assert_eq!(limit, seconds.map(Some), "{time}");
        }
    }

    #[test]
    fn what_is_wrong_in_a_profile_is_named() {
        for (text, expected) in [
            ("partitoin = \"gpu\"", "line 1"),
            ("partition = \"a b\"", "partition must be one word"),
            ("cpus = 0", "cpus must be in [1, 4096], not 0"),
            ("gpus = \"a100\"", "gpus is a number or"),
            ("gpus = -1", "gpus is a number, as in 1"),
            ("time = 1", "it would come at once"),
            ("extra = [\"constraint\"]", "options of sbatch"),
            ("extra = [\"--signal=B:USR1@9\"]", "extra cannot have --signal"),
            ("extra = [\"--requeue\"]", "extra cannot have --requeue"),
            ("setup = [\"a\\nb\"]", "line break"),
            ("at_once = 0", "at_once must be at least 1"),
        ] {
            let error = format!("{:#}", Profile::parse("gpu.toml", text).expect_err(text));
            assert!(error.contains("gpu.toml") && error.contains(expected), "{text}: {error}");
        }
    }
}
