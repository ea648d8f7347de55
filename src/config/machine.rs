//! Where a run runs.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::range;

/// `[machine]`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[expect(clippy::struct_excessive_bools, reason = "keys of a file")]
pub struct Machine {
    /// `auto` takes the first GPU, or the CPU where there is none.
    pub device: Device,
    /// libtorch's threads inside an operation; 0 takes all cores. Recorded, and used again on resume.
    #[serde(deserialize_with = "range::threads")]
    pub threads: u32,
    /// Threads that decode and augment; 0 takes all cores.
    #[serde(deserialize_with = "range::threads")]
    pub loaders: u32,
    /// Whether `train.precision = "bf16"` is meant where the processor has no instructions for it: a step then takes about
    /// ten times as long as in f32. Default: false, which refuses it.
    pub emulate_bf16: bool,
    /// Whether convolutions of f32 round their factors to 10 bits on GPUs with units for that. Default: true, as PyTorch's
    /// is. Products of matrices stay f32, and on the CPU everything does.
    pub tf32: bool,
    /// Whether cuDNN tries its algorithms for each new size of a batch and keeps the fastest one, which may be another one the next
    /// time. Default: false, as PyTorch's is. The CPU takes no notice.
    pub cudnn_benchmark: bool,
    /// Whether cuDNN uses only algorithms that give the same bits each time, so that a run on a GPU can be repeated exactly.
    /// Default: true. The CPU takes no notice: there a run always can be.
    pub deterministic: bool,
    /// Whether a GPU is asked for the passes of a step in one go, recorded as CUDA graphs, instead of for one operation after the
    /// other. The numbers are the same. Default: true. The CPU takes no notice.
    pub cuda_graphs: bool,
}

impl Default for Machine {
    fn default() -> Self {
        Self {
            device: Device::Auto,
            threads: 0,
            loaders: 0,
            emulate_bf16: false,
            tf32: true,
            cudnn_benchmark: false,
            deterministic: true,
            cuda_graphs: true,
        }
    }
}

/// Where tensors live.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Device {
    /// The first GPU, else the CPU.
    Auto,
    /// The CPU.
    Cpu,
    /// The GPU of this number, in PCI order.
    Cuda(u32),
}

impl TryFrom<String> for Device {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        match text.as_str() {
            "auto" => Ok(Self::Auto),
            "cpu" => Ok(Self::Cpu),
            "cuda" => Ok(Self::Cuda(0)),
            _ => text
                .strip_prefix("cuda:")
                .and_then(|n| n.parse().ok())
                .map(Self::Cuda)
                .ok_or_else(|| format!("must be \"auto\", \"cpu\" or \"cuda:N\", not {text:?}")),
        }
    }
}

impl From<Device> for String {
    fn from(device: Device) -> Self {
        device.to_string()
    }
}

impl fmt::Display for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Auto => f.write_str("auto"),
            Self::Cpu => f.write_str("cpu"),
            Self::Cuda(n) => write!(f, "cuda:{n}"),
        }
    }
}
