//! The study: runtimes, ways to hand data to a module, languages, fresh and reused instances, on the same work.
//!
//! `cargo xtask bench study` builds the guests and the worker in Go, and runs this. It writes raw numbers as CSV, pictures, and
//! `bench/STUDY.md` from both.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a tool for people at a terminal"
)]

mod componentize;
mod guests;
mod host;
mod machine;
mod matrix;
mod own;
mod pictures;
mod protocol;
mod report;
mod results;
mod runtimes;
mod study;
mod ways;
mod worker;
mod workers;

use std::path::PathBuf;

use clap::{Parser, Subcommand};

/// Compare runtimes and ways to hand data to a module
#[derive(Parser)]
struct Cli {
    #[command(subcommand)]
    part: Option<Part>,
    #[command(flatten)]
    plan: study::Plan,
}

#[derive(Subcommand)]
enum Part {
    /// Write STUDY.md and the pictures again, from the numbers that are there
    Report,
    /// One runtime in a process of its own, as the study starts it
    #[command(hide = true)]
    Worker {
        /// Which one
        runtime: runtimes::Name,
    },
}

/// The allocator of the product.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> anyhow::Result<()> {
    let cli = Cli::parse();
    match cli.part {
        None => study::run(&cli.plan),
        Some(Part::Report) => report::write(&repository()),
        Some(Part::Worker { runtime }) => worker::serve(runtime),
    }
}

/// `bench`, where the committed report, numbers and pictures are.
fn repository() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}
