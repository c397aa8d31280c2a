//! The `k8s-wasm` program: serves policies to kube-apiserver, and tries, checks and explains them without one.

mod records;
mod warnings;
mod annotate;
mod check;
mod completions;
mod configuration;
mod env;
mod exit;
mod explain;
mod inspect;
mod logging;
mod manifests;
mod paint;
mod reference;
mod replay;
mod outcome;
mod run;
mod serve;
mod terminal;
mod top;
mod trace;

use std::io::{self, BufWriter, Write};
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use exit::Exit;
use paint::Paint;
use outcome::Outcome;

/// Mutations are trees of many small pieces on several threads; the allocator of libc costs a tenth of their throughput.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Decide in WebAssembly modules who a caller of Kubernetes is, what they may do, and what may be stored
#[derive(Debug, Parser)]
#[command(name = "k8s-wasm", version, after_long_help = exit::HELP)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Serve(Box<serve::Args>),
    Run(Box<run::Args>),
    Check(check::Args),
    Inspect(inspect::Args),
    Annotate(annotate::Args),
    Manifests(Box<manifests::Args>),
    Explain(explain::Args),
    Top(top::Args),
    Replay(Box<replay::Args>),
    Completions(completions::Args),
    #[command(hide = true)]
    Reference(reference::Args),
}

impl Command {
    fn run(&self, out: &mut dyn Write) -> Outcome {
        match self {
            Self::Serve(args) => serve::run(args, out),
            Self::Run(args) => run::run(args, out),
            Self::Check(args) => check::run(args, out),
            Self::Inspect(args) => inspect::run(args, out),
            Self::Annotate(args) => annotate::run(args, out),
            Self::Manifests(args) => manifests::run(args, out),
            Self::Explain(args) => explain::run(args, out),
            Self::Top(args) => top::run(args, out),
            Self::Replay(args) => replay::run(args, out),
            Self::Completions(args) => completions::run(args, out),
            Self::Reference(args) => reference::run(args, out),
        }
    }
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let mut out = BufWriter::new(io::stdout());
    let outcome = cli.command.run(&mut out).and_then(|exit| {
        out.flush()?;
        Ok(exit)
    });
    match outcome {
        Ok(exit) => exit.into(),
        Err(failed) if failed.is_broken_pipe() => Exit::Yes.into(),
        Err(failed) => {
            // What was printed before the error comes before it; when even that fails, nobody is left to be told.
            let _ = out.flush();
            let mut stderr = io::stderr();
            let _ = failed.show(&mut stderr, Paint::of(&io::stderr()));
            failed.exit.into()
        }
    }
}
