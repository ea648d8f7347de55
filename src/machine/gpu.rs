//! Whether there is an NVIDIA GPU here that a run would leave idle without a word.

use std::path::{Path, PathBuf};

use crate::config::Device;

/// The folder of the libtorch that this program was built for; None without training.
pub fn libtorch() -> Option<PathBuf> {
    let folder = option_env!("FIXMATCH_LIBTORCH")?;
    match folder.strip_prefix("$ORIGIN/") {
        Some(beside) => Some(std::env::current_exe().ok()?.canonicalize().ok()?.parent()?.join(beside)),
        None => Some(folder.into()),
    }
}

/// NVIDIA's libraries and libtorch's CUDA part, where `make setup ARGS=--cuda` puts them.
pub fn cuda_folder() -> Option<PathBuf> {
    Some(libtorch()?.join("cuda"))
}

/// libtorch's CUDA part itself.
pub fn cuda_part() -> Option<PathBuf> {
    Some(cuda_folder()?.join("torch/lib/libtorch_cuda.so"))
}

/// What this machine shows of its GPUs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gpu {
    /// Whether NVIDIA's driver is loaded.
    pub has_driver: bool,
    /// GPUs that this process may use, by their device files and `CUDA_VISIBLE_DEVICES`.
    pub n_visible: usize,
    /// Whether this process sees a GPU: a container sees the driver of its host, but not always the GPUs.
    pub is_visible: bool,
    /// Whether the user hides all GPUs from CUDA.
    pub is_hidden: bool,
}

impl Gpu {
    /// Looks below `/`, or where `FIXMATCH_PROBE_ROOT` says, which is for tests.
    pub fn look() -> Self {
        let root = std::env::var_os("FIXMATCH_PROBE_ROOT").map_or_else(|| PathBuf::from("/"), PathBuf::from);
        Self::look_below(&root, std::env::var("CUDA_VISIBLE_DEVICES").ok().as_deref())
    }

    fn look_below(root: &Path, cuda_visible_devices: Option<&str>) -> Self {
        let is_numbered = |name: &str| name.strip_prefix("nvidia").is_some_and(|n| n.parse::<u32>().is_ok());
        let devices = std::fs::read_dir(root.join("dev")).into_iter().flatten().flatten();
        let n_nodes = devices.filter(|entry| entry.file_name().to_str().is_some_and(is_numbered)).count();
        let has_module = root.join("proc/driver/nvidia/version").exists();
        let is_wsl = root.join("dev/dxg").exists() && root.join("usr/lib/wsl/lib/libcuda.so.1").exists();
        let allowed = cuda_visible_devices.map(|list| list.split(',').filter(|it| !it.trim().is_empty()).count());
        Self {
            n_visible: n_nodes.min(allowed.unwrap_or(n_nodes)),
            has_driver: has_module || is_wsl,
            is_visible: n_nodes > 0 || is_wsl,
            is_hidden: matches!(cuda_visible_devices.map(str::trim), Some("" | "-1" | "NoDevFiles")),
        }
    }

    /// Why CUDA finds no GPU, as far as this machine's files and variables show.
    pub fn obstacle(self) -> Option<&'static str> {
        match self {
            Self { has_driver: false, .. } => {
                Some("NVIDIA's driver is not loaded here: install it, or load its module")
            }
            Self { is_hidden: true, .. } => Some("CUDA_VISIBLE_DEVICES hides all GPUs: unset it"),
            Self { is_visible: false, .. } => {
                Some("no GPU is visible here: start the container with its GPUs, such as `docker run --gpus all`")
            }
            _ => None,
        }
    }

    /// What to say of a run that asks for `wanted` and will not get a GPU, since `reason` (if none, since libtorch was set
    /// up without CUDA). None where nothing is left idle against the user's will.
    pub fn warning(self, wanted: Device, reason: Option<&str>) -> Option<String> {
        if wanted != Device::Auto || !self.has_driver || self.is_hidden {
            return None;
        }
        let (why, cure) = match (self.is_visible, reason) {
            (false, _) => (
                "NVIDIA's driver is loaded, but no GPU is visible here",
                "start the container with its GPUs, such as `docker run --gpus all`".to_owned(),
            ),
            (true, None) => (
                "there is an NVIDIA GPU, but libtorch was set up without CUDA",
                "run `make setup ARGS=--cuda`, then start the run again".to_owned(),
            ),
            (true, Some(reason)) => {
                ("there is an NVIDIA GPU, but CUDA cannot use it", format!("see to this: {reason}"))
            }
        };
        Some(format!(
            "{why}: THIS RUN TRAINS ON THE CPU, many times slower; {cure}, or set machine.device = \"cpu\" if that is meant"
        ))
    }
}

/// What to say before a run that asks for `wanted` is launched, as far as this program can tell.
pub fn warning_before(wanted: Device) -> Option<String> {
    let cuda_part = cuda_part()?;
    Gpu::look().warning(wanted, None).filter(|_| !cuda_part.exists())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn machine(files: &[&str]) -> tempfile::TempDir {
        let root = tempfile::tempdir().expect("a temporary folder");
        for file in files {
            let path = root.path().join(file);
            fs::create_dir_all(path.parent().expect("a folder")).expect("made");
            fs::write(path, "").expect("written");
        }
        root
    }

    #[test]
    fn a_gpu_that_stays_idle_is_told_with_the_cure() {
        const MODULE: &str = "proc/driver/nvidia/version";
        const WSL: [&str; 2] = ["dev/dxg", "usr/lib/wsl/lib/libcuda.so.1"];
        let setup = Some("make setup ARGS=--cuda");
        let cases = [
            (&[][..], None, Device::Auto, None),
            (&["dev/nvidia-modeset"], None, Device::Auto, None),
            (&[MODULE, "dev/nvidia0"], None, Device::Auto, setup),
            (&WSL, None, Device::Auto, setup),
            (&[MODULE, "dev/nvidiactl"], None, Device::Auto, Some("docker run --gpus all")),
            (&[MODULE, "dev/nvidia12"], Some("1"), Device::Auto, setup),
            (&[MODULE, "dev/nvidia0"], Some(""), Device::Auto, None),
            (&[MODULE, "dev/nvidia0"], None, Device::Cpu, None),
            (&[MODULE, "dev/nvidia0"], None, Device::Cuda(0), None),
        ];
        for (files, visible, wanted, expected) in cases {
            let root = machine(files);
            let warning = Gpu::look_below(root.path(), visible).warning(wanted, None);
            assert_eq!(warning.is_some(), expected.is_some(), "{files:?} {visible:?} {wanted:?}: {warning:?}");
            let (warning, expected) = (warning.unwrap_or_default(), expected.unwrap_or_default());
            assert!(warning.contains(expected), "{files:?}: {warning}");
            assert!(warning.is_empty() || warning.contains("TRAINS ON THE CPU"), "{warning}");
        }
        let root = machine(&[MODULE, "dev/nvidia0"]);
        let warning = Gpu::look_below(root.path(), None).warning(Device::Auto, Some("the driver is too old"));
        assert!(warning.is_some_and(|it| it.contains("CUDA cannot use it") && it.contains("the driver is too old")));
    }
}
