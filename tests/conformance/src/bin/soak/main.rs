//! A soak test: full load through a real kube-apiserver while configuration, modules and
//! certificates change and modules misbehave; then SIGKILL.
#![allow(clippy::indexing_slicing, reason = "a test program may panic")]
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "the output is the purpose of the test"
)]

mod arguments;
mod certificate;
mod changes;
mod expectation;
mod load;
mod memory;
mod mount;
mod outage;
mod policies;
mod random;
mod report;
mod requests;
mod soak;
mod status;
mod tally;
mod verdict;

use std::process::ExitCode;

use anyhow::Result;
use conformance::Programs;
use tokio::signal::unix::{SignalKind, signal};

use arguments::Arguments;

#[tokio::main]
async fn main() -> ExitCode {
    // Dropping the future ends the programs.
    let ended = tokio::select! {
        ended = run() => ended,
        ended = interruption() => ended,
    };
    match ended {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Returns whether every expectation holds for every front end.
async fn run() -> Result<bool> {
    let arguments = Arguments::from_command_line()?;
    let programs = Programs::from_environment()?;
    let mut holds = true;
    for front_end in &arguments.front_ends {
        let report = soak::run(*front_end, &arguments, &programs).await?;
        println!("\n{report}");
        holds &= report.failures().is_empty();
    }
    Ok(holds)
}

/// Completes on SIGINT or SIGTERM.
async fn interruption() -> Result<bool> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    println!("\nInterrupted. Stopping everything.");
    Ok(false)
}
