//! What the screens of label sets do: the list of data sets and saved sets, the browser, and two runs beside each other.

use std::path::{Path, PathBuf};

use fixmatch::config::{Data, Metric, Pick, RunConfig};
use fixmatch::data::label_set;
use fixmatch::data::published::PUBLISHED;
use fixmatch::data::saved::{self, Overwrite, Saved};
use fixmatch::run_dir::RunDir;
use fixmatch::series::Axis;

use super::{App, Choice, Confirm, Dialog, Purpose, Tone};
use crate::commands::format::{grouped, plural};
use crate::commands::labels::recipe_words;
use crate::console::browser::{Base, Browser, Opening, Start};
use crate::console::chooser::{Ask, Chooser, Item};
use crate::console::chosen::Chosen;
use crate::console::form::Draft;
use crate::console::home::{DataState, Listing, Pane};
use crate::console::input::Cursor;
use crate::console::keys::{Action, Place};
use crate::console::race::Race;
use crate::console::shelf::Row;
use crate::console::world::{Contestant, Task};

/// Every metric, in the order of their documentation.
const METRICS: [Metric; 6] = [
    Metric::Agreement,
    Metric::Confidence,
    Metric::Retraining,
    Metric::Adversarial,
    Metric::Density,
    Metric::Typicality,
];

/// Settings of a run that say which images are labeled, which another label set takes the place of.
fn picks_labels(setting: &str) -> bool {
    ["pick", "by", "ranking", "indices", "seed", "per_class"].iter().any(|key| {
        setting.strip_prefix("labels.").and_then(|rest| rest.strip_prefix(key)).is_some_and(|it| it.starts_with('='))
    })
}

impl App {
    /// Whether a label set would be lost with the browser.
    pub(super) fn holds_unsaved_set(&self) -> bool {
        self.browser.as_ref().is_some_and(|browser| browser.chosen.has_unsaved_edits())
    }

    /// Opens the list of what can be browsed, or from a preset or a run, the browser on its label set.
    pub(super) fn browse(&mut self) {
        if self.holds_unsaved_set() {
            return self.return_to_browser();
        }
        let opening = match self.place {
            Place::Preset => self.draft.as_ref().map(|draft| {
                let base = Base { preset: draft.preset.clone(), settings: draft.settings.clone() };
                let is_listed = draft.config.labels.indices.is_some();
                let start = (!is_listed).then(|| Start::Pick(draft.config.labels.pick.clone()));
                Opening { base: Some(base), start, ..opening(&draft.config) }
            }),
            Place::Run | Place::Samples => self.run.as_ref().and_then(|run| {
                let Some(Ok(file)) = &run.file else { return None };
                let made_of = Some((file.provenance.preset.clone(), file.provenance.settings.clone()));
                let start = file.config.rank.is_none().then(|| Start::Run(run.dir.clone()));
                Some(Opening { start, made_of, ..opening(&file.config) })
            }),
            Place::Home | Place::Log | Place::Insight | Place::Shelf | Place::Browse | Place::Race => None,
        };
        if let Some(opening) = opening {
            return self.open_browser(opening);
        }
        self.place = Place::Shelf;
        self.tasks.push(Task::Shelf);
    }

    /// Goes back to the browser; there may be another order by now.
    pub(super) fn return_to_browser(&mut self) {
        let Some(browser) = &self.browser else { return self.go_home() };
        self.tasks.extend([Task::Unfollow, Task::Atlas(browser.opening.data.clone()), Task::Shelf]);
        (self.run, self.race, self.place) = (None, None, Place::Browse);
    }

    fn open_browser(&mut self, opening: Opening) {
        self.tasks.extend([Task::Atlas(opening.data.clone()), Task::Shelf]);
        self.tasks.extend(opening.made_of.clone().map(|(preset, settings)| Task::Base(preset, settings)));
        self.browser = Some(Browser::new(opening, self.place));
        self.place = Place::Browse;
    }

    pub(super) fn update_shelf(&mut self, action: Action) {
        let (n, page) = (self.shelf.rows().len(), self.page as isize);
        match action {
            Action::Up => self.shelf.at.step(-1, n),
            Action::Down => self.shelf.at.step(1, n),
            Action::PageUp => self.shelf.at.step(-page, n),
            Action::PageDown => self.shelf.at.step(page, n),
            Action::First => self.shelf.at = Cursor::default(),
            Action::Last => self.shelf.at.step(isize::MAX, n),
            Action::Enter => self.open_row(),
            Action::Fetch => {
                if let Some(Row::Data { name, state: DataState::Missing(_), .. }) = self.shelf.row().cloned() {
                    self.shelf.set_data(&name, &DataState::Coming(0.0));
                    self.say(Tone::Info, format!("fetching {name}"));
                    self.tasks.push(Task::Fetch(name));
                }
            }
            Action::Delete => {
                if let Some(Row::Set(Saved { name, path, .. })) = self.shelf.row().cloned() {
                    self.dialog = Some(Dialog::Confirm(Confirm::DeleteSet(name, path)));
                }
            }
            Action::Back => self.go_home(),
            _ => {}
        }
    }

    fn open_row(&mut self) {
        let data = |name: &str| Data { dataset: name.into(), ..Data::default() };
        match self.shelf.row().cloned() {
            Some(Row::Data { name, state: DataState::Here, .. }) => {
                self.open_browser(Opening { data: data(&name), ..Opening::default() });
            }
            Some(Row::Data { name, .. }) => {
                let fetches = self.offer(Place::Shelf, Action::Fetch, (": ", " fetches it"));
                self.say(Tone::Error, format!("{name} is not on this machine yet{fetches}"));
            }
            Some(Row::Set(Saved { path, header, name, .. })) => match header.dataset {
                Some(dataset) if dataset != "folder" => {
                    let start = Some(Start::Pick(Pick::File(path)));
                    self.open_browser(Opening { data: data(&dataset), start, ..Opening::default() });
                }
                Some(_) => self.say(
                    Tone::Error,
                    format!("{name} is of a folder of images: open it with f from a preset or a run on that folder"),
                ),
                None => self.say(Tone::Error, format!("{} does not say of which data set it is", path.display())),
            },
            None => {}
        }
    }

    pub(super) fn update_browser(&mut self, action: Action) {
        let Some(browser) = &mut self.browser else { return self.go_home() };
        let (columns, page) = (browser.grid.0.max(1) as isize, browser.page() as isize);
        if browser.opened.is_some() {
            let by = match action {
                Action::Left | Action::Up => Some(-1),
                Action::Right | Action::Down => Some(1),
                Action::PageUp => Some(-page),
                Action::PageDown => Some(page),
                Action::First => Some(isize::MIN),
                Action::Last => Some(isize::MAX),
                _ => None,
            };
            if let Some(by) = by {
                let by_pixels = browser.step_opened(by);
                return self.find_nearest(by_pixels);
            }
        }
        match action {
            Action::Left => browser.step_column(-1),
            Action::Right => browser.step_column(1),
            Action::Up => browser.step(if browser.is_sheet() { -columns } else { -1 }),
            Action::Down => browser.step(if browser.is_sheet() { columns } else { 1 }),
            Action::PageUp => browser.step(-page),
            Action::PageDown => browser.step(page),
            Action::First => browser.step(isize::MIN),
            Action::Last => browser.step(isize::MAX),
            Action::Next => browser.next_view(),
            Action::Enter => self.look_at_image(),
            Action::Class => self.choose_class(),
            Action::Ranking => self.choose_order(),
            Action::Mark => {
                if let Some(index) = browser.selected() {
                    browser.toggle(index);
                }
            }
            Action::Swap => self.begin_swap(),
            Action::SwapMore => self.swap_along(-1),
            Action::SwapLess => self.swap_along(1),
            Action::Undo if browser.chosen.undo() => {}
            Action::Undo => self.say(Tone::Info, "nothing was changed yet".into()),
            Action::More => browser.change_per_class(1),
            Action::Less => browser.change_per_class(-1),
            Action::From => self.choose_start(),
            Action::GoTo => {
                self.ask(Ask::new("go to image", "its number, counted from 0", String::new(), Purpose::GoTo));
            }
            Action::Pictures => self.switch_pictures(),
            Action::Save => self.ask_for_name(false),
            Action::Launch => self.launch_set(),
            Action::Race => self.choose_race(),
            Action::Back if browser.opened.is_some() => browser.opened = None,
            Action::Back if browser.swapping.is_some() => browser.swapping = None,
            Action::Back if browser.class.is_some() => browser.show_class(None),
            Action::Back => self.leave_browser(),
            _ => {}
        }
    }

    fn leave_browser(&mut self) {
        if self.holds_unsaved_set() {
            self.dialog = Some(Dialog::Confirm(Confirm::LeaveSet(Action::Back)));
        } else {
            self.close_browser();
        }
    }

    pub(super) fn close_browser(&mut self) {
        let came_from = self.browser.take().and_then(|browser| browser.came_from);
        match came_from {
            Some(Place::Shelf) => {
                self.place = Place::Shelf;
                self.tasks.push(Task::Shelf);
            }
            Some(place @ Place::Preset) if self.draft.is_some() => self.place = place,
            Some(place @ (Place::Run | Place::Samples)) if self.run.is_some() => self.place = place,
            _ => self.go_home(),
        }
    }

    /// Enter: opens the selected image; while another one is looked for, takes it.
    fn look_at_image(&mut self) {
        let Some(browser) = &mut self.browser else { return };
        let Some(index) = browser.selected() else { return };
        if let Some(old) = browser.swapping {
            return self.end_swap(old, index);
        }
        if browser.opened.take().is_none() {
            let by_pixels = browser.open(index).then_some(index);
            self.find_nearest(by_pixels);
        }
    }

    fn find_nearest(&mut self, index: Option<u32>) {
        let atlas = self.browser.as_ref().and_then(Browser::atlas).cloned();
        self.tasks.extend(atlas.zip(index).map(|(atlas, index)| Task::Nearest(atlas, index)));
    }

    fn begin_swap(&mut self) {
        let Some(browser) = &mut self.browser else { return };
        match browser.selected() {
            Some(index) if browser.swapping == Some(index) => browser.swapping = None,
            Some(index) if browser.swapping.is_some() => {
                let old = browser.swapping.unwrap_or(index);
                self.end_swap(old, index);
            }
            Some(index) if browser.chosen.holds(index) => {
                browser.begin_swap(index);
                self.say(Tone::Info, "choose the image that takes its place".into());
            }
            Some(_) => self.say_not_in_set(),
            None => {}
        }
    }

    fn end_swap(&mut self, old: u32, new: u32) {
        let Some(browser) = &mut self.browser else { return };
        if browser.chosen.holds(new) {
            return self.say(Tone::Error, format!("image {new} is in the label set already"));
        }
        browser.swapping = None;
        browser.swap(old, new);
        let undo = self.hint(Action::Undo, "; ", " takes it back");
        self.say(Tone::Info, format!("{new} for {old}{undo}"));
    }

    fn swap_along(&mut self, by: isize) {
        let Some(browser) = &mut self.browser else { return };
        let is_in_set = browser.selected().is_some_and(|index| browser.chosen.holds(index));
        if !is_in_set {
            return self.say_not_in_set();
        }
        if !browser.swap_along(by) {
            let side = if by < 0 { "more" } else { "less" };
            self.say(Tone::Info, format!("no {side} representative image of its class is free"));
        }
    }

    fn say_not_in_set(&mut self) {
        let puts = self.hint(Action::Mark, ": ", " puts it in");
        self.say(Tone::Info, format!("this image is not in the label set{puts}"));
    }

    /// Words that offer a key of the browser.
    fn hint(&self, action: Action, before: &str, after: &str) -> String {
        self.offer(Place::Browse, action, (before, after))
    }

    fn ask(&mut self, ask: Ask<Purpose>) {
        self.dialog = Some(Dialog::Ask(ask));
    }

    fn choose(&mut self, chooser: Chooser<Choice>) {
        self.dialog = Some(Dialog::Choose(chooser));
    }

    fn choose_class(&mut self) {
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

    fn choose_order(&mut self) {
        let Some(browser) = &self.browser else { return };
        let Some(atlas) = browser.atlas() else { return };
        let here = atlas.orders.iter().enumerate().map(|(i, listed)| {
            let ranking = &listed.order.ranking;
            let note = format!("{}; {}", recipe_words(&ranking.rank), ranking.made.run);
            Item { text: ranking.rank.by.to_string(), note, value: Choice::Order(i) }
        });
        let is_missing = |by: &Metric| !atlas.orders.iter().any(|listed| listed.order.ranking.rank.by == *by);
        let missing = METRICS.into_iter().filter(is_missing).map(|by| {
            let labels = if by.needs_labels() { "needs all labels" } else { "needs no labels" };
            let note = format!("not made yet, {labels}: enter has a run make it");
            Item { text: by.to_string(), note, value: Choice::Make(by) }
        });
        let items = here.chain(missing).collect();
        let at = browser.order.unwrap_or(0);
        self.choose(Chooser::new("order", items, at));
    }

    fn choose_start(&mut self) {
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
        self.tasks.push(Task::Start { atlas, order, start, per_class, seed });
    }

    fn ask_for_name(&mut self, then_launch: bool) {
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

    fn launch_set(&mut self) {
        let Some(browser) = &self.browser else { return };
        if browser.chosen.is_changed || browser.chosen.saved.is_none() {
            return self.ask_for_name(true);
        }
        let items = self.bases().into_iter().map(|(text, note, base)| Item { text, note, value: Choice::Launch(base) });
        let items = items.collect();
        self.choose_base("launch it with the preset", items);
    }

    fn choose_race(&mut self) {
        let Some(browser) = &self.browser else { return };
        let (Some(atlas), Some(listed)) = (browser.atlas(), browser.listed()) else {
            let makes = self.hint(Action::Ranking, ": ", " makes one");
            return self.say(Tone::Error, format!("a race needs an order{makes}"));
        };
        let ranking = &listed.order.ranking;
        if let Err(error) =
            label_set::by_ranking(&atlas.dataset, ranking, browser.per_class as usize, &Pick::MostRepresentative)
        {
            let fewer = self.hint(Action::Less, "; ", " takes fewer");
            return self.say(Tone::Error, format!("{error:#}{fewer}"));
        }
        let title = format!("most against least by {}, {} of each class, with", ranking.rank.by, browser.per_class);
        let items = self.bases().into_iter().map(|(text, note, base)| Item { text, note, value: Choice::Race(base) });
        let items = items.collect();
        self.choose_base(&title, items);
    }

    fn choose_base(&mut self, title: &str, items: Vec<Item<Choice>>) {
        if items.is_empty() {
            let text = "no preset is for this data set: open the browser from a preset of yours, or from a run of one";
            return self.say(Tone::Error, text.into());
        }
        self.choose(Chooser::new(title, items, 0));
    }

    /// What a run on this data set can be launched with.
    fn bases(&self) -> Vec<(String, String, Base)> {
        let Some(browser) = &self.browser else { return Vec::new() };
        let own = browser.opening.base.iter().map(|base| {
            let note =
                if base.settings.is_empty() { String::new() } else { format!("with {}", base.settings.join(" ")) };
            (base.preset.name.clone(), note, base.clone())
        });
        let is_same = |name: &str| browser.opening.base.as_ref().is_some_and(|base| base.preset.name == name);
        let is_of_data = |config: &RunConfig| config.data.dataset == browser.opening.data.dataset;
        let others = self.home.presets.iter().filter(|row| is_of_data(&row.config) && !is_same(&row.preset.name));
        let others = others.map(|row| {
            let base = Base { preset: row.preset.clone(), settings: Vec::new() };
            (row.preset.name.clone(), row.config.title.clone(), base)
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
                self.drive(Task::Rank(data, by), "starting a run that makes the order…");
            }
            Choice::Start(start) => self.begin_start(start),
            Choice::Type => {
                let hint = "random, most-representative, quantile:Q, published:NAME, fold:N, file:PATH";
                self.ask(Ask::new("start the label set from", hint, String::new(), Purpose::Start));
            }
            Choice::Launch(base) => self.draft_run(&base),
            Choice::Race(base) => self.start_race(&base),
        }
    }

    fn drive(&mut self, task: Task, notice: &str) {
        if self.access == super::Access::ReadOnly {
            return self.say(Tone::Error, "opened with --readonly: this only looks".into());
        }
        self.say(Tone::Info, notice.into());
        self.tasks.push(task);
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

    fn start_race(&mut self, base: &Base) {
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
        self.drive(Task::Race(Box::new(contestants)), "starting two workers…");
    }

    /// A line was typed; returns why it cannot be.
    pub(super) fn answered(&mut self, text: &str, purpose: &Purpose) -> Result<(), String> {
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
            Purpose::Save { then_launch } => {
                let Some(set) = browser.chosen.set() else { return Ok(()) };
                saved::path_of(Path::new(""), text).map_err(|error| error.to_string())?;
                let is_own = browser.chosen.saved.as_ref().is_some_and(|(name, _)| name == text);
                let overwrite = if is_own { Overwrite::Yes } else { Overwrite::No };
                let (name, how) = (text.to_owned(), browser.chosen.how());
                self.tasks.push(Task::SaveSet { atlas, name, set, how, overwrite, then_launch: *then_launch });
            }
        }
        Ok(())
    }

    /// A set was saved.
    pub(super) fn set_saved(&mut self, name: &str, path: PathBuf, then_launch: bool) {
        let Some(browser) = &mut self.browser else { return };
        browser.chosen.is_changed = false;
        browser.chosen.saved = Some((name.to_owned(), path));
        self.tasks.push(Task::Shelf);
        let lists = self.offer(Place::Home, Action::Browse, ("; ", " on the home screen lists it"));
        let launches = self.hint(Action::Launch, ", ", " launches a run from it");
        self.say(Tone::Info, format!("saved as {name}{lists}{launches}"));
        if then_launch {
            self.launch_set();
        }
    }

    /// Marks a run, and with another one marked, shows both beside each other.
    pub(super) fn put_beside(&mut self) {
        let Some(dir) = self.home.run().filter(|_| self.home.pane == Pane::Runs).map(|row| row.dir.clone()) else {
            return;
        };
        match self.home.beside.take() {
            Some(other) if other != dir => self.open_race([other, dir]),
            Some(_) => {}
            None => {
                let shows = self.offer(Place::Home, Action::Beside, (": ", " shows both beside each other"));
                self.say(Tone::Info, format!("marked; go to another run{shows}"));
                self.home.beside = Some(dir);
            }
        }
    }

    /// Shows two runs beside each other.
    pub fn open_race(&mut self, dirs: [RunDir; 2]) {
        self.remember();
        self.tasks.push(Task::FollowBoth(dirs.clone()));
        (self.run, self.draft) = (None, None);
        self.race = Some(Race::new(dirs));
        self.place = Place::Race;
    }

    pub(super) fn update_race(&mut self, action: Action) {
        let Some(race) = &mut self.race else { return self.go_home() };
        match action {
            Action::Next | Action::Left | Action::Right | Action::Up | Action::Down => race.focus = 1 - race.focus,
            Action::Axis => {
                race.axis = match race.axis {
                    Axis::Step => Axis::Time,
                    Axis::Time => Axis::Step,
                }
            }
            Action::Enter => {
                let dir = race.runs[race.focus].dir.clone();
                self.open_run(dir);
            }
            Action::Back if self.browser.is_some() => self.return_to_browser(),
            Action::Back => self.go_home(),
            _ => {}
        }
    }
}

fn opening(config: &RunConfig) -> Opening {
    let by = config.rank.as_ref().map_or(config.labels.by, |rank| rank.by);
    Opening {
        data: config.data.clone(),
        by: Some(by),
        ranking: config.labels.ranking.clone(),
        per_class: Some(config.labels.per_class),
        seed: config.labels.seed,
        ..Opening::default()
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::console::sample;
    use crate::console::world::News;
    use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

    fn press(app: &mut App, keys: &str) {
        for key in keys.chars() {
            let code = match key {
                '\r' => KeyCode::Enter,
                '\x1b' => KeyCode::Esc,
                '\t' => KeyCode::Tab,
                key => KeyCode::Char(key),
            };
            app.press(KeyEvent::new(code, KeyModifiers::NONE));
        }
    }

    fn asks(app: &App, before: Action) -> bool {
        matches!(&app.dialog, Some(Dialog::Confirm(question)) if *question == Confirm::LeaveSet(before))
    }

    fn notice(app: &App) -> &str {
        app.notice.as_ref().map_or("", |notice| &notice.text)
    }

    #[test]
    fn a_set_is_named_saved_and_launched_with_a_preset_that_loads_its_file() {
        let mut app = sample::app_browsing();
        press(&mut app, "L\r");
        let tasks = app.take_tasks();
        let [Task::SaveSet { name, set, then_launch: true, overwrite: Overwrite::No, .. }] = &tasks[..] else {
            panic!("{tasks:?}");
        };
        assert_eq!((name.as_str(), set.indices.len()), ("fashion-mini-6", 6));
        let (name, saved) = (name.clone(), Ok("/sets/fashion-mini-6.txt".into()));
        app.learn(News::SetSaved { name, then_launch: true, saved });
        press(&mut app, "\r"); // the quickstart is the only preset of these images
        assert_eq!(app.place, Place::Preset);
        let draft = app.draft.as_ref().expect("a preset");
        assert_eq!(draft.config.labels.pick, Pick::File("/sets/fashion-mini-6.txt".into()));
        press(&mut app, "\x1b");
        assert_eq!(app.place, Place::Browse);
        // unchanged, it is not asked for a name again
        press(&mut app, "L");
        assert!(matches!(app.dialog, Some(Dialog::Choose(_))));
    }

    #[test]
    fn a_race_is_two_runs_that_differ_in_the_end_of_the_order() {
        let mut app = sample::app_browsing();
        press(&mut app, "R\r");
        let tasks = app.take_tasks();
        let [Task::Race(contestants)] = &tasks[..] else { panic!("{tasks:?}") };
        let [most, least] = contestants.each_ref().map(|it| it.preset.resolve(&it.settings).expect("resolves"));
        assert_eq!(most.labels.pick, Pick::MostRepresentative);
        assert_eq!(
            (most.labels.per_class, most.labels.ranking.as_deref()),
            (2, Some("/cache/agreement.json".as_ref()))
        );
        let labels = fixmatch::config::Labels { pick: Pick::LeastRepresentative, ..most.labels.clone() };
        assert_eq!(least, RunConfig { labels, ..most });
        app.learn(News::Raced(Ok([sample::dir("a"), sample::dir("b")])));
        assert_eq!(app.place, Place::Race);
        press(&mut app, "\t\r");
        assert_eq!(app.run.as_ref().map(|run| run.dir.clone()), Some(sample::dir("b")));
        press(&mut app, "\x1b\x1b");
        assert_eq!(app.place, Place::Browse);
    }

    #[test]
    fn a_missing_order_is_made_by_a_run() {
        let mut app = sample::app_browsing();
        press(&mut app, "oretr\r");
        assert!(matches!(app.take_tasks()[..], [Task::Rank(_, Metric::Retraining)]));
    }

    #[test]
    fn what_cannot_be_is_said_with_the_numbers() {
        let mut app = sample::app_browsing();
        press(&mut app, "f");
        press(&mut app, "nothing\rs");
        assert!(notice(&app).contains("the label set is empty"), "{}", notice(&app));
        press(&mut app, " s");
        assert!(
            notice(&app).contains("2 of 3 classes have no labeled image: 1 (Ankle boot), 2 (Bag)"),
            "{}",
            notice(&app)
        );
        press(&mut app, "++++R");
        assert!(notice(&app).contains("class 0 (Trouser) has only 20 training images"), "{}", notice(&app));
        press(&mut app, "/99\r");
        let Some(Dialog::Ask(ask)) = &app.dialog else { panic!("asked again") };
        assert_eq!(ask.error.as_deref(), Some("there is no training image 99: they go from 0 to 59"));
        press(&mut app, "\x1b/7\r");
        assert_eq!(app.browser.as_ref().and_then(Browser::selected), Some(7));
    }

    #[test]
    fn a_set_that_was_edited_and_not_saved_is_not_left_without_a_question() {
        for (key, is_left) in [('n', false), ('y', true)] {
            let mut app = sample::app_browsing();
            press(&mut app, " \x1b");
            assert!(asks(&app, Action::Back));
            press(&mut app, &key.to_string());
            assert_eq!(app.browser.is_none(), is_left);
        }
        let mut app = sample::app_browsing();
        press(&mut app, " q");
        assert!(app.take_tasks().is_empty() && asks(&app, Action::Quit));
        press(&mut app, "y");
        assert!(matches!(app.take_tasks()[..], [Task::Quit]));
    }

    #[test]
    fn read_only_looks_but_neither_saves_nor_launches() {
        let mut app = sample::app_browsing();
        app.access = crate::console::app::Access::ReadOnly;
        for keys in ["s", "L", "R", "oretr\r"] {
            press(&mut app, keys);
            assert!(notice(&app).contains("--readonly"), "{keys}: {}", notice(&app));
        }
        assert!(app.take_tasks().is_empty());
    }

    #[test]
    fn an_image_is_exchanged_for_one_that_is_looked_for() {
        let mut app = sample::app_browsing();
        let before = app.browser.as_ref().expect("open").chosen.indices.clone();
        press(&mut app, "xlll"); // to the least representative end
        press(&mut app, "\r");
        let browser = app.browser.as_ref().expect("open");
        assert_ne!(browser.chosen.indices, before);
        assert_eq!((browser.chosen.indices.len(), browser.swapping), (before.len(), None));
        press(&mut app, "u");
        assert_eq!(app.browser.as_ref().expect("open").chosen.indices, before);
    }

    #[test]
    fn two_runs_are_marked_and_put_beside_each_other() {
        let mut app = sample::app_with_runs();
        press(&mut app, "gcjc");
        let race = app.race.as_ref().expect("two runs");
        assert_ne!(race.runs[0].dir, race.runs[1].dir);
        press(&mut app, "\x1b");
        assert_eq!(app.place, Place::Home);
    }

    #[test]
    fn the_browser_opens_on_what_a_preset_or_a_run_labels() {
        let mut app = sample::app();
        press(&mut app, "\rb");
        let opening = &app.browser.as_ref().expect("open").opening;
        assert_eq!((opening.data.dataset.as_str(), opening.seed), ("fashion-mini", 1));
        assert_eq!(opening.start, Some(Start::Pick(Pick::Random)));
        press(&mut app, "\x1b");
        assert_eq!(app.place, Place::Preset);

        let mut app = sample::app_on_run();
        press(&mut app, "b");
        let opening = &app.browser.as_ref().expect("open").opening;
        assert_eq!(opening.start, Some(Start::Run(sample::run().dir)));
        let tasks = app.take_tasks();
        let is_asked = |task: &Task| matches!(task, Task::Base(preset, _) if preset == "quickstart");
        assert!(tasks.iter().any(is_asked), "{tasks:?}");
        press(&mut app, "\x1b");
        assert_eq!(app.place, Place::Run);
    }
}
