//! What a GPU is asked for beside libtorch's operations: recorded graphs, and kernels of our own.

mod graphs;
mod kernels;

use std::ffi::{CStr, c_char, c_int, c_void};
use std::ptr;
use std::sync::Once;

use anyhow::Result;
use libloading::Library;
use tch::Device;

pub use self::graphs::Graph;
#[cfg(test)]
pub use self::kernels::emulated;
pub use self::kernels::{Argument, Kernels, Size};
use crate::libtorch::check;

unsafe extern "C" {
    fn fixmatch_own_stream(device: c_int) -> *mut c_char;
    fn fixmatch_stream(stream: *mut *mut c_void) -> *mut c_char;
    fn fixmatch_give_back_gpu() -> *mut c_char;
}

/// Has this thread, the only one that asks a GPU for anything, use a stream of its own on one, which can be recorded.
pub fn use_own_stream(device: Device) -> Result<()> {
    static ONCE: Once = Once::new(); // another stream would find none of the memory that this one has
    let (Device::Cuda(n), mut done) = (device, Ok(())) else { return Ok(()) };
    // SAFETY: sets what this thread uses.
    ONCE.call_once(|| done = check(unsafe { fixmatch_own_stream(n as c_int) }));
    done
}

/// Gives free memory of the GPU back to its driver.
pub fn give_back() -> Result<()> {
    // SAFETY: libtorch's allocator answers on every thread.
    check(unsafe { fixmatch_give_back_gpu() })
}

/// The GPU that this thread uses, as its driver names it.
pub fn name() -> Option<String> {
    let mut name = [0_u8; 256];
    // SAFETY: the driver's library, which libtorch has opened by now, and functions of the types of cuda.h.
    unsafe {
        let library = Library::new("libcuda.so.1").ok()?;
        let get_device: unsafe extern "C" fn(*mut c_int) -> c_int = *library.get(b"cuCtxGetDevice\0").ok()?;
        let get_name: unsafe extern "C" fn(*mut u8, c_int, c_int) -> c_int = *library.get(b"cuDeviceGetName\0").ok()?;
        let mut device = 0;
        if get_device(&raw mut device) != 0 || get_name(name.as_mut_ptr(), name.len() as c_int - 1, device) != 0 {
            return None;
        }
    }
    Some(CStr::from_bytes_until_nul(&name).ok()?.to_string_lossy().into_owned())
}

/// The driver's handle of the stream that this thread uses.
///
/// # Panics
/// If there is no GPU.
fn stream() -> *mut c_void {
    let mut stream = ptr::null_mut();
    // SAFETY: `stream` is there to be written.
    check(unsafe { fixmatch_stream(&raw mut stream) }).expect("a stream of the GPU");
    stream
}
