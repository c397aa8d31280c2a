//! `k8s-wasm reference`: the generated pages below `docs/reference/`, for `cargo xtask codegen`.

mod command_line;

use std::io::Write;

use clap::CommandFactory;

use crate::Cli;
use crate::exit::Exit;
use crate::report::Outcome;

/// Print a generated reference
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Which
    #[arg(value_enum)]
    page: Page,
}

/// What can be generated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Page {
    /// The commands and their flags, Markdown.
    CommandLine,
}

/// Runs the command.
pub(crate) fn run(args: &Args, out: &mut dyn Write) -> Outcome {
    let text = match args.page {
        Page::CommandLine => command_line::page(&mut Cli::command()),
    };
    out.write_all(text.as_bytes())?;
    Ok(Exit::Yes)
}
