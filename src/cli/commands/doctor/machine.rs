//! Versions, limits, GPUs and Slurm.

use std::fs;

use fixmatch::base::detached::is_there;
use fixmatch::config::Device;
use fixmatch::machine::gpu::{Gpu, cuda_part, warning_before};
use fixmatch::run::launch::worker_command;
use fixmatch::suite::slurm::{Setup, Slurm};
use rustix::process::{Resource, getrlimit};

use super::Finding;
use crate::words::numbers::bytes;

/// Files that a worker or a console has open at once, with room to spare.
const N_FILES: u64 = 256;

pub fn versions() -> Vec<Finding> {
    const AREA: &str = "versions";
    let own = fixmatch::VERSION;
    let asked = |what: &str| {
        let output = worker_command().and_then(|mut command| Ok(command.arg(what).output()?));
        let output = output.map_err(|error| format!("{error:#}"))?;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
        if output.status.success() { Ok(text(&output.stdout)) } else { Err(text(&output.stderr)) }
    };
    let mend = "`make setup`, then build it again";
    let finding = match (asked("--version"), asked("libtorch")) {
        (Err(why), _) | (_, Err(why)) => Finding::problem(AREA, format!("the worker does not start: {why}"), mend),
        (Ok(worker), Ok(libtorch)) => {
            let worker = worker.trim_start_matches("fixmatch-worker ").to_owned();
            if worker == own {
                Finding::ok(AREA, format!("fixmatch and its worker {own}, libtorch {libtorch}"))
            } else {
                Finding::warning(
                    AREA,
                    format!("fixmatch is {own}, its worker {worker}, libtorch {libtorch}"),
                    "build both",
                )
            }
        }
    };
    vec![finding]
}

pub fn limits() -> Vec<Finding> {
    const AREA: &str = "limits";
    let soft = |resource| getrlimit(resource).current;
    judged([soft(Resource::Nofile), soft(Resource::Fsize), soft(Resource::Cpu)], AREA)
}

fn judged([files, size, cpu]: [Option<u64>; 3], area: &'static str) -> Vec<Finding> {
    let mut found = Vec::new();
    if let Some(files) = files.filter(|files| *files < N_FILES) {
        found.push(Finding::warning(
            area,
            format!("only {files} files may be open at once"),
            format!("ulimit -n {N_FILES}"),
        ));
    }
    if let Some(size) = size {
        let what = format!("no file may grow beyond {}: a run waits when one would", bytes(size));
        found.push(Finding::warning(area, what, "ulimit -f unlimited"));
    }
    if let Some(cpu) = cpu {
        found.push(Finding::problem(area, format!("a process ends after {cpu} s of computing"), "ulimit -t unlimited"));
    }
    if found.is_empty() {
        found.push(Finding::ok(area, "open files, their size and computing time are not limited, or far off"));
    }
    found
}

pub fn gpu() -> Vec<Finding> {
    const AREA: &str = "GPU";
    let gpu = Gpu::look();
    if let Some(warning) = warning_before(Device::Auto) {
        let (what, mend) = warning.split_once("; ").unwrap_or((&warning, "see docs/setup.md"));
        return vec![Finding::warning(AREA, what, mend)];
    }
    let driver = fs::read_to_string("/proc/driver/nvidia/version").unwrap_or_default();
    let version = driver.split_whitespace().find(|word| word.starts_with(|c: char| c.is_ascii_digit()));
    let version = version.map_or_else(String::new, |version| format!(", driver {version}"));
    vec![match (gpu.has_driver, gpu.is_hidden) {
        (false, _) => Finding::ok(AREA, "there is no NVIDIA driver here: runs train on the CPU"),
        (true, true) => Finding::ok(AREA, "CUDA_VISIBLE_DEVICES hides all GPUs: runs train on the CPU"),
        (true, false) => {
            let part =
                if cuda_part().is_some_and(|path| path.exists()) { ", libtorch's CUDA part is there" } else { "" };
            Finding::ok(AREA, format!("{} visible{version}{part}", gpu.n_visible))
        }
    }]
}

pub fn slurm() -> Vec<Finding> {
    const AREA: &str = "Slurm";
    if !is_there("sbatch") {
        return vec![Finding::ok(AREA, "there is no Slurm here")];
    }
    match Slurm::setup() {
        Ok(setup) => of_slurm(setup, AREA),
        Err(error) => {
            vec![Finding::warning(AREA, format!("Slurm does not answer: {error:#}"), "ask its administrator")]
        }
    }
}

fn of_slurm(setup: Setup, area: &'static str) -> Vec<Finding> {
    let mut found = Vec::new();
    if setup.preempts_unsaid {
        found.push(Finding::warning(
            area,
            "jobs that make room for others are not told by a signal of their choice: up to a checkpoint is lost",
            "the administrator can set SlurmctldParameters=preempt_send_user_signal; or save more often (checkpoint.every)",
        ));
    }
    if !setup.requeues {
        let mend = "`fixmatch suite run` again submits what was interrupted; or the administrator sets JobRequeue=1";
        found.push(Finding::warning(area, "jobs are not queued again when they are preempted", mend));
    }
    if found.is_empty() {
        found.push(Finding::ok(area, "jobs are told before they make room, and queued again"));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::super::Verdict;
    use super::*;

    #[test]
    fn limits_and_slurm_are_ok_or_say_how_to_mend_them() {
        let of = |limits| judged(limits, "limits").iter().map(|it| it.verdict).collect::<Vec<_>>();
        assert_eq!(of([None, None, None]), [Verdict::Ok]);
        assert_eq!(of([Some(1024), None, None]), [Verdict::Ok]);
        assert_eq!(of([Some(14), Some(3000), Some(60)]), [Verdict::Warning, Verdict::Warning, Verdict::Problem]);
        let setup = Setup { requeues: false, preempts_unsaid: true, ..Setup::default() };
        assert!(of_slurm(setup, "Slurm").iter().all(|it| it.verdict == Verdict::Warning && it.mend.is_some()));
        assert_eq!(of_slurm(Setup::default(), "Slurm")[0].verdict, Verdict::Ok);
    }
}
