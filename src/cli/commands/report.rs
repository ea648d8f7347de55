//! `fixmatch report` and `fixmatch plot`: many runs as a page, as tables for a paper, as a figure.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, Result, bail, ensure};
use clap::ValueEnum as _;
use fixmatch::base::aside::replace_file;
use fixmatch::base::image::Image;
use fixmatch::base::text::shell_quoted;
use fixmatch::compare::experiment::Experiment;
use fixmatch::compare::groups::Groups;
use fixmatch::compare::verdict::{Verdict, labeled as labeled_digest};
use fixmatch::examples;
use fixmatch::run::curves::{Axis, Metric};

use super::choosing::{By, Choice};
use super::labels::labeled;
use super::{Runs, fresh_file, note, png_of, say};
use crate::report::page::{ClassRow, LabelSheet, page};
use crate::report::study::{ACCURACY, Quantity, Study, quantity};
use crate::words::comparisons::{self, letter};
use crate::words::numbers::{Unit, bytes, plural};
use crate::words::tables::Format;

/// Write a report of many runs: one page with tables, figures, configurations and commands, or its tables for a paper
///
/// What is written goes by the file's ending: .html is a page that needs nothing but itself; .md, .tex (booktabs) and .csv are
/// the table of the groups.
#[derive(clap::Args)]
#[command(after_help = examples!(
    "fixmatch report slides-labels-small -o report.html",
    "fixmatch report quickstart 'created>=2026-11-01' -o table.tex",
))]
pub struct Args {
    #[command(flatten)]
    choice: Choice,
    /// The file: .html, .md, .tex or .csv
    #[arg(short, long, value_name = "OUT")]
    out: PathBuf,
    /// The title of the page [default: the expression]
    #[arg(long)]
    title: Option<String>,
    /// Which accuracy is compared
    #[arg(long, value_enum, default_value_t = By::Last)]
    by: By,
    /// Overwrite the file
    #[arg(long)]
    force: bool,
}

/// Draw curves of many runs into an SVG or a PDF: a line for each configuration, with a band over its seeds
#[derive(clap::Args)]
#[command(after_help = examples!(
    "fixmatch plot quickstart quickstart-labels-only -o accuracy.svg",
    "fixmatch plot quickstart -o accuracy.pdf",
    "fixmatch plot slides-labels-small --curve mask-ratio --axis time --size 340x220 -o mask.svg",
))]
pub struct Plot {
    #[command(flatten)]
    choice: Choice,
    /// The file: .svg, or .pdf for a paper
    #[arg(short, long, value_name = "OUT")]
    out: PathBuf,
    /// Which curve
    #[arg(long, value_enum, default_value_t = Curve::Accuracy)]
    curve: Curve,
    /// What runs from left to right
    #[arg(long, value_enum, default_value_t = Over::Step)]
    axis: Over,
    /// Width and height of the plot; its text is 12 high, and 9 points in a PDF
    #[arg(long, value_name = "WIDTHxHEIGHT", default_value = "460x270", value_parser = size)]
    size: (f64, f64),
    /// Overwrite the file
    #[arg(long)]
    force: bool,
}

/// The curves.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Curve {
    /// Test accuracy of the averaged weights
    Accuracy,
    /// Test accuracy of the weights as trained
    Raw,
    /// Share of the pseudo-labels that are accepted
    MaskRatio,
    /// Share of the accepted ones that are right
    Purity,
    /// The whole loss
    Loss,
    /// Its labeled part
    Supervised,
    /// Its unlabeled part
    Unsupervised,
    /// The learning rate
    Lr,
    /// Images through the network a second
    ImagesPerS,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Over {
    /// Steps done
    Step,
    /// Time since the run began
    Time,
}

fn size(text: &str) -> Result<(f64, f64)> {
    let (width, height) = text.split_once('x').context("expected WIDTHxHEIGHT, such as 460x270")?;
    let (width, height): (f64, f64) = (width.parse()?, height.parse()?);
    let is_fine = (160.0..=4000.0).contains(&width) && (120.0..=4000.0).contains(&height);
    ensure!(is_fine, "from 160x120 to 4000x4000");
    Ok((width, height))
}

impl Curve {
    fn quantity(self) -> Quantity {
        match self {
            Self::Accuracy => ACCURACY,
            Self::Raw => quantity(Metric::TestRaw, "test accuracy (raw weights)", Unit::Percent),
            Self::MaskRatio => quantity(Metric::MaskRatio, "mask ratio", Unit::Percent),
            Self::Purity => quantity(Metric::PseudoLabels, "purity of the accepted pseudo-labels", Unit::Percent),
            Self::Loss => quantity(Metric::Loss, "loss", Unit::Number),
            Self::Supervised => quantity(Metric::Supervised, "supervised loss", Unit::Number),
            Self::Unsupervised => quantity(Metric::Unsupervised, "unsupervised loss", Unit::Number),
            Self::Lr => quantity(Metric::Lr, "learning rate", Unit::Number),
            Self::ImagesPerS => quantity(Metric::ImagesPerS, "images a second", Unit::Number),
        }
    }
}

/// `fixmatch report`
pub fn report(args: &Args, runs: &Runs) -> Result<ExitCode> {
    let ending = ending(&args.out);
    let format = match ending.as_str() {
        "html" | "htm" => None,
        "md" => Some(Format::Markdown),
        "tex" => Some(Format::Latex),
        "csv" => Some(Format::Csv),
        _ => bail!("{}: a report is .html, .md, .tex or .csv", args.out.display()),
    };
    let out = fresh_file(&args.out, args.force)?;
    let groups = Groups::of(args.choice.some_runs(runs)?).by_values();
    let n = groups.groups.iter().map(|group| group.runs.len()).sum::<usize>();
    let text = match format {
        Some(Format::Csv) => comparisons::groups_in_full(&groups).written(Format::Csv)? + "\n",
        Some(format) => comparisons::groups(&groups, false).written(format)? + "\n",
        None => {
            let expression = if args.choice.is_all() { "all runs".into() } else { args.choice.text() };
            let title = args.title.as_ref().unwrap_or(&expression);
            let made = jiff::Timestamp::now().strftime("%Y-%m-%d").to_string();
            let verdict = Verdict::of(&groups, args.by.into(), None);
            let sheets = sheets(&groups);
            page(title, &Study::read(&groups)?, &verdict, &sheets, &command(args), &made)
        }
    };
    replace_file(&out, text.as_bytes())?;
    for line in comparisons::left_out(&groups) {
        note(line);
    }
    say(format_args!("{}: {}, {}", out.display(), plural(n as u64, "finished run"), bytes(text.len() as u64)))?;
    Ok(ExitCode::SUCCESS)
}

/// Images of a class that a sheet shows, at most.
const IMAGES_A_CLASS: usize = 10;

/// Sheets of a page, at most: beyond that nobody looks at them.
const MOST_SHEETS: usize = 12;

/// The labeled images of each group's first run; groups that have the same are told together.
fn sheets(groups: &Groups) -> Vec<LabelSheet> {
    let mut sets: Vec<(String, &Experiment, Vec<String>)> = Vec::new();
    for (place, group) in groups.groups.iter().enumerate() {
        let Some((run, digest)) = group.first().and_then(|run| Some((run, labeled_digest(&run.row.dir)?))) else {
            continue;
        };
        match sets.iter_mut().find(|(known, ..)| *known == digest) {
            Some((.., letters)) => letters.push(letter(place)),
            None => sets.push((digest, run, vec![letter(place)])),
        }
    }
    let mut reader = labeled::Reader::default();
    sets.truncate(MOST_SHEETS);
    sets.into_iter().map(|(_, run, letters)| sheet(&mut reader, run, &letters.join(", "))).collect()
}

fn sheet(reader: &mut labeled::Reader, run: &Experiment, letters: &str) -> LabelSheet {
    let read = reader.read(&run.row.dir).and_then(|labeled| {
        let caption =
            format!("{letters}: {}, {} ({})", labeled.picked, plural(labeled.images.len() as u64, "image"), run.id());
        let rows = labeled.classes.iter().enumerate().map(|(class, name)| {
            let of_class = labeled.images.iter().filter(|(of, _)| *of == class).map(|(_, image)| image);
            let png = |image: &Image| Ok((png_of(image)?, image.width, image.height));
            let images = of_class.clone().take(IMAGES_A_CLASS).map(png).collect::<Result<_>>()?;
            Ok(ClassRow { name: name.to_string(), n: of_class.count(), images })
        });
        Ok((caption, rows.collect::<Result<Vec<_>>>()?))
    });
    match read {
        Ok((caption, rows)) => LabelSheet { caption, classes: Ok(rows) },
        Err(error) => LabelSheet {
            caption: format!("{letters}: {}", run.id()),
            classes: Err(format!("They cannot be shown: {error:#}.")),
        },
    }
}

/// The command that writes the same page.
fn command(args: &Args) -> String {
    let mut words: Vec<String> = ["fixmatch", "report"].map(str::to_owned).to_vec();
    words.extend(args.choice.words().iter().map(|word| shell_quoted(word)));
    let out = args.out.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    words.extend(["-o".to_owned(), shell_quoted(&out)]);
    words.extend(args.title.as_ref().map(|title| format!("--title={}", shell_quoted(title))));
    let by = args.by.to_possible_value().filter(|_| args.by != By::Last);
    words.extend(by.map(|by| format!("--by={}", by.get_name())));
    words.join(" ")
}

/// `fixmatch plot`
pub fn plot(args: &Plot, runs: &Runs) -> Result<ExitCode> {
    let is_pdf = is_pdf(&args.out)?;
    let out = fresh_file(&args.out, args.force)?;
    let groups = Groups::of(args.choice.some_runs(runs)?).by_values();
    let study = Study::read(&groups)?;
    let axis = match args.axis {
        Over::Step => Axis::Step,
        Over::Time => Axis::Time,
    };
    let figure = study.figure(args.curve.quantity(), axis, args.size);
    ensure!(!figure.is_empty(), "none of these runs has a point of {}", figure.title);
    replace_file(&out, &if is_pdf { figure.pdf() } else { figure.file().into_bytes() })?;
    say(out.display())?;
    Ok(ExitCode::SUCCESS)
}

/// Whether a figure is to be a PDF, and not an SVG.
///
/// # Errors
/// If its file ends in neither.
pub fn is_pdf(out: &Path) -> Result<bool> {
    let ending = ending(out);
    ensure!(["svg", "pdf"].contains(&ending.as_str()), "{}: a figure is .svg or .pdf", out.display());
    Ok(ending == "pdf")
}

fn ending(path: &Path) -> String {
    path.extension().map(|ending| ending.to_string_lossy().to_lowercase()).unwrap_or_default()
}
