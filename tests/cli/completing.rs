//! What a shell offers when somebody presses Tab.

use std::process::Command;

use super::{Place, end_of};

impl Place {
    /// What the program answers to a shell's question about these words, the last of which is to be completed.
    fn completions(&self, words: &[&str]) -> Vec<String> {
        let mut command = self.command(&[&["--", "fixmatch"], words].concat());
        let said = end_of(command.env("FIXMATCH_COMPLETE", "fish").spawn().expect("fixmatch starts"));
        assert_eq!(said.code, Some(0), "{said:?}");
        said.out.lines().map(|line| line.split('\t').next().unwrap_or_default().to_owned()).collect()
    }
}

#[test]
fn words_that_only_the_program_knows_are_completed() {
    let place = Place::new();
    let (first, second) = (place.run("first", &[]).id(), place.run("second", &[]).id());
    place.run("gone", &[]).discard().expect("moved to the trash");
    std::fs::write(place.folder.path().join("mine.toml"), "").expect("written");
    let other = Place::new();
    let elsewhere = other.run("elsewhere", &[]).id();
    let other = other.runs().display().to_string();
    let cases: &[(&[&str], &[&str])] = &[
        (&["show", "fir"], &[&first]),
        (&["pause", &second[..second.len() - 2]], &[&second]),
        (&["attach", &first, "--beside", "sec"], &[&second]),
        (&["--runs", &other, "show", "e"], &[&elsewhere]),
        (&["train", "quick"], &["quickstart"]),
        (&["presets", "quick"], &["quickstart"]),
        (&["train", "./mi"], &["./mine.toml"]),
        (&["train", "quickstart", "--set", "train.lam"], &["train.lambda_u="]),
        (&["train", "quickstart", "--set", "train.forward="], &["train.forward=joint", "train.forward=split"]),
        (&["fork", "--set", "augment.flip=t"], &["augment.flip=true"]),
        (&["train", "quickstart", "--set", "data.dataset=cif"], &["data.dataset=cifar10", "data.dataset=cifar100"]),
        (&["train", "quickstart", "--device", "c"], &["cpu"]),
        (&["set", "thr"], &["threshold="]),
        (&["set", "fir"], &[&first]),
        (&["data", "fetch", "cif"], &["cifar10", "cifar100"]),
        (&["rank", "cif"], &["cifar10", "cifar100"]),
        (&["rank", "cifar10", "--by", "typ"], &["typicality"]),
        (&["labels", "show", "cif"], &["cifar10", "cifar100"]),
        (&["labels", "show", "quick"], &["quickstart"]),
        (&["labels", "show", "cifar10", "--pick", "least"], &["least-representative"]),
        (&["compl"], &["completions"]),
        (&["show", "nothing-like-it"], &[]),
    ];
    for (words, expected) in cases {
        assert_eq!(place.completions(words), *expected, "{words:?}");
    }
    let of_runs = place.completions(&["show", ""]);
    assert_eq!(of_runs[..2], [second, first], "the newest run comes first");
    let trashed = place.completions(&["trash", "restore", "2"]);
    assert!(matches!(&trashed[..], [name] if name.contains("gone")), "{trashed:?}");
    let keys = place.completions(&["train", "quickstart", "--set", "tr"]);
    assert!(keys.contains(&"train.lr=".into()) && keys.iter().all(|key| key.starts_with("train.")), "{keys:?}");
}

#[test]
fn damaged_runs_are_offered_as_well() {
    let place = Place::new();
    let run = place.run("damaged", &[]);
    std::fs::write(run.run_toml(), "no configuration").expect("written");
    std::fs::write(run.events(), "no log").expect("written");
    assert_eq!(place.completions(&["show", "dam"]), [run.id()]);
}

/// bash cuts words at `=` and `:`, so its script has work to do that the others' have not.
#[test]
fn bash_completes_values_behind_an_equals_sign() {
    let place = Place::new();
    let script = place.fixmatch(&["completions", "bash"]);
    script.check(0, &["complete "], &[]);
    let cases: &[(&[&str], &[&str])] = &[
        (&["show", "quick"], &["quick-one"]),
        (&["train", "quickst"], &["quickstart"]),
        (&["train", "quickstart", "--set", "train.lam"], &["train.lambda_u="]),
        (&["train", "quickstart", "--set", "train.forward", "="], &["joint", "split"]),
        (&["train", "quickstart", "--set", "train.forward", "=", "jo"], &["joint"]),
    ];
    let id = place.run("quick-one", &[]).id();
    let programs =
        std::path::Path::new(env!("CARGO_BIN_EXE_fixmatch")).parent().expect("a folder").display().to_string();
    for (words, expected) in cases {
        let ask = r#"PATH=$1:$PATH; eval "$2"; shift 2; COMP_WORDS=(fixmatch "$@"); COMP_CWORD=$#
            _fixmatch fixmatch "${!#}" ''; printf '%s\n' "${COMPREPLY[@]}""#;
        let mut bash = Command::new("bash");
        bash.args(["-c", ask, "bash", &programs, &script.out]).args(*words).env("FIXMATCH_RUNS", place.runs());
        let output = bash.output().expect("bash runs");
        let told = String::from_utf8_lossy(&output.stdout).replace(&id, "quick-one");
        assert_eq!(told.lines().collect::<Vec<_>>(), *expected, "{words:?} {output:?}");
    }
}

#[test]
fn every_shell_has_its_script_and_other_shells_are_refused() {
    let place = Place::new();
    for (shell, part) in [("bash", "complete -o"), ("zsh", "#compdef fixmatch"), ("fish", "complete --keep-order")] {
        let said = place.fixmatch(&["completions", shell]);
        said.check(0, &[part, "FIXMATCH_COMPLETE", "fixmatch"], &[]);
    }
    place.fixmatch(&["completions", "csh"]).check(2, &[], &["possible values: bash, zsh, fish"]);
}
