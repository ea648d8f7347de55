//! glibc's allocator, set up for tensors.

/// Keeps freed memory in the process, for all threads in one arena.
///
/// As it comes, glibc gives every large tensor back to the kernel after each use, and page faults then take half of a
/// training step. Must come before the first thread. Other arenas than the first cannot grow past 64 MiB, and the
/// trainer is not the main thread: hence one arena.
pub fn keep_memory() {
    #[cfg(target_env = "gnu")]
    for (option, value) in [(libc::M_MMAP_MAX, 0), (libc::M_TRIM_THRESHOLD, -1), (libc::M_ARENA_MAX, 1)] {
        // SAFETY: sets an option of the allocator; no other thread exists yet.
        unsafe { libc::mallopt(option, value) };
    }
}
