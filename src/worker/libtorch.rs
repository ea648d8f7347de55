//! What libtorch has and its binding lacks, beside operations of our own (`ops/graph.rs`); `libtorch.cpp` is the other side.

use std::ffi::{CStr, CString, c_char, c_void};
use std::ptr;

use anyhow::{Result, anyhow};
use tch::Tensor;

use crate::failure::sentence;

unsafe extern "C" {
    fn fixmatch_allow_tf32(is_allowed: bool);
    fn fixmatch_be_deterministic(is_wanted: bool);
    fn fixmatch_libtorch_version(version: *mut *mut c_char) -> *mut c_char;
    fn fixmatch_pin(tensor: *const c_void, pinned: *mut *mut c_void) -> *mut c_char;
    fn fixmatch_pinned_allocations() -> u64;
    fn fixmatch_begin_trace() -> *mut c_char;
    fn fixmatch_end_trace(path: *const c_char) -> *mut c_char;
    #[cfg(test)]
    fn fixmatch_watch(see: Option<extern "C" fn(*const c_char)>);
}

/// Lets convolutions of f32 round their factors to 10 bits on GPUs with units for that (TF32), or forbids it.
pub fn allow_tf32(is_allowed: bool) {
    // SAFETY: sets a flag of libtorch, before anything is computed.
    unsafe { fixmatch_allow_tf32(is_allowed) };
}

/// Has cuDNN use only algorithms that give the same bits each time.
pub fn be_deterministic(is_wanted: bool) {
    // SAFETY: sets a flag of libtorch, before anything is computed.
    unsafe { fixmatch_be_deterministic(is_wanted) };
}

/// The version of the libtorch that runs. Asks about CUDA, so what is to be opened for CUDA has to be open by now.
pub fn version() -> Result<String> {
    let mut version = ptr::null_mut();
    // SAFETY: `version` is there to be written.
    check(unsafe { fixmatch_libtorch_version(&raw mut version) })?;
    Ok(taken(version))
}

/// What this thread asks of libtorch meanwhile, and what a GPU does, as a file for Chrome's trace viewer.
pub fn trace<R>(path: &CString, does: impl FnOnce() -> R) -> Result<R> {
    // SAFETY: begins what is ended below, on the same thread.
    check(unsafe { fixmatch_begin_trace() })?;
    let done = does();
    // SAFETY: a string that ends in zero.
    check(unsafe { fixmatch_end_trace(path.as_ptr()) })?;
    Ok(done)
}

/// A copy in pinned memory, from which a GPU copies by itself. The binding's own has libtorch warn of an argument.
///
/// # Panics
/// If there is none left.
pub fn pin(tensor: &Tensor) -> Tensor {
    let mut pinned = ptr::null_mut();
    // SAFETY: a tensor, and a place to be written.
    check(unsafe { fixmatch_pin(tensor.as_ptr().cast(), &raw mut pinned) }).expect("memory is pinned");
    // SAFETY: a tensor that was made for us.
    unsafe { Tensor::from_ptr(pinned.cast()) }
}

/// What C++ says went wrong, if anything.
pub fn check(error: *mut c_char) -> Result<()> {
    if error.is_null() { Ok(()) } else { Err(anyhow!(sentence(&taken(error)).to_owned())) }
}

/// A string that C++ made by `strdup`, for us to free.
fn taken(text: *mut c_char) -> String {
    // SAFETY: it ends in zero.
    let copy = unsafe { CStr::from_ptr(text) }.to_string_lossy().into_owned();
    // SAFETY: nobody has it but us.
    unsafe { libc::free(text.cast()) };
    copy
}

/// How often pinned memory was taken from the system, and not from what libtorch keeps of it. For CUDA only.
pub fn n_pinned_allocations() -> u64 {
    // SAFETY: asks libtorch's allocator, which answers on every thread.
    unsafe { fixmatch_pinned_allocations() }
}

/// The operations that this thread asks of libtorch meanwhile, also of each other and in a backward pass, by their names.
#[cfg(test)]
pub fn operations<R>(does: impl FnOnce() -> R) -> (R, Vec<String>) {
    use std::cell::RefCell;

    thread_local! {
        static SEEN: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
    }
    extern "C" fn see(name: *const c_char) {
        // SAFETY: a string of libtorch's that ends in zero.
        let name = unsafe { CStr::from_ptr(name) }.to_string_lossy().into_owned();
        SEEN.with_borrow_mut(|seen| seen.push(name));
    }
    // SAFETY: `see` is there for ever.
    unsafe { fixmatch_watch(Some(see)) };
    let done = does();
    // SAFETY: ends what was begun above, on the same thread.
    unsafe { fixmatch_watch(None) };
    (done, SEEN.take())
}
