//! Hostile input: files of each format, changed at random, are read without a panic, a hang or memory out of proportion.
//!
//! Ordinary runs try some hundred cases of each format. `FIXMATCH_CASES=100000 cargo test --test hostile` tries more, with
//! `FIXMATCH_SEED` other ones. The case that fails is kept in a file, which is named.

mod memory;
mod mutator;
mod samples;

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::time::Instant;

use fixmatch::base::output::note;
use fixmatch::config::Data;
use fixmatch::config::preset::Preset;
use fixmatch::data::{self, Dataset, cifar10, cifar100, idx};
use fixmatch::labels::ranking::Ranking;
use fixmatch::labels::{file, log, recorded};
use fixmatch::run::card::Card;
use fixmatch::run::checkpoint::Checkpoint;
use fixmatch::run::curves::Curves;
use fixmatch::run::dir::RunDir;
use fixmatch::run::insight;
use fixmatch::run::log::{EventLog, Follower};
use fixmatch::run::mailbox;
use fixmatch::run::state::RunState;
use fixmatch::suite::expand::expand;
use fixmatch::suite::file::Suite;
use fixmatch::suite::order::Folder;

use self::memory::peak_while;
use self::mutator::Mutator;

/// What a case may take at once, beside what its input's length accounts for.
const LEAST: usize = 128 << 20;

/// How many times its input's length a case may take.
const TIMES: usize = 200;

fn number(name: &str, usual: u64) -> u64 {
    std::env::var(name).map_or(usual, |text| text.parse().unwrap_or_else(|_| panic!("{name} is no number")))
}

/// Tries cases: the first is each sample as it is, which must read.
fn hostile(format: &str, usual: u64, samples: &[Vec<u8>], mut read: impl FnMut(&[u8]) -> bool) {
    let cases = number("FIXMATCH_CASES", usual);
    let mut mutator = Mutator::new(number("FIXMATCH_SEED", 1), format, samples);
    for sample in samples {
        assert!(read(sample), "{format}: a sample does not read");
    }
    let kept = std::env::temp_dir().join(format!("fixmatch-hostile-{format}"));
    let (mut n_read, mut most, began) = (0, 0, Instant::now());
    for case in 0..cases {
        let input = mutator.next();
        let (done, peak) = peak_while(|| catch_unwind(AssertUnwindSafe(|| read(&input))));
        let is_bad = done.is_err() || peak > LEAST + TIMES * input.len();
        if is_bad {
            fs::write(&kept, &input).expect("written");
        }
        most = most.max(peak);
        assert!(done.is_ok(), "{format}, case {case}: panicked on {}", kept.display());
        assert!(!is_bad, "{format}, case {case}: {peak} bytes for {}: {}", input.len(), kept.display());
        n_read += u64::from(done.unwrap_or(false));
    }
    let seconds = began.elapsed().as_secs();
    note(format_args!("{format}: {cases} cases in {seconds} s, {n_read} read, at most {} KB", most >> 10));
}

struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        let shared = Path::new("/dev/shm"); // files in memory, where there are such
        let folder = if shared.is_dir() { tempfile::tempdir_in(shared) } else { tempfile::tempdir() };
        Self { folder: folder.expect("a temporary folder") }
    }

    fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn put(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.at(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("made");
        fs::write(&path, bytes).expect("written");
        path
    }

    /// Six small images of two classes.
    fn images(&self) -> Dataset {
        for (i, class) in ["cat", "dog"].iter().cycle().take(6).enumerate() {
            self.put(&format!("images/train/{class}/{i}.png"), &samples::png(i as u8));
            self.put(&format!("images/test/{class}/{i}.png"), &samples::png(100 + i as u8));
        }
        load("folder", &self.at("images")).expect("they load")
    }

    /// The run of an earlier version, whose files have no seals that would keep changes from being read.
    fn run(&self) -> RunDir {
        for (name, bytes) in samples::run() {
            self.put(&format!("run/{name}"), &bytes);
        }
        fs::create_dir_all(self.at("run/control")).expect("made");
        RunDir::open(&self.at("run")).expect("a run")
    }
}

fn load(name: &str, path: &Path) -> anyhow::Result<Dataset> {
    data::load(&Data { path: Some(path.to_owned()), ..Data::named(name) }, Path::new("unused"))
}

#[test]
fn presets_and_suites() {
    let place = Place::new();
    hostile("preset", 400, &samples::files("experiments", 2), |bytes| {
        let preset = Preset::from_file(&place.put("preset.toml", bytes));
        preset.and_then(|preset| preset.resolve(&[])).map(|config| config.identity()).is_ok()
    });
    hostile("suite", 150, &samples::files("experiments/suites", 2), |bytes| {
        let path = place.put("suite.toml", bytes);
        Suite::find(&path.display().to_string()).and_then(|suite| expand(&suite)).is_ok()
    });
}

#[test]
fn logs_and_all_that_is_folded_from_them() {
    let place = Place::new();
    let dir = place.run();
    let log = fs::read(dir.events()).expect("reads");
    hostile("events", 300, &[log], |bytes| {
        place.put("run/events.jsonl", bytes);
        let Ok((state, records)) = RunState::fold(&mut Follower::new(dir.events())) else { return false };
        let mut curves = Curves::default();
        for record in &records {
            curves.apply(record);
        }
        let _ = (state.summary(), state.status(&dir), state.failure().map(str::len));
        EventLog::open(&dir.events()).is_ok()
    });
}

#[test]
fn the_other_files_of_a_run() {
    let place = Place::new();
    let dir = place.run();
    let state = RunState::read(&dir).expect("reads");
    let run: std::collections::HashMap<_, _> = samples::run().into_iter().collect();
    let of = |name: &str| vec![run[name].clone()];
    hostile("run.toml", 300, &of("run.toml"), |bytes| {
        place.put("run/run.toml", bytes);
        dir.read_run().map(|run| run.config.identity()).is_ok()
    });
    hostile("insight", 300, &of("insight.bin"), |bytes| {
        let path = place.put("run/insight.bin", bytes);
        insight::read_all(&path, &state.insights).is_ok()
    });
    hostile("card", 200, &[br#"{"tags":["good"],"note":"a note"}"#.to_vec()], |bytes| {
        place.put("run/card.json", bytes);
        Card::read(&dir).is_ok()
    });
    hostile("mailbox", 300, &samples::letters(), |bytes| {
        place.put("run/control/1.json", bytes);
        mailbox::collect(&dir.control(), |_| false).is_ok()
    });
    hostile("order", 100, &[samples::order()], |bytes| {
        place.put("suite/order.json", bytes);
        Folder::at(place.at("suite")).read().is_ok()
    });
}

#[test]
fn checkpoints() {
    let place = Place::new();
    let run = samples::run().into_iter().find(|(name, _)| *name == samples::CHECKPOINT).expect("it has one");
    hostile("checkpoint", 150, &[run.1], |bytes| {
        Checkpoint::read(&place.put("run/checkpoints/00000001.safetensors", bytes)).is_ok()
    });
}

#[test]
fn labels_lists_and_rankings() {
    let place = Place::new();
    let dataset = place.images();
    let dir = place.run();
    let indices = |text: &str| text.as_bytes().to_vec();
    hostile("labels", 300, &[indices("[0, 3]"), indices("0\n3\n"), indices("index,label\n0,0\n")], |bytes| {
        let path = place.put("labels.json", bytes);
        let _ = file::read(&path, &dataset);
        true
    });
    hostile("labels.json", 200, &[fs::read(dir.labels()).expect("reads")], |bytes| {
        place.put("run/labels.json", bytes);
        let _ = recorded::read_of(&dir, &dataset);
        true
    });
    hostile("answers", 300, &[indices("path,label\na.png,cat\nb.png,\"a \"\"dog\"\"\"\n")], |bytes| {
        log::rows_of(bytes).is_ok()
    });
    hostile(
        "list",
        100,
        &[indices("path,label,split\ntrain/cat/0.png,cat,train\ntrain/dog/1.png,dog,train\ntest/cat/0.png,cat,test\n")],
        |bytes| load("folder", &place.put("images/list.csv", bytes)).is_ok(),
    );
    let ranking = samples::ranking(&dataset);
    ranking.write(&place.at("ranking.json")).expect("written");
    let sample = fs::read(place.at("ranking.json")).expect("reads");
    hostile("ranking", 200, &[sample], |bytes| Ranking::read(&place.put("ranking.json", bytes)).is_ok());
}

#[test]
fn data_sets() {
    let place = Place::new();
    let [images, labels] = samples::idx();
    hostile("idx-images", 500, &[images.clone(), samples::gzip(&images)], |bytes| {
        idx::decode(idx::File { name: "i", bytes }, idx::File { name: "l", bytes: &labels }, 2).is_ok()
    });
    hostile("idx-labels", 500, &[labels.clone(), samples::gzip(&labels)], |bytes| {
        idx::decode(idx::File { name: "i", bytes: &images }, idx::File { name: "l", bytes }, 2).is_ok()
    });
    for (version, name) in [(cifar10::VERSION, "cifar10"), (cifar100::VERSION, "cifar100")] {
        hostile(name, 300, &[samples::cifar(version.labels.len())], |bytes| version.decode(bytes, 2).is_ok());
    }
    let golden = |name: &str| fs::read(samples::root().join("tests/golden/svhn").join(name)).expect("reads");
    for name in ["train_32x32.mat", "test_32x32.mat"] {
        place.put(&format!("svhn/{name}"), &golden(name));
    }
    hostile("svhn", 150, &[golden("test_32x32.mat")], |bytes| {
        place.put("svhn/test_32x32.mat", bytes);
        load("svhn", &place.at("svhn")).is_ok()
    });
}

#[test]
fn stl_10() {
    let place = Place::new();
    let files = samples::stl10();
    for (name, whole) in &files {
        for (name, bytes) in &files {
            place.put(&format!("stl10/{name}"), bytes);
        }
        hostile(&format!("stl10-{name}"), 40, std::slice::from_ref(whole), |bytes| {
            place.put(&format!("stl10/{name}"), bytes);
            load("stl10", &place.at("stl10")).is_ok()
        });
    }
}

#[test]
fn folders_of_images() {
    let place = Place::new();
    place.images();
    hostile("folder", 100, &[samples::png(1), samples::png(2)], |bytes| {
        place.put("images/train/cat/0.png", bytes);
        let _ = load("folder", &place.at("images"));
        true
    });
}
