//! What is chosen from lists and typed in the browser of label sets: classes, orders, what a set starts from, its name, and
//! what a run or a race is launched with.

use std::path::Path;

use clap::ValueEnum as _;
use fixmatch::config::{Metric, Pick, RunConfig};
use fixmatch::labels::pick;
use fixmatch::labels::published::PUBLISHED;
use fixmatch::labels::saved::{self, Overwrite, Saved};

use super::set::EditedSet;
use super::{Base, Browser, Start};
use crate::console::app::{App, Tone};
use crate::console::dialog::{Ask, Choice, Chooser, Confirm, Dialog, Item, Purpose};
use crate::console::keys::{Access, Action, Place};
use crate::console::screens::home::{Listing, PresetRow};
use crate::console::screens::label_sets::Row;
use crate::console::screens::preset::Draft;
use crate::console::screens::{Go, Screen};
use crate::console::tasks::{Contestant, WorldTask};
use crate::words::labels::recipe_words;
use crate::words::numbers::{grouped, plural};

/// Settings of a run that say which images are labeled, which another label set takes the place of.
fn picks_labels(setting: &str) -> bool {
    ["pick", "by", "ranking", "indices", "seed", "per_class"].iter().any(|key| {
        setting.strip_prefix("labels.").and_then(|rest| rest.strip_prefix(key)).is_some_and(|it| it.starts_with('='))
    })
}

impl Browser {
    pub(super) fn choose_class(&self, app: &mut App) {
        let Some(atlas) = self.atlas() else { return };
        let counts = atlas.dataset.train.class_counts(atlas.dataset.classes.len());
        let item = |text: &str, n: usize, class| {
            let (text, note) = (text.to_owned(), plural(n as u64, "image"));
            Item { text, note, value: Choice::Class(class) }
        };
        let n_unknown = atlas.dataset.train.n() - counts.iter().sum::<usize>();
        let all = item("all classes", atlas.dataset.train.n(), None);
        let classes = atlas.dataset.classes.iter().zip(counts).enumerate();
        let unknown = (n_unknown > 0).then(|| item("not known", n_unknown, Some(atlas.dataset.classes.len())));
        let classes = classes.map(|(class, (name, n))| item(name, n, Some(class)));
        let items = std::iter::once(all).chain(classes).chain(unknown).collect();
        let at = self.class.map_or(0, |class| class + 1);
        app.dialog = Some(Dialog::Choose(Chooser::new("class", items, at)));
    }

    pub(super) fn choose_order(&self, app: &mut App) {
        let Some(atlas) = self.atlas() else { return };
        let here = atlas.orders.iter().enumerate().map(|(i, listed)| {
            let ranking = &listed.order.ranking;
            let note = format!("{}; {}", recipe_words(&ranking.rank), ranking.made.run);
            Item { text: ranking.rank.by.to_string(), note, value: Choice::Order(i) }
        });
        let is_missing = |by: &Metric| !atlas.orders.iter().any(|listed| listed.order.ranking.rank.by == *by);
        let missing = Metric::value_variants().iter().filter(|by| is_missing(by)).map(|&by| {
            let labels = if by.needs_labels() { "needs all labels" } else { "needs no labels" };
            let note = format!("not made yet; {labels}; enter makes it by a run");
            Item { text: by.to_string(), note, value: Choice::Make(by) }
        });
        let items = here.chain(missing).collect();
        let at = self.order.unwrap_or(0);
        app.dialog = Some(Dialog::Choose(Chooser::new("order", items, at)));
    }

    pub(super) fn choose_start(&self, app: &mut App) {
        let Some(atlas) = self.atlas() else { return };
        let n = self.per_class;
        let pick = |text: String, note: &str, pick: Pick| Item {
            text,
            note: note.to_owned(),
            value: Choice::Start(Start::Pick(pick)),
        };
        let mut items = Vec::new();
        if let Some(listed) = self.listed() {
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
        items.extend(saved_sets(app, &atlas.dataset.digest).map(|saved| {
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
        if let Listing::Read(rows) = &app.home.runs {
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
        app.dialog = Some(Dialog::Choose(Chooser::new("start the label set from", items, 0)));
    }

    /// Has a label set picked or read.
    pub fn begin_start(&mut self, start: Start, tasks: &mut Vec<WorldTask>) {
        if start == Start::Empty {
            self.set = EditedSet::default();
            return;
        }
        let Some(atlas) = self.atlas().cloned() else { return };
        let (order, per_class, seed) = (self.order, self.per_class, self.seed);
        if start == Start::Pick(Pick::Random) {
            self.seed += 1; // another draw each time
        }
        tasks.push(WorldTask::Start { atlas, order, start, per_class, seed });
    }

    pub(super) fn ask_for_name(&self, then_launch: bool, app: &mut App) {
        let Some(set) = self.set.label_set() else {
            let marks = hint(app, Action::Mark, ": ", " marks images");
            let starts = hint(app, Action::From, ", ", " starts it from a pick");
            return app.say(Tone::Error, format!("the label set is empty{marks}{starts}"));
        };
        if let Some(error) = self.atlas().and_then(|atlas| set.ensure_all_classes(&atlas.dataset).err()) {
            let marks = hint(app, Action::Mark, "; ", " marks images");
            return app.say(Tone::Error, format!("{error}{marks}"));
        }
        let name = self.set.saved.as_ref().map_or_else(|| self.suggested_name(), |(name, _)| name.clone());
        let hint = "letters, digits, -, _ and .; a preset loads it with labels.pick = \"file:…\"";
        app.dialog = Some(Dialog::Ask(Ask::new("save the label set as", hint, name, Purpose::Save { then_launch })));
    }

    pub(super) fn launch_set(&self, app: &mut App) {
        if self.set.is_changed || self.set.saved.is_none() {
            return self.ask_for_name(true, app);
        }
        let n_classes = self.atlas().map_or(1, |atlas| atlas.dataset.classes.len());
        let items = self.bases(self.set.indices.len() as f64 / n_classes as f64, &app.home.presets);
        let items = items.into_iter().map(|(text, note, base)| Item { text, note, value: Choice::Launch(base) });
        choose_base(app, "launch it with the preset", items.collect());
    }

    pub(super) fn choose_race(&self, app: &mut App) {
        let (Some(atlas), Some(listed)) = (self.atlas(), self.listed()) else {
            let makes = hint(app, Action::Ranking, ": ", " makes one");
            return app.say(Tone::Error, format!("a race needs an order{makes}"));
        };
        let ranking = &listed.order.ranking;
        if let Err(error) =
            pick::by_ranking(&atlas.dataset, ranking, self.per_class as usize, &Pick::MostRepresentative)
        {
            let fewer = hint(app, Action::Less, "; ", " takes fewer");
            return app.say(Tone::Error, format!("{error:#}{fewer}"));
        }
        let title = format!("most against least by {}, {} of each class, with", ranking.rank.by, self.per_class);
        let items = self.bases(self.per_class.into(), &app.home.presets);
        let items = items.into_iter().map(|(text, note, base)| Item { text, note, value: Choice::Race(base) });
        choose_base(app, &title, items.collect());
    }

    /// What a run on this data set can be launched with; after the one that it was opened from, first what has so many labels
    /// of each class.
    fn bases(&self, per_class: f64, presets: &[PresetRow]) -> Vec<(String, String, Base)> {
        let own = self.opening.base.iter().map(|base| {
            let note =
                if base.settings.is_empty() { String::new() } else { format!("with {}", base.settings.join(" ")) };
            (base.preset.name.clone(), note, base.clone())
        });
        let is_same = |name: &str| self.opening.base.as_ref().is_some_and(|base| base.preset.name == name);
        let is_of_data = |config: &RunConfig| config.data.dataset == self.opening.data.dataset;
        let fits = |row: &PresetRow| f64::from(row.config.labels.per_class) == per_class;
        let others = presets.iter().filter(|row| is_of_data(&row.config) && !is_same(&row.preset.name));
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
    pub fn chosen(&mut self, choice: Choice, app: &mut App) -> Go {
        match choice {
            Choice::Class(class) => self.show_class(class),
            Choice::Order(order) => self.show_order(order),
            Choice::Make(by) => {
                let data = self.opening.data.clone();
                drive(app, WorldTask::Rank(data, by), "starting a run that makes the order…");
            }
            Choice::Start(start) => self.begin_start(start, &mut app.tasks.world),
            Choice::Type => {
                let hint = "random, most-representative, quantile:Q, published:NAME, fold:N, file:PATH";
                app.dialog =
                    Some(Dialog::Ask(Ask::new("start the label set from", hint, String::new(), Purpose::Start)));
            }
            Choice::Launch(base) => return self.draft_run(&base, app),
            Choice::Race(base) => app.ask(Confirm::Race(base)),
        }
        Go::Nowhere
    }

    /// Puts the label set into a preset's values, from where it is launched.
    fn draft_run(&self, base: &Base, app: &mut App) -> Go {
        let Some((_, path)) = &self.set.saved else { return Go::Nowhere };
        let pick: String = Pick::File(path.clone()).into();
        let settings = self.settings(base, vec![format!("labels.pick={pick}")]);
        match base.preset.resolve(&settings) {
            Ok(config) => Go::To(Screen::Preset(Box::new(Draft { settings, ..Draft::new(&base.preset, &config) }))),
            Err(error) => {
                app.say(Tone::Error, format!("{error:#}"));
                Go::Nowhere
            }
        }
    }

    /// Launches two runs, after the question.
    pub fn start_race(&self, base: &Base, app: &mut App) -> Go {
        let Some(listed) = self.listed() else { return Go::Nowhere };
        let order = &listed.order;
        let contestant = |pick: Pick, end: &str| {
            let pick = format!("labels.pick={}", String::from(pick));
            let n = format!("labels.per_class={}", self.per_class);
            let by = format!("labels.by={}", order.ranking.rank.by);
            let file = format!("labels.ranking={}", order.path.display());
            Contestant {
                name: format!("{end}-{}", base.preset.name),
                preset: base.preset.clone(),
                settings: self.settings(base, vec![n, pick, by, file]),
            }
        };
        let contestants =
            [contestant(Pick::MostRepresentative, "most"), contestant(Pick::LeastRepresentative, "least")];
        drive(app, WorldTask::Race(Box::new(contestants)), "starting two workers…");
        Go::Nowhere
    }

    /// A line was typed; returns why it cannot be.
    pub fn answered(&mut self, text: &str, purpose: Purpose, app: &mut App) -> Result<(), String> {
        let Some(atlas) = self.atlas().cloned() else { return Ok(()) };
        match purpose {
            Purpose::GoTo => {
                let n = atlas.dataset.train.n();
                let index: u32 = text.parse().map_err(|_| format!("{text:?} is not a number"))?;
                if index as usize >= n {
                    return Err(format!("there is no training image {index}: they go from 0 to {}", n - 1));
                }
                let was_open = self.opened.take().is_some();
                self.go_to(index);
                if was_open {
                    let by_pixels = self.open(index).then_some(index);
                    self.find_nearest(by_pixels, app);
                }
            }
            Purpose::Start => {
                let pick = Pick::try_from(text.to_owned())?;
                self.begin_start(Start::Pick(pick), &mut app.tasks.world);
            }
            Purpose::ChangeValue(_)
            | Purpose::MoveChange(_)
            | Purpose::MoreSeeds
            | Purpose::Title
            | Purpose::Tags
            | Purpose::Note
            | Purpose::SortRuns
            | Purpose::Columns
            | Purpose::SaveFilter => {}
            Purpose::Save { then_launch } => {
                let Some(set) = self.set.label_set() else { return Ok(()) };
                saved::path_of(Path::new(""), text).map_err(|error| error.to_string())?;
                let is_own = self.set.saved.as_ref().is_some_and(|(name, _)| name == text);
                let overwrite = if is_own { Overwrite::Yes } else { Overwrite::No };
                let (name, how) = (text.to_owned(), self.set.how());
                app.tasks.world.push(WorldTask::SaveSet { atlas, name, set, how, overwrite, then_launch });
            }
        }
        Ok(())
    }

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

/// The saved sets of a data set.
fn saved_sets<'a>(app: &'a App, digest: &'a str) -> impl Iterator<Item = &'a Saved> {
    app.label_sets.rows().iter().filter_map(move |row| match row {
        Row::Set(saved) if saved.header.digest.as_deref() == Some(digest) => Some(saved),
        Row::Set(_) | Row::Data { .. } => None,
    })
}

fn choose_base(app: &mut App, title: &str, items: Vec<Item<Choice>>) {
    if items.is_empty() {
        let text = "no preset is for this data set: open the browser from a preset of yours, or from a run of one";
        return app.say(Tone::Error, text.into());
    }
    app.dialog = Some(Dialog::Choose(Chooser::new(title, items, 0)));
}

/// Words that offer a key of the browser.
pub(super) fn hint(app: &App, action: Action, before: &str, after: &str) -> String {
    app.offer(Place::Browser, action, (before, after))
}

fn drive(app: &mut App, task: WorldTask, notice: &str) {
    if app.keymap.access == Access::ReadOnly {
        return app.say_read_only();
    }
    app.say(Tone::Info, notice.into());
    app.tasks.world.push(task);
}
