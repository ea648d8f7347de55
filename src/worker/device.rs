//! Where tensors live, and opening the GPU's libraries only where there is one.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use fixmatch::base::output::note;
use fixmatch::config::{Device as Wanted, Machine};
use fixmatch::machine::gpu::{CUDA_PART, Gpu};
use libloading::os::unix::{Library, RTLD_GLOBAL, RTLD_NOW};
use tch::{Cuda, Device};

use crate::libtorch;

/// The device that a configuration asks for. Tells if a GPU that is there is not it.
///
/// The worker links libtorch's CPU part only. Its CUDA part is opened here, before the first question about CUDA,
/// because libtorch remembers the answer.
pub fn resolve(wanted: Wanted, warn: impl FnOnce(&str)) -> Result<Device> {
    let gpu = Gpu::look();
    let on_cpu = |reason: Option<&str>| {
        if let Some(warning) = gpu.warning(wanted, reason) {
            warn(&warning);
        }
        Ok(Device::Cpu)
    };
    match wanted {
        Wanted::Cpu => Ok(Device::Cpu),
        Wanted::Auto if !gpu.has_driver => Ok(Device::Cpu),
        Wanted::Auto if !cuda_part().exists() => on_cpu(None),
        Wanted::Auto => match open_cuda() {
            Ok(()) if Cuda::is_available() => Ok(Device::Cuda(0)),
            Ok(()) => on_cpu(Some("the driver may be too old for this libtorch")),
            Err(error) => on_cpu(Some(&format!("{error:#}"))),
        },
        Wanted::Cuda(n) => {
            open_cuda()?;
            ensure!(
                Cuda::is_available(),
                "machine.device = \"{wanted}\", but there is no working NVIDIA driver here; use \"cpu\""
            );
            let count = Cuda::device_count();
            ensure!(
                i64::from(n) < count,
                "machine.device = \"{wanted}\", but CUDA sees {count} devices, counted from 0"
            );
            Ok(Device::Cuda(n as usize))
        }
    }
}

/// How a GPU computes; the CPU takes no notice. Images and kernels are `channels_last` everywhere ([`crate::input`],
/// [`crate::weights`]), which is what its units for TF32 and bf16 want.
pub fn set_up(device: Device, config: &Machine) {
    if device.is_cuda() {
        libtorch::allow_tf32(config.tf32);
        Cuda::cudnn_set_benchmark(config.cudnn_benchmark);
    }
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
    Path::new(env!("FIXMATCH_LIBTORCH")).join(CUDA_PART)
}

/// Loads libtorch's CUDA part, which `make setup ARGS=--cuda` puts below libtorch's folder, into the process.
fn open_cuda() -> Result<()> {
    let path = cuda_part();
    ensure!(path.exists(), "{} is missing: run `make setup ARGS=--cuda` to train on a GPU", path.display());
    // SAFETY: libtorch's own library, made to be loaded into a process that has libtorch_cpu; it stays loaded.
    let library = unsafe { Library::open(Some(&path), RTLD_NOW | RTLD_GLOBAL) };
    std::mem::forget(library.with_context(|| format!("cannot load {}", path.display()))?);
    Ok(())
}
