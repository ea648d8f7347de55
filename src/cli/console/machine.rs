//! The machine that the console runs on: its cores and memory, and its GPUs with who holds how much of theirs.
//!
//! NVML, the driver's library, is opened at run time and only where a driver is loaded, in a thread of its own: without
//! a GPU nothing is opened, said or waited for. What a GPU does not tell, as under MIG, is left out. Views see only the
//! readings.

use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use fixmatch::base::host::{host, user_name};
use nvml_wrapper::Nvml;
use nvml_wrapper::enum_wrappers::device::TemperatureSensor;
use nvml_wrapper::enums::device::UsedGpuMemory;

/// What the NVIDIA driver shows when it is loaded.
const DRIVER: &str = "/proc/driver/nvidia/version";

/// One look at the machine.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Machine {
    /// Its name in the network, as a run's environment has it.
    pub host: String,
    /// Cores that a program may use.
    pub n_cores: usize,
    /// Bytes of memory that are free and there are; None where the system does not tell.
    pub memory: Option<(u64, u64)>,
    /// The GPUs, in PCI order.
    pub gpus: Vec<Gpu>,
}

/// A GPU.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Gpu {
    /// Its make.
    pub name: String,
    /// Bytes of its memory that are used and there are.
    pub memory: Option<(u64, u64)>,
    /// How busy it is, in [0, 1].
    pub utilization: Option<f64>,
    /// Degrees Celsius.
    pub temperature: Option<u32>,
    /// Who holds how many bytes of its memory, the most first.
    pub holders: Vec<(String, u64)>,
}

/// Looks at the machine again and again.
pub struct Watch {
    nvml: Option<Nvml>,
}

impl Watch {
    /// Opens the driver's library, where a driver is loaded.
    pub fn new() -> Self {
        let nvml = if Path::new(DRIVER).exists() { Nvml::init().ok() } else { None };
        Self { nvml }
    }

    /// How the machine stands.
    pub fn look(&self) -> Machine {
        let n_cores = std::thread::available_parallelism().map_or(1, usize::from);
        let memory = std::fs::read_to_string("/proc/meminfo").ok().and_then(|text| free_and_total(&text));
        Machine { host: host(), n_cores, memory, gpus: self.nvml.as_ref().map(gpus).unwrap_or_default() }
    }
}

/// What `/proc/meminfo` says, in bytes.
fn free_and_total(meminfo: &str) -> Option<(u64, u64)> {
    let value = |name: &str| {
        let line = meminfo.lines().find_map(|line| line.strip_prefix(name))?;
        line.split_whitespace().next()?.parse::<u64>().ok().map(|kib| kib * 1024)
    };
    Some((value("MemAvailable:")?, value("MemTotal:")?))
}

fn gpus(nvml: &Nvml) -> Vec<Gpu> {
    let users = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    let device = |i| {
        let device = nvml.device_by_index(i).ok()?;
        let held = device.running_compute_processes().unwrap_or_default();
        let held = held.into_iter().filter_map(|process| match process.used_gpu_memory {
            UsedGpuMemory::Used(n_bytes) => Some((user_of(process.pid, &users), n_bytes)),
            UsedGpuMemory::Unavailable => None,
        });
        Some(Gpu {
            name: device.name().unwrap_or_default(),
            memory: device.memory_info().ok().map(|memory| (memory.used, memory.total)),
            utilization: device.utilization_rates().ok().map(|rates| f64::from(rates.gpu) / 100.0),
            temperature: device.temperature(TemperatureSensor::Gpu).ok(),
            holders: by_user(held),
        })
    };
    (0..nvml.device_count().unwrap_or(0)).map(|i| device(i).unwrap_or_default()).collect()
}

/// The sum of each user, the most first.
fn by_user(held: impl Iterator<Item = (String, u64)>) -> Vec<(String, u64)> {
    let mut sums = BTreeMap::new();
    for (user, n_bytes) in held {
        *sums.entry(user).or_insert(0) += n_bytes;
    }
    let mut sums: Vec<_> = sums.into_iter().collect();
    sums.sort_by_key(|(_, n_bytes)| std::cmp::Reverse(*n_bytes));
    sums
}

/// Whose a process is: a name, a number where `/etc/passwd` has no name for it, or that it is out of sight.
fn user_of(pid: u32, passwd: &str) -> String {
    match std::fs::metadata(format!("/proc/{pid}")) {
        Ok(process) => user_name(process.uid(), passwd).unwrap_or_else(|| format!("user {}", process.uid())),
        Err(_) => "someone".into(), // of another container
    }
}

/// The place in PCI order of the GPU that a run calls `cuda:N`; None for the CPU, and where a GPU is named by an id.
pub fn gpu_of(device: &str, cuda_visible_devices: Option<&str>) -> Option<usize> {
    let n: usize = device.strip_prefix("cuda:")?.parse().ok()?;
    match cuda_visible_devices {
        Some(visible) => visible.split(',').nth(n)?.trim().parse().ok(),
        None => Some(n),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn free_memory_is_what_programs_can_have() {
        let text = "MemTotal:       1000 kB\nMemFree:  10 kB\nMemAvailable:   600 kB\n";
        assert_eq!(free_and_total(text), Some((600 * 1024, 1000 * 1024)));
        assert_eq!(free_and_total("MemTotal: 1000 kB"), None);
    }

    #[test]
    fn what_users_hold_is_added_up() {
        let held = [("me", 1), ("you", 5), ("me", 2)].map(|(user, n_bytes)| (user.to_owned(), n_bytes));
        assert_eq!(by_user(held.into_iter()), [("you".into(), 5), ("me".into(), 3)]);
        let passwd = "root:x:0:0:root:/root:/bin/sh\nme:x:1000:1000::/home/me:/bin/sh\n";
        assert_eq!((user_name(1000, passwd), user_name(7, passwd)), (Some("me".into()), None));
    }

    #[test]
    fn a_run_counts_only_the_gpus_that_it_may_see() {
        let cases = [
            ("cpu", None, None),
            ("cuda:1", None, Some(1)),
            ("cuda:1", Some("2,5"), Some(5)),
            ("cuda:0", Some("GPU-8f2"), None),
            ("cuda:3", Some("2"), None),
        ];
        for (device, visible, expected) in cases {
            assert_eq!(gpu_of(device, visible), expected, "{device}, {visible:?}");
        }
    }

    #[test]
    fn a_machine_without_a_driver_has_cores_and_no_gpu() {
        let machine = Watch { nvml: None }.look();
        assert!(machine.n_cores > 0 && machine.gpus.is_empty());
    }
}
