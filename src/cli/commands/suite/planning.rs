//! What a suite is to train, and what is told of it before it starts.

use anyhow::Result;
use fixmatch::run::survey::Survey;
use fixmatch::suite::expand::expand;
use fixmatch::suite::file::Suite;
use fixmatch::suite::forecast::Forecast;
use fixmatch::suite::grid::Grid;
use fixmatch::suite::order::{Folder, Order};
use fixmatch::suite::queue::Stand;
use fixmatch::suite::slots::Slot;
use fixmatch::suite::standing::{Found, n_mixed};

use super::super::{Runs, note, say};
use crate::words::numbers::{bytes, duration, plural};
use crate::words::suites;

/// The suite's folder, its title, and the runs that are meant: those of its file, with what is set over it. Where it was
/// started before from the same file and nothing is set, these are the ones that it stands at, with all seeds that were
/// added.
pub fn planned(name: &str, set: &[String], n_seeds: Option<u32>, runs: &Runs) -> Result<(Folder, String, Grid)> {
    let is_set = !set.is_empty() || n_seeds.is_some();
    let mut suite = match Suite::find(name) {
        Ok(suite) => suite,
        Err(error) => match started_here(name, runs)? {
            Some((folder, order)) if !is_set => {
                note(format_args!("its file is elsewhere: it goes on as it was planned there"));
                return Ok((folder, order.title, order.grid));
            }
            _ => return Err(error),
        },
    };
    let folder = Folder::of(runs.folder(), &suite.name);
    let of_file = expand(&suite)?;
    let before = folder.read()?.map(|order| order.grid);
    if let Some(before) = before.as_ref().filter(|before| !is_set && before.of_file == of_file.of_file) {
        if before.n_left_out(&of_file) + of_file.n_left_out(before) > 0 {
            let (n, n_of_file) = (plural(before.runs.len() as u64, "run"), of_file.runs.len());
            note(format_args!(
                "going on with its plan as it was set or added to: {n}; its file alone comes to {n_of_file}"
            ));
        }
        return Ok((folder, suite.title, before.clone()));
    }
    suite.set(set)?;
    if let Some(n) = n_seeds {
        suite.seeds = (0..u64::from(n)).collect();
    }
    let grid = Grid { of_file: of_file.of_file, ..expand(&suite)? };
    let n = before.map_or(0, |before| grid.n_left_out(&before));
    if n > 0 {
        note(format_args!("{} of its plan before are not in this one: they stay as they are", plural(n as u64, "run")));
    }
    Ok((folder, suite.title, grid))
}

/// What was started of a suite of this name among these runs.
pub fn started_here(name: &str, runs: &Runs) -> Result<Option<(Folder, Order)>> {
    let Some(folder) = Folder::list(runs.folder()).into_iter().find(|folder| folder.name() == name) else {
        return Ok(None);
    };
    Ok(folder.read()?.map(|order| (folder, order)))
}

/// Says so where runs of a cell saw other images or labels.
pub fn warn_of_mixed(grid: &Grid, found: &[Option<Found>]) {
    let n = n_mixed(grid, found);
    if n > 0 {
        note(format_args!(
            "warning: in {} runs were not trained on the same images and labels, which have changed in between: a mean is \
             over both, and `fixmatch compare` keeps them apart",
            plural(n as u64, "cell")
        ));
    }
}

/// How much is left, and what it will take by earlier runs of its kind.
pub fn foretell(grid: &Grid, stands: &[Stand], slots: &[Slot], how: &str, runs: &Runs) -> Result<()> {
    let is_done = |stand: &Stand| matches!(stand, Stand::Finished(_));
    let n_done = stands.iter().filter(|stand| is_done(stand)).count();
    let n = grid.runs.len();
    let done = suites::there_already(n_done);
    say(format_args!("{}{done}", plural(n as u64, "run")))?;
    let rows = Survey::new(runs.folder()).look()?;
    let forecast = Forecast::of(grid, stands, slots, &rows);
    let disk_of = |id: &String| rows.iter().find(|row| row.dir.id() == *id).map_or(0, |row| size_of(row.dir.path()));
    let known = !forecast.by.is_empty();
    if known {
        say(format_args!(
            "about {} {how}, {} of disk and {} of memory, judging by earlier runs like them",
            duration(forecast.time),
            bytes(forecast.by.iter().map(disk_of).sum()),
            bytes(forecast.memory_bytes)
        ))?;
    }
    if forecast.n_unknown > 0 {
        let n = plural(forecast.n_unknown as u64, "run");
        let which = if known { format!("the time of {n} is not in it") } else { "how long is not known".into() };
        say(format_args!("{which}: no run like them was trained here yet"))?;
    }
    Ok(())
}

/// The bytes of a run's files.
fn size_of(folder: &std::path::Path) -> u64 {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let size = |entry: std::fs::DirEntry| match entry.metadata() {
        Ok(meta) if meta.is_dir() => size_of(&entry.path()),
        Ok(meta) => meta.len(),
        Err(_) => 0,
    };
    entries.map(size).sum()
}
