//! Full load through a real kube-apiserver while configuration, modules and certificates change and modules misbehave; then
//! kill -9.
#![allow(clippy::indexing_slicing, reason = "a test program may panic")]
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "the soak is what it prints"
)]

mod arguments;
mod certificate;
mod crash;
mod disturber;
mod judge;
mod load;
mod memory;
mod mount;
mod policies;
mod questions;
mod random;
mod report;
mod reported;
mod season;
mod soak;
mod tally;

use std::process::ExitCode;

use anyhow::Result;
use conformance::Programs;
use tokio::signal::unix::{SignalKind, signal};

use arguments::Arguments;

#[tokio::main]
async fn main() -> ExitCode {
    // What was started ends when it is dropped.
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

/// Whether every expectation holds at every door.
async fn run() -> Result<bool> {
    let arguments = Arguments::from_command_line()?;
    let programs = Programs::from_environment()?;
    let mut holds = true;
    for door in &arguments.doors {
        let report = soak::at(*door, &arguments, &programs).await?;
        println!("\n{report}");
        holds &= report.failures().is_empty();
    }
    Ok(holds)
}

/// Ctrl-C, or whoever else wants us to end.
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
