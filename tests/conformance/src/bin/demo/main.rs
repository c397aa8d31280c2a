//! A kube-apiserver that obeys WebAssembly modules: plays a short story, then stays up to be tried.
#![allow(clippy::indexing_slicing, reason = "a test program may panic")]
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "the demo is what it prints"
)]

mod arguments;
mod next;
mod story;

use std::process::ExitCode;
use std::time::Instant;

use anyhow::Result;
use conformance::directory::Directory;
use conformance::{Door, Programs, ReviewVersion, Running, Wiring};
use tokio::signal::unix::{SignalKind, signal};

use arguments::Arguments;

const INTRODUCTION: &str = "
k8s-wasm: WebAssembly modules decide, a kube-apiserver obeys.

  who is the caller?        magic-authenticator   `magic-token` is the token of magic-user in magic-group
  what may the caller do?   magic-authorizer      members of magic-group may do anything to configmaps
  in what form is it kept?  magic-mutator         every configmap gets `magic-value: foobar`
  may it be stored?         magic-validator       no configmap may have the key `not-allowed-value`
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
    // What was started ends when it is dropped, in the middle of the story too.
    tokio::select! {
        result = play(arguments) => result,
        result = interruption() => result,
    }
}

async fn play(arguments: Arguments) -> Result<()> {
    println!("{INTRODUCTION}");
    let running = start(&arguments).await?;
    story::play(&running.in_namespace("default")).await?;
    if arguments.no_wait {
        return running.stop().await;
    }
    next::explain(&running)?;
    std::future::pending().await
}

async fn start(arguments: &Arguments) -> Result<Running> {
    let programs = Programs::from_environment()?;
    let directory = match &arguments.directory {
        Some(path) => Directory::lasting(path)?,
        None => Directory::temporary()?,
    };
    let wiring = Wiring {
        door: Door::Webhook,
        version: ReviewVersion::V1,
        cache_ttl: None,
        configuration: include_str!("policies.yaml").to_owned(),
        scripts: Vec::new(),
    };
    println!(
        "Starting etcd, `k8s-wasm serve` with the four modules, and a kube-apiserver that asks it ..."
    );
    let begin = Instant::now();
    let running = Running::start(&programs, directory, &wiring).await?;
    println!("Ready after {:.0} s.\n", begin.elapsed().as_secs_f64());
    Ok(running)
}

/// Ctrl-C, or whoever else wants us to end.
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
