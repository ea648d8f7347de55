//! What libtorch has and its binding lacks, beside operations of our own (`ops/graph.rs`); `libtorch.cpp` is the other side.

unsafe extern "C" {
    fn fixmatch_allow_tf32(is_allowed: bool);
    fn fixmatch_pinned_allocations() -> u64;
    #[cfg(test)]
    fn fixmatch_watch(see: Option<extern "C" fn(*const std::ffi::c_char)>);
}

/// Lets convolutions of f32 round their factors to 10 bits on GPUs with units for that (TF32), or forbids it.
pub fn allow_tf32(is_allowed: bool) {
    // SAFETY: sets a flag of libtorch, before anything is computed.
    unsafe { fixmatch_allow_tf32(is_allowed) };
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
    use std::ffi::{CStr, c_char};

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
