//! CUDA graphs: what a GPU is asked for is recorded once, and then asked for again in one go. `gpu.cpp` is the other side.
//!
//! A GPU that is done before the host has asked for the next operation waits for the host. A step of the small network is some
//! hundred operations, and that of the wide one some hundreds, of some microseconds each.

use std::ffi::{c_char, c_void};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr;

use anyhow::Result;

use crate::failure::Failure;
use crate::libtorch::check;

unsafe extern "C" {
    fn fixmatch_begin_graph(graph: *mut *mut c_void, sharing: *mut c_void) -> *mut c_char;
    fn fixmatch_end_graph(graph: *mut c_void) -> *mut c_char;
    fn fixmatch_replay_graph(graph: *mut c_void) -> *mut c_char;
    fn fixmatch_drop_graph(graph: *mut c_void);
}

/// What was recorded. It works on the memory that it was recorded with.
#[derive(Debug)]
pub struct Graph {
    graph: *mut c_void,
}

impl Graph {
    /// Records what this thread asks its GPU for meanwhile; nothing of that is done. `sharing` is a graph that is always replayed before
    /// this one, and gives it the memory that it is done with.
    ///
    /// # Errors
    /// If something was asked for that waits for the GPU, or libtorch has no graphs.
    pub fn record<R>(sharing: Option<&Self>, does: impl FnOnce() -> R) -> Result<(Self, R)> {
        let mut graph = ptr::null_mut();
        // SAFETY: `graph` is there to be written, and the other one is alive.
        let begun = unsafe { fixmatch_begin_graph(&raw mut graph, sharing.map_or(ptr::null_mut(), |it| it.graph)) };
        check(begun)?;
        let done = catch_unwind(AssertUnwindSafe(does));
        // SAFETY: begun above.
        let ended = unsafe { fixmatch_end_graph(graph) };
        // one that was not recorded is never dropped: libtorch's allocator still knows it
        let done = done.map_err(|panic| Failure::fault(&*panic))?;
        check(ended)?;
        Ok((Self { graph }, done))
    }

    /// Has all of it done. Waits for nothing.
    ///
    /// # Panics
    /// If the GPU does not take it.
    pub fn replay(&self) {
        // SAFETY: a graph that was recorded.
        check(unsafe { fixmatch_replay_graph(self.graph) }).expect("a graph is replayed");
    }
}

impl Drop for Graph {
    fn drop(&mut self) {
        // SAFETY: made by `record`, and dropped once.
        unsafe { fixmatch_drop_graph(self.graph) };
    }
}
