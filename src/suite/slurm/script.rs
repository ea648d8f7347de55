//! The batch script of a suite's jobs: one job array, a task for each run.

use std::ffi::OsString;
use std::fmt::Write as _;
use std::path::Path;

use super::profile::Profile;
use super::{COMMENT, Setup};
use crate::base::text::shell_quoted;
use crate::suite::batch::Batch;

/// What a job takes along of the variables that say where things are.
const TAKEN: [&str; 5] = ["FIXMATCH_CACHE", "FIXMATCH_DATA", "FIXMATCH_RUNS", "FIXMATCH_STATE", "FIXMATCH_WORKER"];

/// The exit code of a job whose machine does not see the folder of runs.
pub const UNSHARED: u8 = 72;

/// The script for so many tasks. `program` is this program, `commands` the folder of Slurm's.
pub fn script(
    batch: &Batch,
    n_tasks: usize,
    profile: &Profile,
    setup: Setup,
    program: &Path,
    commands: &Path,
) -> String {
    let suite = batch.suite().name();
    let mut options = vec![
        format!("--job-name={}", quoted_option(&suite)),
        format!("--comment={COMMENT}{}", batch.token()),
        format!(
            "--array=0-{}{}",
            n_tasks.saturating_sub(1),
            profile.at_once.map_or_else(String::new, |n| format!("%{n}"))
        ),
        // Slurm puts things in at a `%`.
        format!(
            "--output={}",
            quoted_option(&format!("{}/%a.out", batch.path().display().to_string().replace('%', "%%")))
        ),
        "--open-mode=append".into(),
        format!("--signal=B:USR1@{}", profile.signal_before),
        "--ntasks=1".into(),
    ];
    if !setup.requeues {
        options.push("--requeue".into()); // this Slurm takes none back into the queue otherwise, whoever asks
    }
    options.extend(profile.options());
    let mut text = String::from("#!/bin/bash\n");
    for option in options {
        let _ = writeln!(text, "#SBATCH {option}");
    }
    let (folder, program) = (quoted(batch.path()), quoted(program));
    let _ = write!(
        text,
        "\n# The shell hears Slurm's signals: until fixmatch takes its place, they are not to end it.\n\
         trap '' USR1 TERM\n\
         folder={folder}\n\
         if [ ! -e \"$folder/tasks.json\" ]; then\n\
         \x20   echo \"error: $folder is not visible on $(hostname): the folder of runs must be shared\" >&2\n\
         \x20   exit {UNSHARED}\n\
         fi\n\
         export PATH=\"$PATH:\"{}\n",
        quoted(commands)
    );
    for (name, value) in TAKEN.iter().filter_map(|name| Some((name, std::env::var_os(name)?))) {
        let _ = writeln!(text, "export {name}={}", quoted(Path::new(&absolute(value))));
    }
    for line in &profile.setup {
        let _ = writeln!(text, "{line}");
    }
    let _ = writeln!(text, "exec {program} suite task \"$folder\" \"$SLURM_ARRAY_TASK_ID\"");
    text
}

/// A relative path starts from another folder there.
fn absolute(value: OsString) -> OsString {
    if value.as_encoded_bytes().starts_with(b"~") {
        return value;
    }
    std::path::absolute(&value).map_or(value, OsString::from)
}

/// For the shell.
fn quoted(path: &Path) -> String {
    shell_quoted(&path.to_string_lossy())
}

/// For a line of options, where only quotation marks hold spaces together.
fn quoted_option(text: &str) -> String {
    if text.contains([' ', '\t']) { format!("\"{text}\"") } else { text.to_owned() }
}
