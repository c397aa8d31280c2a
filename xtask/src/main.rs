//! Every chore of the repository: `cargo xtask <verb>`; without a verb it lists them.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a tool for people at a terminal"
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
mod test;
mod tidy;

use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};

use crate::context::Context;

/// The chores of k8s-wasm. Each does its own set-up; what takes minutes is kept in the user's cache directory.
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
    /// Start etcd, k8s-wasm and a kube-apiserver wired to it, play the story, and stay up until Ctrl-C
    Demo,
    /// Run every test, the conformance stories against a real kube-apiserver included; what CI runs
    Test(test::Arguments),
    /// Build the examples, and the modules and policies of the tests, to WebAssembly, into target/guests
    Guests(guests::Arguments),
    /// Find or build kube-apiserver and etcd, and print where they are
    Kube,
    /// Build kube-apiserver with the engine inside, and print where it is
    Apiserver(apiserver::Arguments),
    /// Measure the cost of a call and the load a server carries; see bench/RESULTS.md
    Bench(bench::Arguments),
    /// Run the fuzz targets, to find what nobody thought of
    Fuzz(fuzz::Arguments),
    /// Load a real API server fully while policies change and break, and kill what decides
    Soak(soak::Arguments),
    /// Write the generated reference pages, or check that they are fresh
    Codegen(codegen::Arguments),
    /// Check what the compiler cannot: dependency edges, documents, examples, vectors
    Tidy,
    /// End what this process started once it is gone; see process/keeper.rs
    #[command(hide = true)]
    Keeper,
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
    if let Verb::Keeper = verb {
        return process::keeper::keep();
    }
    let context = Context::new()?;
    match verb {
        Verb::Demo => demo::run(&context),
        Verb::Test(arguments) => test::run(&context, &arguments),
        Verb::Guests(arguments) => guests::run(&context, &arguments),
        Verb::Kube => kube::run(&context),
        Verb::Apiserver(arguments) => apiserver::run(&context, &arguments),
        Verb::Bench(arguments) => bench::run(&context, &arguments),
        Verb::Fuzz(arguments) => fuzz::run(&context, &arguments),
        Verb::Soak(arguments) => soak::run(&context, &arguments),
        Verb::Codegen(arguments) => codegen::run(&context, &arguments),
        Verb::Tidy => tidy::run(&context),
        Verb::Keeper => Ok(()),
    }
}

/// Prints the causes first, so that the last line on the screen is the outcome.
fn report(error: &anyhow::Error) {
    for cause in error.chain().skip(1).collect::<Vec<_>>().into_iter().rev() {
        eprintln!("cause: {cause}");
    }
    eprintln!("error: {error}");
}
