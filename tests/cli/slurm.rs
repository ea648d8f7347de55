//! Suites that Slurm trains, with commands of Slurm that are played by shell scripts. `tests/slurm` has a real one.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use fixmatch::run::change::Request;
use fixmatch::run::dir::RunDir;
use fixmatch::run::event::{Event, Job};
use fixmatch::run::jobs::TIME_LIMIT;
use fixmatch::suite::batch::Batch;
use fixmatch::suite::order::Folder;
use serde_json::Value;

use super::{Place, Said, append, end_of, progress, started};

const STUDY: &str =
    "title = \"Study\"\nbase = \"quickstart\"\nseeds = 3\n[[axis]]\nkey = \"labels.per_class\"\nvalues = [1]\n";

/// A machine with a suite, a profile and commands of Slurm.
struct Login {
    place: Place,
}

impl Login {
    fn new() -> Self {
        let it = Self { place: Place::new() };
        fs::write(it.path("study.toml"), STUDY).expect("written");
        fs::create_dir_all(it.path("config/slurm")).expect("made");
        fs::write(
            it.path("config/slurm/gpu.toml"),
            "partition = \"gpu\"\ngpus = 1\ntime = 240\nsetup = [\"module load cuda\"]\n",
        )
        .expect("written");
        fs::create_dir_all(it.path("bin")).expect("made");
        it.plays("sbatch", "echo \"$@\" >> \"$0.asked\"; echo 77");
        it.plays("scancel", "echo \"$@\" >> \"$0.asked\"");
        it.plays("scontrol", "echo 'MaxArraySize = 1001'");
        it.queue("");
        it
    }

    fn path(&self, name: &str) -> PathBuf {
        self.place.folder.path().join(name)
    }

    /// Has a script in the place of a command.
    fn plays(&self, command: &str, script: &str) {
        let path = self.path("bin").join(command);
        fs::write(&path, format!("#!/bin/sh\n{script}\n")).expect("written");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("set");
    }

    /// What `squeue` says from now on: `TASK STATE REASON HOST RESTARTS` of each job.
    fn queue(&self, jobs: &str) {
        let token = self.batches().pop().map_or_else(String::new, |batch| batch.token());
        let line = |job: &str| {
            let [task, state, reason, host, restarts] = job.split(' ').collect::<Vec<_>>()[..] else { panic!("{job}") };
            format!("77 |{task} |{state} |{reason} |{host} |{restarts} |1:00:00 |fixmatch/{token} \n")
        };
        let text: String = jobs.lines().map(line).collect();
        fs::write(self.path("bin/queue"), text).expect("written");
        self.plays("squeue", "cat \"$(dirname \"$0\")/queue\"");
    }

    fn batches(&self) -> Vec<Batch> {
        Batch::list(&Folder::of(&self.place.runs(), "study"))
    }

    fn asked(&self, command: &str) -> String {
        fs::read_to_string(self.path("bin").join(format!("{command}.asked"))).unwrap_or_default()
    }

    fn suite(&self, args: &[&str]) -> Said {
        self.suite_on(&format!("{}:/usr/bin:/bin", self.path("bin").display()), args)
    }

    fn suite_on(&self, path: &str, args: &[&str]) -> Said {
        let mut command = self.place.command(&[&["suite"], args].concat());
        command.env("PATH", path).env("FIXMATCH_CONFIG", self.path("config/config.toml"));
        end_of(command.spawn().expect("starts"))
    }

    fn submit(&self) {
        self.suite(&["run", "study.toml", "--slurm", "gpu"]).check(0, &["3 runs of study submitted as job 77"], &[]);
    }

    /// A run directory of a task of the last batch.
    fn run_of(&self, task: usize, events: &[Event]) -> RunDir {
        let batch = self.batches().pop().expect("a batch");
        let tasks = batch.tasks().expect("tasks");
        let dir = tasks.runs[task].make(&self.place.runs(), "study", tasks.slot).expect("made");
        batch.bind(task, &dir).expect("bound");
        append(&dir, events);
        dir
    }

    /// How each run stands: its state, its reason, timeouts and preemptions.
    fn states(&self) -> Vec<(String, String, u64, u64)> {
        let said = self.suite(&["status", "study", "--json"]);
        let value: Value = serde_json::from_str(&said.out).unwrap_or_else(|error| panic!("{error}: {said:?}"));
        let text = |job: &Value, key: &str| job[key].as_str().unwrap_or_default().to_owned();
        let of = |job: &Value| {
            let n = |key: &str| job[key].as_u64().expect("a number");
            (text(job, "state"), text(job, "reason"), n("timeouts"), n("preemptions"))
        };
        value["jobs"].as_array().expect("jobs").iter().map(of).collect()
    }
}

fn launched(restarts: u32) -> Event {
    let job = Some(Job { id: "77_0".into(), restarts });
    Event::Launched { pid: 7, host: "node1".into(), version: "0".into(), job }
}

fn suspends(who: &str) -> Event {
    Event::Accepted { id: "1".into(), request: Request::Suspend, who: who.into() }
}

/// Makes a run older than the time that a run may take to start.
fn age(dir: &RunDir) {
    let file = fs::File::open(dir.run_toml()).expect("opens");
    file.set_modified(std::time::SystemTime::UNIX_EPOCH).expect("set");
}

#[test]
fn a_dry_run_shows_the_batch_script_and_hands_nothing_in() {
    let login = Login::new();
    let said = login.suite(&["run", "study.toml", "--slurm", "gpu", "--dry-run"]);
    let lines = [
        "3 runs to submit",
        "#SBATCH --array=0-2\n",
        "#SBATCH --partition=gpu\n#SBATCH --time=240\n#SBATCH --gres=gpu:1\n#SBATCH --cpus-per-task=1\n",
        "#SBATCH --signal=B:USR1@90\n",
        "trap '' USR1 TERM\n",
        "module load cuda\nexec /",
    ];
    said.check(0, &lines, &[]);
    assert!(!said.out.contains("requeue"), "only one side does: {}", said.out);
    assert!(login.asked("sbatch").is_empty() && !login.place.runs().exists());
}

#[test]
fn what_is_left_is_submitted_as_one_array_and_only_once() {
    let login = Login::new();
    login.submit();
    let batch = login.batches().pop().expect("a batch");
    assert_eq!(login.asked("sbatch"), format!("--parsable {}\n", batch.script().display()));
    login.queue("0 RUNNING None node1 0\n1 PENDING Resources  0\n2 PENDING Resources  0".replace("  ", " - ").as_str());
    login.suite(&["run", "study.toml", "--slurm", "gpu"]).check(0, &["nothing to submit"], &[]);
    login.queue("1 PENDING Resources - 0");
    login.suite(&["run", "study.toml", "--slurm", "gpu"]).check(0, &["2 runs of study submitted"], &[]);
    assert_eq!(login.batches().len(), 2);
}

#[test]
fn a_suite_goes_on_with_the_seeds_that_were_added_from_wherever_it_is_asked() {
    let login = Login::new();
    login.submit();
    let dry =
        |which: &str, more: &[&str]| login.suite(&[&["run", which, "--slurm", "gpu", "--dry-run"], more].concat());
    dry("study.toml", &[]).check(0, &["3 runs"], &[]);
    login.suite(&["seeds", "study", "--more", "2"]).check(0, &["5 in all"], &[]);
    let kept = "going on with its plan as it was set or added to: 5 runs; its file alone comes to 3";
    dry("study.toml", &[]).check(0, &["5 runs"], &[kept]);
    let dropped = "4 runs of its plan before are not in this one: they stay as they are";
    dry("study.toml", &["--seeds", "1"]).check(0, &["1 run"], &[dropped]);
    dry("study", &[]).check(0, &["5 runs"], &["its file is elsewhere: it goes on as it was planned there"]);
    login.suite(&["show", "study"]).check(
        1,
        &[],
        &["it was started here: `fixmatch suite status study` shows its runs"],
    );
    dry("stuty", &[]).check(1, &[], &["no suite is called \"stuty\""]);
    let text = fs::read_to_string(login.path("study.toml")).expect("reads");
    fs::write(login.path("study.toml"), text.replace("[1]", "[2]")).expect("written");
    dry("study.toml", &[]).check(0, &["3 runs"], &["5 runs of its plan before are not in this one"]);
}

#[test]
fn the_state_of_each_run_is_told_by_its_directory_and_its_job() {
    let login = Login::new();
    login.submit();
    let state =
        |state: &str, reason: &str, timeouts, preemptions| (state.to_owned(), reason.to_owned(), timeouts, preemptions);
    login.queue("0 PENDING Priority - 0\n1 RUNNING None node1 0\n2 COMPLETING None node1 0");
    assert_eq!(
        login.states(),
        [state("queued", "Priority", 0, 0), state("starting", "", 0, 0), state("ending", "", 0, 0)]
    );

    let suspended = Event::Suspended { step: 10 };
    let timed_out = [launched(0), started(), progress(10), suspends(TIME_LIMIT), suspended.clone()];
    age(&login.run_of(0, &timed_out));
    age(&login.run_of(1, &[launched(0), started(), suspends("a signal"), suspended.clone(), launched(1), suspended]));
    age(&login.run_of(2, &[launched(0), started(), progress(10)]));
    login.queue("0 PENDING BeginTime - 1\n1 PENDING Resources - 2\n2 NODE_FAIL None node1 0");
    let ended = "job 77_2 ended: NODE_FAIL";
    assert_eq!(
        login.states(),
        [state("timed out", "BeginTime", 1, 0), state("preempted", "Resources", 0, 2), state("gone", ended, 0, 1)]
    );

    login.queue(""); // Slurm forgets jobs
    let gone = |state: &(String, String, u64, u64)| state.0 == "gone" && state.1.contains("not in the queue any more");
    assert!(login.states().iter().all(gone), "{:?}", login.states());
    let told = login.suite(&["status", "study"]);
    told.check(0, &["gone: its worker vanished", "fixmatch suite run study --slurm gpu` submits what is left"], &[]);

    login.plays("squeue", "echo 'Unable to contact slurm controller' >&2; exit 1");
    let states: Vec<_> = login.states().into_iter().map(|it| it.0).collect();
    assert_eq!(states, ["suspended", "suspended", "lost"], "by the run directories alone");
    let told = login.suite(&["status", "study"]);
    told.check(0, &["suspended"], &["Slurm does not answer", "Unable to contact slurm controller"]);
}

#[test]
fn what_a_job_said_last_is_told_of_a_run_that_is_gone() {
    let login = Login::new();
    login.submit();
    let batch = login.batches().pop().expect("a batch");
    fs::write(batch.output(0), "2026-11-26 02:00:00 job 77_0 begins\nerror: the worker has libtorch 1\n")
        .expect("written");
    login
        .queue("0 FAILED NonZeroExitCode node1 0\n1 FAILED JobLaunchFailure node1 0\n2 FAILED NonZeroExitCode node1 0");
    let reasons = || login.states().into_iter().map(|it| it.1).collect::<Vec<_>>();
    let expected = [
        "job 77_0: the worker has libtorch 1",
        "job 77_1 could not start on node1: is the folder of runs visible there?",
        "job 77_2 ended: FAILED, NonZeroExitCode",
    ];
    assert_eq!(reasons(), expected);
    fs::write(batch.output(1), "2026-11-26 02:00:00 job 77_1 begins\n").expect("written");
    assert_eq!(reasons()[1], "job 77_1 ended: FAILED, JobLaunchFailure", "its processes were killed");
}

#[test]
fn commands_of_slurm_that_are_missing_or_fail_are_named_and_nothing_is_lost() {
    let login = Login::new();
    let nowhere = login.path("nowhere").display().to_string();
    let said = login.suite_on(&nowhere, &["run", "study.toml", "--slurm", "gpu"]);
    said.check(1, &[], &["sbatch is not on the PATH"]);
    login.plays("sbatch", "echo 'sbatch: error: invalid partition specified: gpu' >&2; exit 1");
    let said = login.suite(&["run", "study.toml", "--slurm", "gpu"]);
    said.check(1, &[], &["sbatch fails, exit status: 1: sbatch: error: invalid partition specified: gpu"]);
    assert!(login.batches().is_empty(), "what Slurm did not take is not kept");
    login.plays("squeue", "echo 'down' >&2; exit 1");
    let said = login.suite(&["run", "study.toml", "--slurm", "gpu"]);
    said.check(1, &[], &["cannot tell which runs have a job", "down"]);
    let said = login.suite(&["run", "study.toml", "--slurm", "gpo"]);
    said.check(1, &[], &["did you mean gpu?", "config/slurm"]);
}

#[test]
fn a_missing_early_signal_at_preemption_is_told_once_the_suite_is_submitted() {
    let login = Login::new();
    login.plays("scontrol", "echo 'PreemptType = preempt/qos'; echo 'SlurmctldParameters = (null)'");
    let said = login.suite(&["run", "study.toml", "--slurm", "gpu"]);
    said.check(0, &["submitted as job 77"], &["lacks preempt_send_user_signal"]);
}

#[test]
fn a_suite_is_with_slurm_or_with_this_machines_queue_and_never_with_both() {
    let login = Login::new();
    login.submit();
    login.queue("0 PENDING Priority - 0");
    let said = login.suite(&["run", "study.toml"]);
    said.check(1, &[], &["study has jobs in Slurm (1)", "fixmatch suite stop study"]);
}

#[test]
fn stopping_cancels_what_waits_and_asks_the_rest_to_save() {
    let login = Login::new();
    login.submit();
    login.queue("0 RUNNING None node1 0\n1 PENDING Priority - 0");
    // Once it was asked, the queue is empty.
    login
        .plays("scancel", "echo \"$@\" >> \"$0.asked\"; case \"$*\" in *TERM*) : > \"$(dirname \"$0\")/queue\";; esac");
    login.suite(&["stop", "study"]).check(0, &["study is stopped"], &[]);
    let asked = login.asked("scancel");
    assert_eq!(asked, "--quiet --state=PENDING 77_1\n--quiet --batch --signal=TERM 77_0\n");
    let states: Vec<_> = login.states().into_iter().map(|it| it.0).collect();
    assert_eq!(states, ["waiting"; 3]);
}

#[test]
fn a_job_does_not_begin_where_the_folder_of_runs_is_not_visible() {
    let login = Login::new();
    login.submit();
    let batch = login.batches().pop().expect("a batch");
    let script = fs::read_to_string(batch.script()).expect("kept");
    let elsewhere = script.replace(&batch.path().display().to_string(), "/not/on/this/machine");
    let path = login.path("elsewhere.sh");
    fs::write(&path, elsewhere).expect("written");
    let said = std::process::Command::new("bash").arg(Path::new(&path)).output().expect("runs");
    let err = String::from_utf8_lossy(&said.stderr).into_owned();
    assert!(said.status.code() == Some(72) && err.contains("must be shared"), "{err}");
}

#[test]
fn a_machine_with_another_libtorch_is_refused_with_the_reason() {
    let login = Login::new();
    login.submit();
    let batch = login.batches().pop().expect("a batch").path().display().to_string();
    let task = |version: &str| {
        login.plays("worker", &format!("[ \"$1\" = libtorch ] && echo {version} && exit; exit 1"));
        let mut command = login.place.command(&["suite", "task", &batch, "0"]);
        command.env("FIXMATCH_WORKER", login.path("bin/worker"));
        command.env("SLURM_ARRAY_JOB_ID", "77").env("SLURM_ARRAY_TASK_ID", "0");
        end_of(command.spawn().expect("starts"))
    };
    task("2.13.0").check(1, &[], &["job 77_0 begins", "the worker vanished 3 times without saving a step"]);
    task("2.12.1").check(1, &[], &["has libtorch 2.12.1, and the jobs of this suite began with 2.13.0"]);
    assert_eq!(RunDir::list(&login.place.runs()).expect("lists").len(), 1, "one run directory over all jobs");
}
