//! Development tasks of the repository, run as `cargo xtask <verb>`.
#![allow(
    clippy::indexing_slicing,
    reason = "a panic of a development tool is harmless"
)]
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command-line tool prints its output"
)]

mod apiserver;
mod bench;
mod cache;
mod codegen;
mod context;
mod demo;
mod fuzz;
mod golang;
mod guests;
mod kube;
mod metadata;
mod process;
mod setup;
mod soak;
mod study;
mod test;
mod tidy;

use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};

use crate::context::Context;

/// Development tasks of k8s-wasm. Each task prepares what it needs; results that take minutes to
/// build are kept in the user's cache directory.
#[derive(Parser)]
#[command(
    name = "cargo xtask",
    bin_name = "cargo xtask",
    disable_help_subcommand = true
)]
struct Cli {
    #[command(subcommand)]
    verb: Option<Verb>,
}

#[derive(Subcommand)]
enum Verb {
    /// Start etcd, k8s-wasm and a kube-apiserver that uses it, show a few decisions, and run until Ctrl-C
    Demo,
    /// Run every check and test, including the stories against a real kube-apiserver; CI runs this
    Test(test::Arguments),
    /// Compile the examples and the modules and policies of the tests to WebAssembly, into target/guests
    Guests,
    /// Find or build kube-apiserver and etcd, and print their paths
    Kube,
    /// Build kube-apiserver with the engine inside, and print its path
    Apiserver(apiserver::Arguments),
    /// Measure the cost of a call and the throughput of the server; see bench/RESULTS.md
    Bench(bench::Arguments),
    /// Compare WebAssembly runtimes and calling conventions; see study/README.md
    Study(study::Arguments),
    /// Run the fuzz targets
    Fuzz(fuzz::Arguments),
    /// Run a real API server under full load while policies change, fail and processes are killed
    Soak(soak::Arguments),
    /// Write the generated files, or check that they are up to date
    Codegen(codegen::Arguments),
    /// Check what the compiler cannot: dependency edges, documents, language, examples, vectors
    Tidy(tidy::Arguments),
    /// Terminate the children of an xtask that has exited; see process/reaper.rs
    #[command(hide = true)]
    Reaper,
}

fn main() -> ExitCode {
    let Some(verb) = Cli::parse().verb else {
        println!("{}", Cli::command().render_long_help());
        return ExitCode::SUCCESS;
    };
    match run(verb) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            report(&error);
            ExitCode::FAILURE
        }
    }
}

fn run(verb: Verb) -> anyhow::Result<()> {
    if let Verb::Reaper = verb {
        return process::reaper::run();
    }
    let context = Context::new()?;
    match verb {
        Verb::Demo => demo::run(&context),
        Verb::Test(arguments) => test::run(&context, &arguments),
        Verb::Guests => guests::run(&context),
        Verb::Kube => kube::run(&context),
        Verb::Apiserver(arguments) => apiserver::run(&context, &arguments),
        Verb::Bench(arguments) => bench::run(&context, &arguments),
        Verb::Study(arguments) => study::run(&context, &arguments),
        Verb::Fuzz(arguments) => fuzz::run(&context, &arguments),
        Verb::Soak(arguments) => soak::run(&context, &arguments),
        Verb::Codegen(arguments) => codegen::run(&context, &arguments),
        Verb::Tidy(arguments) => tidy::run(&context, &arguments),
        Verb::Reaper => Ok(()),
    }
}

/// Prints the causes first, so that the last line on the screen is the outcome.
fn report(error: &anyhow::Error) {
    for cause in error.chain().skip(1).collect::<Vec<_>>().into_iter().rev() {
        eprintln!("cause: {cause}");
    }
    eprintln!("error: {error}");
}
