//! What the processor of this machine can do, by what it and the kernel say of it.

use std::fs;

use anyhow::{Context as _, Result, bail, ensure};
use clap::ValueEnum;

use crate::config::{Device, Precision, RunConfig};
use crate::machine::gpu::Gpu;

/// Vector instructions that a processor may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Level {
    /// No vectors but those that every processor of its kind has.
    Scalar,
    /// 8 numbers of f32 a vector, x86-64-v3: AVX2 and FMA.
    Avx2,
    /// 16 numbers of f32 a vector, x86-64-v4.
    Avx512,
    /// 4 numbers of f32 a vector, on ARM.
    Neon,
}

/// The environment variable that names a level for the worker.
const VARIABLE: &str = "FIXMATCH_SIMD";

impl Level {
    /// As `--simd` and `FIXMATCH_SIMD` say it.
    pub fn name(self) -> String {
        self.to_possible_value().expect("no level is skipped").get_name().to_owned()
    }

    /// Those that this processor has, the widest last.
    pub fn all() -> Vec<Self> {
        Self::value_variants().iter().copied().filter(|level| level.is_here()).collect()
    }

    /// What `FIXMATCH_SIMD` names, if it is set. An error where that is no level or one that the processor lacks.
    pub fn wanted() -> Result<Option<Self>> {
        let Some(name) = std::env::var_os(VARIABLE) else { return Ok(None) };
        let name = name.to_string_lossy();
        Self::named(&name).map(Some).with_context(|| format!("{VARIABLE}={name}"))
    }

    /// The level of a name.
    pub fn named(name: &str) -> Result<Self> {
        let Ok(level) = Self::from_str(name, true) else {
            bail!("{name:?} is none of {}", Self::names(Self::value_variants()))
        };
        level.check()?;
        Ok(level)
    }

    /// Refuses a level that the processor lacks.
    pub fn check(self) -> Result<()> {
        let here = || Self::names(&Self::all());
        ensure!(self.is_here(), "this processor has no {} instructions: choose one of {}", self.name(), here());
        Ok(())
    }

    fn names(levels: &[Self]) -> String {
        levels.iter().map(|level| level.name()).collect::<Vec<_>>().join(", ")
    }

    #[cfg(target_arch = "x86_64")]
    fn is_here(self) -> bool {
        macro_rules! all {
            ($($feature:tt),*) => { $(is_x86_feature_detected!($feature))&&* };
        }
        let has_v3 = || all!("avx", "avx2", "bmi1", "bmi2", "fma", "lzcnt", "popcnt", "sse4.2");
        match self {
            Self::Scalar => true,
            Self::Avx2 => has_v3(),
            Self::Avx512 => has_v3() && all!("avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"),
            Self::Neon => false,
        }
    }

    #[cfg(target_arch = "aarch64")]
    fn is_here(self) -> bool {
        self == Self::Scalar || self == Self::Neon && std::arch::is_aarch64_feature_detected!("neon")
    }

    #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
    fn is_here(self) -> bool {
        self == Self::Scalar
    }
}

/// What Linux says of the processor; empty elsewhere.
pub fn cpuinfo() -> String {
    fs::read_to_string("/proc/cpuinfo").unwrap_or_default()
}

/// Whether libtorch has to take bf16 apart into f32 on a processor of this description, which takes far longer than f32.
pub fn emulates_bf16(cpuinfo: &str) -> bool {
    let flags = cpuinfo.lines().find(|line| line.starts_with("flags")).unwrap_or_default();
    !flags.split(' ').any(|flag| flag == "avx512_bf16" || flag == "amx_bf16")
}

/// Refuses a new run in bf16 that this machine's processor would emulate, unless the configuration insists. Where a GPU may
/// be found, that is left to the worker.
pub fn check_precision(config: &RunConfig) -> Result<()> {
    let may_be_gpu = match config.machine.device {
        Device::Cpu => false,
        Device::Auto => Gpu::look().has_driver,
        Device::Cuda(_) => true,
    };
    if may_be_gpu { Ok(()) } else { check_precision_on_cpu(config) }
}

/// The same for a run that is on the CPU for certain.
pub fn check_precision_on_cpu(config: &RunConfig) -> Result<()> {
    let is_emulated = config.train.precision == Precision::Bf16 && emulates_bf16(&cpuinfo());
    ensure!(
        !is_emulated || config.machine.emulate_bf16,
        "train.precision = \"bf16\": this processor has no instructions for bf16, and a step would take about ten times as \
         long as in f32 (2,768 ms were measured where f32 took 268); use \"f32\", a GPU, or a processor with avx512_bf16 or amx_bf16, or insist with \
         machine.emulate_bf16 = true"
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bf16_is_emulated_where_the_processor_does_not_name_it() {
        let cpuinfo = |flags: &str| format!("processor : 0\nflags\t\t: fpu {flags} sse\nbugs : avx512_bf16\n");
        for (flags, emulates) in [("avx512f", true), ("avx512_bf16", false), ("amx_bf16", false)] {
            assert_eq!(emulates_bf16(&cpuinfo(flags)), emulates, "{flags}");
        }
    }

    #[test]
    fn bf16_is_refused_where_it_is_emulated_unless_one_insists_or_trains_on_a_gpu() {
        let mut config = RunConfig::default();
        config.machine.device = Device::Cpu;
        check_precision(&config).expect("f32 is fine everywhere");
        config.train.precision = Precision::Bf16;
        let refusal = check_precision(&config).map_err(|error| error.to_string());
        assert_eq!(refusal.is_err(), emulates_bf16(&super::cpuinfo()), "{refusal:?}");
        config.machine.emulate_bf16 = true;
        check_precision(&config).expect("insisted on");
        (config.machine.emulate_bf16, config.machine.device) = (false, Device::Cuda(0));
        check_precision(&config).expect("a GPU has bf16");
    }
}
