//! What is chosen from lists and typed in the browser of label sets: classes, orders, what a set starts from, its name, and
//! what a run or a race is launched with.

use std::path::{Path, PathBuf};

use clap::ValueEnum as _;
use fixmatch::config::{Metric, Pick, RunConfig};
use fixmatch::labels::pick;
use fixmatch::labels::published::PUBLISHED;
use fixmatch::labels::saved::{self, Overwrite, Saved};

use super::{Access, App, Choice, Confirm, Dialog, Purpose, Tone};
use crate::console::browser::{Base, Browser, Start};
use crate::console::chooser::{Ask, Chooser, Item};
use crate::console::chosen::Chosen;
use crate::console::form::Draft;
use crate::console::home::{Listing, PresetRow};
use crate::console::keys::{Action, Place};
use crate::console::shelf::Row;
use crate::console::tasks::{Contestant, WorldTask};
use crate::words::labels::recipe_words;
use crate::words::numbers::{grouped, plural};

/// Settings of a run that say which images are labeled, which another label set takes the place of.
fn picks_labels(setting: &str) -> bool {
    ["pick", "by", "ranking", "indices", "seed", "per_class"].iter().any(|key| {
        setting.strip_prefix("labels.").and_then(|rest| rest.strip_prefix(key)).is_some_and(|it| it.starts_with('='))
    })
}

impl App {
    pub(super) fn choose_class(&mut self) {
        let Some(browser) = &self.browser else { return };
        let Some(atlas) = browser.atlas() else { return };
        let counts = atlas.dataset.train.class_counts(atlas.dataset.classes.len());
        let item = |text: &str, n: usize, class| {
            let (text, note) = (text.to_owned(), plural(n as u64, "image"));
            Item { text, note, value: Choice::Class(class) }
        };
        let all = item("all classes", atlas.dataset.train.n(), None);
        let classes = atlas.dataset.classes.iter().zip(counts).enumerate();
        let items = std::iter::once(all).chain(classes.map(|(class, (name, n))| item(name, n, Some(class)))).collect();
        let at = browser.class.map_or(0, |class| class + 1);
        self.choose(Chooser::new("class", items, at));
    }

    pub(super) fn choose_order(&mut self) {
        let Some(browser) = &self.browser else { return };
        let Some(atlas) = browser.atlas() else { return };
        let here = atlas.orders.iter().enumerate().map(|(i, listed)| {
            let ranking = &listed.order.ranking;
            let note = format!("{}; {}", recipe_words(&ranking.rank), ranking.made.run);
            Item { text: ranking.rank.by.to_string(), note, value: Choice::Order(i) }
        });
        let is_missing = |by: &Metric| !atlas.orders.iter().any(|listed| listed.order.ranking.rank.by == *by);
        let missing = Metric::value_variants().iter().filter(|by| is_missing(by)).map(|&by| {
            let labels = if by.needs_labels() { "needs all labels" } else { "needs no labels" };
            let note = format!("not made yet, {labels}: enter has a run make it");
            Item { text: by.to_string(), note, value: Choice::Make(by) }
        });
        let items = here.chain(missing).collect();
        let at = browser.order.unwrap_or(0);
        self.choose(Chooser::new("order", items, at));
    }

    pub(super) fn choose_start(&mut self) {
        let Some(browser) = &self.browser else { return };
        let Some(atlas) = browser.atlas() else { return };
        let n = browser.per_class;
        let pick = |text: String, note: &str, pick: Pick| Item {
            text,
            note: note.to_owned(),
            value: Choice::Start(Start::Pick(pick)),
        };
        let mut items = Vec::new();
        if let Some(listed) = browser.listed() {
            let by = format!("by {}", listed.order.ranking.rank.by);
            items.push(pick(format!("most representative, {n} of each class"), &by, Pick::MostRepresentative));
            items.push(pick(format!("middle, {n} of each class"), &by, Pick::Quantile(0.5)));
            items.push(pick(format!("least representative, {n} of each class"), &by, Pick::LeastRepresentative));
            if listed.order.ranking.clusters.is_some() {
                let text = format!("typical, {} in all", grouped(u64::from(n) * atlas.dataset.classes.len() as u64));
                items.push(pick(text, "the most typical image of each cluster", Pick::Typical));
            }
        }
        items.push(pick(format!("random, {n} of each class"), "another draw each time", Pick::Random));
        items.push(pick("all".into(), "every image whose class is known", Pick::All));
        items.extend(self.saved_sets(&atlas.dataset.digest).map(|saved| {
            let picked = saved.header.picked.clone().unwrap_or_default();
            pick(format!("saved: {}", saved.name), &format!("{}; {picked}", plural(saved.n as u64, "image")), {
                Pick::File(saved.path.clone())
            })
        }));
        if atlas.dataset.name == "cifar10" {
            items.extend(
                (1..=5).map(|fold| pick(format!("fold {fold} of the paper, {n} of each class"), "", Pick::Fold(fold))),
            );
            items.extend(
                PUBLISHED.iter().rev().map(|set| pick(set.name.into(), set.about, Pick::Published(set.name.into()))),
            );
        }
        if let Listing::Read(rows) = &self.home.runs {
            items.extend(rows.iter().map(|row| Item {
                text: format!("run: {}", row.dir.id()),
                note: String::new(),
                value: Choice::Start(Start::Run(row.dir.clone())),
            }));
        }
        items.push(Item {
            text: "something else".into(),
            note: "typed, as labels.pick has it".into(),
            value: Choice::Type,
        });
        items.push(Item { text: "nothing".into(), note: "an empty set".into(), value: Choice::Start(Start::Empty) });
        self.choose(Chooser::new("start the label set from", items, 0));
    }

    /// The saved sets of a data set.
    fn saved_sets<'a>(&'a self, digest: &'a str) -> impl Iterator<Item = &'a Saved> {
        self.shelf.rows().iter().filter_map(move |row| match row {
            Row::Set(saved) if saved.header.digest.as_deref() == Some(digest) => Some(saved),
            Row::Set(_) | Row::Data { .. } => None,
        })
    }

    pub(super) fn begin_start(&mut self, start: Start) {
        let Some(browser) = &mut self.browser else { return };
        if start == Start::Empty {
            browser.chosen = Chosen::default();
            return;
        }
        let Some(atlas) = browser.atlas().cloned() else { return };
        let (order, per_class, seed) = (browser.order, browser.per_class, browser.seed);
        if start == Start::Pick(Pick::Random) {
            browser.seed += 1; // another draw each time
        }
        self.tasks.world.push(WorldTask::Start { atlas, order, start, per_class, seed });
    }

    pub(super) fn ask_for_name(&mut self, then_launch: bool) {
        let Some(browser) = &self.browser else { return };
        let Some(set) = browser.chosen.set() else {
            let marks = self.hint(Action::Mark, ": ", " marks images");
            let starts = self.hint(Action::From, ", ", " starts it from a pick");
            return self.say(Tone::Error, format!("the label set is empty{marks}{starts}"));
        };
        if let Some(error) = browser.atlas().and_then(|atlas| set.ensure_all_classes(&atlas.dataset).err()) {
            let marks = self.hint(Action::Mark, "; ", " marks images");
            return self.say(Tone::Error, format!("{error}{marks}"));
        }
        let name = browser.chosen.saved.as_ref().map_or_else(|| browser.suggested_name(), |(name, _)| name.clone());
        let hint = "letters, digits, -, _ and .; a preset loads it with labels.pick = \"file:…\"";
        self.ask(Ask::new("save the label set as", hint, name, Purpose::Save { then_launch }));
    }

    pub(super) fn launch_set(&mut self) {
        let Some(browser) = &self.browser else { return };
        if browser.chosen.is_changed || browser.chosen.saved.is_none() {
            return self.ask_for_name(true);
        }
        let n_classes = browser.atlas().map_or(1, |atlas| atlas.dataset.classes.len());
        let items = self.bases(browser.chosen.indices.len() as f64 / n_classes as f64);
        let items = items.into_iter().map(|(text, note, base)| Item { text, note, value: Choice::Launch(base) });
        self.choose_base("launch it with the preset", items.collect());
    }

    pub(super) fn choose_race(&mut self) {
        let Some(browser) = &self.browser else { return };
        let (Some(atlas), Some(listed)) = (browser.atlas(), browser.listed()) else {
            let makes = self.hint(Action::Ranking, ": ", " makes one");
            return self.say(Tone::Error, format!("a race needs an order{makes}"));
        };
        let ranking = &listed.order.ranking;
        if let Err(error) =
            pick::by_ranking(&atlas.dataset, ranking, browser.per_class as usize, &Pick::MostRepresentative)
        {
            let fewer = self.hint(Action::Less, "; ", " takes fewer");
            return self.say(Tone::Error, format!("{error:#}{fewer}"));
        }
        let title = format!("most against least by {}, {} of each class, with", ranking.rank.by, browser.per_class);
        let items = self.bases(browser.per_class.into());
        let items = items.into_iter().map(|(text, note, base)| Item { text, note, value: Choice::Race(base) });
        self.choose_base(&title, items.collect());
    }

    fn choose_base(&mut self, title: &str, items: Vec<Item<Choice>>) {
        if items.is_empty() {
            let text = "no preset is for this data set: open the browser from a preset of yours, or from a run of one";
            return self.say(Tone::Error, text.into());
        }
        self.choose(Chooser::new(title, items, 0));
    }

    /// What a run on this data set can be launched with; after the one that it was opened from, first what has so many labels
    /// of each class.
    fn bases(&self, per_class: f64) -> Vec<(String, String, Base)> {
        let Some(browser) = &self.browser else { return Vec::new() };
        let own = browser.opening.base.iter().map(|base| {
            let note =
                if base.settings.is_empty() { String::new() } else { format!("with {}", base.settings.join(" ")) };
            (base.preset.name.clone(), note, base.clone())
        });
        let is_same = |name: &str| browser.opening.base.as_ref().is_some_and(|base| base.preset.name == name);
        let is_of_data = |config: &RunConfig| config.data.dataset == browser.opening.data.dataset;
        let fits = |row: &PresetRow| f64::from(row.config.labels.per_class) == per_class;
        let others = self.home.presets.iter().filter(|row| is_of_data(&row.config) && !is_same(&row.preset.name));
        let mut others: Vec<_> = others.collect();
        others.sort_by_key(|row| !fits(row));
        let others = others.into_iter().map(|row| {
            let base = Base { preset: row.preset.clone(), settings: Vec::new() };
            let mark = if fits(row) { "✓" } else { " " };
            let note = format!("{mark} {}/class  {}", row.config.labels.per_class, row.config.title);
            (row.preset.name.clone(), note, base)
        });
        own.chain(others).collect()
    }

    /// A line of a list was chosen.
    pub(super) fn chosen(&mut self, choice: Choice) {
        let Some(browser) = &mut self.browser else { return };
        match choice {
            Choice::Class(class) => browser.show_class(class),
            Choice::Order(order) => browser.show_order(order),
            Choice::Make(by) => {
                let data = browser.opening.data.clone();
                self.drive(WorldTask::Rank(data, by), "starting a run that makes the order…");
            }
            Choice::Start(start) => self.begin_start(start),
            Choice::Type => {
                let hint = "random, most-representative, quantile:Q, published:NAME, fold:N, file:PATH";
                self.ask(Ask::new("start the label set from", hint, String::new(), Purpose::Start));
            }
            Choice::Launch(base) => self.draft_run(&base),
            Choice::Race(base) => self.dialog = Some(Dialog::Confirm(Confirm::Race(base))),
        }
    }

    fn drive(&mut self, task: WorldTask, notice: &str) {
        if self.access == Access::ReadOnly {
            return self.say(Tone::Error, "opened with --readonly: this only looks".into());
        }
        self.say(Tone::Info, notice.into());
        self.tasks.world.push(task);
    }

    /// Puts the label set into a preset's values, from where it is launched.
    fn draft_run(&mut self, base: &Base) {
        let Some(browser) = &self.browser else { return };
        let Some((_, path)) = &browser.chosen.saved else { return };
        let pick: String = Pick::File(path.clone()).into();
        let settings = browser.settings(base, vec![format!("labels.pick={pick}")]);
        match base.preset.resolve(&settings) {
            Ok(config) => {
                self.draft = Some(Draft { settings, ..Draft::new(&base.preset, &config) });
                self.place = Place::Preset;
            }
            Err(error) => self.say(Tone::Error, format!("{error:#}")),
        }
    }

    pub(super) fn start_race(&mut self, base: &Base) {
        let Some(browser) = &self.browser else { return };
        let Some(listed) = browser.listed() else { return };
        let order = &listed.order;
        let contestant = |pick: Pick, end: &str| {
            let pick = format!("labels.pick={}", String::from(pick));
            let n = format!("labels.per_class={}", browser.per_class);
            let by = format!("labels.by={}", order.ranking.rank.by);
            let file = format!("labels.ranking={}", order.path.display());
            Contestant {
                name: format!("{end}-{}", base.preset.name),
                preset: base.preset.clone(),
                settings: browser.settings(base, vec![n, pick, by, file]),
            }
        };
        let contestants =
            [contestant(Pick::MostRepresentative, "most"), contestant(Pick::LeastRepresentative, "least")];
        self.drive(WorldTask::Race(Box::new(contestants)), "starting two workers…");
    }

    /// A line was typed; returns why it cannot be.
    pub(super) fn answered(&mut self, text: &str, purpose: &Purpose) -> Result<(), String> {
        if let Purpose::ChangeValue(_) | Purpose::MoveChange(_) = purpose {
            return self.answered_change(text, purpose);
        }
        let Some(browser) = &mut self.browser else { return Ok(()) };
        let Some(atlas) = browser.atlas().cloned() else { return Ok(()) };
        match purpose {
            Purpose::GoTo => {
                let n = atlas.dataset.train.n();
                let index: u32 = text.parse().map_err(|_| format!("{text:?} is not a number"))?;
                if index as usize >= n {
                    return Err(format!("there is no training image {index}: they go from 0 to {}", n - 1));
                }
                let was_open = browser.opened.take().is_some();
                browser.go_to(index);
                if was_open {
                    let by_pixels = browser.open(index).then_some(index);
                    self.find_nearest(by_pixels);
                }
            }
            Purpose::Start => {
                let pick = Pick::try_from(text.to_owned())?;
                self.begin_start(Start::Pick(pick));
            }
            Purpose::ChangeValue(_) | Purpose::MoveChange(_) => {}
            Purpose::Save { then_launch } => {
                let Some(set) = browser.chosen.set() else { return Ok(()) };
                saved::path_of(Path::new(""), text).map_err(|error| error.to_string())?;
                let is_own = browser.chosen.saved.as_ref().is_some_and(|(name, _)| name == text);
                let overwrite = if is_own { Overwrite::Yes } else { Overwrite::No };
                let (name, how) = (text.to_owned(), browser.chosen.how());
                self.tasks.world.push(WorldTask::SaveSet {
                    atlas,
                    name,
                    set,
                    how,
                    overwrite,
                    then_launch: *then_launch,
                });
            }
        }
        Ok(())
    }

    /// A set was saved.
    pub(super) fn set_saved(&mut self, name: &str, path: PathBuf, then_launch: bool) {
        let Some(browser) = &mut self.browser else { return };
        browser.chosen.is_changed = false;
        browser.chosen.saved = Some((name.to_owned(), path));
        self.tasks.world.push(WorldTask::Shelf);
        let lists = self.offer(Place::Home, Action::Browse, ("; ", " on the home screen lists it"));
        let launches = self.hint(Action::Launch, ", ", " launches a run from it");
        self.say(Tone::Info, format!("saved as {name}{lists}{launches}"));
        if then_launch {
            self.launch_set();
        }
    }
}

impl Browser {
    /// What a run is changed by: what its base is, but for its labels, where the images are, and these.
    fn settings(&self, base: &Base, labels: Vec<String>) -> Vec<String> {
        let mut settings = base.settings.clone();
        settings.retain(|setting| !picks_labels(setting));
        let data = self.data_settings().into_iter().filter(|setting| !base.settings.contains(setting));
        settings.extend(data);
        settings.extend(labels);
        settings
    }
}
