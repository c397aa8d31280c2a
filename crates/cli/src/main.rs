//! The `k8s-wasm` program: serves policies to kube-apiserver, and tests, checks and explains them.

mod annotate;
mod check;
mod completions;
mod configuration;
mod env;
mod explain;
mod inspect;
mod logging;
mod manifests;
mod outcome;
mod records;
mod reference;
mod replay;
mod run;
mod runtime;
mod serve;
mod terminal;
mod top;
mod trace;
mod warnings;

use std::io::{self, BufWriter, Write};
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use outcome::{Exit, Outcome};
use terminal::Styles;

/// Mutations build trees of many small allocations on several threads; libc's allocator costs a
/// tenth of their throughput.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Make Kubernetes access decisions with WebAssembly modules
///
/// Modules decide on authentication, authorization, and mutating and validating admission. `serve`
/// runs them as webhooks for kube-apiserver; the other commands test, check and explain policies.
#[derive(Debug, Parser)]
#[command(name = "k8s-wasm", version, after_long_help = outcome::EXIT_CODES)]
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
        Err(error) if error.is_broken_pipe() => Exit::Success.into(),
        Err(error) => {
            // Output that precedes the error is printed before it. If stderr fails too, the exit
            // code remains.
            let _ = out.flush();
            let mut stderr = io::stderr();
            let _ = error.write(&mut stderr, Styles::for_stream(&io::stderr()));
            error.exit.into()
        }
    }
}
