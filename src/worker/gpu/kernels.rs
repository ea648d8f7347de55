//! Kernels of our own for a GPU (`kernels.cu`), compiled for it when they are first needed: NVRTC comes with libtorch's CUDA part, so
//! that neither building nor training needs CUDA's tools.

use std::cell::Cell;
use std::ffi::{CStr, CString, c_char, c_int, c_uint, c_void};
use std::path::{Path, PathBuf};
use std::ptr;
use std::sync::OnceLock;

use anyhow::{Context as _, Result, ensure};
use fixmatch::base::output::note;
use fixmatch::machine::gpu::cuda_folder;
use libloading::os::unix::{Library, RTLD_GLOBAL, RTLD_NOW};
use tch::{Kind, Tensor};

use super::stream;

/// What a kernel takes.
#[derive(Clone, Copy)]
pub enum Argument<'a> {
    /// Where a tensor's numbers are.
    Tensor(&'a Tensor),
    /// The same, or null.
    Optional(Option<&'a Tensor>),
    /// `long`
    Long(i64),
    /// `int`
    Int(i64),
    /// `float`
    Float(f64),
}

/// How many threads do a kernel's work: blocks, threads of each, and bytes that these share.
#[derive(Clone, Copy, Debug)]
pub struct Size {
    pub blocks: usize,
    pub threads: usize,
    pub shared: usize,
}

type Handle = *mut c_void;

/// Functions of NVIDIA's driver, by which kernels are loaded and launched.
pub struct Driver {
    context: Handle,
    set_context: unsafe extern "C" fn(Handle) -> c_int,
    get_function: unsafe extern "C" fn(*mut Handle, Handle, *const c_char) -> c_int,
    launch: unsafe extern "C" fn(
        Handle,
        c_uint,
        c_uint,
        c_uint,
        c_uint,
        c_uint,
        c_uint,
        c_uint,
        Handle,
        *mut *mut c_void,
        *mut *mut c_void,
    ) -> c_int,
}

/// Kernels for f32 and bf16.
pub enum Kernels {
    /// On the GPU of this process.
    Compiled { driver: Driver, f32: Handle, bf16: Handle },
    /// On the CPU, by [`emulated`].
    #[cfg(test)]
    Emulated { f32: Library, bf16: Library },
}

// SAFETY: handles of the driver, which may be used on all threads.
unsafe impl Send for Kernels {}
// SAFETY: as above; nothing is changed once they are made.
unsafe impl Sync for Kernels {}

const SOURCE: &CStr = match CStr::from_bytes_with_nul(concat!(include_str!("kernels.cu"), "\0").as_bytes()) {
    Ok(source) => source,
    Err(_) => panic!("a zero in kernels.cu"),
};

impl Kernels {
    /// Those of this process's GPU. None where they cannot be compiled, which is told once.
    pub fn get() -> Option<&'static Self> {
        static MADE: OnceLock<Option<Kernels>> = OnceLock::new();
        let make = || {
            let told = |error: &anyhow::Error| {
                note(format_args!("warning: the GPU does without kernels of our own, which takes longer: {error:#}"));
            };
            Self::make().inspect_err(told).ok()
        };
        MADE.get_or_init(make).as_ref()
    }

    fn make() -> Result<Self> {
        // SAFETY: the driver's library, which libtorch has opened by now; the types of its functions are those of cuda.h.
        unsafe {
            let library = Library::open(Some("libcuda.so.1"), RTLD_NOW)?;
            let get_context: unsafe extern "C" fn(*mut Handle) -> c_int = *library.get(b"cuCtxGetCurrent\0")?;
            let get_device: unsafe extern "C" fn(*mut c_int) -> c_int = *library.get(b"cuCtxGetDevice\0")?;
            let get_attribute: unsafe extern "C" fn(*mut c_int, c_int, c_int) -> c_int =
                *library.get(b"cuDeviceGetAttribute\0")?;
            let load: unsafe extern "C" fn(*mut Handle, *const c_void) -> c_int =
                *library.get(b"cuModuleLoadData\0")?;
            let mut context = ptr::null_mut();
            succeeds("cuCtxGetCurrent", get_context(&raw mut context))?;
            ensure!(!context.is_null(), "nothing was computed on the GPU yet");
            let (mut gpu, mut version) = (0, [0; 2]);
            succeeds("cuCtxGetDevice", get_device(&raw mut gpu))?;
            for (part, attribute) in version.iter_mut().zip([75, 76]) {
                succeeds("cuDeviceGetAttribute", get_attribute(part, attribute, gpu))?;
            }
            let mut modules = [ptr::null_mut(); 2];
            for (module, definition) in modules.iter_mut().zip([None, Some(c"-DBF16")]) {
                let compiled = compile(version, definition)?;
                succeeds("cuModuleLoadData", load(module, compiled.as_ptr().cast()))?;
            }
            let driver = Driver {
                context,
                set_context: *library.get(b"cuCtxSetCurrent\0")?,
                get_function: *library.get(b"cuModuleGetFunction\0")?,
                launch: *library.get(b"cuLaunchKernel\0")?,
            };
            std::mem::forget(library);
            Ok(Self::Compiled { driver, f32: modules[0], bf16: modules[1] })
        }
    }

    /// Launches a kernel for numbers of a kind on the stream of this thread.
    ///
    /// # Panics
    /// If the driver does not take it.
    pub fn launch(&self, name: &CStr, kind: Kind, size: Size, arguments: &[Argument]) {
        thread_local! {
            static HAS_CONTEXT: Cell<bool> = const { Cell::new(false) };
        }
        let mut values: Vec<u64> = arguments.iter().map(Argument::bits).collect();
        let mut places: Vec<*mut c_void> = values.iter_mut().map(|value| ptr::from_mut(value).cast()).collect();
        let (blocks, threads, shared) = (size.blocks as c_uint, size.threads as c_uint, size.shared as c_uint);
        let (driver, module) = match self {
            Self::Compiled { driver, bf16, .. } if kind == Kind::BFloat16 => (driver, *bf16),
            Self::Compiled { driver, f32, .. } => (driver, *f32),
            #[cfg(test)]
            Self::Emulated { f32, bf16 } => {
                let library = if kind == Kind::BFloat16 { bf16 } else { f32 };
                return emulated::launch(library, name, blocks, threads, &mut places);
            }
        };
        let mut function = ptr::null_mut();
        let Driver { context, set_context, get_function, launch } = driver;
        // SAFETY: the kernel takes these arguments, whose tensors are on this GPU and stay until what is launched after
        // it on the same stream.
        let launched = unsafe {
            if !HAS_CONTEXT.replace(true) {
                succeeds("cuCtxSetCurrent", set_context(*context)).expect("libtorch's context");
            }
            succeeds("cuModuleGetFunction", get_function(&raw mut function, module, name.as_ptr()))
                .expect("a kernel of kernels.cu");
            let places = places.as_mut_ptr();
            launch(function, blocks, 1, 1, threads, 1, 1, shared, stream(), places, ptr::null_mut())
        };
        succeeds(&format!("cuLaunchKernel of {}", name.to_string_lossy()), launched).expect("a kernel is launched");
    }
}

impl Argument<'_> {
    /// As it lies in memory, in its first bytes.
    fn bits(&self) -> u64 {
        match *self {
            Self::Tensor(tensor) | Self::Optional(Some(tensor)) => tensor.data_ptr() as u64,
            Self::Optional(None) => 0,
            Self::Long(value) => value as u64,
            Self::Int(value) => u64::from(value as u32),
            Self::Float(value) => u64::from((value as f32).to_bits()),
        }
    }
}

fn succeeds(what: &str, code: c_int) -> Result<()> {
    // both libraries return 0 for success
    ensure!(code == 0, "CUDA error {code} of {what}");
    Ok(())
}

/// The kernels as machine code for a GPU of a compute capability.
fn compile(version: [c_int; 2], definition: Option<&CStr>) -> Result<Vec<u8>> {
    let [major, minor] = version;
    let architecture = CString::new(format!("--gpu-architecture=sm_{major}{minor}"))?;
    let options: Vec<*const c_char> =
        [Some(architecture.as_c_str()), definition].into_iter().flatten().map(CStr::as_ptr).collect();
    let library = nvrtc()?;
    // SAFETY: NVRTC's functions, of the types of nvrtc.h; strings end in zero.
    unsafe {
        let create: unsafe extern "C" fn(
            *mut Handle,
            *const c_char,
            *const c_char,
            c_int,
            *const *const c_char,
            *const *const c_char,
        ) -> c_int = *library.get(b"nvrtcCreateProgram\0")?;
        let compile: unsafe extern "C" fn(Handle, c_int, *const *const c_char) -> c_int =
            *library.get(b"nvrtcCompileProgram\0")?;
        let mut program = ptr::null_mut();
        let created = create(&raw mut program, SOURCE.as_ptr(), c"kernels.cu".as_ptr(), 0, ptr::null(), ptr::null());
        succeeds("nvrtcCreateProgram", created)?;
        let compiled = compile(program, options.len() as c_int, options.as_ptr());
        let text = |name: &str| -> Result<Vec<u8>> {
            type Get<T> = unsafe extern "C" fn(Handle, *mut T) -> c_int;
            let size: Get<usize> = *library.get(format!("nvrtcGet{name}Size\0").as_bytes())?;
            let get: Get<u8> = *library.get(format!("nvrtcGet{name}\0").as_bytes())?;
            let mut n = 0;
            succeeds(name, size(program, &raw mut n))?;
            let mut text = vec![0; n];
            succeeds(name, get(program, text.as_mut_ptr()))?;
            Ok(text)
        };
        let log = || String::from_utf8_lossy(&text("ProgramLog").unwrap_or_default()).replace(['\n', '\0'], " ");
        succeeds("nvrtcCompileProgram", compiled).with_context(log)?;
        let code = text("CUBIN")?;
        let destroy: unsafe extern "C" fn(*mut Handle) -> c_int = *library.get(b"nvrtcDestroyProgram\0")?;
        destroy(&raw mut program);
        Ok(code)
    }
}

/// NVRTC, below libtorch's CUDA part.
fn nvrtc() -> Result<Library> {
    let nvidia = cuda_folder().context("a worker is built for a libtorch")?.join("nvidia");
    let entries = |folder: &Path| std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    let of = |folder: &Path, stem: &str| {
        entries(folder).find(|path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(stem)))
    };
    let both = |folder: &Path| Some([of(folder, "libnvrtc-builtins.so.")?, of(folder, "libnvrtc.so.")?]);
    let found = entries(&nvidia).find_map(|folder| both(&folder.join("lib")));
    let missing = || format!("there is no libnvrtc.so.* with its libnvrtc-builtins.so.* in {}", nvidia.display());
    let open = |path: &PathBuf| {
        // SAFETY: NVIDIA's libraries, made to be opened.
        let opened = unsafe { Library::open(Some(path), RTLD_NOW | RTLD_GLOBAL) };
        opened.with_context(|| format!("cannot load {}", path.display()))
    };
    let [builtins, nvrtc] = found.with_context(missing)?;
    std::mem::forget(open(&builtins)?); // which NVRTC looks for by its name
    open(&nvrtc)
}

/// The kernels as `emulate.cpp` does them, with tensors of the CPU.
#[cfg(test)]
pub mod emulated {
    use std::process::Command;

    use super::*;

    thread_local! {
        static IS_WANTED: Cell<bool> = const { Cell::new(false) };
    }

    /// Has this thread use them meanwhile.
    pub fn with<R>(does: impl FnOnce() -> R) -> R {
        IS_WANTED.set(true);
        let done = does();
        IS_WANTED.set(false);
        done
    }

    /// Them, where this thread wants them.
    pub fn get() -> Option<&'static Kernels> {
        static MADE: OnceLock<Kernels> = OnceLock::new();
        let make = || Kernels::Emulated { f32: library(&[]), bf16: library(&["-DBF16"]) };
        IS_WANTED.get().then(|| MADE.get_or_init(make))
    }

    fn library(definitions: &[&str]) -> Library {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let made = folder.path().join("kernels.so");
        let source = concat!(env!("CARGO_MANIFEST_DIR"), "/src/worker/gpu/emulate.cpp");
        let compiler = std::env::var("CXX").unwrap_or_else(|_| "c++".into());
        let mut command = Command::new(compiler);
        command.args(["-std=c++17", "-O1", "-w", "-shared", "-fPIC", "-pthread", source, "-o"]).arg(&made);
        assert!(command.args(definitions).status().expect("a C++ compiler").success());
        // SAFETY: functions and nothing that is done as it is opened.
        unsafe { Library::open(Some(&made), RTLD_NOW) }.expect("what was compiled")
    }

    pub(super) fn launch(library: &Library, name: &CStr, blocks: c_uint, threads: c_uint, places: &mut [*mut c_void]) {
        type Emulate = unsafe extern "C" fn(*const c_char, c_uint, c_uint, *mut *mut c_void) -> bool;
        // SAFETY: the function of emulate.cpp, whose kernels take these arguments.
        let is_there = unsafe {
            let emulate: Emulate = *library.get(b"emulate\0").expect("it is there");
            emulate(name.as_ptr(), blocks, threads, places.as_mut_ptr())
        };
        assert!(is_there, "emulate.cpp has no kernel {}", name.to_string_lossy());
    }
}
