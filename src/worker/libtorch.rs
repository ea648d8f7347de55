//! What libtorch has and its binding lacks, beside operations of our own (`ops/graph.rs`); `libtorch.cpp` is the other side.

unsafe extern "C" {
    fn fixmatch_allow_tf32(is_allowed: bool);
}

/// Lets convolutions of f32 round their factors to 10 bits on GPUs with units for that (TF32), or forbids it.
pub fn allow_tf32(is_allowed: bool) {
    // SAFETY: sets a flag of libtorch, before anything is computed.
    unsafe { fixmatch_allow_tf32(is_allowed) };
}
