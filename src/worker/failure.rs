//! What kind of error ends a run, where the worker knows it.

use std::any::Any;
use std::fmt;

use anyhow::Error;
use fixmatch::run::event::FailureKind;

/// An error of a known kind.
#[derive(Debug)]
pub struct Failure {
    kind: FailureKind,
    text: String,
}

impl Failure {
    /// A number of the training is not finite.
    pub fn diverged(text: String) -> Error {
        Error::new(Self { kind: FailureKind::Diverged, text })
    }

    /// What to say of a panic.
    pub fn fault(panic: &(dyn Any + Send)) -> Error {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        let text = text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or_default();
        let kind = if is_of_the_machine(text) { FailureKind::Outside } else { FailureKind::Fault };
        Error::new(Self { kind, text: format!("a fault in the worker: {text}; see worker.log") })
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::error::Error for Failure {}

/// What kind of error this is. What nobody has marked lies around the run: files, images, devices.
pub fn kind_of(error: &Error) -> FailureKind {
    error.downcast_ref::<Failure>().map_or(FailureKind::Outside, |failure| failure.kind)
}

/// Whether libtorch ends by the machine: it says so in words only (c10's allocators and CUDA's error checks).
fn is_of_the_machine(text: &str) -> bool {
    ["not enough memory", "out of memory", "CUDA error"].iter().any(|words| text.contains(words))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_libtorch_says_of_memory_and_devices_lies_around_the_run() {
        for (text, expected) in [
            ("index out of bounds: the len is 3", FailureKind::Fault),
            ("DefaultCPUAllocator: not enough memory: you tried to allocate 4 bytes", FailureKind::Outside),
            ("CUDA out of memory. Tried to allocate 2.00 GiB", FailureKind::Outside),
            ("CUDA error: an illegal memory access was encountered", FailureKind::Outside),
        ] {
            let error = Failure::fault(&text.to_owned()).context("while training");
            assert_eq!(kind_of(&error), expected, "{text}");
            assert!(format!("{error:#}").contains(text));
        }
        assert_eq!(kind_of(&Failure::diverged("nan".into())), FailureKind::Diverged);
        assert_eq!(kind_of(&anyhow::anyhow!("no images")), FailureKind::Outside);
    }
}
