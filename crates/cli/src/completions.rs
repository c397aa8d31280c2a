//! `k8s-wasm completions`: what makes a shell complete this program's flags.

use std::io::Write;

use clap::CommandFactory;
use clap_complete::Shell;

use crate::Cli;
use crate::exit::Exit;
use crate::outcome::Outcome;

/// Print a completion script for a shell
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Example, for bash, until the shell ends:
  source <(k8s-wasm completions bash)

Example, for fish, for good:
  k8s-wasm completions fish > ~/.config/fish/completions/k8s-wasm.fish")]
pub(crate) struct Args {
    /// The shell
    #[arg(value_enum)]
    shell: Shell,
}

/// Runs the command.
pub(crate) fn run(args: &Args, out: &mut dyn Write) -> Outcome {
    // The generator panics when it cannot write, so it writes to memory.
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "k8s-wasm", &mut script);
    out.write_all(&script)?;
    Ok(Exit::Yes)
}
