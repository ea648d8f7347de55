//! The world outside of the screen: what the console asks of it ([`WorldTask`]), and what it hears ([`News`]).
//!
//! Whatever may take a moment (a disk, a network, a worker that starts) happens in a thread of its own and ends as news.
//! Nothing here knows what is on the screen.

mod following;
pub mod labeling;
mod labels;
mod presets;
pub mod remembered;
mod suites;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Result;
use fixmatch::base::dirs;
use fixmatch::compare::saved as expressions;
use fixmatch::config::Data;
use fixmatch::config::preset::Preset;
use fixmatch::data::download::{Client, Progress};
use fixmatch::data::nearest::nearest;
use fixmatch::data::{self, DATASETS, Descriptor, Place, fetch};
use fixmatch::labels::ranking::N_NEIGHBORS;
use fixmatch::labels::saved;
use fixmatch::plan::{self, Plan};
use fixmatch::run::amend::amend;
use fixmatch::run::card::{Card, Edit};
use fixmatch::run::change::Request;
use fixmatch::run::dir::RunDir;
use fixmatch::run::event::Event;
use fixmatch::run::fork::Fork;
use fixmatch::run::insight::{InsightReader, Pointer, Record};
use fixmatch::run::launch::{Worker, check as check_launch, launch, log_tail};
use fixmatch::run::mailbox;
use fixmatch::run::state::{RunState, Status};
use fixmatch::run::survey::Row;
use fixmatch::suite::standing::Standing;
use tokio::sync::mpsc::UnboundedSender;

use super::machine::{Machine, Watch};
use super::screens::browser::Base;
use super::screens::browser::atlas::Atlas;
use super::screens::home::groups::OwnPresets;
use super::screens::home::{DataState, Listing};
use super::screens::label_sets;
use super::screens::predictions;
use super::screens::run::Reading;
use super::screens::samples::Sheet;
use super::screens::suite::Study;
use super::tasks::{SuiteTask, WorldTask};
use crate::words::events::sentence;
use following::{Following, follow_together};
pub use following::{read_beside, read_run};
pub use labeling::{DeskNews, LabelNews};
pub use labels::Started;
use suites::Suites;

/// How often a run's log is read: a screen that moves four times a second is lively, and cheap over a slow link.
const FOLLOW: Duration = Duration::from_millis(250);

/// How often the list of runs is looked at.
const SURVEY: Duration = Duration::from_secs(1);

/// How often the machine is looked at.
const MACHINE: Duration = Duration::from_secs(2);

/// Something that happened outside.
#[derive(Debug)]
pub enum News {
    /// The runs as they are.
    Runs(Listing),
    /// The machine, as it stands.
    Machine(Machine),
    /// What is new in the run that is followed.
    Run(RunDir, Box<Reading>),
    /// A run was made and its worker is on its way, or not.
    Launched(Result<RunDir, String>),
    /// What was found out on the way, in a sentence.
    Told(String),
    /// A worker that this console started has ended badly.
    Died(RunDir, String),
    /// A request is in the mailbox under this id, or cannot be put there.
    Posted(RunDir, Request, Result<String, String>),
    /// What was changed of a run without a worker, or why nothing was.
    Amended(Result<String, String>),
    /// A worker is on its way to a run that had none, or not.
    Resumed(Result<RunDir, String>),
    /// Runs are in the trash, in these places; others cannot be moved there.
    Trashed {
        /// Those that are.
        kept: Vec<(RunDir, PathBuf)>,
        /// Why others are not.
        failed: Vec<String>,
    },
    /// Runs are back from these places in the trash; others cannot be moved.
    Restored {
        /// Those that are.
        kept: Vec<(RunDir, PathBuf)>,
        /// Why others are not.
        failed: Vec<String>,
    },
    /// A label set is in the trash, or cannot be moved there.
    Discarded(Result<PathBuf, String>),
    /// Where a data set is.
    Data(String, DataState),
    /// A data set was fetched, or not.
    Fetched(String, Result<(), String>),
    /// What a run's network says of its unlabeled images, as far as it is known.
    Predicted(RunDir, predictions::Loading),
    /// A run's labeled images, or why not.
    Samples(RunDir, Result<Sheet, String>),
    /// Records of a run, or why they cannot be read.
    Records(RunDir, Vec<(Pointer, Result<Record, String>)>),
    /// The images that a run follows, or why not.
    Followed(RunDir, Result<Sheet, String>),
    /// The suites, as they stand.
    Suites(Vec<Arc<Study>>),
    /// What came of something that a suite's queue was asked for.
    Asked(Result<String, String>),
    /// The presets of one's own, as they are.
    Own(Box<OwnPresets>),
    /// What label sets there are to browse.
    LabelSets(Result<Vec<label_sets::Row>, String>),
    /// A data set with its orders.
    Atlas(Data, Result<Arc<Atlas>, String>),
    /// The preset that a run was made of, if it is still there.
    Base(Box<Base>),
    /// A label set with how it was picked and, if it is a saved one, its name and file.
    Start(Result<Started, String>),
    /// A label set is saved in this file, or not.
    SetSaved {
        /// Its name.
        name: String,
        /// Whether a run is to be launched from it.
        then_launch: bool,
        /// Its file.
        saved: Result<PathBuf, String>,
    },
    /// The images nearest to one by their pixels.
    Nearest(u32, Vec<u32>),
    /// Two runs were made and their workers are on their way, or not.
    Raced(Result<[RunDir; 2], String>),
    /// What happened to images that are labeled.
    Label(LabelNews),
}

/// Does what is asked, in threads.
pub struct World {
    runs: PathBuf,
    news: UnboundedSender<News>,
    /// Has the runs looked at without delay.
    looks: Sender<()>,
    /// Whether the runs that are followed are still wanted.
    followed: Arc<AtomicBool>,
}

impl World {
    /// Begins to look at the runs in a folder and at which data sets are here.
    pub fn new(runs: PathBuf, news: UnboundedSender<News>) -> Self {
        let (looks, asked) = channel();
        let world = Self { runs: runs.clone(), news, looks, followed: Arc::default() };
        world.spawn("survey", move |news| survey(&runs, &asked, &news));
        world.spawn("machine", |news| watch_machine(&news));
        world.spawn("presets", |news| presets::watch(&news));
        world.spawn("data", |news| {
            for state in data_states() {
                let _ = news.send(state);
            }
        });
        world
    }

    /// Does what is asked, or begins to.
    pub fn begin(&mut self, task: WorldTask) {
        match task {
            WorldTask::Follow(dirs) => self.follow(dirs),
            WorldTask::Launch(preset, settings) => {
                let runs = self.runs.clone();
                self.spawn("launch", move |news| {
                    let plan = Plan::of(&preset, settings);
                    let told = plan.as_ref().map_or_else(|_| Vec::new(), told);
                    let made = plan.and_then(|plan| plan.make(&runs));
                    let Some((dir, mut child)) = started(made, &news, News::Launched) else { return };
                    if !told.is_empty() {
                        let _ = news.send(News::Told(told.join("; ")));
                    }
                    stay_until_it_ends(dir, &mut child, &news);
                });
            }
            WorldTask::Fork(dir, until, settings) => {
                let runs = self.runs.clone();
                self.spawn("fork", move |news| start(forked(&dir, until, &settings, &runs), &news, News::Launched));
            }
            WorldTask::Resume(dir) => self.spawn("resume", move |news| start(Ok(dir), &news, News::Resumed)),
            WorldTask::Post(dir, request) => self.spawn("post", move |news| {
                let posted = mailbox::post(&dir.control(), request).map_err(|error| in_one_line(&error));
                let _ = news.send(News::Posted(dir, request, posted));
            }),
            WorldTask::Amend(dir, requests) => self.spawn("amend", move |news| {
                let _ = news.send(News::Amended(amended(&dir, &requests).map_err(|error| in_one_line(&error))));
            }),
            WorldTask::Write(dirs, edit) => self.write(dirs, edit),
            WorldTask::SaveExpression(name, text) => self.save_expression(name, text),
            WorldTask::Discard(dirs) => self.spawn("discard", move |news| {
                let moved =
                    |dir: RunDir| dir.discard().map(|to| (dir.clone(), to)).map_err(|error| of_run(&dir, &error));
                let (kept, failed) = apart(dirs.into_iter().map(moved));
                let _ = news.send(News::Trashed { kept, failed });
            }),
            WorldTask::Restore(trashed) => self.spawn("restore", move |news| {
                let restored = |dir: &RunDir, from: &Path| dir.restore(from).map_err(|error| of_run(dir, &error));
                let moved = |(dir, from): (RunDir, PathBuf)| restored(&dir, &from).map(|()| (dir, from));
                let (kept, failed) = apart(trashed.into_iter().map(moved));
                let _ = news.send(News::Restored { kept, failed });
            }),
            WorldTask::Fetch(name) => self.spawn("fetch", move |news| fetch_data(&name, &news)),
            WorldTask::Samples(dir) => self.spawn("samples", move |news| {
                let sheet = Sheet::read(&dir).map_err(|error| in_one_line(&error));
                let _ = news.send(News::Samples(dir, sheet));
            }),
            WorldTask::Predict(dir) => self.spawn("predict", move |news| predict(dir, &news)),
            WorldTask::Records(dir, pointers) => self.spawn("insight", move |news| {
                let _ = news.send(read_records(dir, pointers));
            }),
            WorldTask::Followed(dir, indices) => self.spawn("images", move |news| {
                let sheet = Sheet::of(&dir, &indices).map_err(|error| in_one_line(&error));
                let _ = news.send(News::Followed(dir, sheet));
            }),
            WorldTask::Remember(dir, seen) => remembered::remember_seen(&dir, seen),
            WorldTask::Suite(name, task) => self.ask_suite(name, task),
            WorldTask::RememberFolds(folds) => remembered::remember_folds(&folds),
            WorldTask::RememberList(list) => remembered::remember_list(&list),
            WorldTask::LabelSets => {
                self.spawn("label-sets", |news| drop(news.send(News::LabelSets(labels::label_sets()))));
            }
            WorldTask::Atlas(data) => self.spawn("images", move |news| {
                let atlas = Atlas::read(&data).map(Arc::new).map_err(|error| in_one_line(&error));
                let _ = news.send(News::Atlas(data, atlas));
            }),
            WorldTask::Base(preset, settings) => self.spawn("preset", move |news| {
                // a preset that is gone, or that made a ranking, is none to launch from
                if let Ok(preset) = Preset::find(&preset) {
                    let _ = news.send(News::Base(Box::new(Base { preset, settings })));
                }
            }),
            WorldTask::Start { atlas, order, start, per_class, seed } => self.spawn("pick", move |news| {
                let started = labels::start(&atlas, order, &start, per_class, seed);
                let _ = news.send(News::Start(started.map_err(|error| in_one_line(&error))));
            }),
            WorldTask::SaveSet { atlas, name, set, how, overwrite, then_launch } => self.spawn("save", move |news| {
                let saved = dirs::label_sets_dir()
                    .and_then(|folder| saved::save(&folder, &name, &set, &atlas.dataset, &how, overwrite));
                let saved = saved.map_err(|error| in_one_line(&error));
                let _ = news.send(News::SetSaved { name, then_launch, saved });
            }),
            WorldTask::DiscardSet(path) => self.spawn("discard", move |news| {
                let _ = news.send(News::Discarded(saved::discard(&path).map_err(|error| in_one_line(&error))));
                let _ = news.send(News::LabelSets(labels::label_sets()));
            }),
            WorldTask::Nearest(atlas, index) => self.spawn("nearest", move |news| {
                let near = nearest(&atlas.dataset.train, index, N_NEIGHBORS);
                let _ = news.send(News::Nearest(index, near));
            }),
            WorldTask::Rank(data, by) => {
                let runs = self.runs.clone();
                self.spawn("rank", move |news| labels::rank(&runs, &data, by, &news));
            }
            WorldTask::OpenLabels(request) => self.spawn("labels", move |news| labeling::open(&request, &news)),
            WorldTask::Label(desk, task) => self.spawn("label", move |news| labeling::follow(&desk, task, &news)),
            WorldTask::Race(contestants) => {
                let runs = self.runs.clone();
                self.spawn("race", move |news| labels::race(&runs, *contestants, &news));
            }
        }
    }

    fn write(&self, dirs: Vec<RunDir>, edit: Edit) {
        let looks = self.looks.clone();
        self.spawn("write", move |news| {
            let wrote = |dir: RunDir| write(&dir, &edit).map_err(|error| of_run(&dir, &error));
            let (_, failed) = apart(dirs.into_iter().map(wrote));
            let _ = looks.send(()); // so that it is seen at once
            if !failed.is_empty() {
                let _ = news.send(News::Asked(Err(failed.join("; "))));
            }
        });
    }

    fn save_expression(&self, name: String, text: String) {
        self.spawn("save", move |news| {
            let saved = expressions::save(&name, &text);
            let told = saved.map(|()| format!("@{name} stands for {text}, here and in `fixmatch runs @{name}`"));
            let _ = news.send(News::Asked(told.map_err(|error| in_one_line(&error))));
        });
    }

    fn ask_suite(&self, name: String, task: SuiteTask) {
        let (runs, looks) = (self.runs.clone(), self.looks.clone());
        self.spawn("suite", move |news| {
            let asked = suites::ask(&runs, &name, task).map_err(|error| in_one_line(&error));
            let _ = looks.send(()); // so that it is seen at once
            let _ = news.send(News::Asked(asked));
        });
    }

    fn follow(&mut self, mut dirs: Vec<RunDir>) {
        self.followed.store(false, Ordering::Relaxed);
        let wanted = Arc::new(AtomicBool::new(true));
        self.followed = wanted.clone();
        self.spawn("follow", move |news| match dirs.pop() {
            Some(dir) if dirs.is_empty() => Following::new(dir).run(&wanted, &news),
            Some(last) => {
                dirs.push(last);
                follow_together(dirs, &wanted, &news);
            }
            None => {}
        });
    }

    fn spawn(&self, name: &str, body: impl FnOnce(UnboundedSender<News>) + Send + 'static) {
        let news = self.news.clone();
        // Without a thread nothing comes of the task; a machine that has none left has other worries.
        let _ = thread::Builder::new().name(name.into()).spawn(move || body(news));
    }
}

/// An error as one line of a screen.
pub fn in_one_line(error: &anyhow::Error) -> String {
    super::text::clean(&format!("{error:#}"))
}

/// Asks a run's network, and tells how far that is now and then.
fn predict(dir: RunDir, news: &UnboundedSender<News>) {
    let mut told_at = Instant::now();
    let asked = predictions::Sheet::read(&dir, |n, of| {
        if n == 1 || told_at.elapsed() > FOLLOW {
            told_at = Instant::now();
            let _ = news.send(News::Predicted(dir.clone(), predictions::Loading::Asking(n, of)));
        }
    });
    let come = asked.map(Box::new).map_err(|error| in_one_line(&error));
    let _ = news.send(News::Predicted(dir, come.map_or_else(predictions::Loading::Failed, predictions::Loading::Read)));
}

/// Writes something on a run.
fn write(dir: &RunDir, edit: &Edit) -> Result<()> {
    Card::change(dir, |card| card.edit(edit)).map(drop)
}

/// Tells of the runs and of the suites, each time that something about them changed.
fn survey(runs: &Path, asked: &Receiver<()>, news: &UnboundedSender<News>) {
    let mut standing = Standing::new(runs);
    let (mut last, mut last_suites) = (None, None);
    let (mut suites, mut is_asked) = (None, false);
    loop {
        let rows = standing.survey().map(<[Row]>::to_vec).map_err(|error| in_one_line(&error));
        if last.as_ref() != Some(&rows) {
            last = Some(rows.clone());
            let listing = rows.map_or_else(Listing::Unreadable, Listing::Read);
            if news.send(News::Runs(listing)).is_err() {
                return;
            }
        }
        let suites = suites.get_or_insert_with(|| Suites::new(runs));
        if is_asked {
            suites.hurry();
        }
        let found = suites.look(&mut standing);
        if last_suites.as_ref() != Some(&found) {
            last_suites = Some(found.clone());
            if news.send(News::Suites(found)).is_err() {
                return;
            }
        }
        standing.save();
        let heard = asked.recv_timeout(SURVEY);
        if heard == Err(RecvTimeoutError::Disconnected) {
            return;
        }
        is_asked = heard.is_ok();
    }
}

fn watch_machine(news: &UnboundedSender<News>) {
    let watch = Watch::new();
    let mut last = None;
    loop {
        let machine = watch.look();
        if last.as_ref() != Some(&machine) && news.send(News::Machine(machine.clone())).is_err() {
            return;
        }
        last = Some(machine);
        thread::sleep(MACHINE);
    }
}

fn whereabouts(descriptor: &Descriptor) -> DataState {
    let Ok(data_dir) = dirs::data_dir() else { return DataState::Unknown };
    let place = Place::usual(&data_dir);
    match (descriptor.find)(&place) {
        Some(_) => DataState::Here,
        None if descriptor.downloads.is_empty() => DataState::Nowhere,
        None => DataState::Missing(descriptor.downloads.iter().map(|download| download.n_bytes).sum()),
    }
}

/// What was done, and why the rest was not.
fn apart<T>(outcomes: impl Iterator<Item = Result<T, String>>) -> (Vec<T>, Vec<String>) {
    let (mut done, mut failed) = (Vec::new(), Vec::new());
    for outcome in outcomes {
        match outcome {
            Ok(it) => done.push(it),
            Err(error) => failed.push(error),
        }
    }
    (done, failed)
}

fn of_run(dir: &RunDir, error: &anyhow::Error) -> String {
    super::text::clean(&format!("{}: {error:#}", dir.id()))
}

/// Starts a worker, says how that went, stays until it ends, and says so if it ended without a word.
fn start(made: Result<RunDir>, news: &UnboundedSender<News>, says: fn(Result<RunDir, String>) -> News) {
    if let Some((dir, mut child)) = started(made, news, says) {
        stay_until_it_ends(dir, &mut child, news);
    }
}

/// A run with its worker on its way, which is said, or why not.
fn started(
    made: Result<RunDir>,
    news: &UnboundedSender<News>,
    says: fn(Result<RunDir, String>) -> News,
) -> Option<(RunDir, Worker)> {
    let launched = made.and_then(|dir| launch(&dir, None).map(|child| (dir, child)));
    let said = launched.as_ref().map(|(dir, _)| dir.clone()).map_err(in_one_line);
    let _ = news.send(says(said));
    launched.ok()
}

/// What there is to say of a run that is launched: first what is odd about it.
fn told(plan: &Plan) -> Vec<String> {
    plan.warnings()
        .into_iter()
        .map(|warning| format!("warning: {warning}"))
        .chain(plan.read().map(Into::into))
        .collect()
}

fn stay_until_it_ends(dir: RunDir, child: &mut Worker, news: &UnboundedSender<News>) {
    let Ok(status) = child.wait() else { return };
    let last = RunState::read(&dir).map(|state| state.status(&dir));
    if !status.success() && !matches!(last, Ok(Status::Failed)) {
        let words = child.last_words();
        let tail = log_tail(&dir.worker_log());
        let silence = if dir.free_bytes() == Some(0) { "its disk is full" } else { "it printed nothing" };
        let tail = tail.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or(silence);
        let tail = words.as_deref().unwrap_or(tail);
        let _ = news.send(News::Died(dir, format!("the worker ended ({status}): {}", super::text::clean(tail))));
    }
}

fn fetch_data(name: &str, news: &UnboundedSender<News>) {
    let coming = |share| drop(news.send(News::Data(name.into(), DataState::Coming(share))));
    let fetched = data::find(name).and_then(|descriptor| {
        let all: u64 = descriptor.downloads.iter().map(|download| download.n_bytes).sum();
        let (mut before, mut of_file, mut shown) = (0, 0, Instant::now());
        coming(0.0);
        let mirror = std::env::var("FIXMATCH_DATA_URL").ok().filter(|url| !url.is_empty());
        fetch::fetch(descriptor, &dirs::data_dir()?, &Client::new(mirror), &mut |progress| match progress {
            Progress::Started { total, .. } => of_file = total,
            Progress::Advanced { done } if shown.elapsed() > FOLLOW => {
                shown = Instant::now();
                coming((before + done) as f64 / all.max(1) as f64);
            }
            Progress::Checking { .. } => before += of_file,
            Progress::Advanced { .. } | Progress::Unpacking { .. } => {}
        })
    });
    let _ = news.send(News::Fetched(name.into(), fetched.map(drop).map_err(|error| in_one_line(&error))));
    if let Ok(descriptor) = data::find(name) {
        let _ = news.send(News::Data(name.into(), whereabouts(descriptor)));
    }
}

/// Records a change of a run that has no worker, and says what came of it.
fn amended(dir: &RunDir, requests: &[Request]) -> Result<String> {
    let (step, records) = amend(dir, requests)?;
    let said = records.iter().filter(|it| !matches!(it.event, Event::Accepted { .. }));
    let said: Vec<_> = said.filter_map(|record| sentence(&record.event)).collect();
    Ok(format!("{}; it goes on at step {step}", said.join("; ")))
}

/// A fork's directory, made after it was checked like any other run's.
fn forked(dir: &RunDir, until: Option<u64>, settings: &[String], runs: &Path) -> Result<RunDir> {
    let fork = Fork::plan_until(dir, until, settings)?;
    check_launch()?;
    plan::check_fork(fork.config(), dir)?;
    fork.make(runs, None)
}

/// Reads records that a run's events name.
pub fn read_records(dir: RunDir, pointers: Vec<Pointer>) -> News {
    let mut reader = InsightReader::open(&dir.insight());
    let read = |pointer: Pointer| {
        let record = match &mut reader {
            Ok(reader) => reader.read(&pointer).map_err(|error| in_one_line(&error)),
            Err(error) => Err(in_one_line(error)),
        };
        (pointer, record)
    };
    let records = pointers.into_iter().map(read).collect();
    News::Records(dir, records)
}

/// Where each data set is.
pub fn data_states() -> Vec<News> {
    DATASETS.iter().map(|descriptor| News::Data(descriptor.name.into(), whereabouts(descriptor))).collect()
}
