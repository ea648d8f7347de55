//! What the doctor finds, and workers in scopes of systemd, which is played by a script.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use super::training::worker;
use super::{Event, Place, end_of, fs, launched, started};

fn program(path: &Path, script: &str) {
    fs::create_dir_all(path.parent().expect("a folder")).expect("made");
    fs::write(path, format!("#!/bin/sh\n{script}\n")).expect("written");
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).expect("made executable");
}

#[test]
fn the_doctor_names_what_is_wrong_and_how_to_mend_it() {
    let place = Place::new();
    let mut command = place.command(&["doctor"]);
    command.env("FIXMATCH_WORKER", "/nowhere/worker").env("FIXMATCH_CONFIG", place.folder.path().join("none.toml"));
    command.env("PATH", "/nowhere"); // a Slurm that is down answers late
    let said = end_of(command.spawn().expect("starts"));
    said.check(1, &["PROBLEM  versions    the worker does not start: ", "mend it: `make setup`", "1 problem"], &[]);
    said.check(1, &["ok       locks ", "ok       clock ", "ok       limits "], &[]);
}

#[test]
fn workers_are_started_in_scopes_where_the_settings_ask_for_it() {
    let place = Place::new();
    let (bin, told) = (place.folder.path().join("bin"), place.folder.path().join("told"));
    let config = place.folder.path().join("config.toml");
    fs::write(&config, "scope = true\n").expect("written");
    let worker = worker(&place, &[launched(), started(), Event::Stopped { step: 0 }], "");
    let train = |path: String| {
        let mut command = place.command(&["train", "quickstart", "--detach"]);
        command.env("FIXMATCH_CONFIG", &config).env("FIXMATCH_WORKER", &worker).env("PATH", path);
        end_of(command.spawn().expect("starts"))
    };
    let refused = train("/nowhere".into());
    refused.check(1, &[], &["config.toml has scope = true, but there is no systemd-run here"]);
    let pass_on = "echo \"$@\" > \"$TOLD\"; while [ \"$1\" != -- ]; do shift; done; shift; exec \"$@\"";
    program(&bin.join("systemd-run"), &pass_on.replace("$TOLD", &told.display().to_string()));
    train(format!("{}:/usr/bin:/bin", bin.display()));
    let told = fs::read_to_string(told).expect("systemd-run was asked");
    assert!(told.starts_with("--user --scope --quiet --collect -- ") && told.contains(" run "), "{told}");
}
