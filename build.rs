//! What only cargo can hand to the compiler: where libtorch lies (an rpath, so that the binaries and all tests start without
//! environment variables), the files of C++, and the commit that is being built.
//!
//! `LIBTORCH` comes from `.cargo/config.toml`, which `make setup` writes, unless the environment sets it. torch-sys reads the same variable
//! in its own build script, before this one runs.

#![expect(clippy::disallowed_macros, reason = "cargo reads it")]

use std::path::Path;
use std::process::Command;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    #[cfg(feature = "train")]
    compile_cpp(&link_libtorch());
    record_commit();
}

/// Compiles what libtorch's binding lacks, unless that was done: this script runs at every commit, and the compiler takes
/// twenty seconds.
#[cfg(feature = "train")]
fn compile_cpp(libtorch: &str) {
    const SOURCES: [&str; 3] = ["src/worker/ops/graph.cpp", "src/worker/libtorch.cpp", "src/worker/gpu/gpu.cpp"];
    const HEADER: &str = "src/worker/attempt.h";
    for source in SOURCES.iter().chain([&HEADER]) {
        println!("cargo::rerun-if-changed={source}");
    }
    let out_dir = std::path::PathBuf::from(std::env::var_os("OUT_DIR").expect("cargo sets it"));
    let compiled = out_dir.join("cpp.compiled");
    let read = |source: &&str| std::fs::read_to_string(source).expect("a source file");
    let contents = format!("{libtorch}\n{}", SOURCES.iter().chain([&HEADER]).map(read).collect::<String>());
    let mut build = cc::Build::new();
    build.cpp(true).std("c++17").opt_level(1).warnings(false).files(SOURCES);
    build.includes(["include", "include/torch/csrc/api/include"].map(|folder| Path::new(libtorch).join(folder)));
    build.cpp_link_stdlib(None); // torch-sys links it
    if std::fs::read_to_string(&compiled).is_ok_and(|earlier| earlier == contents) {
        println!("cargo::rustc-link-search=native={}", out_dir.display());
        println!("cargo::rustc-link-lib=static=fixmatch_cpp");
    } else {
        build.compile("fixmatch_cpp");
        std::fs::write(compiled, contents).expect("cargo's folder can be written");
    }
}

/// Gives every target an rpath to libtorch, whose folder it returns, and the worker its folder as `FIXMATCH_LIBTORCH`, to find `cuda/` in
/// it. Programs that are carried elsewhere look for it in `FIXMATCH_LIBTORCH_AT`, such as `$ORIGIN/libtorch`: beside themselves.
#[cfg(feature = "train")]
fn link_libtorch() -> String {
    println!("cargo::rerun-if-env-changed=LIBTORCH");
    println!("cargo::rerun-if-env-changed=FIXMATCH_LIBTORCH_AT");
    let libtorch = std::env::var("LIBTORCH").unwrap_or_default();
    if !Path::new(&libtorch).join("lib/libtorch_cpu.so").exists() {
        println!(
            "cargo::error=no libtorch in LIBTORCH=\"{libtorch}\": run `make setup` first, or build without training: --no-default-features"
        );
        std::process::exit(1);
    }
    let elsewhere = std::env::var("FIXMATCH_LIBTORCH_AT").ok();
    if elsewhere.is_some() {
        println!("cargo::rustc-link-arg=-Wl,--allow-shlib-undefined"); // what libtorch links is there
    }
    let at = elsewhere.as_ref().unwrap_or(&libtorch);
    println!("cargo::rustc-env=FIXMATCH_LIBTORCH={at}");
    // DT_RPATH rather than DT_RUNPATH: the latter yields to LD_LIBRARY_PATH, and conda sets that.
    println!("cargo::rustc-link-arg=-Wl,--disable-new-dtags");
    println!("cargo::rustc-link-arg=-Wl,-rpath,{at}/lib");
    libtorch
}

/// Sets `FIXMATCH_COMMIT`, "unknown" outside a checkout of this repository. `-dirty` is as of the last commit, checkout or reset: looking at
/// every source file would rebuild the whole package whenever one of them changes.
fn record_commit() {
    let at_top_level = git(&["rev-parse", "--show-prefix"]).is_some_and(|prefix| prefix.is_empty());
    let commit = at_top_level.then(|| git(&["describe", "--always", "--dirty"])).flatten();
    if let Some(reflog) = git(&["rev-parse", "--git-path", "logs/HEAD"])
        && at_top_level
        && Path::new(&reflog).exists()
    {
        println!("cargo::rerun-if-changed={reflog}");
    }
    println!("cargo::rustc-env=FIXMATCH_COMMIT={}", commit.as_deref().unwrap_or("unknown"));
}

/// The trimmed output of a git command; `None` if it fails or there is no git.
fn git(arguments: &[&str]) -> Option<String> {
    let output = Command::new("git").args(arguments).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| text.trim().to_owned())
}
