//! Checkpoints: everything that a step depends on, in one safetensors file.
//!
//! Tensors are named `model.…` (weights and batch norm statistics), `ema.…` and `momentum.…` (trainable weights), each
//! followed by PyTorch's name, `window` (one row for each step of the open progress window), and for CTAugment
//! `ctaugment.rates` (the last rates). What is no tensor
//! stands in the file's metadata, with a SHA-256 over all of it, so that a file that was cut or flipped is noticed.
//! Knows nothing of libtorch, so that commands can read checkpoints without it.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use safetensors::{Dtype, SafeTensors, View};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::base::aside::replace_file;
use crate::base::files;
use crate::base::hex::hex;
use crate::run::digests::Digests;

/// The keys of the metadata that hold [`State`], [`Seals`] and the checksum.
const STATE: &str = "fixmatch";
const SEALS: &str = "seals";
const CHECKSUM: &str = "sha256";

/// A run at the boundary between two steps.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Checkpoint {
    /// What is no tensor.
    pub state: State,
    /// What is.
    pub tensors: Tensors,
    /// What it was trained with; None in those of before this was told, and in the first one of a fork.
    pub seals: Option<Seals>,
}

/// What a checkpoint was trained with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seals {
    /// The files that decide results.
    pub digests: Digests,
    /// The changes that it was trained under, by [`History::digest`](crate::run::history::History::digest).
    pub changes: String,
}

/// Tensors by their names.
pub type Tensors = BTreeMap<String, Array>;

/// The part of a checkpoint that is no tensor.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct State {
    /// The steps done.
    pub step: u64,
    /// Accuracies of the averaged weights at the last 20 scheduled evaluations, oldest first.
    pub ema_accuracies: Vec<f64>,
    /// The best of all, and its step.
    pub best: Option<(f64, u64)>,
}

/// A tensor as bytes: f32, little endian, row-major.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Array {
    /// Its sides.
    pub shape: Vec<usize>,
    /// Its numbers.
    pub values: Vec<f32>,
}

impl View for &Array {
    fn dtype(&self) -> Dtype {
        Dtype::F32
    }

    fn shape(&self) -> &[usize] {
        &self.shape
    }

    fn data(&self) -> Cow<'_, [u8]> {
        Cow::Owned(self.values.iter().flat_map(|x| x.to_le_bytes()).collect())
    }

    fn data_len(&self) -> usize {
        self.values.len() * size_of::<f32>()
    }
}

impl Checkpoint {
    /// Writes the file aside, syncs it and renames it into place.
    pub fn write(&self, path: &Path) -> Result<()> {
        let state = serde_json::to_string(&self.state).expect("a state has only JSON's types");
        let seals = self.seals.as_ref().map(|it| serde_json::to_string(it).expect("seals have only JSON's types"));
        let checksum = checksum(&state, seals.as_deref(), &self.tensors);
        let mut metadata = HashMap::from([(STATE.to_owned(), state), (CHECKSUM.to_owned(), checksum)]);
        metadata.extend(seals.map(|seals| (SEALS.to_owned(), seals)));
        replace_file(path, &safetensors::serialize(&self.tensors, Some(metadata))?)
    }

    /// Reads a file and checks it against its checksum.
    pub fn read(path: &Path) -> Result<Self> {
        let bytes = files::read(path).with_context(|| format!("cannot read {}", path.display()))?;
        Self::parse(&bytes).with_context(|| format!("{} is no intact checkpoint", path.display()))
    }

    fn parse(bytes: &[u8]) -> Result<Self> {
        let (_, header) = SafeTensors::read_metadata(bytes)?;
        let metadata = header.metadata().clone().unwrap_or_default();
        let entry = |key| metadata.get(key).with_context(|| format!("its metadata has no {key:?}"));
        let state = serde_json::from_str(entry(STATE)?)?;
        let tensors = arrays(&SafeTensors::deserialize(bytes)?)?;
        let seals = metadata.get(SEALS).map(String::as_str);
        let found = checksum(entry(STATE)?, seals, &tensors);
        ensure!(*entry(CHECKSUM)? == found, "its checksum does not match its content");
        Ok(Self { state, tensors, seals: seals.map(serde_json::from_str).transpose()? })
    }

    /// Weights under their PyTorch names: as trained, or averaged (batch norm statistics are the live ones in both).
    pub fn weights(&self, which: Which) -> BTreeMap<String, &Array> {
        let part = |prefix| {
            let part = self.tensors.iter();
            part.filter_map(move |(name, array)| Some((name.strip_prefix(prefix)?.to_owned(), array)))
        };
        match which {
            Which::Raw => part("model.").collect(),
            Which::Ema => part("model.").chain(part("ema.")).collect(),
        }
    }
}

/// The tensors of a file, all of them f32.
pub fn arrays(file: &SafeTensors) -> Result<BTreeMap<String, Array>> {
    let mut tensors = BTreeMap::new();
    for (name, view) in file.tensors() {
        ensure!(view.dtype() == Dtype::F32, "{name} is {:?}, not F32", view.dtype());
        let values = view.data().as_chunks().0.iter().map(|&x| f32::from_le_bytes(x)).collect();
        tensors.insert(name, Array { shape: view.shape().to_vec(), values });
    }
    Ok(tensors)
}

/// Which weights.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Which {
    /// As trained.
    #[serde(rename = "trained")]
    Raw,
    /// Their moving average.
    #[serde(rename = "averaged")]
    Ema,
}

/// The name of the checkpoint after `step` steps.
pub fn file_name(step: u64) -> String {
    format!("{step:08}.safetensors")
}

/// The checkpoints in a folder, oldest first: steps and paths. A missing folder has none.
pub fn list(folder: &Path) -> Result<Vec<(u64, PathBuf)>> {
    let mut found = Vec::new();
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(found),
        entries => entries.with_context(|| format!("cannot read {}", folder.display()))?,
    };
    for entry in entries {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if let Some(step) = name.strip_suffix(".safetensors").and_then(|stem| stem.parse().ok()) {
            found.push((step, path));
        }
    }
    found.sort();
    Ok(found)
}

/// The newest intact checkpoint, if there is any, and why newer ones were passed over.
pub fn newest(folder: &Path) -> Result<(Option<Checkpoint>, Vec<String>)> {
    let (mut broken, all) = (Vec::new(), list(folder)?);
    for (_, path) in all.iter().rev() {
        match Checkpoint::read(path) {
            Ok(checkpoint) => return Ok((Some(checkpoint), broken)),
            Err(error) => broken.push(format!("{error:#}")),
        }
    }
    if !all.is_empty() {
        bail!("none of the {} checkpoints is intact: {}", all.len(), broken.join("; "));
    }
    Ok((None, broken))
}

/// Renames the checkpoints of later steps, which were found broken, so that [`prune`] does not count them.
pub fn set_aside(folder: &Path, step: u64) -> Result<()> {
    for (_, path) in list(folder)?.into_iter().filter(|(later, _)| *later > step) {
        let aside = path.with_extension("broken");
        fs::rename(&path, &aside).with_context(|| format!("cannot rename {}", path.display()))?;
    }
    Ok(())
}

/// Removes all but the newest `keep` checkpoints and the best one.
pub fn prune(folder: &Path, keep: u32, best: Option<u64>) -> Result<()> {
    let all = list(folder)?;
    let n_old = all.len().saturating_sub(keep as usize);
    for (step, path) in &all[..n_old] {
        if Some(*step) != best {
            fs::remove_file(path).with_context(|| format!("cannot remove {}", path.display()))?;
        }
    }
    Ok(())
}

fn checksum(state: &str, seals: Option<&str>, tensors: &BTreeMap<String, Array>) -> String {
    let mut hash = Sha256::new();
    hash.update(state);
    if let Some(seals) = seals {
        hash.update(format!("\n{seals}"));
    }
    for (name, array) in tensors {
        hash.update(format!("\n{name} {:?}\n", array.shape));
        hash.update(array.data());
    }
    hex(&hash.finalize())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn some_checkpoint(step: u64) -> Checkpoint {
        let array = |values: &[f32]| Array { shape: vec![values.len(), 1], values: values.to_vec() };
        let tensors = BTreeMap::from([
            ("model.fc.weight".to_owned(), array(&[1.0, -2.5])),
            ("model.bn.running_mean".to_owned(), array(&[7.0])),
            ("ema.fc.weight".to_owned(), array(&[0.5, f32::MIN_POSITIVE])),
        ]);
        let state = State { step, ema_accuracies: vec![0.1, 0.3], best: Some((0.3, 20)) };
        let seals = Seals { digests: Digests { run: Some("0".into()), ..Digests::default() }, changes: "0".into() };
        Checkpoint { state, tensors, seals: Some(seals) }
    }

    #[test]
    fn a_checkpoint_survives_the_disk_bit_for_bit() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join(file_name(7));
        some_checkpoint(7).write(&path).expect("written");
        assert_eq!(Checkpoint::read(&path).expect("read"), some_checkpoint(7));
    }

    #[test]
    fn any_flipped_bit_or_missing_byte_is_noticed() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join(file_name(7));
        some_checkpoint(7).write(&path).expect("written");
        let bytes = fs::read(&path).expect("read");
        for position in 0..bytes.len() {
            let mut flipped = bytes.clone();
            flipped[position] ^= 1;
            if let Ok(read) = Checkpoint::parse(&flipped) {
                assert_eq!(read, some_checkpoint(7), "a flip at {position} changed the content unnoticed");
            }
            assert!(Checkpoint::parse(&bytes[..position]).is_err(), "cut at {position}");
        }
    }

    #[test]
    fn the_newest_intact_one_is_taken() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        assert_eq!(newest(folder.path()).expect("looks").0, None);
        assert_eq!(list(&folder.path().join("gone")).expect("looks"), []);
        for step in [10, 9, 100] {
            some_checkpoint(step).write(&folder.path().join(file_name(step))).expect("written");
        }
        fs::write(folder.path().join(file_name(100)), "torn").expect("written");
        let (found, broken) = newest(folder.path()).expect("looks");
        assert_eq!(found.expect("one is intact").state.step, 10);
        assert!(broken[0].contains("00000100.safetensors is no intact checkpoint"), "{broken:?}");
    }

    #[test]
    fn pruning_keeps_the_newest_and_the_best() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        for step in 1..=6 {
            some_checkpoint(step).write(&folder.path().join(file_name(step))).expect("written");
        }
        prune(folder.path(), 2, Some(3)).expect("pruned");
        let steps: Vec<_> = list(folder.path()).expect("listed").into_iter().map(|(step, _)| step).collect();
        assert_eq!(steps, [3, 5, 6]);
    }

    #[test]
    fn a_broken_checkpoint_that_was_set_aside_pushes_no_intact_one_out() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        some_checkpoint(3).write(&folder.path().join(file_name(3))).expect("written");
        fs::write(folder.path().join(file_name(9)), "torn").expect("written");
        set_aside(folder.path(), 3).expect("renamed");
        some_checkpoint(4).write(&folder.path().join(file_name(4))).expect("written");
        prune(folder.path(), 1, None).expect("pruned");
        let (found, broken) = newest(folder.path()).expect("looks");
        assert_eq!((found.expect("intact").state.step, broken.len()), (4, 0));
        assert!(folder.path().join("00000009.broken").exists());
    }

    #[test]
    fn averaged_weights_come_with_the_live_statistics() {
        let checkpoint = some_checkpoint(1);
        let weights = checkpoint.weights(Which::Ema);
        assert_eq!(weights["fc.weight"].values[0], 0.5);
        assert_eq!(weights["bn.running_mean"].values[0], 7.0);
        assert_eq!(checkpoint.weights(Which::Raw)["fc.weight"].values[0], 1.0);
    }
}
