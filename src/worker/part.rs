//! What of a run is in its checkpoints.

use anyhow::Result;
use fixmatch::run::checkpoint::Tensors;

/// A part of a run on which its next steps depend.
///
/// A run that takes its parts back goes on, bit for bit, as the one that saved them.
pub trait Part {
    /// Puts it into a checkpoint, under names of its own. May wait for the device.
    fn save(&mut self, into: &mut Tensors);

    /// Takes it back from the checkpoint that was saved after `step` steps. Says what does not fit.
    fn restore(&mut self, from: &Tensors, step: u64) -> Result<()>;
}
