//! What people write for a file, a run or a key.

use super::{Place, end_of};

#[test]
fn a_tilde_is_the_home_directory_wherever_a_path_may_stand() {
    let place = Place::new();
    let home = place.folder.path().join("home");
    let images = home.join("pets/images");
    std::fs::create_dir_all(&images).expect("made");
    std::fs::write(home.join("mine.toml"), "[data]\ndataset = \"folder\"\npath = \"~/pets/images\"").expect("written");
    std::fs::write(home.join("labels.txt"), "0\n").expect("written");
    let said = |args: &[&str], variable: Option<(&str, &str)>| {
        let mut command = place.command(args);
        command.env("HOME", &home).envs(variable);
        end_of(command.spawn().expect("fixmatch starts"))
    };
    let whole = |below: &str| home.join(below).display().to_string();
    for (args, variable, below) in [
        (vec!["presets", "~/mine.toml"], None, "pets/images"),
        (vec!["train", "quickstart", "--set", "data.dataset=folder", "--set", "data.path=~/no"], None, "no"),
        (vec!["labels", "show", "quickstart", "--pick", "file:~/labels.txt"], None, "labels.txt"),
        (vec!["runs", "--runs=~/mine"], None, "mine"),
        (vec!["runs", "--runs", "~/mine"], None, "mine"),
        (vec!["runs"], Some(("FIXMATCH_RUNS", "~/mine")), "mine"),
    ] {
        let said = said(&args, variable);
        assert!(format!("{}{}", said.out, said.err).contains(&whole(below)), "{args:?}: {said:?}");
    }
    let said = said(&["presets", "~somebody/mine.toml"], None);
    assert!(said.code != Some(0) && said.err.contains("only ~/ is understood"), "{said:?}");
    assert!(!place.folder.path().join("~").exists(), "a folder was made that is called ~");
}

#[test]
fn a_key_that_stands_in_a_table_is_named_in_full() {
    let said = Place::new().fixmatch(&["train", "quickstart", "--set", "lr=1"]);
    assert!(said.code == Some(1) && said.err.contains("did you mean train.lr?"), "{said:?}");
}

#[test]
fn a_mistyped_name_is_answered_with_what_was_meant() {
    let place = Place::new();
    let run = place.run("beetles", &[]).id();
    std::fs::write(place.folder.path().join("mine.toml"), "extends = \"quikstart\"").expect("written");
    for (args, meant) in [
        (&["show", "betles"][..], run.as_str()),
        (&["watch", "beetles-s2"], &run),
        (&["resume", "bettles-s1"], &run),
        (&["fork", "betles", "--at", "3"], &run),
        (&["presets", "quick"], "quickstart"),
        (&["train", "mine.toml"], "quickstart"),
        (&["data", "verify", "cifar"], "cifar10 or cifar100"),
        (&["labels", "show", "fashon-mini"], "fashion-mini"),
        (&["labels", "show", "slides/label-4"], "slides/labels-4"),
        (&["train", "quickstart", "--set", "labels.pick=most-representativ"], "most-representative"),
        (&["train", "quickstart", "--set", "labels.pick=quantil:0.5"], "quantile:Q"),
        (&["labels", "show", "cifar10", "--pick", "least"], "least-representative"),
    ] {
        let said = place.fixmatch(args);
        assert!(said.code != Some(0) && said.err.contains(&format!("did you mean {meant}?")), "{args:?}: {said:?}");
    }
    let said = place.fixmatch(&["train", "quickstart", "--set", "labels.pick=quantile:2"]);
    assert!(said.err.contains("quantile:Q") && !said.err.contains("did you mean"), "{said:?}");
}

#[test]
fn a_ranking_is_not_made_for_a_file_that_cannot_be_written() {
    let place = Place::new();
    for (output, expected) in [("nowhere/order.json", "there is no folder"), (".", "is a folder")] {
        let said = place.fixmatch(&["rank", "fashion-mini", "-o", output]);
        assert!(said.code == Some(1) && said.err.contains(expected), "{said:?}");
    }
    assert!(!place.runs().exists());
}
