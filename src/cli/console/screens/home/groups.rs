//! The list of presets as groups that fold: by the folder of a shipped preset, and one's own.
//!
//! Which groups there are follows from the presets themselves. What a user folded or opened is remembered; letters that
//! are searched for open all groups.

use std::path::PathBuf;
use std::sync::Arc;

use fixmatch::compare::saved::Saved;
use fixmatch::config::RunConfig;
use fixmatch::config::preset::OWN;
use fixmatch::config::preset::own::Own;

use super::{DataState, Home, PresetRow, model_name};
use crate::console::screens::suite::Study;
use crate::console::text::fuzzy;

/// A line of the list of presets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Line {
    /// A group's heading.
    Group(String),
    /// A preset, by its place among all.
    Preset(usize),
    /// A preset of one's own that cannot be trained, by its place among those.
    Broken(usize),
    /// A suite, by its place among all.
    Suite(usize),
}

/// The group of suites.
pub const SUITES: &str = "suites";

/// A preset of one's own that cannot be trained.
#[derive(Clone, Debug, PartialEq)]
pub struct Broken {
    /// Its name.
    pub name: String,
    /// Its file.
    pub path: PathBuf,
    /// What is wrong with it.
    pub error: String,
}

/// The presets of one's own, as they were found.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct OwnPresets {
    /// Where they were looked for.
    pub folders: Vec<PathBuf>,
    /// Each with what it comes to, or why not, and where its images are if it says so.
    pub rows: Vec<(Own, Result<RunConfig, String>, DataState)>,
    /// The expressions that were saved under names.
    pub expressions: Saved,
}

/// So many presets of one's own are listed from the start.
const MAX_UNASKED: usize = 8;

impl Home {
    /// The lines that are shown.
    pub fn lines(&self) -> Vec<Line> {
        let is_filtered = !self.filter.text.is_empty();
        let presets: Vec<_> = (0..self.presets.len()).filter(|&i| self.holds(&self.presets[i])).collect();
        let group = |i: usize| self.presets[i].preset.group();
        let mut lines: Vec<_> = presets.iter().filter(|&&i| group(i).is_none()).map(|&i| Line::Preset(i)).collect();
        for name in self.groups() {
            let mut members: Vec<_> =
                presets.iter().filter(|&&i| group(i) == Some(name)).map(|&i| Line::Preset(i)).collect();
            if name == OWN {
                members.extend(
                    (0..self.broken.len()).filter(|&i| self.fits_filter(&self.broken[i].name)).map(Line::Broken),
                );
            }
            if name == SUITES {
                members.extend((0..self.suites.len()).filter(|&i| self.finds(&self.suites[i])).map(Line::Suite));
            }
            if is_filtered && members.is_empty() {
                continue;
            }
            lines.push(Line::Group(name.to_owned()));
            if self.is_open(name) {
                lines.append(&mut members);
            }
        }
        lines
    }

    /// The names of all groups, one's own and the suites last.
    pub fn groups(&self) -> Vec<&str> {
        let mut groups: Vec<&str> = Vec::new();
        for group in self.presets.iter().filter_map(|row| row.preset.group()).filter(|group| *group != OWN) {
            if !groups.contains(&group) {
                groups.push(group);
            }
        }
        groups.extend([OWN, SUITES]);
        groups
    }

    /// The presets of a group.
    pub fn members(&self, group: &str) -> impl Iterator<Item = &PresetRow> {
        self.presets.iter().filter(move |row| row.preset.group() == Some(group) && self.holds(row))
    }

    /// How many presets a group has that are shown if it is open.
    pub fn count(&self, group: &str) -> usize {
        let others = match group {
            OWN => self.broken.iter().filter(|it| self.fits_filter(&it.name)).count(),
            SUITES => self.suites.iter().filter(|it| self.finds(it)).count(),
            _ => 0,
        };
        self.members(group).count() + others
    }

    /// Whether the presets of a group are listed.
    pub fn is_open(&self, group: &str) -> bool {
        let unasked = || group == OWN && self.count(group) <= MAX_UNASKED;
        !self.filter.text.is_empty() || self.folds.get(group).map_or_else(unasked, |is_folded| !is_folded)
    }

    /// Folds the group of the selected line or opens it, and selects its heading. Says whether that changed something.
    pub fn fold(&mut self, is_folded: bool) -> bool {
        let group = match self.line() {
            Some(Line::Group(group)) => group,
            Some(Line::Broken(_)) if is_folded => OWN.to_owned(),
            Some(Line::Suite(_)) if is_folded => SUITES.to_owned(),
            Some(Line::Preset(i)) if is_folded => match self.presets[i].preset.group() {
                Some(group) => group.to_owned(),
                None => return false,
            },
            Some(_) | None => return false,
        };
        let heading = Line::Group(group.clone());
        // From inside of a group the first key goes to its heading.
        if self.line().as_ref() == Some(&heading) {
            if !self.filter.text.is_empty() || self.is_open(&group) != is_folded {
                return false;
            }
            self.folds.insert(group, is_folded);
        }
        self.select(&heading);
        true
    }

    /// Folds the selected group, or opens it. Says whether one is selected.
    pub fn toggle(&mut self) -> bool {
        let Some(Line::Group(group)) = self.line() else { return false };
        self.fold(self.is_open(&group))
    }

    /// The selected line.
    pub fn line(&self) -> Option<Line> {
        self.lines().get(self.preset_at.at).cloned()
    }

    fn select(&mut self, line: &Line) {
        let place = self.lines().iter().position(|other| other == line);
        self.preset_at.at = place.unwrap_or(self.preset_at.at);
    }

    /// Takes the presets of one's own as they are now; what is selected stays so.
    pub fn take_own(&mut self, own: OwnPresets) {
        let selected = self.selected();
        self.presets.retain(|row| row.own.is_none());
        self.broken.clear();
        self.own_folders = own.folders;
        self.saved = own.expressions;
        for (own, config, data) in own.rows {
            let name = own.name.clone();
            match (own.preset, config) {
                (Ok(preset), Ok(config)) => {
                    let data = if data == DataState::Unknown { self.data(&config.data.dataset) } else { data };
                    self.presets.push(PresetRow { preset, config, data, own: Some(own.path), taken: own.taken });
                }
                (Err(error), _) | (_, Err(error)) => self.broken.push(Broken { name, path: own.path, error }),
            }
        }
        self.select_again(selected);
    }

    /// Takes the suites as they stand now; what is selected stays so.
    pub fn take_suites(&mut self, suites: Vec<Arc<Study>>) {
        let selected = self.selected();
        self.suites = suites;
        self.select_again(selected);
    }

    fn selected(&self) -> Option<(u8, String)> {
        self.line().map(|line| self.name_of(&line))
    }

    fn select_again(&mut self, selected: Option<(u8, String)>) {
        let lines = self.lines();
        let place = selected.and_then(|name| lines.iter().position(|line| self.name_of(line) == name));
        self.preset_at.at = place.unwrap_or(self.preset_at.at);
        self.preset_at.step(0, lines.len());
    }

    /// What tells a line from all others.
    pub fn name_of(&self, line: &Line) -> (u8, String) {
        match line {
            Line::Group(group) => (0, group.clone()),
            Line::Preset(i) => (1, self.presets[*i].preset.reference()),
            Line::Broken(i) => (1, self.broken[*i].path.display().to_string()),
            Line::Suite(i) => (2, self.suites[*i].name.clone()),
        }
    }

    fn holds(&self, row: &PresetRow) -> bool {
        let config = &row.config;
        let text = format!("{} {} {} {}", row.preset.name, config.title, config.data.dataset, model_name(config));
        self.fits_filter(&text)
    }

    fn finds(&self, study: &Study) -> bool {
        self.fits_filter(&format!("{} {}", study.name, study.title))
    }

    fn fits_filter(&self, text: &str) -> bool {
        self.filter.text.is_empty() || fuzzy(&self.filter.text, text).is_some()
    }
}

/// A group as a user reads it.
pub fn title(group: &str) -> String {
    group.replace('-', " ")
}

/// A preset's name in its group.
pub fn leaf(row: &PresetRow) -> &str {
    let name = &row.preset.name;
    match row.preset.group() {
        Some(group) if row.own.is_none() => {
            name.strip_prefix(group).and_then(|rest| rest.strip_prefix('/')).unwrap_or(name)
        }
        _ => name,
    }
}

#[cfg(test)]
mod tests {
    use fixmatch::config::preset::Preset;

    use super::*;
    use crate::console::sample;

    fn shown(home: &Home) -> Vec<String> {
        home.lines().iter().map(|line| home.name_of(line).1).collect()
    }

    #[test]
    fn every_shipped_preset_is_in_the_group_of_its_folder_and_all_is_in_sight_on_a_small_screen() {
        let mut home = Home::new();
        assert!(home.lines().len() <= 8, "{:?}", shown(&home));
        assert_eq!(shown(&home)[0], "quickstart");
        for group in home.groups().into_iter().map(str::to_owned).collect::<Vec<_>>() {
            home.folds.insert(group, false);
        }
        let lines = shown(&home);
        for preset in Preset::shipped() {
            let at = lines.iter().position(|name| *name == preset.name).expect("each is listed once");
            let heading = lines[..at].iter().rev().find(|name| home.groups().contains(&name.as_str()));
            assert_eq!(heading.map(String::as_str), preset.name.split_once('/').map(|(folder, _)| folder));
            assert_eq!(lines.iter().filter(|name| **name == preset.name).count(), 1);
        }
        let n: usize = home.groups().iter().map(|group| home.count(group)).sum();
        assert_eq!(n + 1, Preset::shipped().len(), "all but the quickstart are counted beside a heading");
    }

    #[test]
    fn a_group_opens_folds_and_is_left_for_its_heading() {
        let mut home = Home::new();
        home.select(&Line::Group("paper".into()));
        assert!(home.fold(false) && !home.fold(false), "it is open already");
        home.step(2);
        assert_eq!(home.preset().map(|row| row.preset.name.as_str()), Some("paper/cifar10-250"));
        assert!(home.fold(true));
        assert_eq!((home.line(), home.is_open("paper")), (Some(Line::Group("paper".into())), true));
        assert!(home.fold(true) && !home.is_open("paper"));
        assert!(home.toggle() && home.is_open("paper") && home.toggle() && !home.is_open("paper"));
        home.preset_at.at = 0;
        assert!(!home.fold(true) && !home.fold(false) && !home.toggle(), "the quickstart stands alone");
    }

    #[test]
    fn letters_open_the_groups_that_hold_them_and_hide_the_others() {
        let mut home = Home::new();
        home.filter.text = "labels-25".into();
        assert_eq!(shown(&home)[..2], ["slides", "slides/labels-25"]);
        assert_eq!(home.count("paper"), 0);
        assert!(!home.toggle(), "what was found stays in sight");
    }

    #[test]
    fn presets_of_ones_own_come_and_go_without_moving_the_cursor() {
        let mut home = sample::app().home;
        home.take_own(sample::own_presets());
        assert_eq!(shown(&home)[4..].len(), 4, "three, and the suites");
        home.select(&Line::Broken(0));
        let mut fewer = sample::own_presets();
        drop(fewer.rows.remove(0));
        home.take_own(fewer);
        assert_eq!(home.line(), Some(Line::Broken(0)));
        home.take_own(OwnPresets::default());
        assert_eq!(home.line(), Some(Line::Group(SUITES.into())), "the last line there is");
    }
}
