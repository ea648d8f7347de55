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

    /// What to say of a panic: a sentence, since worker.log has all of it.
    pub fn fault(panic: &(dyn Any + Send)) -> Error {
        let text = said_by(panic);
        let said = sentence(text);
        if let Some(text) = lacks_memory(said) {
            return Error::new(Self { kind: FailureKind::Outside, text });
        }
        let (kind, text) = if is_of_the_machine(text) {
            (FailureKind::Outside, format!("libtorch cannot go on: {said}; see worker.log"))
        } else {
            (FailureKind::Fault, format!("a fault in the worker: {said}; see worker.log"))
        };
        Error::new(Self { kind, text })
    }
}

/// The text of a panic.
pub fn said_by(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or_default()
}

/// What to do about a GPU that is full, if libtorch says that.
fn lacks_memory(said: &str) -> Option<String> {
    let after = |words: &str| Some(said.split_once(words)?.1);
    let size = |text: &str| text.split(' ').take(2).collect::<Vec<_>>().join(" ").trim_end_matches('.').to_owned();
    let wanted = size(after("CUDA out of memory. Tried to allocate ")?);
    let free = after(" of which ").map(size);
    let all = after("total capacity of ").map(size);
    let (free, all) = (free.unwrap_or_else(|| "fewer".into()), all.unwrap_or_else(|| "its memory".into()));
    Some(format!(
        "the GPU's memory is too small: {wanted} more were asked for, and {free} of {all} are free; end what else uses it, or fork the \
         run with a smaller train.batch or train.mu, train.forward = \"split\", train.precision = \"bf16\", or machine.cuda_graphs = false"
    ))
}

/// What libtorch says before it tells where in its code: its first line, without what the binding and its checks put before it.
pub fn sentence(text: &str) -> &str {
    let text = text.split_once("value: Torch(\"").map_or(text, |(_, said)| said);
    let text = text.split(['\n', '\r']).next().unwrap_or_default();
    let text = text.split("\\n").next().unwrap_or_default(); // as the binding's panics have it
    let text = text.strip_prefix("[enforce fail").and_then(|it| it.split_once("] ")).map_or(text, |(_, said)| said);
    text.strip_prefix("err == 0. ").unwrap_or(text).trim_end_matches(['.', ' '])
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
    [
        "not enough memory",
        "can't allocate memory",
        "out of memory",
        "CUDA error",
        "CUDA driver",
        "CUDNN_STATUS",
        "CUBLAS_STATUS",
    ]
    .iter()
    .any(|words| text.contains(words))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_libtorch_says_of_memory_and_devices_lies_around_the_run() {
        for (text, expected) in [
            ("index out of bounds: the len is 3", FailureKind::Fault),
            ("DefaultCPUAllocator: not enough memory: you tried to allocate 4 bytes", FailureKind::Outside),
            ("CUDA error: an illegal memory access was encountered", FailureKind::Outside),
            ("cuDNN error: CUDNN_STATUS_NOT_INITIALIZED", FailureKind::Outside),
        ] {
            let error = Failure::fault(&text.to_owned()).context("while training");
            assert_eq!(kind_of(&error), expected, "{text}");
            assert!(format!("{error:#}").contains(text));
        }
        assert_eq!(kind_of(&Failure::diverged("nan".into())), FailureKind::Diverged);
        assert_eq!(kind_of(&anyhow::anyhow!("no images")), FailureKind::Outside);
    }

    /// What libtorch 2.11 said on a GPU of 140 GiB.
    #[test]
    fn a_full_gpu_is_told_with_what_helps() {
        let said = "called `Result::unwrap()` on an `Err` value: Torch(\"CUDA out of memory. Tried to allocate 12.25 GiB. GPU 0 has a \
                    total capacity of 139.80 GiB of which 4.76 GiB is free. Including non-PyTorch memory, this process has 135.03 GiB\")";
        let error = Failure::fault(&said.to_owned());
        assert_eq!(kind_of(&error), FailureKind::Outside);
        let text = error.to_string();
        assert!(text.contains("12.25 GiB more were asked for, and 4.76 GiB of 139.80 GiB are free"), "{text}");
        assert!(text.contains("a smaller train.batch") && !text.contains("PyTorch"), "{text}");
    }

    #[test]
    fn what_libtorch_says_is_a_sentence_of_it() {
        const CUDA: &str = "CUDA error: no kernel image is available for execution on the device";
        for (text, expected) in [
            (format!("{CUDA}\nCUDA kernel errors might be reported later.\nframe #0: c10::Error"), CUDA),
            (format!("called `Result::unwrap()` on an `Err` value: Torch(\"{CUDA}\\nSearch for\\nframe #0\")"), CUDA),
            ("no number: NaN".to_owned(), "no number: NaN"),
            (String::new(), ""),
        ] {
            assert_eq!(sentence(&text), expected);
        }
        let more_than_there_is = || tch::Tensor::zeros([1 << 50], (tch::Kind::Float, tch::Device::Cpu));
        let panic = std::panic::catch_unwind(more_than_there_is).expect_err("4 PB");
        let error = Failure::fault(&*panic);
        assert_eq!(kind_of(&error), FailureKind::Outside);
        let text = error.to_string();
        assert!(text.contains("you tried to allocate 4503599627370496 bytes"), "{text}");
        assert!(!text.contains("frame #") && !text.contains("\\n") && !text.contains("unwrap"), "{text}");
    }
}
