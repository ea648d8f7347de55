//! Examples in the help of a command, and manual pages made of its help.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};
use clap::Command;
use clap_mangen::Man;
use clap_mangen::roff::{Roff, roman};

/// The examples at the end of a command's help, for `after_help`: a heading in clap's style, then one a line.
#[macro_export]
macro_rules! examples {
    ($($example:literal),+ $(,)?) => {
        concat!("\u{1b}[1m\u{1b}[4mExamples:\u{1b}[0m", $("\n  ", $example),+)
    };
}

/// A command and its subcommands, built: those below come with the whole name, such as `fixmatch data list`.
pub fn tree(command: Command) -> Vec<Command> {
    fn collect(command: &Command, all: &mut Vec<Command>) {
        all.push(command.clone());
        for below in command.get_subcommands() {
            collect(below, all);
        }
    }
    let mut command = command.disable_help_subcommand(true);
    command.build();
    let mut all = Vec::new();
    collect(&command, &mut all);
    all
}

/// The examples in the help of a command, each a line for a shell.
pub fn examples_of(command: &Command) -> Vec<String> {
    let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
    help.lines().filter_map(|line| line.strip_prefix("  ")).map(str::to_owned).collect()
}

/// Writes a page for a command and for each of its subcommands that is not hidden, such as `fixmatch-data-list.1`.
pub fn write_pages(command: Command, folder: &Path) -> Result<()> {
    fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    for command in tree(command).into_iter().filter(|command| !command.is_hide_set()) {
        let examples = examples_of(&command);
        let man = Man::new(command.clone()).source(format!("fixmatch {}", crate::VERSION)).manual("fixmatch");
        let path = folder.join(man.get_filename());
        let mut page = Vec::new();
        man.render_title(&mut page)?;
        man.render_name_section(&mut page)?;
        man.render_synopsis_section(&mut page)?;
        man.render_description_section(&mut page)?;
        man.render_options_section(&mut page)?;
        if command.get_subcommands().any(|below| !below.is_hide_set()) {
            man.render_subcommands_section(&mut page)?;
        }
        let mut section = Roff::new();
        section.control("SH", ["EXAMPLES"]);
        section.control("nf", []); // lines stay lines
        for example in &examples {
            section.text([roman(example.as_str())]);
        }
        section.control("fi", []);
        section.to_writer(&mut page)?;
        fs::write(&path, page).with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(())
}
