//! `cargo xtask study`: builds the guests, the worker in Go and the study in `study/`, measures the
//! front ends with real clusters, then runs the study.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use clap::Args;

use crate::context::Context;
use crate::process::{self, Pending};
use crate::setup::Setup;
use crate::{guests, kube};

/// The folder of results that are not committed.
const SCRATCH: &str = "target/study";

#[derive(Args)]
pub struct Arguments {
    /// Measure for minutes instead of most of an hour; writes to target/study instead of study/
    #[arg(long)]
    quick: bool,
    /// Measure only cells whose name contains all these words, such as "wasmi stdio token/go"; prints the results and writes no files
    #[arg(long, value_name = "WORDS")]
    only: Option<String>,
    /// Skip the comparison of front ends, whose API servers take minutes to build the first time; the page then says so
    #[arg(long)]
    without_clusters: bool,
    /// Arguments of the study; `cargo xtask study -- --help` lists them
    #[arg(last = true)]
    arguments: Vec<String>,
}

/// Builds everything, then replaces this process with the study.
pub fn run(context: &Context, arguments: &Arguments) -> Result<()> {
    let guests = guests::build_study(context)?;
    let wazero = build_wazero(context, &guests)?;
    let mut build = context.cargo("build");
    build.args(["--release", "--manifest-path", "study/Cargo.toml"]);
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
        for run in measure_front_ends(context, arguments.quick)? {
            study.arg("--front-ends").arg(run);
        }
    }
    study.args(&arguments.arguments);
    Err(process::exec(study))
}

/// Runs `bench front-ends` several times, each with new clusters, and saves its output.
fn measure_front_ends(context: &Context, quick: bool) -> Result<Vec<PathBuf>> {
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
            let mut bench = context.command(context.target_dir.join("release/bench"));
            bench.args(["front-ends", "--rounds", rounds, "--requests", requests]);
            setup.apply(&mut bench);
            let title = format!("measuring three API servers, run {run} of {runs}");
            let printed = Pending::start(&title, move |_| process::output(bench)).wait()?;
            let saved = folder.join(format!("front-ends-{run}.md"));
            fs::write(&saved, printed)?;
            Ok(saved)
        })
        .collect()
}

/// Builds the worker for wazero, the runtime that is written in Go.
fn build_wazero(context: &Context, folder: &Path) -> Result<PathBuf> {
    let program = folder.join("wazero");
    let log = context.cache.log("study-wazero")?;
    let mut go = context.command("go");
    go.current_dir(context.root.join("study/wazero"))
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
    building
        .wait()
        .context("failed to build the worker for wazero, which requires Go 1.24 or newer")?;
    Ok(program)
}
