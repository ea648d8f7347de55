//! Where tensors live, and opening the GPU's libraries only where there is one.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use fixmatch::config::Device as Wanted;
use libloading::os::unix::{Library, RTLD_GLOBAL, RTLD_NOW};
use tch::{Cuda, Device};

/// What the NVIDIA driver shows when it is loaded.
const DRIVER: &str = "/proc/driver/nvidia/version";

/// The device that a configuration asks for.
///
/// The worker links libtorch's CPU part only. Its CUDA part is opened here, before the first question about CUDA,
/// because libtorch remembers the answer.
pub fn resolve(wanted: Wanted) -> Result<Device> {
    match wanted {
        Wanted::Cpu => Ok(Device::Cpu),
        Wanted::Auto if !Path::new(DRIVER).exists() => Ok(Device::Cpu),
        Wanted::Auto => Ok(if open_cuda().is_ok() && Cuda::is_available() { Device::Cuda(0) } else { Device::Cpu }),
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

/// The device as events and `run.toml` name it.
pub fn name(device: Device) -> String {
    match device {
        Device::Cuda(n) => format!("cuda:{n}"),
        _ => "cpu".into(),
    }
}

/// Loads libtorch's CUDA part, which `make setup ARGS=--cuda` puts below libtorch's folder, into the process.
fn open_cuda() -> Result<()> {
    let path = Path::new(env!("FIXMATCH_LIBTORCH")).join("cuda/torch/lib/libtorch_cuda.so");
    ensure!(path.exists(), "{} is missing: run `make setup ARGS=--cuda` to train on a GPU", path.display());
    // SAFETY: libtorch's own library, made to be loaded into a process that has libtorch_cpu; it stays loaded.
    let library = unsafe { Library::open(Some(&path), RTLD_NOW | RTLD_GLOBAL) };
    std::mem::forget(library.with_context(|| format!("cannot load {}", path.display()))?);
    Ok(())
}
