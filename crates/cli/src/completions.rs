//! `gatepost completions`: prints a shell's completion script.

use super::{Arguments, CommandError};
use clap::{CommandFactory, ValueEnum};
use std::io::{self, ErrorKind, Write};

pub(super) const EXAMPLES: &str = "Examples:\n  \
    gatepost completions bash > /etc/bash_completion.d/gatepost\n  \
    gatepost completions zsh > /usr/local/share/zsh/site-functions/_gatepost\n  \
    gatepost completions fish > ~/.config/fish/completions/gatepost.fish";

/// The supported shells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Shell {
    Bash,
    Zsh,
    Fish,
}

impl From<Shell> for clap_complete::Shell {
    fn from(shell: Shell) -> Self {
        match shell {
            Shell::Bash => Self::Bash,
            Shell::Zsh => Self::Zsh,
            Shell::Fish => Self::Fish,
        }
    }
}

pub(super) fn print(shell: Shell) -> Result<(), CommandError> {
    let mut script = Vec::new();
    let shell = clap_complete::Shell::from(shell);
    clap_complete::generate(shell, &mut Arguments::command(), "gatepost", &mut script);
    match io::stdout().write_all(&script) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(CommandError::Output(error)),
        _ => Ok(()),
    }
}
