//! A demo of a kube-apiserver with WebAssembly policies: it runs a short story, then waits for
//! experiments.
#![allow(clippy::indexing_slicing, reason = "a test program may panic")]
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "the output is the purpose of the demo"
)]

mod arguments;
mod next;
mod story;

use std::process::ExitCode;
use std::time::Instant;

use anyhow::Result;
use conformance::directory::Directory;
use conformance::{Cluster, FrontEnd, Programs, ReviewVersion, Running, Wiring};
use tokio::signal::unix::{SignalKind, signal};

use arguments::Arguments;

const INTRODUCTION: &str = "
k8s-wasm: WebAssembly modules make the access decisions of a kube-apiserver.

  authentication        magic-authenticator   `magic-token` is the token of magic-user in magic-group
  authorization         magic-authorizer      members of magic-group have all permissions on configmaps
  mutating admission    magic-mutator         sets `magic-value: foobar` in every configmap
  validating admission  magic-validator       rejects configmaps with the key `not-allowed-value`
";

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<()> {
    let arguments = Arguments::from_command_line()?;
    // Dropping the future ends the programs, even in the middle of the story.
    tokio::select! {
        result = play(arguments) => result,
        result = interruption() => result,
    }
}

async fn play(arguments: Arguments) -> Result<()> {
    println!("{INTRODUCTION}");
    let running = start(&arguments).await?;
    story::play(&Cluster::new(&running, "default")).await?;
    if arguments.no_wait {
        return running.stop().await;
    }
    next::explain(&running)?;
    std::future::pending().await
}

async fn start(arguments: &Arguments) -> Result<Running> {
    let programs = Programs::from_environment()?;
    let directory = match &arguments.directory {
        Some(path) => Directory::permanent(path)?,
        None => Directory::temporary()?,
    };
    let wiring = Wiring {
        front_end: FrontEnd::Webhook,
        version: ReviewVersion::V1,
        cache_ttl: None,
        configuration: include_str!("policies.yaml").to_owned(),
        scripts: Vec::new(),
    };
    println!(
        "Starting etcd, `k8s-wasm serve` with the four modules, and a kube-apiserver that calls it ..."
    );
    let started = Instant::now();
    let running = Running::start(&programs, directory, &wiring).await?;
    println!("Ready after {:.0} s.\n", started.elapsed().as_secs_f64());
    Ok(running)
}

/// Completes on SIGINT or SIGTERM.
async fn interruption() -> Result<()> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    println!("\nStopping everything.");
    Ok(())
}
