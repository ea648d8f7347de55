//! A report as one page of HTML: no script, no font, no picture from anywhere else. It is made for a phone, a screen, the dark
//! and paper alike.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use fixmatch::base::text::shell_quoted;
use fixmatch::compare::experiment::Experiment;
use fixmatch::compare::groups::Groups;
use fixmatch::compare::keys::{self, short};
use fixmatch::compare::verdict::Verdict;
use fixmatch::config::decides;
use fixmatch::run::curves::Axis;

use super::study::{OF_REPORT, Study};
use crate::words::comparisons::{self, letter, sentence, shown};
use crate::words::numbers::plural;
use crate::words::tables::{Table, html};

/// The size of a figure of the page.
const FIGURE: (f64, f64) = (460.0, 270.0);

const STYLE: &str = "
:root { color-scheme: light dark; --ground: #ffffff; --text: #1c1e21; --faint: #667; --line: #d5d8dd; --soft: #f4f5f7; }
@media (prefers-color-scheme: dark) {
  :root { --ground: #16181d; --text: #e4e6ea; --faint: #9aa0aa; --line: #3a3f48; --soft: #1f2229; }
}
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1rem; max-width: 62rem; background: var(--ground); color: var(--text);
  font: 16px/1.5 system-ui, 'Helvetica Neue', Arial, sans-serif; }
h1 { font-size: 1.5rem; line-height: 1.25; overflow-wrap: anywhere; } h2 { font-size: 1.15rem; margin-top: 2rem; }
.faint { color: var(--faint); } ul { padding-left: 1.25rem; } li { margin: .3rem 0; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-size: .9rem; font-variant-numeric: tabular-nums; }
th, td { padding: .25rem .6rem; text-align: right; white-space: nowrap; border-bottom: 1px solid var(--line); }
th:first-child, td:first-child { text-align: left; padding-left: 0; }
h3 { font-size: .95rem; margin: 1.2rem 0 .4rem; overflow-wrap: anywhere; }
.sheet { display: grid; grid-template-columns: max-content 1fr; gap: .25rem .8rem; align-items: center; margin: 0; font-size: .9rem; }
.sheet dt { text-align: right; max-width: 9rem; overflow-wrap: anywhere; }
.sheet dd { margin: 0; display: flex; flex-wrap: wrap; gap: 3px; }
.sheet img { width: 2.25rem; height: 2.25rem; object-fit: contain; image-rendering: pixelated; }
.figures { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 26rem), 1fr)); gap: 1.5rem; }
.figures svg { width: 100%; height: auto; } .figures .phone { display: none; }
@media screen and (max-width: 30rem) { .figures .phone { display: inline; } .figures .desk { display: none; } }
pre { background: var(--soft); padding: .6rem .8rem; overflow-x: auto; font-size: .85rem; white-space: pre-wrap;
  overflow-wrap: anywhere; }
@media (max-width: 40rem) {
  th:first-child, td:first-child { white-space: normal; overflow-wrap: anywhere; min-width: 6rem; }
}
@media print {
  :root { --ground: #fff; --text: #000; --faint: #444; --line: #999; --soft: #fff; color-scheme: light; }
  body { max-width: none; padding: 0; font-size: 10pt; } .wide { overflow: visible; } table { font-size: 8pt; }
  th, td { white-space: normal; padding: .15rem .3rem; } figure, tr { break-inside: avoid; }
  details > * { display: block; }
}
";

/// The page of a study and of what is said of it, called so; `command` makes it again.
pub fn page(title: &str, study: &Study, verdict: &Verdict, sheets: &[LabelSheet], command: &str, made: &str) -> String {
    let groups = study.groups;
    let n: usize = groups.groups.iter().map(|group| group.runs.len()).sum();
    let mut page = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>{0}</title>\n\
         <style>{STYLE}</style>\n</head>\n<body>\n<h1>{0}</h1>\n\
         <p class=\"faint\">{4} of {1} · {2} · fixmatch {3}</p>\n",
        html(title),
        plural(groups.groups.len() as u64, "configuration"),
        html(made),
        html(fixmatch::VERSION),
        plural(n as u64, "finished run"),
    );
    results(&mut page, verdict);
    page.push_str("<h2>Curves</h2>\n<p class=\"faint\">Mean over seeds; bands are ± one standard deviation.</p>\n");
    page.push_str("<div class=\"figures\">\n");
    for quantity in OF_REPORT {
        let figure = study.figure(quantity, Axis::Step, FIGURE);
        if !figure.is_empty() {
            let _ = writeln!(page, "<figure style=\"margin:0\">{}</figure>", figure.inline());
        }
    }
    page.push_str("</div>\n");
    if let Some(classes) = study.classes() {
        page.push_str("<h2>Accuracy of each class</h2>\n");
        page.push_str(&classes.html());
    }
    label_sheets(&mut page, sheets);
    page.push_str("<h2>Runs</h2>\n");
    page.push_str(&runs(groups).html());
    list(&mut page, &comparisons::left_out(groups));
    page.push_str("<h2>Configuration</h2>\n<p class=\"faint\">What all of them have in common.</p>\n");
    let _ = writeln!(page, "<details><summary>all values</summary>\n{}</details>", in_common(groups).html());
    page.push_str("<h2>Environment</h2>\n");
    page.push_str(&environment(groups).html());
    page.push_str("<h2>Make it again</h2>\n");
    let _ = writeln!(
        page,
        "<pre>{}</pre>",
        commands(groups, command).iter().map(|it| html(it)).collect::<Vec<_>>().join("\n")
    );
    page.push_str("</body>\n</html>\n");
    page
}

fn results(page: &mut String, verdict: &Verdict) {
    let _ = writeln!(page, "<h2>Results</h2>\n<p>{}</p>", html(&comparisons::differences(verdict.groups)));
    page.push_str(&comparisons::groups(verdict.groups, true).html());
    page.push_str(
        "<p class=\"faint\">Test accuracy of the averaged weights, mean ± standard deviation over n seeds.</p>\n",
    );
    if verdict.comparisons.is_empty() {
        return;
    }
    page.push_str("<h2>Differences</h2>\n");
    page.push_str(&comparisons::comparisons(verdict).html());
    list(page, &verdict.comparisons.iter().map(|it| sentence(verdict, it)).collect::<Vec<_>>());
    page.push_str("<h2>How this was tested</h2>\n");
    list(page, &comparisons::notes(verdict));
}

/// Labeled images of some groups.
pub struct LabelSheet {
    /// What they are, and whose.
    pub caption: String,
    /// Each class with some of its images as PNGs, and how many there are; or why they cannot be shown.
    pub classes: Result<Vec<ClassRow>, String>,
}

/// The labeled images of a class.
pub struct ClassRow {
    /// Its name.
    pub name: String,
    /// How many there are.
    pub n: usize,
    /// Some of them as PNGs, with width and height.
    pub images: Vec<(Vec<u8>, usize, usize)>,
}

fn label_sheets(page: &mut String, sheets: &[LabelSheet]) {
    if sheets.is_empty() {
        return;
    }
    page.push_str("<h2>Labeled images</h2>\n");
    for sheet in sheets {
        let _ = writeln!(page, "<h3>{}</h3>", html(&sheet.caption));
        let rows = match &sheet.classes {
            Ok(rows) => rows,
            Err(reason) => {
                let _ = writeln!(page, "<p class=\"faint\">{}</p>", html(reason));
                continue;
            }
        };
        page.push_str("<dl class=\"sheet\">\n");
        for row in rows {
            let more =
                if row.images.len() < row.n { format!(" ({} of {})", row.images.len(), row.n) } else { String::new() };
            let _ = write!(page, "<dt>{}<span class=\"faint\">{more}</span></dt><dd>", html(&row.name));
            for (png, width, height) in &row.images {
                let data = STANDARD.encode(png);
                let _ = write!(
                    page,
                    "<img alt=\"{}\" width=\"{width}\" height=\"{height}\" src=\"data:image/png;base64,{data}\">",
                    html(&row.name)
                );
            }
            page.push_str("</dd>\n");
        }
        page.push_str("</dl>\n");
    }
}

fn list(page: &mut String, lines: &[String]) {
    if !lines.is_empty() {
        let items: Vec<_> = lines.iter().map(|line| format!("<li>{}</li>\n", html(line))).collect();
        let _ = writeln!(page, "<ul>\n{}</ul>", items.concat());
    }
}

/// All runs of all groups.
fn all(groups: &Groups) -> impl Iterator<Item = (usize, &Experiment)> {
    groups.groups.iter().enumerate().flat_map(|(place, group)| {
        let others = group.left_out.iter().map(|(run, _)| run);
        group.runs.iter().chain(others).map(move |run| (place, run))
    })
}

/// Every run, with its group and its seed.
fn runs(groups: &Groups) -> Table {
    let has_title = all(groups).any(|(_, run)| !run.row.card.title.is_empty());
    let usual = ["status", "train.seed", "accuracy", "median", "best", "time"];
    let names = has_title.then_some("title").into_iter().chain(usual);
    let columns: Vec<_> = names.map(|name| keys::find(name).expect("known")).collect();
    let head = columns.iter().map(|key| short(key.name).rsplit('.').next().unwrap_or_default().to_owned());
    let mut table = Table { head: ["run".into(), String::new()].into_iter().chain(head).collect(), rows: Vec::new() };
    for (place, run) in all(groups) {
        let values = columns.iter().map(|key| shown(key, run.value(key).as_ref()));
        table.rows.push([run.id(), letter(place)].into_iter().chain(values).collect());
    }
    table
}

/// The values of configurations that all groups share.
fn in_common(groups: &Groups) -> Table {
    let mut table = Table::new(&["key", "value"]);
    let Some((_, first)) = all(groups).next() else { return table };
    for key in first.keys().filter(|key| decides(key) && !keys::SEEDS.contains(key)) {
        let value = first.configured(key);
        if let Some(value) = value
            .filter(|value| all(groups).all(|(_, run)| run.file().is_none() || run.configured(key) == Some(*value)))
        {
            table.rows.push(vec![key.to_owned(), value.text.clone()]);
        }
    }
    table
}

/// Where runs were trained, each different environment once.
fn environment(groups: &Groups) -> Table {
    let mut table = Table::new(&["host", "processor", "device", "threads", "libtorch", "fixmatch", "images (SHA-256)"]);
    let rows: BTreeSet<Vec<String>> = all(groups)
        .filter_map(|(_, run)| run.file()?.environment.clone())
        .map(|it| {
            let digest = it.data_digest.chars().take(16).collect();
            vec![it.host, it.cpu, it.device, it.threads.to_string(), it.libtorch, it.version, digest]
        })
        .collect();
    table.rows = rows.into_iter().collect();
    table
}

/// The commands that train the runs and make the page.
fn commands(groups: &Groups, command: &str) -> Vec<String> {
    let mut commands = Vec::new();
    let suites: BTreeSet<&str> = all(groups).filter_map(|(_, run)| run.suite()).collect();
    commands.extend(suites.iter().map(|suite| format!("fixmatch suite run {}", shell_quoted(suite))));
    for file in all(groups).filter(|(_, run)| run.suite().is_none()).filter_map(|(_, run)| run.file()) {
        let mut line = format!("fixmatch train {}", shell_quoted(&file.provenance.preset));
        for setting in &file.provenance.settings {
            let _ = write!(line, " --set {}", shell_quoted(setting));
        }
        if !commands.contains(&line) {
            commands.push(line);
        }
    }
    commands.push(command.to_owned());
    commands
}
