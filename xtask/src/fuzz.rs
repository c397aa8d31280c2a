//! `cargo xtask fuzz`: builds the fuzz targets with libFuzzer's coverage counters, and runs them.
//!
//! The stable compiler suffices: an LLVM pass inserts the counters, and `fuzz/rustc.sh` enables it.

mod seeds;
mod summary;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context as _, Result};
use clap::{Args, ValueEnum};

use self::summary::Summary;
use crate::context::Context;
use crate::process::{self, Pending, elapsed};

/// A program in `fuzz/targets`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Target {
    /// Bodies of webhook requests: reviews and raw requests
    Reviews,
    /// Configuration files
    Configuration,
    /// Output of modules
    GuestOutput,
    /// Pointers and lengths that modules pass to the host
    GuestPointers,
    /// Mutated objects and JSON patches
    Patches,
    /// Responses of registries, and payloads of host calls
    Registries,
}

#[derive(Args)]
pub struct Arguments {
    /// Target to run [default: all, one after the other]
    #[arg(value_enum)]
    target: Option<Target>,
    /// Duration of each target, in seconds; new inputs are kept in the cache for the next run
    #[arg(long, default_value_t = 60)]
    seconds: u64,
    /// Run the target once on this file, such as one from fuzz/artifacts
    #[arg(long, value_name = "FILE", requires = "target")]
    input: Option<PathBuf>,
}

/// The length of a run.
#[derive(Debug, Clone, Copy)]
enum Effort {
    /// A number of seconds, starting from the corpus of earlier runs.
    Seconds(u64),
    /// A number of executions, starting from the seeds alone with a fixed random seed, so that
    /// every run is the same.
    Runs(u32),
}

impl Target {
    /// Returns the name on the command line, which is also that of the program and of its seeds.
    fn name(self) -> String {
        self.to_possible_value()
            .map(|value| value.get_name().to_owned())
            .unwrap_or_default()
    }

    /// Returns the number of executions of a short run, which takes a few seconds.
    fn runs(self) -> u32 {
        match self {
            Self::Reviews | Self::Patches => 100_000,
            Self::GuestOutput | Self::GuestPointers => 20_000,
            Self::Configuration => 5_000,
            Self::Registries => 2_000,
        }
    }

    /// Returns the maximum length of an input, in bytes.
    fn max_length(self) -> u32 {
        match self {
            Self::GuestPointers => 512,
            Self::Reviews | Self::Configuration | Self::GuestOutput => 4096,
            Self::Patches | Self::Registries => 2048,
        }
    }
}

/// Builds and runs the selected targets.
pub fn run(context: &Context, arguments: &Arguments) -> Result<()> {
    check(context)?;
    let programs = build(context)?;
    if let (Some(target), Some(input)) = (arguments.target, &arguments.input) {
        let mut program = context.command(programs.join(target.name()));
        program.arg(std::path::absolute(input)?);
        return process::run(program);
    }
    let effort = Effort::Seconds(arguments.seconds);
    targets(arguments.target).try_for_each(|target| fuzz(context, &programs, target, effort))
}

/// Runs each target for a few seconds, as a step of `cargo xtask test`.
pub fn test(context: &Context) -> Result<()> {
    let programs = build(context)?;
    targets(None).try_for_each(|target| {
        let effort = Effort::Runs(target.runs());
        fuzz(context, &programs, target, effort)
    })
}

/// Checks for the C++ compiler that builds libFuzzer.
pub fn check(context: &Context) -> Result<()> {
    let compiler = std::env::var_os("CXX").unwrap_or_else(|| "c++".into());
    let mut command = context.command(compiler);
    command.arg("--version");
    process::output(command)
        .map(drop)
        .context("fuzzing requires a C++ compiler, such as g++: install one or set CXX")
}

fn targets(only: Option<Target>) -> impl Iterator<Item = Target> {
    let all = Target::value_variants().iter().copied();
    all.filter(move |target| only.is_none_or(|only| only == *target))
}

/// Builds all targets, and returns the folder of their programs.
fn build(context: &Context) -> Result<PathBuf> {
    // A separate directory: cargo cannot distinguish crates with counters from those without.
    let target_dir = context.target_dir.join("fuzz");
    let mut cargo = context.cargo("build");
    cargo
        .args(["--manifest-path", "fuzz/Cargo.toml", "--bins"])
        .env("CARGO_TARGET_DIR", &target_dir)
        .env("RUSTC_WRAPPER", context.root.join("fuzz/rustc.sh"));
    let log = context.cache.log("fuzz-build")?;
    let building = Pending::start("building the fuzz targets", move |status| {
        process::run_to_log(cargo, &log, status)
    });
    building.wait()?;
    Ok(target_dir.join("debug"))
}

fn fuzz(context: &Context, programs: &Path, target: Target, effort: Effort) -> Result<()> {
    let (name, started) = (target.name(), Instant::now());
    let scratch = context.root.join("target/fuzz").join(&name);
    let seeds = empty_folder(&scratch.join("seeds"))?;
    seeds::collect(&context.root, target, &seeds)?;
    let found = match effort {
        Effort::Seconds(_) => folder(&context.cache.path("fuzz").join(&name))?,
        Effort::Runs(_) => empty_folder(&scratch.join("found"))?,
    };
    let artifacts = folder(&context.root.join("fuzz/artifacts").join(&name))?;

    let mut program = context.command(programs.join(&name));
    // libFuzzer writes new inputs into the first folder.
    program.arg(found).arg(seeds);
    program.arg(match effort {
        Effort::Seconds(seconds) => format!("-max_total_time={seconds}"),
        Effort::Runs(runs) => format!("-runs={runs}"),
    });
    if let Effort::Runs(_) = effort {
        program.arg("-seed=1");
    }
    program.args(["-timeout=60", "-rss_limit_mb=2048", "-print_final_stats=1"]);
    program
        .arg("-dict=fuzz/words.dict")
        .arg(format!("-max_len={}", target.max_length()))
        .arg(format!("-artifact_prefix={}/", artifacts.display()));

    let log = context.cache.log(&format!("fuzz-{name}"))?;
    let output = log.clone();
    let running = Pending::start(&format!("fuzzing {name}"), move |status| {
        process::run_to_log(program, &output, status)
    });
    running.wait().with_context(|| {
        format!(
            "target `{name}` failed: the input is in fuzz/artifacts/{name}; fix the crate and add a test to it"
        )
    })?;
    let summary = Summary::read(&fs::read_to_string(log)?)?;
    println!("  {name:14} {summary} in {}", elapsed(started));
    Ok(())
}

/// Creates a folder unless it exists.
fn folder(path: &Path) -> Result<PathBuf> {
    fs::create_dir_all(path).with_context(|| format!("cannot create `{}`", path.display()))?;
    Ok(path.to_owned())
}

/// Creates a folder, and removes an existing one first.
fn empty_folder(path: &Path) -> Result<PathBuf> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("cannot remove `{}`", path.display()))
        }
        _ => folder(path),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_target_has_a_program_and_seeds() {
        let fuzz = Context::new().unwrap().root.join("fuzz");
        let manifest = fs::read_to_string(fuzz.join("Cargo.toml")).unwrap();
        let programs = fs::read_dir(fuzz.join("targets")).unwrap().count();
        assert_eq!(programs, targets(None).count());
        for target in targets(None) {
            let name = target.name();
            let file = format!("targets/{}.rs", name.replace('-', "_"));
            assert!(manifest.contains(&format!("name = \"{name}\"\npath = \"{file}\"")));
            assert!(fuzz.join(file).is_file());
            let seeds = fuzz.join("seeds").join(name);
            assert!(fs::read_dir(seeds).unwrap().next().is_some());
        }
    }
}
