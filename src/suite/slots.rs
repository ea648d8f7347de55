//! Slots: where the queue trains how many runs at a time.

use std::fmt;
use std::str::FromStr;

use anyhow::{Context, Result, bail, ensure};
use serde::{Deserialize, Serialize};

use crate::config::{Device, Machine};

/// Room for one run at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Slot {
    /// Where it trains.
    pub device: Device,
    /// Threads of libtorch; 0 for as many as there are cores.
    pub threads: u32,
}

/// At most so many slots: more are a typing error.
pub const MAX_SLOTS: usize = 256;

impl Slot {
    /// The slots of a list such as `cuda:0,cuda:1x2` or `cpu:1x4`.
    pub fn parse_all(text: &str) -> Result<Vec<Self>> {
        let mut slots = Vec::new();
        for part in text.split(',').map(str::trim) {
            let (slot, n) = part.split_once(['x', '×', '*']).unwrap_or((part, "1"));
            let n: usize = n.trim().parse().ok().filter(|n| (1..=MAX_SLOTS).contains(n)).with_context(|| {
                format!("{part:?}: how many slots is a number from 1 to {MAX_SLOTS}, as in cuda:0x2")
            })?;
            slots.extend(std::iter::repeat_n(slot.trim().parse::<Self>()?, n));
        }
        ensure!(slots.len() <= MAX_SLOTS, "{text:?} comes to more than {MAX_SLOTS} slots");
        Ok(slots)
    }

    /// What a run's configuration says of the machine when it is trained here.
    pub fn applied(self, machine: &Machine) -> Machine {
        let mut machine = machine.clone();
        machine.device = self.device;
        if self.threads > 0 {
            (machine.threads, machine.loaders) = (self.threads, 1);
        }
        machine
    }
}

impl FromStr for Slot {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Self> {
        let what = || format!("{text:?} is no slot; one is cpu, cpu:THREADS or cuda:N, and x2 behind it makes two");
        if text == "cpu" {
            return Ok(Self { device: Device::Cpu, threads: 0 });
        }
        if let Some(threads) = text.strip_prefix("cpu:") {
            let threads = threads.parse().ok().filter(|n| (1..=1024).contains(n)).with_context(what)?;
            return Ok(Self { device: Device::Cpu, threads });
        }
        match Device::try_from(text.to_owned()) {
            Ok(device @ Device::Cuda(_)) => Ok(Self { device, threads: 0 }),
            _ => bail!(what()),
        }
    }
}

impl TryFrom<String> for Slot {
    type Error = anyhow::Error;

    fn try_from(text: String) -> Result<Self> {
        text.parse()
    }
}

impl From<Slot> for String {
    fn from(slot: Slot) -> Self {
        slot.to_string()
    }
}

impl fmt::Display for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.threads {
            0 => write!(f, "{}", self.device),
            threads => write!(f, "{}:{threads}", self.device),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    #[test]
    fn slots_are_read_as_they_are_written() {
        for (text, expected) in [
            ("cpu", vec!["cpu"]),
            ("cpu:1x2", vec!["cpu:1", "cpu:1"]),
            ("cuda:0, cuda:1×2", vec!["cuda:0", "cuda:1", "cuda:1"]),
        ] {
            let slots: Vec<_> = Slot::parse_all(text).expect(text).iter().map(Slot::to_string).collect();
            assert_eq!(slots, expected);
        }
        for text in ["", "gpu", "auto", "cpu:0", "cuda:0x0", "cuda:0x999", "cuda:x", "cpu,,cpu"] {
            assert!(Slot::parse_all(text).is_err(), "{text}");
        }
    }
}
