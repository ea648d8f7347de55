//! The `fixmatch` command: parses, hands over to a file of [`commands`], and says what went wrong.

use std::ffi::{OsStr, OsString};
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Result, ensure};
use clap::error::ErrorKind;
use clap::{CommandFactory as _, Parser, Subcommand};
use clap_complete::CompleteEnv;
use fixmatch::base::manual;
use fixmatch::base::{dirs, output};
use fixmatch::examples;

mod allocator;
mod commands;
mod console;
mod messenger;
mod report;
mod signals;
mod words;

use commands::{
    Runs, attach, augment, card, changes, compare, completions, crossval, data, doctor, export, family, fork, label,
    labels, new, notify, predict, presets, pseudo, rank, report as reporting, requests, resume, runs, screenshot, seal,
    show, suite, train, trash, verify, wait, watch,
};

/// Semi-supervised image classification with FixMatch, driven from the terminal.
///
/// Without a command it opens the console.
/// RUN is a path, a name, or a part of a name that fits only one run. Without it, the newest run is meant
/// that neither orders images nor is a part of a cross-validation.
#[derive(Parser)]
#[command(name = "fixmatch", bin_name = "fixmatch", version = fixmatch::VERSION)]
#[command(after_help = examples!("fixmatch", "fixmatch train quickstart --baseline --attach", "fixmatch runs"))]
struct Cli {
    /// The folder of runs [default: `$FIXMATCH_RUNS`, else fixmatch/runs in the XDG state directory]
    #[arg(long, global = true, value_name = "DIR")]
    runs: Option<PathBuf>,
    #[command(flatten)]
    look: attach::Look,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    Attach(attach::Args),
    Train(train::Args),
    Presets(presets::Args),
    New(new::Args),
    Runs(runs::Args),
    Compare(compare::Args),
    Title(card::Title),
    Tag(card::Tag),
    Note(card::Note),
    Report(reporting::Args),
    Plot(reporting::Plot),
    Show(show::Args),
    Pseudo(pseudo::Args),
    Watch(watch::Args),
    Wait(wait::Args),
    Pause(requests::Pause),
    Resume(resume::Args),
    Stop(requests::Stop),
    Suspend(requests::Suspend),
    Checkpoint(requests::Checkpoint),
    Evaluate(requests::Evaluate),
    Set(requests::Set),
    Changes(changes::Args),
    Fork(fork::Args),
    Family(family::Args),
    Verify(verify::Args),
    Seal(seal::Args),
    Export(export::Args),
    Crossval(crossval::Args),
    Predict(predict::Args),
    Data(data::DataArgs),
    Augment(augment::Args),
    Rank(rank::Args),
    Label(label::Args),
    Labels(labels::Args),
    Suite(suite::Args),
    Notify(notify::Args),
    Doctor(doctor::Args),
    Trash(trash::Args),
    Completions(completions::Args),
    Screenshot(screenshot::Args),
    /// Write the manual pages into a folder
    #[command(hide = true, after_help = examples!("fixmatch man ~/.local/share/man/man1"))]
    Man {
        folder: PathBuf,
    },
}

fn main() -> ExitCode {
    allocator::give_back();
    CompleteEnv::with_factory(Cli::command).var(completions::VARIABLE).complete(); // where a shell asks, that is all
    let cli = match arguments().and_then(Cli::try_parse_from) {
        Ok(cli) => cli,
        Err(answer) => return refuse(&answer),
    };
    run(cli).unwrap_or_else(|error| {
        if is_broken_pipe(&error) {
            return ExitCode::SUCCESS; // whoever read the output has seen enough
        }
        output::note(format_args!("error: {error:#}"));
        ExitCode::FAILURE
    })
}

/// The arguments. `~/` is the home directory also where no shell has looked for it: behind `=` and in quotes.
fn arguments() -> Result<Vec<OsString>, clap::Error> {
    let expand = |path: &OsStr| {
        let path = dirs::expand_home(Path::new(path));
        path.map(PathBuf::into_os_string).map_err(|error| Cli::command().error(ErrorKind::ValueValidation, error))
    };
    let of_argument = |argument: OsString| match argument.to_str().and_then(|text| text.split_once('=')) {
        Some((option, path)) if option.starts_with('-') && path.starts_with('~') => {
            let mut whole = OsString::from(format!("{option}="));
            whole.push(expand(path.as_ref())?);
            Ok(whole)
        }
        _ => expand(&argument),
    };
    std::env::args_os().map(of_argument).collect()
}

/// Prints the help that was asked for, in its colours, or what is wrong with the arguments, which may hold anything.
fn refuse(answer: &clap::Error) -> ExitCode {
    if answer.use_stderr() {
        output::note(answer.render().to_string().trim_end());
    } else {
        let _ = answer.print();
    }
    ExitCode::from(answer.exit_code() as u8)
}

fn run(cli: Cli) -> Result<ExitCode> {
    let runs = Runs::at(cli.runs)?;
    let Some(command) = cli.command else {
        return attach::open(cli.look, &runs, console::Shown::Home, console::Stay::Open);
    };
    // where it stands before a command that trains or writes, it would promise what is not kept
    let is_of_the_console = matches!(command, Command::Attach(_) | Command::Compare(_) | Command::Family(_));
    ensure!(
        is_of_the_console || cli.look.is_usual(),
        "--readonly and --glyphs are of the console: `fixmatch --readonly`, `fixmatch attach --readonly`"
    );
    let trains = matches!(
        command,
        Command::Train(_) | Command::Resume(_) | Command::Suite(_) | Command::Crossval(_) | Command::Rank(_)
    );
    if trains && let Err(error) = console::read_settings() {
        output::note(format_args!("warning: a part of your settings counts for nothing: {error:#}"));
    }
    match command {
        Command::Attach(args) => attach::run(&args, cli.look, &runs),
        Command::Train(args) => train::run(&args, &runs),
        Command::Presets(args) => presets::run(&args),
        Command::New(args) => new::run(&args),
        Command::Runs(args) => runs::run(&args, &runs),
        Command::Compare(args) => compare::run(&args, cli.look, &runs),
        Command::Report(args) => reporting::report(&args, &runs),
        Command::Plot(args) => reporting::plot(&args, &runs),
        Command::Title(args) => card::title(&args, &runs),
        Command::Tag(args) => card::tag(&args, &runs),
        Command::Note(args) => card::note(&args, &runs),
        Command::Show(args) => show::run(&args, &runs),
        Command::Pseudo(args) => pseudo::run(&args, &runs),
        Command::Watch(args) => watch::run(&args, &runs),
        Command::Wait(args) => wait::run(&args, &runs),
        Command::Pause(args) => requests::pause(&args.ask, &runs),
        Command::Resume(args) => resume::run(&args, &runs),
        Command::Stop(args) => requests::stop(&args.ask, &runs),
        Command::Suspend(args) => requests::suspend(&args.ask, &runs),
        Command::Checkpoint(args) => requests::checkpoint(&args.ask, &runs),
        Command::Evaluate(args) => requests::evaluate(&args.ask, &runs),
        Command::Changes(args) => changes::run(&args, &runs),
        Command::Set(args) => requests::set(&args, &runs),
        Command::Family(args) => family::run(&args, cli.look, &runs),
        Command::Fork(args) => fork::run(&args, &runs),
        Command::Verify(args) => verify::run(&args, &runs),
        Command::Seal(args) => seal::run(&args, &runs),
        Command::Export(args) => export::run(&args, &runs),
        Command::Crossval(args) => crossval::run(&args, &runs),
        Command::Predict(args) => predict::run(&args, &runs),
        Command::Data(args) => data::run(args).map(|()| ExitCode::SUCCESS),
        Command::Augment(args) => augment::run(&args),
        Command::Rank(args) => rank::run(&args, &runs),
        Command::Label(args) => label::run(&args, &runs),
        Command::Labels(args) => labels::run(&args, &runs),
        Command::Suite(args) => suite::run(args, &runs),
        Command::Doctor(args) => doctor::run(&args, &runs),
        Command::Notify(args) => notify::run(&args, &runs),
        Command::Trash(args) => trash::run(&args, &runs),
        Command::Screenshot(args) => screenshot::run(&args, &runs),
        Command::Completions(args) => completions::run(&args),
        Command::Man { folder } => manual::write_pages(Cli::command(), &folder).map(|()| ExitCode::SUCCESS),
    }
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error
        .chain()
        .any(|cause| cause.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_has_examples_that_it_takes() {
        for command in manual::tree(Cli::command()) {
            let name = command.get_bin_name().expect("built").to_owned();
            let examples = manual::examples_of(&command);
            assert!(!examples.is_empty(), "`{name} --help` has no example");
            for example in examples {
                assert!(name == "fixmatch" || example.starts_with(&name), "{example:?} is none of {name}");
                // up to where the shell takes over
                for one in example.split(" && ").map(|one| one.split(" > ").next().unwrap_or(one)) {
                    let parsed = Cli::try_parse_from(one.split_whitespace());
                    assert!(parsed.is_ok(), "{one}: {}", parsed.err().expect("an error"));
                }
            }
        }
    }
}
