//! glibc's allocator, set up for a program that reads large files and then waits for hours.

/// Gives buffers of a megabyte or more back to the system once they are freed.
///
/// As it comes, glibc keeps buffers of up to 32 MiB from the first one on that was freed, in the arena of each thread:
/// after CIFAR-10 was read, 370 MB. Must come before the first thread.
pub fn give_back() {
    #[cfg(target_env = "gnu")]
    // SAFETY: sets an option of the allocator; no other thread exists yet.
    unsafe {
        libc::mallopt(libc::M_MMAP_THRESHOLD, 1 << 20)
    };
}
