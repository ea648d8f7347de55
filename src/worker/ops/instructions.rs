//! The vector instructions that our loops run with: by default the widest that the processor has, or a level that a test, a
//! benchmark or `FIXMATCH_SIMD` asks for.
//!
//! Every loop is compiled for all levels. Results are not the same bit for bit at all of them: scalar products are rounded
//! before they are added, and convolutions go another way there ([`Instructions::have_vectors`]).

use std::cell::Cell;
use std::sync::OnceLock;

use anyhow::{Context as _, Result};
pub use fixmatch::machine::processor::Level;
use pulp::{Arch, WithSimd};

/// The instructions of one level, known to be there.
#[derive(Clone, Copy, Debug)]
pub struct Instructions {
    level: Level,
    arch: Arch,
}

thread_local! {
    static OF_THREAD: Cell<Option<Instructions>> = const { Cell::new(None) };
}

static OF_PROCESS: OnceLock<Instructions> = OnceLock::new();

impl Instructions {
    /// Those of a level. An error where the processor lacks it.
    pub fn of(level: Level) -> Result<Self> {
        level.check()?;
        let arch = arch(level).with_context(|| format!("our loops have no {} instructions here", level.name()))?;
        Ok(Self { level, arch })
    }

    /// What an operation that this thread begins runs with. Threads that help it are told.
    pub fn in_force() -> Self {
        OF_THREAD
            .get()
            .unwrap_or_else(|| *OF_PROCESS.get_or_init(|| Self::by_default().expect("a level that is there")))
    }

    /// The level.
    pub fn level(self) -> Level {
        self.level
    }

    /// Whether numbers are worked on in vectors, which Winograd's way needs to be worth it.
    pub fn have_vectors(self) -> bool {
        self.level != Level::Scalar
    }

    /// Runs loops with these instructions.
    #[inline(always)]
    pub fn run<L: WithSimd>(self, loops: L) -> L::Output {
        self.arch.dispatch(loops)
    }

    /// Operations that this thread begins meanwhile run with these.
    #[cfg(test)]
    pub fn in_this_thread<R>(self, does: impl FnOnce() -> R) -> R {
        let before = OF_THREAD.replace(Some(self));
        let result = does();
        OF_THREAD.set(before);
        result
    }

    /// What `FIXMATCH_SIMD` names, else the widest.
    fn by_default() -> Result<Self> {
        Level::wanted()?.map_or_else(|| Ok(Self::widest()), Self::of)
    }

    fn widest() -> Self {
        let level = *Level::all().last().expect("every processor has scalar instructions");
        Self::of(level).expect("it was found")
    }
}

/// Sets what all operations run with: `level`, else what `FIXMATCH_SIMD` names, else the widest instructions. To be
/// called before the first operation.
pub fn set_level(level: Option<Level>) -> Result<()> {
    let chosen = level.map_or_else(Instructions::by_default, Instructions::of)?;
    let in_force = OF_PROCESS.get_or_init(|| chosen);
    anyhow::ensure!(in_force.level == chosen.level, "operations run with {} already", in_force.level.name());
    Ok(())
}

#[cfg(target_arch = "x86_64")]
fn arch(level: Level) -> Option<Arch> {
    use pulp::x86::{V3, V4};
    match level {
        Level::Scalar => Some(Arch::Scalar),
        Level::Avx2 => V3::try_new().map(Arch::V3),
        Level::Avx512 => V4::try_new().map(Arch::V4),
        Level::Neon => None,
    }
}

#[cfg(target_arch = "aarch64")]
fn arch(level: Level) -> Option<Arch> {
    match level {
        Level::Scalar => Some(Arch::Scalar),
        Level::Neon => pulp::aarch64::Neon::try_new().map(Arch::Neon),
        Level::Avx2 | Level::Avx512 => None,
    }
}

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
fn arch(level: Level) -> Option<Arch> {
    (level == Level::Scalar).then(Arch::new)
}

/// Does something at every level that this processor has, one after the other; other threads are not touched.
#[cfg(test)]
pub fn at_every_level(mut check: impl FnMut(Level)) {
    for level in Level::all() {
        Instructions::of(level).expect("it was found").in_this_thread(|| check(level));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_level_that_is_not_there_is_refused_with_those_that_are() {
        let missing = if cfg!(target_arch = "x86_64") { Level::Neon } else { Level::Avx2 };
        let error = Instructions::of(missing).expect_err("another kind of processor").to_string();
        assert!(
            error.starts_with(&format!("this processor has no {} instructions: choose one of scalar", missing.name())),
            "{error}"
        );
        for level in Level::all() {
            assert_eq!(Level::named(&level.name()).expect("it was found"), level);
            Instructions::of(level).expect("what the processor has, our loops have");
        }
        let error = Level::named("sse9").expect_err("no level").to_string();
        assert_eq!(error, "\"sse9\" is none of scalar, avx2, avx512, neon");
    }

    #[test]
    fn the_level_of_a_thread_is_its_own() {
        at_every_level(|level| {
            assert_eq!(Instructions::in_force().level(), level);
            let elsewhere = std::thread::spawn(|| OF_THREAD.get().is_none()).join().expect("it ends");
            assert!(elsewhere);
        });
    }
}
