//! How long a run takes on this machine and how much memory it needs, by what runs of its kind took here before.
//!
//! Nothing is guessed: without such a run there is no estimate.

use std::time::Duration;

use crate::config::RunConfig;
use crate::run::setup::Setup;
use crate::run::survey::Row;

/// What a run will take.
#[derive(Clone, Debug, PartialEq)]
pub struct Estimate {
    /// All of its steps, evaluations and checkpoints.
    pub time: Duration,
    /// The worker's memory outside of a GPU.
    pub memory_bytes: u64,
    /// The run that it was measured on.
    pub run: String,
}

impl Estimate {
    /// By the newest run of the same kind, if there is one.
    pub fn of(config: &RunConfig, rows: &[Row]) -> Option<Self> {
        let setup = Setup::of(config)?;
        rows.iter().find_map(|row| {
            let measured = row.setup.as_ref().filter(|measured| setup.is_of_a_kind_with(measured));
            let step_s = measured.and(row.summary.step_s)?;
            let time = Duration::try_from_secs_f64(step_s * config.train.steps as f64).ok()?;
            Some(Self { time, memory_bytes: row.summary.memory_bytes, run: row.dir.id() })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::host::host;
    use crate::config::Device;
    use crate::run::dir::RunDir;
    use crate::run::event::{Event, Progress, Record};
    use crate::run::file::{Environment, RunFile};
    use crate::run::log::EventLog;
    use crate::run::survey::Survey;

    fn some_run(runs: &std::path::Path, config: RunConfig, host: String) {
        let mut run = RunFile::new("p".into(), vec![], config);
        run.environment = Some(Environment {
            host,
            cpu: String::new(),
            device: "cpu".into(),
            gpu: None,
            cuda_visible_devices: None,
            libtorch: String::new(),
            threads: 2,
            version: String::new(),
            data_digest: String::new(),
            data_known: true,
            instructions: None,
            input: None,
        });
        let dir = RunDir::create(runs, "measured", &run).expect("made");
        EventLog::open(&dir.events()).expect("opens");
        let progress = |step| Event::Progress(Progress { step, n_steps: 10, memory_bytes: 7, ..Progress::default() });
        let events = [
            (0.0, Event::Resumed { step: 0 }),
            (5.0, progress(10)),
            (6.0, Event::Paused { step: 10 }),
            (90.0, Event::Continued { step: 10 }),
            (94.0, progress(20)),
        ];
        let lines = events.map(|(time, event)| serde_json::to_string(&Record { time, event }).expect("JSON") + "\n");
        std::fs::write(dir.events(), lines.concat()).expect("written");
    }

    #[test]
    fn a_run_takes_what_the_last_one_of_its_kind_took_here_and_pauses_do_not_count() {
        let runs = tempfile::tempdir().expect("a temporary folder");
        let config = RunConfig::default();
        some_run(runs.path(), config.clone(), host());
        let rows = Survey::new(runs.path()).look().expect("looks");
        let estimate = |change: fn(&mut RunConfig)| {
            let mut config = config.clone();
            change(&mut config);
            Estimate::of(&config, &rows)
        };
        let expected = Estimate { time: Duration::from_secs(500), memory_bytes: 7, run: rows[0].dir.id() };
        // 20 steps in 10 seconds
        assert_eq!(estimate(|config| config.train.steps = 1000), Some(expected));
        let same: [fn(&mut RunConfig); 2] =
            [|config| config.train.lr = 0.5, |config| config.machine.device = Device::Cpu];
        assert!(same.into_iter().all(|change| estimate(change).is_some()));
        let other: [fn(&mut RunConfig); 5] = [
            |config| config.train.batch = 8,
            |config| config.model.width = 8,
            |config| config.data.dataset = "fashion-mini".into(),
            |config| config.train.lambda_u = 0.0,
            |config| config.machine.device = Device::Cuda(0),
        ];
        assert!(other.into_iter().all(|change| estimate(change).is_none()));
    }

    #[test]
    fn what_was_measured_on_another_machine_says_nothing() {
        let runs = tempfile::tempdir().expect("a temporary folder");
        some_run(runs.path(), RunConfig::default(), "elsewhere.invalid".into());
        let rows = Survey::new(runs.path()).look().expect("looks");
        assert!(rows[0].setup.is_none());
    }
}
