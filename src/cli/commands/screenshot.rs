//! `fixmatch screenshot`: a screen of the console as SVG, for documents and talks.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use clap::ValueEnum;
use fixmatch::base::host::now;
use fixmatch::compare::experiment::Experiment;
use fixmatch::compare::expression::Expression;
use fixmatch::examples;
use fixmatch::labels::desk::Labeling;
use fixmatch::run::survey::Survey;
use ratatui::backend::TestBackend;
use ratatui::layout::Rect;
use ratatui::{Terminal, TerminalOptions, Viewport};

use super::{RunArg, Runs, label, say};
use crate::console::app::App;
use crate::console::glyphs::Glyphs;
use crate::console::keys::{Action, Keymap};
use crate::console::screens::Screen;
use crate::console::screens::home::Listing;
use crate::console::screens::label::Label;
use crate::console::screens::predictions;
use crate::console::screens::pseudo_labels::tab::Tab;
use crate::console::screens::samples::Sheet;
use crate::console::svg::{self, Ground};
use crate::console::tasks::WorldTask;
use crate::console::theme::{Depth, Theme};
use crate::console::world::{self, News};
use crate::console::{self, views};

/// Print a screen of the console as SVG
#[derive(clap::Args)]
#[command(after_help = examples!("fixmatch screenshot quickstart --size 100x30 > run.svg", "fixmatch screenshot --screen home --light > home.svg"))]
pub struct Args {
    #[command(flatten)]
    run: RunArg,
    /// Which screen
    #[arg(long, value_enum, default_value_t = Which::Run)]
    screen: Which,
    /// A folder, a list or a data set, for the screens of images that are labeled
    #[arg(long)]
    images: Option<String>,
    /// Columns and rows
    #[arg(long, value_name = "COLUMNSxROWS", default_value = "120x36", value_parser = size)]
    size: (u16, u16),
    /// Dark text on a light ground
    #[arg(long)]
    light: bool,
    /// Instead draw it so many times, all of it each time, and print how many seconds that took
    #[arg(long, value_name = "N", hide = true)]
    draws: Option<u32>,
}

/// The screens.
#[derive(Clone, Copy, ValueEnum)]
enum Which {
    /// Presets and runs
    Home,
    /// The values of the first preset
    Preset,
    /// A run's charts
    Run,
    /// A run's log
    Log,
    /// Its labeled images
    Samples,
    /// One of them with its views
    Sample,
    /// What its network takes the unlabeled images for
    Predictions,
    /// What its pseudo-labels do
    PseudoLabels,
    /// The unlabeled images that it follows
    Followed,
    /// What it takes for what
    Confusion,
    /// The accuracy of each class
    Classes,
    /// CTAugment's rates
    Rates,
    /// Runs beside each other: RUN is an expression
    Compare,
    /// Images that are labeled
    Label,
    /// Many of them on a sheet
    LabelSheet,
}

impl Which {
    /// The tab that it is, if it is one.
    fn tab(self) -> Option<Tab> {
        match self {
            Self::PseudoLabels => Some(Tab::Strip),
            Self::Followed => Some(Tab::Images),
            Self::Confusion => Some(Tab::Confusion),
            Self::Classes => Some(Tab::Classes),
            Self::Rates => Some(Tab::Rates),
            Self::Home
            | Self::Preset
            | Self::Run
            | Self::Log
            | Self::Samples
            | Self::Sample
            | Self::Predictions
            | Self::Compare
            | Self::Label
            | Self::LabelSheet => None,
        }
    }
}

fn size(text: &str) -> Result<(u16, u16)> {
    let (columns, rows) = text.split_once('x').context("expected COLUMNSxROWS, such as 120x36")?;
    Ok((columns.parse()?, rows.parse()?))
}

pub fn run(args: &Args, runs: &Runs) -> Result<ExitCode> {
    let theme = Theme { depth: Depth::True };
    let mut app = App::new(Keymap::default(), theme, Glyphs::Braille, now());
    for state in world::data_states() {
        app.learn(state);
    }
    app.learn(News::Runs(Listing::Read(Survey::new(runs.folder()).look()?)));
    match args.screen {
        Which::Home | Which::PseudoLabels | Which::Followed | Which::Confusion | Which::Classes | Which::Rates => {}
        Which::Preset => app.update(Action::Enter),
        Which::Compare => compare(&mut app, args, runs)?,
        Which::Label | Which::LabelSheet => open_labels(&mut app, args)?,
        Which::Run => open(&mut app, args, runs)?,
        Which::Log => {
            open(&mut app, args, runs)?;
            app.update(Action::Log);
        }
        Which::Samples | Which::Sample => {
            open(&mut app, args, runs)?;
            app.update(Action::Samples);
            let dir = runs.find(&args.run)?;
            let sheet = Sheet::read(&dir)?;
            app.learn(News::Samples(dir, Ok(sheet)));
        }
        Which::Predictions => {
            open(&mut app, args, runs)?;
            app.update(Action::Predictions);
            let dir = runs.find(&args.run)?;
            let sheet = predictions::Sheet::read(&dir, |_, _| ())?;
            app.learn(News::Predicted(dir, predictions::Loading::Read(Box::new(sheet))));
        }
    }
    if let Some(tab) = args.screen.tab() {
        open_pseudo_labels(&mut app, args, runs, tab)?;
    }
    if matches!(args.screen, Which::Sample) {
        app.update(Action::Enter);
    }
    if let Some(n) = args.draws {
        say(time_draws(&mut app, args.size, n)?.as_secs_f64())?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut terminal = Terminal::new(TestBackend::new(args.size.0, args.size.1))?;
    terminal.draw(|frame| views::draw(frame, &mut app))?;
    let on = if args.light { Ground::LIGHT } else { Ground::DARK };
    say(svg::of(terminal.backend().buffer(), on))?;
    Ok(ExitCode::SUCCESS)
}

/// How long it takes to draw all of a screen so often, up to what is written to a terminal, which is not there.
fn time_draws(app: &mut App, (columns, rows): (u16, u16), n: u32) -> Result<Duration> {
    let start = Instant::now();
    for _ in 0..n {
        // A terminal on which nothing stands yet, so that every cell is sent.
        let viewport = Viewport::Fixed(Rect::new(0, 0, columns, rows));
        let backend = console::link::Link::new(std::io::sink());
        let mut terminal = Terminal::with_options(backend, TerminalOptions { viewport })?;
        console::terminal::draw(&mut terminal, app)?;
    }
    Ok(start.elapsed())
}

/// Opens runs beside each other, all of them read.
fn compare(app: &mut App, args: &Args, runs: &Runs) -> Result<()> {
    let expression = Expression::parse(args.run.run.as_deref().unwrap_or_default())?;
    let dirs: Vec<_> = expression.select(Experiment::all(runs.folder())?)?.into_iter().map(|run| run.row.dir).collect();
    app.open_race(dirs.clone());
    for (dir, reading) in dirs.iter().zip(world::read_beside(&dirs)) {
        app.learn(News::Run(dir.clone(), Box::new(reading)));
    }
    Ok(())
}

/// Opens the images that are named on the labelling screen.
fn open_labels(app: &mut App, args: &Args) -> Result<()> {
    let images = args.images.as_deref().context("name the images with --images")?;
    let request = Labeling { data: label::data(images)?, ..Labeling::default() };
    app.take_tasks();
    app.open(Screen::Label(Box::new(Label::new(request))));
    console::settle(app);
    if let Which::LabelSheet = args.screen {
        app.update(Action::Next);
    }
    let mut terminal = Terminal::new(TestBackend::new(args.size.0, args.size.1))?;
    terminal.draw(|frame| views::draw(frame, app))?; // asks for the images that have room
    console::settle(app);
    Ok(())
}

/// Opens a run's pseudo-labels with all that was recorded of them.
fn open_pseudo_labels(app: &mut App, args: &Args, runs: &Runs, tab: Tab) -> Result<()> {
    open(app, args, runs)?;
    app.take_tasks();
    app.update(Action::PseudoLabels);
    while let Some(task) = app.take_tasks().world.pop() {
        match task {
            WorldTask::Records(dir, pointers) => app.learn(world::read_records(dir, pointers)),
            WorldTask::Followed(dir, indices) => {
                let sheet = Sheet::of(&dir, &indices)?;
                app.learn(News::Followed(dir, Ok(sheet)));
            }
            _ => {}
        }
    }
    if let Some(run) = app.run_mut() {
        run.pseudo_labels.tab = tab;
    }
    Ok(())
}

fn open(app: &mut App, args: &Args, runs: &Runs) -> Result<()> {
    let dir = runs.find(&args.run)?;
    let reading = world::read_run(&dir);
    app.open_run(dir.clone());
    app.learn(News::Run(dir, Box::new(reading)));
    if let Some(run) = app.run_mut() {
        run.digest = None;
    }
    Ok(())
}
