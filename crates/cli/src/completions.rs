//! `k8s-wasm completions`: completion scripts for shells.

use std::io::Write;

use clap::CommandFactory;
use clap_complete::Shell;

use crate::Cli;
use crate::outcome::{Exit, Outcome};

/// Print a completion script for a shell
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  # Enable completion in the current bash shell
  source <(k8s-wasm completions bash)

  # Install completion for fish
  k8s-wasm completions fish > ~/.config/fish/completions/k8s-wasm.fish")]
pub(crate) struct Args {
    /// Shell
    #[arg(value_enum)]
    shell: Shell,
}

pub(crate) fn run(args: &Args, out: &mut dyn Write) -> Outcome {
    // The generator panics if a write fails, so it writes to memory.
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "k8s-wasm", &mut script);
    out.write_all(&script)?;
    Ok(Exit::Success)
}
