//! Where tensors live, and opening the GPU's libraries only where there is one.

use std::path::PathBuf;

use anyhow::{Context, Result, anyhow, ensure};
use fixmatch::base::output::note;
use fixmatch::config::{Device as Wanted, Machine};
use fixmatch::machine::gpu::{self, Gpu};
use libloading::os::unix::{Library, RTLD_GLOBAL, RTLD_NOW};
use tch::{Cuda, Device, Kind, Tensor};

use crate::failure::sentence;
use crate::gpu::use_own_stream;
use crate::libtorch;

/// The device that a configuration asks for. Tells if a GPU that is there is not it.
///
/// The worker links libtorch's CPU part only. Its CUDA part is opened here, before the first question about CUDA,
/// because libtorch remembers the answer.
pub fn resolve(wanted: Wanted, warn: impl FnOnce(&str)) -> Result<Device> {
    choose(wanted, Gpu::look(), cuda_part().exists(), try_out, warn)
}

/// `try_out` says in a sentence why a GPU does not compute.
fn choose(
    wanted: Wanted,
    gpu: Gpu,
    has_cuda_part: bool,
    try_out: impl FnOnce(u32) -> Result<(), String>,
    warn: impl FnOnce(&str),
) -> Result<Device> {
    let on_cpu = |reason: Option<&str>| {
        if let Some(warning) = gpu.warning(wanted, reason) {
            warn(&warning);
        }
        Ok(Device::Cpu)
    };
    match wanted {
        Wanted::Cpu => Ok(Device::Cpu),
        Wanted::Auto if !gpu.has_driver => Ok(Device::Cpu),
        Wanted::Auto if !has_cuda_part => on_cpu(None),
        Wanted::Auto => match try_out(0) {
            Ok(()) => Ok(Device::Cuda(0)),
            Err(reason) => on_cpu(Some(&reason)),
        },
        Wanted::Cuda(n) => {
            ensure!(
                has_cuda_part,
                "machine.device = \"{wanted}\", but {} is missing: run `make setup ARGS=--cuda` to train on a GPU, or use \
                 \"cpu\"",
                cuda_part().display()
            );
            let tried = try_out(n).map_err(|reason| gpu.obstacle().map_or(reason, str::to_owned));
            tried.map_err(|reason| anyhow!("machine.device = \"{wanted}\", but {reason}; or use \"cpu\""))?;
            Ok(Device::Cuda(n as usize))
        }
    }
}

/// Has a GPU compute something, or says in a sentence why it does not: one that is listed may be of a kind that this
/// libtorch has no code for, in a mode that lets nobody in, or broken.
fn try_out(n: u32) -> Result<(), String> {
    open_cuda().map_err(|error| format!("{error:#}"))?;
    if !Cuda::is_available() {
        return Err("CUDA finds no GPU that it can use: the driver may be too old for this libtorch".into());
    }
    let count = Cuda::device_count();
    if i64::from(n) >= count {
        return Err(format!("there are {count} for CUDA, counted from 0"));
    }
    let ones = Tensor::f_ones([2], (Kind::Float, Device::Cuda(n as usize)));
    match ones.and_then(|ones| ones.f_sum(Kind::Float)).and_then(|sum| sum.f_double_value(&[])) {
        Ok(2.0) => Ok(()),
        Ok(sum) => Err(format!("the GPU computes wrongly: 1 + 1 is {sum} on it")),
        Err(error) => Err(format!("the GPU does not compute: {}", sentence(&error.to_string()))),
    }
}

/// How a GPU computes; the CPU takes no notice. Images and kernels are `channels_last` everywhere ([`crate::input`],
/// [`crate::weights`]), which is what its units for TF32 and bf16 want.
pub fn set_up(device: Device, config: &Machine) -> Result<()> {
    if device.is_cuda() {
        use_own_stream(device)?;
        libtorch::allow_tf32(config.tf32);
        libtorch::be_deterministic(config.deterministic);
        Cuda::cudnn_set_benchmark(config.cudnn_benchmark);
    }
    Ok(())
}

/// Tells it on stderr.
pub fn tell(warning: &str) {
    note(format_args!("warning: {warning}"));
}

/// The device as events and `run.toml` name it.
pub fn name(device: Device) -> String {
    match device {
        Device::Cuda(n) => format!("cuda:{n}"),
        _ => "cpu".into(),
    }
}

fn cuda_part() -> PathBuf {
    gpu::cuda_part().expect("a worker is built for a libtorch")
}

/// Loads libtorch's CUDA part, which `make setup ARGS=--cuda` puts below libtorch's folder, into the process.
fn open_cuda() -> Result<()> {
    let path = cuda_part();
    // SAFETY: libtorch's own library, made to be loaded into a process that has libtorch_cpu; it stays loaded.
    let library = unsafe { Library::open(Some(&path), RTLD_NOW | RTLD_GLOBAL) };
    std::mem::forget(library.with_context(|| format!("cannot load {}", path.display()))?);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gpu_that_does_not_compute_is_one_sentence_and_leaves_the_cpu_only_where_that_was_not_excluded() {
        let there = Gpu { has_driver: true, n_visible: 1, is_visible: true, is_hidden: false };
        let (invisible, hidden) = (Gpu { is_visible: false, ..there }, Gpu { is_hidden: true, ..there });
        let none = Gpu { has_driver: false, n_visible: 0, is_visible: false, is_hidden: false };
        let (works, fails) = (Ok(()), Err("the GPU does not compute: no kernel image is available"));
        let (auto, first) = (Wanted::Auto, Wanted::Cuda(0));
        let cases = [
            (Wanted::Cpu, there, true, works, Ok((Device::Cpu, ""))),
            (auto, none, true, works, Ok((Device::Cpu, ""))),
            (auto, there, true, works, Ok((Device::Cuda(0), ""))),
            (auto, there, false, works, Ok((Device::Cpu, "run `make setup ARGS=--cuda`"))),
            (auto, there, true, fails, Ok((Device::Cpu, "see to this: the GPU does not compute: no kernel image"))),
            (auto, invisible, true, fails, Ok((Device::Cpu, "no GPU is visible here"))),
            (auto, hidden, true, fails, Ok((Device::Cpu, ""))),
            (Wanted::Cuda(3), there, true, works, Ok((Device::Cuda(3), ""))),
            (first, there, false, works, Err("is missing: run `make setup ARGS=--cuda`")),
            (
                first,
                there,
                true,
                fails,
                Err("machine.device = \"cuda:0\", but the GPU does not compute: no kernel image"),
            ),
            (first, none, true, fails, Err("NVIDIA's driver is not loaded")),
            (first, invisible, true, fails, Err("no GPU is visible here")),
            (first, hidden, true, fails, Err("CUDA_VISIBLE_DEVICES hides")),
        ];
        for (wanted, gpu, has_cuda_part, tried, expected) in cases {
            let mut told = String::new();
            let try_out = |_| tried.map_err(str::to_owned);
            let chosen = choose(wanted, gpu, has_cuda_part, try_out, |warning| told = warning.to_owned());
            let what = format!("{wanted} {gpu:?} {has_cuda_part} {tried:?}");
            match expected {
                Ok((device, warning)) => {
                    assert_eq!(chosen.ok(), Some(device), "{what}");
                    assert!(told.contains(warning) && told.is_empty() == warning.is_empty(), "{what}: {told}");
                }
                Err(error) => told = format!("{:#}", chosen.expect_err(error)),
            }
            if let Err(error) = expected {
                assert!(told.contains(error), "{what}: {told}");
            }
            assert!(!told.contains('\n'), "{what}: {told}");
        }
    }
}
