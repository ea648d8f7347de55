//! `scripts/install.sh`, which `make install` and `make uninstall` call: into a folder of the test's, with the programs that were built
//! for testing.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

/// A folder to install into, beside one with built programs.
struct Place {
    folder: TempDir,
}

impl Place {
    fn new() -> Self {
        let place = Self { folder: tempfile::tempdir().expect("a temporary folder") };
        let built = place.path("built");
        fs::create_dir(&built).expect("made");
        fs::copy(env!("CARGO_BIN_EXE_fixmatch"), built.join("fixmatch")).expect("copied");
        #[cfg(feature = "train")]
        fs::copy(env!("CARGO_BIN_EXE_fixmatch-worker"), built.join("fixmatch-worker")).expect("copied");
        #[cfg(not(feature = "train"))]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let stand_in =
                "#!/bin/sh\n[ \"$1\" != man ] || echo page >\"$2/fixmatch-worker.1\"\necho fixmatch-worker\n";
            fs::write(built.join("fixmatch-worker"), stand_in).expect("written");
            fs::set_permissions(built.join("fixmatch-worker"), fs::Permissions::from_mode(0o755)).expect("set");
        }
        place
    }

    fn path(&self, relative: &str) -> PathBuf {
        self.folder.path().join(relative)
    }

    fn script(&self, args: &[&str], variables: &[(&str, &str)]) -> Output {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/install.sh");
        let mut command = Command::new("bash");
        command.arg(script).args(args).env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.env("HOME", self.path("home")).envs(variables.iter().copied()).current_dir(self.folder.path());
        command.output().expect("bash runs")
    }

    fn install(&self, variables: &[(&str, &str)]) -> Output {
        self.script(&["install", "built"], variables)
    }

    /// All files and folders below one, the latter with a slash at the end.
    fn below(&self, folder: &str) -> BTreeSet<String> {
        fn collect(folder: &Path, root: &Path, found: &mut BTreeSet<String>) {
            for entry in fs::read_dir(folder).into_iter().flatten() {
                let path = entry.expect("an entry").path();
                let name = path.strip_prefix(root).expect("below").display().to_string();
                if path.is_dir() {
                    found.insert(name + "/");
                    collect(&path, root, found);
                } else {
                    found.insert(name);
                }
            }
        }
        let (root, mut found) = (self.path(folder), BTreeSet::new());
        collect(&root, &root, &mut found);
        found
    }
}

#[track_caller]
fn worked(output: &Output) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(output.status.success(), "{}{}", text(&output.stdout), text(&output.stderr));
    text(&output.stdout)
}

#[test]
fn what_is_installed_runs_and_is_removed_without_a_trace() {
    let place = Place::new();
    let theirs = ["home/.local/bin/theirs", "home/.local/share/man/man1/theirs.1"];
    for file in theirs {
        fs::create_dir_all(place.path(file).parent().expect("a folder")).expect("made");
        fs::write(place.path(file), "theirs").expect("written");
    }
    let before = place.below("home");
    let said = worked(&place.install(&[]));
    assert!(said.contains("is not on the PATH yet"), "{said}");
    for program in ["fixmatch", "fixmatch-worker"] {
        let installed = place.path("home/.local/bin").join(program);
        let version = Command::new(&installed).arg("--version").env_clear().output().expect("it starts");
        assert!(worked(&version).starts_with(program), "{version:?}");
    }
    let installed = place.below("home/.local");
    for file in [
        "share/man/man1/fixmatch.1",
        "share/man/man1/fixmatch-labels-show.1",
        "share/man/man1/fixmatch-worker.1",
        "share/bash-completion/completions/fixmatch",
        "share/zsh/site-functions/_fixmatch",
        "share/fish/vendor_completions.d/fixmatch.fish",
    ] {
        assert!(installed.contains(file), "no {file} in {installed:?}");
    }
    let page = fs::read_to_string(place.path("home/.local/share/man/man1/fixmatch-train.1")).expect("a page");
    for part in [".TH fixmatch-train 1", ".SH EXAMPLES", "fixmatch train quickstart"] {
        assert!(page.replace("\\-", "-").contains(part), "no {part} in {page}");
    }
    worked(&place.install(&[]));
    assert_eq!(place.below("home/.local"), installed, "a second time changes nothing");
    worked(&place.script(&["uninstall"], &[]));
    assert_eq!(place.below("home"), before);
    let again = place.script(&["uninstall"], &[]);
    assert!(!again.status.success() && String::from_utf8_lossy(&again.stderr).contains("nothing to remove"));
}

#[test]
fn prefix_and_destdir_are_honoured_and_what_others_put_there_stays() {
    let place = Place::new();
    let staged = place.path("staged").display().to_string();
    for variables in [&[("PREFIX", "/opt/fixmatch"), ("DESTDIR", &staged)][..], &[("PREFIX", "~/apps")]] {
        worked(&place.install(variables));
        let root = if variables.len() == 2 { "staged/opt/fixmatch" } else { "home/apps" };
        assert!(place.path(root).join("bin/fixmatch").exists(), "{variables:?}");
        fs::write(place.path(root).join("bin/theirs"), "theirs").expect("written");
        worked(&place.script(&["uninstall"], variables));
        assert_eq!(place.below(root), BTreeSet::from(["bin/".to_owned(), "bin/theirs".to_owned()]));
    }
    for (variables, expected) in
        [(&[("PREFIX", "here")][..], "PREFIX=here is a relative path"), (&[("HOME", "")], "HOME is not set")]
    {
        let refused = place.install(variables);
        assert!(!refused.status.success());
        assert!(String::from_utf8_lossy(&refused.stderr).contains(expected), "{refused:?}");
    }
    assert!(!place.path("here").exists());
}

#[test]
fn a_page_that_a_newer_version_lacks_is_removed_with_its_installation() {
    let place = Place::new();
    worked(&place.install(&[]));
    let old = place.path("home/.local/share/man/man1/fixmatch-old.1");
    fs::write(&old, "an older page").expect("written");
    let list = place.path("home/.local/share/fixmatch/installed");
    let listed = fs::read_to_string(&list).expect("a list");
    fs::write(&list, format!("{listed}share/man/man1/fixmatch-old.1\n")).expect("written");
    worked(&place.install(&[]));
    assert!(!old.exists());
    assert_eq!(fs::read_to_string(&list).expect("a list"), listed);
}
