//! The study: compares runtimes, calling conventions, languages, and fresh and reused instances.
//!
//! `cargo xtask study` builds the guests and the worker in Go, and runs this program. It writes raw
//! numbers as CSV, pictures, and `README.md` from both.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command-line tool prints its output"
)]

mod componentize;
mod convention;
mod differences;
mod guests;
mod host;
mod instance;
mod machine;
mod matrix;
mod own;
mod pictures;
mod protocol;
mod report;
mod results;
mod runtime;
mod runtimes;
mod study;
mod summary;
mod units;
mod worker;
mod workers;

use clap::{Parser, Subcommand};

/// Compare WebAssembly runtimes and calling conventions
#[derive(Parser)]
struct Cli {
    #[command(subcommand)]
    part: Option<Part>,
    #[command(flatten)]
    plan: study::Plan,
}

#[derive(Subcommand)]
enum Part {
    /// Write README.md and the pictures again, from the existing numbers
    Report,
    /// Run one runtime in a process of its own; started by the study
    #[command(hide = true)]
    Worker {
        /// Name of the runtime
        runtime: runtimes::Name,
    },
}

/// The allocator that the product uses.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> anyhow::Result<()> {
    let cli = Cli::parse();
    match cli.part {
        None => study::run(&cli.plan),
        Some(Part::Report) => report::write(&report::committed_folder()),
        Some(Part::Worker { runtime }) => worker::serve(runtime),
    }
}
