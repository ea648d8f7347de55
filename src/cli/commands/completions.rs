//! `fixmatch completions`: what a shell needs to complete commands and options.

use std::process::ExitCode;

use anyhow::Result;
use clap_complete::Shell;
use fixmatch::base::output::write_raw;

/// Print a completion script for a shell
///
/// For bash: fixmatch completions bash > ~/.local/share/bash-completion/completions/fixmatch
#[derive(clap::Args)]
pub struct Args {
    shell: Shell,
}

pub fn run<C: clap::CommandFactory>(args: &Args) -> Result<ExitCode> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut C::command(), "fixmatch", &mut script);
    write_raw(&script)?;
    Ok(ExitCode::SUCCESS)
}
