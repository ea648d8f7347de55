//! `fixmatch completions`: what a shell needs to complete commands, options, and names that only the program knows.

use std::process::ExitCode;

use anyhow::Result;
use clap::ValueEnum;
use clap_complete::env::{Bash, EnvCompleter, Fish, Zsh};
use fixmatch::base::output::write_raw;
use fixmatch::examples;

/// Set by a completion script, to the shell's name, when it asks what could follow.
pub const VARIABLE: &str = "FIXMATCH_COMPLETE";

/// Print a completion script for a shell
///
/// `make install` puts all of them in their places. The script asks the `fixmatch` that is on the PATH.
#[derive(clap::Args)]
#[command(after_help = examples!(
    "fixmatch completions bash > ~/.local/share/bash-completion/completions/fixmatch",
    "fixmatch completions zsh > ~/.local/share/zsh/site-functions/_fixmatch",
    "fixmatch completions fish > ~/.config/fish/completions/fixmatch.fish",
))]
pub struct Args {
    shell: Shell,
}

/// Shells that the program can be asked by.
#[derive(Clone, Copy, ValueEnum)]
enum Shell {
    Bash,
    Zsh,
    Fish,
}

/// bash cuts words at `=` and `:`, clap does not: they are put together for the question, and only what stands behind the
/// last of these marks is the answer.
const JOIN_WORDS_OF_BASH: &str = r#"
_fixmatch() {
    local i word marks='' joined=()
    for ((i = 0; i <= COMP_CWORD; i++)); do
        word=${COMP_WORDS[i]}
        if [[ ${#joined[@]} -gt 0 && ( $marks || $word =~ ^[=:]+$ ) ]]; then
            joined[${#joined[@]}-1]+=$word
        else
            joined+=("$word")
        fi
        if [[ $word =~ ^[=:]+$ ]]; then marks=1; else marks=''; fi
    done
    local current=${joined[${#joined[@]}-1]}
    local COMP_WORDS=("${joined[@]}") COMP_CWORD=$((${#joined[@]} - 1))
    _clap_complete_fixmatch "$1" "$current" "$3"
    local before=${current%"${current##*[=:]}"}
    COMPREPLY=("${COMPREPLY[@]#"$before"}")
}
complete -o nospace -o bashdefault -o nosort -F _fixmatch fixmatch 2>/dev/null ||
    complete -o nospace -o bashdefault -F _fixmatch fixmatch
"#;

/// zsh loads the script at the first completion, which it is then to answer too.
const ANSWER_AT_ONCE_IN_ZSH: &str = r#"
if [[ $funcstack[1] == _fixmatch ]]; then
    _clap_dynamic_completer_fixmatch "$@"
fi
"#;

pub fn run(args: &Args) -> Result<ExitCode> {
    let (shell, addition): (&dyn EnvCompleter, _) = match args.shell {
        Shell::Bash => (&Bash, JOIN_WORDS_OF_BASH),
        Shell::Zsh => (&Zsh, ANSWER_AT_ONCE_IN_ZSH),
        Shell::Fish => (&Fish, ""),
    };
    let mut script = Vec::new();
    shell.write_registration(VARIABLE, "fixmatch", "fixmatch", "fixmatch", &mut script)?;
    script.extend(addition.bytes());
    write_raw(&script)?;
    Ok(ExitCode::SUCCESS)
}
