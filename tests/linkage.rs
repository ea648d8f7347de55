//! The console starts without libtorch: on a login node that has none, and in a blink where there is one.

use std::fs;
use std::path::{Path, PathBuf};

use object::elf::{DT_NEEDED, FileHeader64};
use object::endian::Endianness;
use object::read::elf::{Dyn, FileHeader};

/// The shared libraries that a program asks the loader for.
fn needed_libraries(program: &Path) -> Vec<String> {
    let bytes = fs::read(program).unwrap_or_else(|error| panic!("{}: {error}", program.display()));
    let header = FileHeader64::<Endianness>::parse(&*bytes).expect("a 64-bit ELF file");
    let endian = header.endian().expect("a known byte order");
    let sections = header.sections(endian, &*bytes).expect("a section table");
    let (entries, strings) = sections.dynamic(endian, &*bytes).expect("readable").expect("a dynamic section");
    let strings = sections.strings(endian, &*bytes, strings).expect("a string table");
    let needed = entries.iter().filter(|entry| entry.tag(endian) == DT_NEEDED);
    needed
        .map(|entry| String::from_utf8_lossy(entry.string(endian, strings).expect("a library's name")).into_owned())
        .collect()
}

fn links_libtorch(program: &Path) -> bool {
    let libraries = needed_libraries(program);
    assert!(libraries.iter().any(|library| library.starts_with("libc.so")), "no libc in {libraries:?}");
    libraries.iter().any(|library| library.contains("torch") || library.contains("c10"))
}

/// A program of this package in the other profile's folder, if it has been built.
fn release_build(name: &str) -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_BIN_EXE_fixmatch")).parent()?.parent()?;
    Some(folder.join("release").join(name)).filter(|path| path.exists())
}

#[test]
fn the_console_links_no_libtorch() {
    assert!(!links_libtorch(Path::new(env!("CARGO_BIN_EXE_fixmatch"))));
}

#[test]
fn a_release_build_of_the_console_links_no_libtorch() {
    if let Some(console) = release_build("fixmatch") {
        assert!(!links_libtorch(&console));
    }
}

#[cfg(feature = "train")]
#[test]
fn the_worker_links_libtorch() {
    assert!(links_libtorch(Path::new(env!("CARGO_BIN_EXE_fixmatch-worker"))));
}
