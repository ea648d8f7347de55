//! A family of runs, drawn like the commits of a small repository.
//!
//! ```text
//! ● quickstart-s0  finished, 66.1 %
//! │  200  threshold = 0.9
//! ├─╮
//! │ ● quickstart-s0-fork  from step 300, lr=0.01: finished, 67.0 %
//! │  450  lambda_u = 2
//! ╵
//! ```

use fixmatch::compare::experiment::Measure;
use fixmatch::compare::family::Member;
use fixmatch::compare::keys::short;
use fixmatch::run::dir::without_moment;

use super::numbers::{grouped, percent};

/// A line of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// The lines of the drawing.
    pub graph: String,
    /// The member that it is about.
    pub member: usize,
    /// Whether it begins that member.
    pub is_head: bool,
    /// What it says.
    pub text: String,
}

/// The whole drawing.
pub fn lines(members: &[Member]) -> Vec<Line> {
    let mut lines = Vec::new();
    for (place, _) in members.iter().enumerate().filter(|(_, member)| member.parent.is_none()) {
        draw(members, place, "", &mut lines);
    }
    lines
}

fn draw(members: &[Member], place: usize, before: &str, lines: &mut Vec<Line>) {
    let member = &members[place];
    let line = |graph: String, is_head, text| Line { graph, member: place, is_head, text };
    lines.push(line(format!("{before}●"), true, head(member)));
    let forked = |(child, it): (usize, &Member)| {
        let is_here = it.parent == Some(place);
        is_here.then(|| (it.run.row.parent.as_ref().map_or(0, |parent| parent.step), Err(child)))
    };
    let mut happened: Vec<(u64, Result<&str, usize>)> =
        member.changes.iter().map(|(step, change)| (*step, Ok(change.as_str()))).collect();
    happened.extend(members.iter().enumerate().filter_map(forked));
    happened.sort_by_key(|(step, _)| *step);
    let is_empty = happened.is_empty();
    for (step, what) in happened {
        match what {
            Ok(change) => lines.push(line(format!("{before}│"), false, format!(" {}  {change}", grouped(step)))),
            Err(child) => {
                lines.push(line(format!("{before}├─╮"), false, String::new()));
                draw(members, child, &format!("{before}│ "), lines);
            }
        }
    }
    if !is_empty {
        lines.push(line(format!("{before}╵"), false, String::new()));
    }
}

/// A run: its name, where it comes from and what it does else, how it stands.
fn head(member: &Member) -> String {
    let row = &member.run.row;
    let values: Vec<_> = member.values.iter().map(|(key, value)| format!("{}={value}", short(key))).collect();
    let with = if values.is_empty() { String::new() } else { format!(" with {}", values.join(" ")) };
    let from = match (&row.parent, member.parent) {
        (None, _) => String::new(),
        (Some(parent), Some(_)) => format!("from step {}{with}, ", grouped(parent.step)),
        (Some(parent), None) => format!("from step {} of {}, which is not here, ", grouped(parent.step), parent.run),
    };
    let title = if row.card.title.is_empty() { String::new() } else { format!("“{}”  ", row.card.title) };
    let accuracy = member.run.accuracy(Measure::Last).map_or_else(String::new, |it| format!(", {}", percent(it)));
    let at = format!("{} at step {}{accuracy}", row.status.label(), grouped(row.summary.step));
    format!("{}  {title}{from}{at}", without_moment(&member.run.id()))
}

#[cfg(test)]
mod tests {
    use fixmatch::compare::experiment::Experiment;
    use fixmatch::compare::family::{families, relatives};
    use fixmatch::config::RunConfig;
    use fixmatch::run::change::Change;
    use fixmatch::run::dir::RunDir;
    use fixmatch::run::event::Event;
    use fixmatch::run::file::{Parent, RunFile};
    use fixmatch::run::state::RunState;
    use fixmatch::run::survey::Row;

    use super::*;

    /// A run that was forked from another one, if from any, with changes at steps.
    fn some_run(
        runs: &std::path::Path,
        name: &str,
        parent: Option<(&RunDir, u64)>,
        lr: f64,
        changes: &[(u64, f64)],
    ) -> RunDir {
        let mut config = RunConfig::default();
        config.train.lr = lr;
        let mut file = RunFile::new("quickstart".into(), vec![], config);
        file.provenance.parent = parent.map(|(parent, step)| Parent { run: parent.id(), step });
        let dir = RunDir::create(runs, name, &file).expect("made");
        let mut log = fixmatch::run::log::EventLog::open(&dir.events()).expect("opens");
        for (i, (step, threshold)) in changes.iter().enumerate() {
            let change = Some(Change::Threshold(*threshold));
            log.append(Event::Applied { id: i.to_string(), step: *step, change, undoes: None, cancels: vec![] })
                .expect("appended");
        }
        log.append(Event::Stopped { step: 500 }).expect("appended");
        dir
    }

    #[test]
    fn forks_stand_at_their_steps_between_the_changes_of_their_parents() {
        let runs = tempfile::tempdir().expect("a temporary folder");
        let root = some_run(runs.path(), "root", None, 0.03, &[(100, 0.9), (450, 0.8)]);
        let fork = some_run(runs.path(), "fork", Some((&root, 300)), 0.01, &[(100, 0.9), (400, 0.7)]);
        some_run(runs.path(), "twig", Some((&fork, 350)), 0.01, &[]);
        some_run(runs.path(), "stranger", None, 0.03, &[]);
        let rows: Vec<Row> = RunDir::list(runs.path()).expect("listed").iter().map(Row::of).collect();
        for of in &rows[..3] {
            let mut family: Vec<_> = relatives(&rows, &of.dir).iter().map(RunDir::id).collect();
            family.sort();
            let is_stranger = of.dir.id().contains("stranger");
            assert_eq!(family.len(), if is_stranger { 1 } else { 3 }, "{family:?}");
        }
        let dirs = relatives(&rows, &fork);
        let members = families(
            dirs.iter()
                .map(|dir| (Experiment::of(Row::of(dir)), RunState::read(dir).expect("reads").history))
                .collect(),
        );
        let drawn: Vec<String> =
            lines(&members).into_iter().map(|line| format!("{}|{}", line.graph, line.text)).collect();
        assert_eq!(
            drawn,
            [
                "●|root-s0  stopped at step 500",
                "│| 100  threshold = 0.9",
                "├─╮|",
                "│ ●|fork-s0  from step 300 with lr=0.01, stopped at step 500",
                "│ ├─╮|",
                "│ │ ●|twig-s0  from step 350, stopped at step 500",
                "│ │| 400  threshold = 0.7",
                "│ ╵|",
                "│| 450  threshold = 0.8",
                "╵|",
            ]
        );
    }
}
