//! `cargo xtask bench study`: builds the guests, the worker in Go and the study, then becomes the study.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use clap::Args;

use crate::context::Context;
use crate::guests;
use crate::process::{self, Pending};

#[derive(Args)]
pub struct Arguments {
    /// Minutes instead of the better part of an hour; writes to target/study and not to bench/
    #[arg(long)]
    quick: bool,
    /// Only the cells whose name contains these words, such as "wasmi stdio token/go"; prints them and writes nothing
    #[arg(long, value_name = "WORDS")]
    only: Option<String>,
    /// Passed on to the study; `cargo xtask bench study -- --help` lists what else it takes
    #[arg(last = true)]
    arguments: Vec<String>,
}

/// Builds, then measures.
pub fn run(context: &Context, arguments: &Arguments) -> Result<()> {
    let guests = guests::build_study(context)?;
    let wazero = build_wazero(context, &guests)?;
    let mut cargo = context.cargo("run");
    cargo.args([
        "--release",
        "--manifest-path",
        "bench/study/Cargo.toml",
        "--",
    ]);
    cargo.arg("--guests").arg(guests);
    cargo.arg("--wazero").arg(wazero);
    cargo
        .arg("--scratch")
        .arg(context.root.join("target/study"));
    if arguments.quick {
        cargo.arg("--quick");
    }
    if let Some(words) = &arguments.only {
        cargo.args(["--only", words]);
    }
    cargo.args(&arguments.arguments);
    Err(process::become_program(cargo))
}

/// The worker for the runtime that is written in Go.
fn build_wazero(context: &Context, folder: &Path) -> Result<PathBuf> {
    let program = folder.join("wazero");
    let log = context.cache.log("study-wazero")?;
    let mut go = context.command("go");
    go.current_dir(context.root.join("bench/study/wazero"))
        .args([
            "build",
            "-mod=readonly",
            "-trimpath",
            "-buildvcs=false",
            "-o",
        ])
        .arg(&program)
        .arg(".");
    let building = Pending::start("building the worker for wazero", move |status| {
        process::run_to_log(go, &log, status)
    });
    building.wait().context("wazero needs Go 1.24 or newer")?;
    Ok(program)
}
