//! `cargo xtask bench study`: builds the guests, the worker in Go and the study, asks the clusters, then becomes the study.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use clap::Args;

use crate::context::Context;
use crate::process::{self, Pending};
use crate::setup::Setup;
use crate::{guests, kube};

/// Where what is not for the repository goes.
const SCRATCH: &str = "target/study";

#[derive(Args)]
pub struct Arguments {
    /// Minutes instead of the better part of an hour; writes to target/study and not to bench/
    #[arg(long)]
    quick: bool,
    /// Only what has these words in its name, such as "wasmi stdio token/go"; prints it and writes nothing
    #[arg(long, value_name = "WORDS")]
    only: Option<String>,
    /// Leave the API servers out, which take minutes to build the first time: the page then says that they were
    #[arg(long)]
    without_clusters: bool,
    /// Passed on to the study; `cargo xtask bench study -- --help` lists what else it takes
    #[arg(last = true)]
    arguments: Vec<String>,
}

/// Builds, then measures.
pub fn run(context: &Context, arguments: &Arguments) -> Result<()> {
    let guests = guests::build_study(context)?;
    let wazero = build_wazero(context, &guests)?;
    let mut build = context.cargo("build");
    build.args(["--release", "--manifest-path", "bench/study/Cargo.toml"]);
    process::run(build)?;
    let mut study = context.command(context.target_dir.join("release/study"));
    study.arg("--guests").arg(guests);
    study.arg("--wazero").arg(wazero);
    study.arg("--scratch").arg(context.root.join(SCRATCH));
    if arguments.quick {
        study.arg("--quick");
    }
    if let Some(words) = &arguments.only {
        study.args(["--only", words]);
    } else if !arguments.without_clusters {
        for run in ask_clusters(context, arguments.quick)? {
            study.arg("--doors").arg(run);
        }
    }
    study.args(&arguments.arguments);
    Err(process::become_program(study))
}

/// Runs `bench doors` a few times, with clusters of its own each time, and keeps what it prints.
fn ask_clusters(context: &Context, quick: bool) -> Result<Vec<PathBuf>> {
    let setup = Setup::optimized(context, kube::start(context)?)?;
    let mut build = context.cargo("build");
    build.args(["--release", "--manifest-path", "bench/Cargo.toml"]);
    process::run(build)?;
    let folder = context.root.join(SCRATCH);
    fs::create_dir_all(&folder)?;
    let (runs, rounds, requests) = if quick {
        (1, "1", "30")
    } else {
        (5, "2", "100")
    };
    (1..=runs)
        .map(|run| {
            let mut doors = context.command(context.target_dir.join("release/bench"));
            doors.args(["doors", "--rounds", rounds, "--requests", requests]);
            setup.apply(&mut doors);
            let title = format!("asking three API servers, {run} of {runs}");
            let printed = Pending::start(&title, move |_| process::output(doors)).wait()?;
            let kept = folder.join(format!("doors-{run}.md"));
            fs::write(&kept, printed)?;
            Ok(kept)
        })
        .collect()
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
