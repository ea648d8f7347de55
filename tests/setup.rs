//! Set-up says in one plain sentence what is missing, and leaves nothing half done.
//!
//! Each test runs `scripts/setup.sh` in a copy of its own, on a machine made of links to the shell's tools and of stand-ins for the compiler
//! and Python: nothing is fetched, and nothing outside a temporary folder is touched.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

/// What the script uses besides cargo, the compilers and Python.
const TOOLS: &[&str] = &[
    "awk", "bash", "cut", "df", "dirname", "flock", "getconf", "grep", "head", "mkdir", "mktemp", "mv", "rm", "sed",
    "sh", "sleep", "sort", "tail", "touch", "uname",
];

/// Stands in for Python: pip fetches nothing, and the unpacking makes a folder that looks like libtorch.
const PYTHON: &str = r#"
case "$*" in
    *libtorch.py\ cpu*) mkdir -p "$4/lib" "$4/include"; touch "$4/lib/libtorch.so" "$4/lib/libtorch_cpu.so"; echo 2.13.0 >"$4/build-version" ;;
    *libtorch.py\ cuda*) mkdir -p "$4/torch/lib"; touch "$4/torch/lib/libtorch_cuda.so" ;;
    *download*) echo "$*" >>"$HOME/downloads" ;;
esac"#;

/// A machine on which nothing is missing, and a checkout on it.
struct Machine {
    folder: TempDir,
    libtorch_variable: Option<String>,
}

impl Machine {
    fn new() -> Self {
        let machine = Self { folder: tempfile::tempdir().expect("a temporary folder"), libtorch_variable: None };
        let source = Path::new(env!("CARGO_MANIFEST_DIR"));
        fs::create_dir_all(machine.path("checkout/scripts")).unwrap();
        fs::create_dir(machine.path("bin")).unwrap();
        for file in ["Cargo.toml", "scripts/setup.sh"] {
            fs::copy(source.join(file), machine.path("checkout").join(file)).unwrap();
        }
        for tool in TOOLS {
            let found = ["/usr/bin", "/bin"].iter().map(|bin| Path::new(bin).join(tool)).find(|path| path.exists());
            symlink(found.unwrap_or_else(|| panic!("no {tool}")), machine.path("bin").join(tool)).unwrap();
        }
        machine
            .with("cargo", "")
            .with("rustc", "echo 'rustc 99.0.0 (abcdef 2026-01-01)'")
            .with("cc", "")
            .with("c++", "")
            .with("python3", PYTHON)
            .with("df", "printf 'head\ndisk 0 0 99999 0%% /\n'")
    }

    fn path(&self, relative: &str) -> PathBuf {
        self.folder.path().join(relative)
    }

    fn libtorch(&self) -> PathBuf {
        self.path("cache/fixmatch/libtorch-2.13.0")
    }

    /// Puts a shell script in the place of a tool.
    fn with(self, tool: &str, script: &str) -> Self {
        let path = self.path("bin").join(tool);
        let _ = fs::remove_file(&path);
        fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        self
    }

    fn without(self, tool: &str) -> Self {
        fs::remove_file(self.path("bin").join(tool)).unwrap();
        self
    }

    fn with_libtorch_variable(mut self, value: &str) -> Self {
        self.libtorch_variable = Some(value.to_owned());
        self
    }

    /// A folder that holds a libtorch of the given version.
    fn with_own_libtorch(self, version: &str) -> Self {
        fs::create_dir_all(self.path("own/lib")).unwrap();
        fs::create_dir_all(self.path("own/include")).unwrap();
        fs::write(self.path("own/lib/libtorch.so"), "").unwrap();
        fs::write(self.path("own/lib/libtorch_cpu.so"), "").unwrap();
        fs::write(self.path("own/build-version"), version).unwrap();
        let path = self.path("own").display().to_string();
        self.with_libtorch_variable(&path)
    }

    fn set_up(&self, option: &str) -> Output {
        let mut command = Command::new(self.path("bin/bash"));
        command.arg(self.path("checkout/scripts/setup.sh")).arg(option).env_clear();
        command.env("PATH", self.path("bin")).env("HOME", self.folder.path()).env("XDG_CACHE_HOME", self.path("cache"));
        if let Some(value) = &self.libtorch_variable {
            command.env("LIBTORCH", value);
        }
        command.output().expect("bash starts")
    }

    /// How often pip was asked to download.
    fn downloads(&self) -> usize {
        fs::read_to_string(self.path("downloads")).map_or(0, |calls| calls.lines().count())
    }

    fn cargo_config(&self) -> String {
        fs::read_to_string(self.path("checkout/.cargo/config.toml")).unwrap_or_default()
    }
}

/// Expects set-up to fail with one sentence that holds all of `parts`.
fn check_fails(machine: &Machine, parts: &[&str]) {
    check_fails_with("--cpu", machine, parts);
}

fn check_fails_with(option: &str, machine: &Machine, parts: &[&str]) {
    let output = machine.set_up(option);
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert_eq!(said.lines().count(), 1, "{said}");
    assert!(said.starts_with("set-up: "), "{said}");
    for part in parts {
        assert!(said.contains(part), "{part:?} is not in {said}");
    }
    assert!(!machine.path("checkout/.cargo").exists());
    assert_eq!(staging_folders(machine), 0, "{said}");
}

fn check_succeeds(machine: &Machine, option: &str) {
    let output = machine.set_up(option);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(staging_folders(machine), 0);
}

fn staging_folders(machine: &Machine) -> usize {
    let Ok(entries) = fs::read_dir(machine.path("cache/fixmatch")) else { return 0 };
    entries.filter(|entry| entry.as_ref().unwrap().file_name().to_string_lossy().starts_with("staging")).count()
}

#[test]
fn a_machine_without_cargo_is_told_of_rustup() {
    check_fails(&Machine::new().without("cargo"), &["cargo is missing", "rustup"]);
}

#[test]
fn an_old_rustc_is_named_with_the_version_that_is_needed() {
    let machine = Machine::new().with("rustc", "echo 'rustc 1.70.0 (abcdef 2023-06-01)'");
    check_fails(&machine, &["rustc 1.70.0 is too old", env!("CARGO_PKG_RUST_VERSION"), "rustup update"]);
}

#[test]
fn a_rustc_that_does_not_start_is_reported() {
    check_fails(&Machine::new().with("rustc", "exit 1"), &["rustc does not start", "rustup"]);
}

#[test]
fn a_machine_without_a_cpp_compiler_is_told_of_gpp() {
    check_fails(&Machine::new().without("c++"), &["no C++ compiler", "apt install g++"]);
}

#[test]
fn a_machine_without_a_linker_is_told_of_gcc() {
    check_fails(&Machine::new().without("cc"), &["no C compiler", "apt install gcc"]);
}

#[test]
fn a_machine_without_python_is_told_of_pip() {
    check_fails(&Machine::new().without("python3"), &["no python3 with pip", "apt install python3-pip", "LIBTORCH"]);
}

#[test]
fn a_python_without_pip_is_reported_the_same() {
    check_fails(&Machine::new().with("python3", "exit 1"), &["no python3 with pip", "apt install python3-pip"]);
}

#[test]
fn other_platforms_are_asked_to_set_libtorch() {
    let machine = Machine::new().with("uname", "echo Linux aarch64");
    check_fails(&machine, &["x86-64 Linux", "set LIBTORCH to a libtorch 2.13.0"]);
}

#[test]
fn an_old_glibc_is_asked_to_set_libtorch() {
    let machine = Machine::new().with("getconf", "echo glibc 2.17");
    check_fails(&machine, &["glibc 2.28", "set LIBTORCH to a libtorch 2.13.0"]);
}

#[test]
fn a_full_disk_is_named_with_the_space_that_is_needed() {
    let machine = Machine::new().with("df", "printf 'head\ndisk 0 0 12 0%% /\n'");
    check_fails(&machine, &["checkout has 12 MB free", "needed to build in"]);
}

#[test]
fn a_full_cache_is_named_before_anything_is_fetched() {
    let machine = Machine::new()
        .with("df", r#"case "$2" in *cache*) mb=12 ;; *) mb=99999 ;; esac; printf "h\nd 0 0 $mb 0%% /\n""#);
    check_fails(&machine, &["cache/fixmatch has 12 MB free", "to fetch libtorch"]);
    assert_eq!(machine.downloads(), 0);
}

#[test]
fn a_cache_that_cannot_be_written_is_named() {
    let machine = Machine::new();
    fs::write(machine.path("cache"), "a file, not a folder").unwrap();
    check_fails(&machine, &["cannot create", "cache/fixmatch", "XDG_CACHE_HOME"]);
}

#[test]
fn a_dead_network_is_reported_with_the_last_line_of_pip() {
    let pip = "case \"$*\" in *download*) echo 'WARNING: Retrying' >&2; echo 'ERROR: No matching distribution' >&2; exit 1 ;; esac";
    let machine = Machine::new().with("python3", pip);
    check_fails(&machine, &["network", "pip says: ERROR: No matching distribution"]);
    assert!(!machine.libtorch().exists());
}

#[test]
fn a_damaged_wheel_leaves_nothing_behind() {
    let python = "case \"$*\" in *libtorch.py*) mkdir -p \"$4/lib\"; echo 'File is not a zip file' >&2; exit 1 ;; esac";
    let machine = Machine::new().with("python3", python);
    check_fails(&machine, &["could not unpack libtorch: File is not a zip file"]);
    assert!(!machine.libtorch().exists());
}

#[test]
fn an_unknown_option_is_answered_with_those_there_are() {
    check_fails_with("--gpu", &Machine::new(), &["--gpu", "--cpu and --cuda"]);
}

#[test]
fn a_libtorch_variable_that_names_no_libtorch_is_refused() {
    let machine = Machine::new().with_libtorch_variable("/nowhere");
    check_fails(&machine, &["LIBTORCH=/nowhere holds no libtorch"]);
}

#[test]
fn a_relative_libtorch_variable_is_refused() {
    check_fails(&Machine::new().with_libtorch_variable("libtorch"), &["relative path"]);
}

#[test]
fn a_libtorch_variable_of_another_version_is_refused() {
    let machine = Machine::new().with_own_libtorch("2.1.0+cu118\n");
    check_fails(&machine, &["is libtorch 2.1.0+cu118, and 2.13.0 is needed"]);
}

#[test]
fn cuda_parts_are_not_added_to_ones_own_libtorch() {
    check_fails_with("--cuda", &Machine::new().with_own_libtorch("2.13.0"), &["--cuda", "names another"]);
}

#[test]
fn ones_own_libtorch_is_used_and_remembered() {
    let mut machine = Machine::new().without("python3").with_own_libtorch("2.13.0+cpu\n");
    check_succeeds(&machine, "--cpu");
    machine.libtorch_variable = None;
    check_succeeds(&machine, "--cpu");
    assert!(machine.cargo_config().contains(&format!("LIBTORCH = \"{}\"", machine.path("own").display())));
}

#[test]
fn libtorch_is_fetched_once_and_recorded_for_cargo() {
    let machine = Machine::new();
    check_succeeds(&machine, "--cpu");
    assert!(machine.libtorch().join("lib/libtorch_cpu.so").exists());
    let config = machine.cargo_config();
    assert!(config.contains(&format!("[env]\nLIBTORCH = \"{}\"\n", machine.libtorch().display())), "{config}");
    check_succeeds(&machine, "--cpu");
    assert_eq!(machine.downloads(), 1);
    assert_eq!(machine.cargo_config(), config);
}

#[test]
fn the_cuda_parts_are_fetched_on_request_and_once() {
    let machine = Machine::new();
    check_succeeds(&machine, "--cuda");
    check_succeeds(&machine, "--cuda");
    assert!(machine.libtorch().join("cuda/torch/lib/libtorch_cuda.so").exists());
    assert_eq!(machine.downloads(), 2);
}

#[test]
fn a_visible_gpu_calls_for_the_cuda_parts_unless_they_were_declined() {
    let machine = Machine::new().with("nvidia-smi", "");
    check_succeeds(&machine, "--cpu");
    check_succeeds(&machine, "");
    assert!(!machine.libtorch().join("cuda").exists());
    check_succeeds(&machine, "--cuda");
    assert!(machine.libtorch().join("cuda").exists());
}

#[test]
fn what_an_interrupted_set_up_left_is_cleared() {
    let machine = Machine::new();
    fs::create_dir_all(machine.path("cache/fixmatch/staging-old/out/lib")).unwrap();
    check_succeeds(&machine, "--cpu");
}

#[test]
fn two_set_ups_at_once_fetch_once() {
    let machine = Machine::new().with("python3", &format!("sleep 0.1\n{PYTHON}"));
    std::thread::scope(|scope| {
        scope.spawn(|| check_succeeds(&machine, "--cpu"));
        check_succeeds(&machine, "--cpu");
    });
    assert_eq!(machine.downloads(), 1);
}

#[test]
fn a_cargo_config_of_ones_own_is_left_alone() {
    let machine = Machine::new();
    fs::create_dir(machine.path("checkout/.cargo")).unwrap();
    fs::write(machine.path("checkout/.cargo/config.toml"), "[build]\njobs = 1\n").unwrap();
    let output = machine.set_up("--cpu");
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(said.contains("add the line 'LIBTORCH = ") && said.lines().count() == 1, "{said}");
    assert_eq!(machine.cargo_config(), "[build]\njobs = 1\n");
    let line = format!("[env]\nLIBTORCH = \"{}\"\n", machine.libtorch().display());
    fs::write(machine.path("checkout/.cargo/config.toml"), line).unwrap();
    check_succeeds(&machine, "--cpu");
}
