//! What may import what: a part imports only from floors below its own, and no two files import each other.
//!
//! ARCHITECTURE.md says why for each floor. Code that only tests use is left out: a test may look at everything.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// The parts from the ground up. A part imports from floors below its own; parts of one floor know nothing of each other.
const FLOORS: [(&[&str], &str); 10] = [
    (&["base"], "base knows nothing of FixMatch"),
    (&["config"], "a configuration says what a run is, and knows nothing of runs"),
    (
        &["augment", "data", "machine", "notify"],
        "images, their augmentations, the machine and the way to receivers know no runs",
    ),
    (&["loader", "run"], "a run directory knows nothing of which images are labeled, and batches know no runs"),
    (&["classifier", "labels"], "label sets know what they are picked from, and nobody below them does"),
    (
        &["compare", "plan", "predict"],
        "a plan checks all that a run will need; comparisons read runs, and know nobody who shows them",
    ),
    (&["suite"], "a suite is of plans, and knows nobody who shows it"),
    (
        &["cli/allocator", "cli/words", "cli/signals", "worker"],
        "words are how things are said, and know no screen; the worker is a program of its own",
    ),
    (
        &["cli/console", "cli/messenger", "cli/report"],
        "the console and the messenger know no commands, and a report no screen",
    ),
    (&["cli/commands", "cli/main"], "a command may open the console"),
];

/// A source file and the modules that its code names by an absolute path.
struct Source {
    path: PathBuf,
    imports: BTreeSet<PathBuf>,
}

fn sources() -> Vec<Source> {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut paths = Vec::new();
    walk(&src, &mut paths);
    let is_for_tests = |path: &&PathBuf| {
        let name = path.file_stem().and_then(|name| name.to_str()).unwrap_or_default();
        ["tests", "snapshots", "sample"].contains(&name)
    };
    paths.iter().filter(|path| !is_for_tests(path)).map(|path| source(&src, path)).collect()
}

fn walk(folder: &Path, paths: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder of sources") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            walk(&path, paths);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            paths.push(path);
        }
    }
}

fn source(src: &Path, path: &Path) -> Source {
    let text = fs::read_to_string(path).expect("a source file");
    let code = text.split("#[cfg(test)]\nmod tests").next().unwrap_or_default();
    let path = path.strip_prefix(src).expect("below src").to_owned();
    let root = match path.components().next().and_then(|first| first.as_os_str().to_str()) {
        Some(program @ ("cli" | "worker")) => src.join(program),
        _ => src.to_owned(),
    };
    let lines = code.lines().filter(|line| !line.trim_start().starts_with("//"));
    let code: String = lines.collect::<Vec<_>>().join("\n");
    let here = src.join(&path).with_extension("");
    let above = here.parent().expect("a folder");
    let roots = [("crate::", root.as_path()), ("fixmatch::", src), ("super::", above), ("self::", here.as_path())];
    let mut imports = BTreeSet::new();
    for (word, root) in roots {
        for (at, _) in code.match_indices(word) {
            let is_whole = !code[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == ':');
            if is_whole {
                imports.extend(modules(root, &code[at + word.len()..]).into_iter().map(|it| relative(src, it)));
            }
        }
    }
    Source { path, imports }
}

fn relative(src: &Path, path: PathBuf) -> PathBuf {
    path.strip_prefix(src).map(Path::to_owned).unwrap_or(path)
}

/// The files of the modules that a path, or a tree of paths in braces, leads to: as deep as there are files.
fn modules(folder: &Path, path: &str) -> Vec<PathBuf> {
    if let Some(rest) = path.strip_prefix("super::") {
        return modules(folder.parent().expect("a folder"), rest);
    }
    if let Some(tree) = path.strip_prefix('{') {
        return branches(tree).into_iter().flat_map(|branch| modules(folder, branch)).collect();
    }
    let name: String = path.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
    let file = folder.join(format!("{name}.rs"));
    if !file.is_file() {
        return Vec::new(); // an item
    }
    let deeper = path[name.len()..].strip_prefix("::").map(|rest| modules(&folder.join(&name), rest));
    deeper.filter(|deeper| !deeper.is_empty()).unwrap_or_else(|| vec![file])
}

/// What stands between the commas of a tree, up to its closing brace.
fn branches(tree: &str) -> Vec<&str> {
    let (mut depth, mut start, mut found) = (0, 0, Vec::new());
    for (at, c) in tree.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth > 0 => depth -= 1,
            '}' => {
                found.push(tree[start..at].trim());
                break;
            }
            ',' if depth == 0 => {
                found.push(tree[start..at].trim());
                start = at + 1;
            }
            _ => {}
        }
    }
    found
}

/// The floor of a file, from 0, and its part.
fn floor(path: &Path) -> Option<(usize, &'static str)> {
    let is_in = |part: &str| path.starts_with(part) || path == Path::new(&format!("{part}.rs"));
    let parts = FLOORS.iter().enumerate().flat_map(|(n, (parts, _))| parts.iter().map(move |part| (n, *part)));
    parts.into_iter().find(|(_, part)| is_in(part))
}

#[test]
fn every_file_has_a_floor() {
    for Source { path, .. } in sources() {
        assert!(floor(&path).is_some() || path == Path::new("lib.rs"), "{} is on no floor", path.display());
    }
}

#[test]
fn no_part_imports_from_its_own_floor_or_one_above() {
    let mut wrong = Vec::new();
    for Source { path, imports } in sources() {
        let Some((here, part)) = floor(&path) else { continue };
        for import in imports {
            let Some((there, other)) = floor(&import) else { continue };
            if other != part && there >= here {
                wrong.push(format!("{} imports {}: {}", path.display(), import.display(), FLOORS[there.min(here)].1));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn no_files_import_each_other_in_a_circle() {
    let graph: BTreeMap<PathBuf, BTreeSet<PathBuf>> =
        sources().into_iter().map(|source| (source.path, source.imports)).collect();
    let mut left: BTreeSet<&PathBuf> = graph.keys().collect();
    // what imports nothing that is left is on the ground: taken away, until nothing is left but circles and what uses them
    while let Some(free) = left.iter().find(|path| !graph[**path].iter().any(|it| it != **path && left.contains(it))) {
        let free = *free;
        left.remove(free);
    }
    let circles: Vec<_> = left.iter().map(|path| path.display().to_string()).collect();
    assert!(circles.is_empty(), "in a circle, or above one: {}", circles.join(", "));
}

#[test]
fn a_tree_of_imports_leads_to_the_files_of_its_modules() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let found = modules(&src, "{base::{files::{self, replace_file}, rng}, config::RunConfig};");
    let found: Vec<_> = found.into_iter().map(|path| relative(&src, path)).collect();
    assert_eq!(found, ["base/files.rs", "base/rng.rs", "config.rs"].map(PathBuf::from));
}
