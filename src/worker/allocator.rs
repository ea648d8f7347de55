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

/// Gives what is free back to the system.
///
/// An evaluation needs other pieces than a step does, and what is kept of both only grows: by 50 MB in an hour of a small
/// network. The next step has to take its pages again, so this is for what happens seldom.
pub fn give_back() {
    #[cfg(target_env = "gnu")]
    // SAFETY: memory that is in use stays as it is; the allocator is locked while it looks.
    unsafe {
        libc::malloc_trim(0)
    };
}
