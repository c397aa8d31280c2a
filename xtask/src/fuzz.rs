//! `cargo xtask fuzz`: builds the fuzz targets with the counters that libFuzzer follows, and runs them.
//!
//! A stable compiler will do: the counters are a pass of LLVM, and `fuzz/rustc.sh` asks for it.

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

/// A program in `fuzz/targets`; the name on the command line is the variant's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Target {
    /// What is posted: reviews and raw requests
    Reviews,
    /// Configuration files
    Configuration,
    /// What modules answer
    GuestOutput,
    /// Pointers and lengths that modules hand to their host
    GuestPointers,
    /// Changed objects and JSON patches
    Patches,
    /// What registries serve, and the payloads of host calls
    Registries,
}

#[derive(Args)]
pub struct Arguments {
    /// Only this one; without it all of them, one after the other
    #[arg(value_enum)]
    target: Option<Target>,
    /// How long each runs; what is new is kept in the cache for the next time
    #[arg(long, default_value_t = 60)]
    seconds: u64,
    /// Run the target on this file only, such as one from fuzz/artifacts
    #[arg(long, value_name = "FILE", requires = "target")]
    input: Option<PathBuf>,
}

/// How much is done.
#[derive(Clone, Copy)]
enum Effort {
    /// For so long, from all that was interesting so far.
    Seconds(u64),
    /// Always the same: so many executions from the seeds alone, with random numbers that are none.
    Runs(u32),
}

impl Target {
    /// The name as on the command line, of its program and of its folder of seeds.
    fn name(self) -> String {
        self.to_possible_value()
            .map(|value| value.get_name().to_owned())
            .unwrap_or_default()
    }

    /// Executions of the short run: seconds, each.
    fn runs(self) -> u32 {
        match self {
            Self::Reviews | Self::Patches => 100_000,
            Self::GuestOutput | Self::GuestPointers => 20_000,
            Self::Configuration => 5_000,
            Self::Registries => 2_000,
        }
    }

    /// The longest input, in bytes.
    fn length_max(self) -> u32 {
        match self {
            Self::GuestPointers => 512,
            Self::Reviews | Self::Configuration | Self::GuestOutput => 4096,
            Self::Patches | Self::Registries => 2048,
        }
    }
}

/// Runs what was asked for.
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

/// The short run of `cargo xtask test`.
pub fn test(context: &Context) -> Result<()> {
    let programs = build(context)?;
    targets(None).try_for_each(|target| {
        let effort = Effort::Runs(target.runs());
        fuzz(context, &programs, target, effort)
    })
}

/// libFuzzer itself is C++.
pub fn check(context: &Context) -> Result<()> {
    let compiler = std::env::var_os("CXX").unwrap_or_else(|| "c++".into());
    let mut command = context.command(compiler);
    command.arg("--version");
    process::output(command)
        .map(drop)
        .context("fuzzing needs a C++ compiler (Debian: `apt-get install g++`)")
}

fn targets(only: Option<Target>) -> impl Iterator<Item = Target> {
    let all = Target::value_variants().iter().copied();
    all.filter(move |target| only.is_none_or(|only| only == *target))
}

/// Builds all targets; returns the folder of their programs.
fn build(context: &Context) -> Result<PathBuf> {
    // Away from other builds: cargo does not know that these crates differ from those without counters.
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
    let seeds = emptied(&scratch.join("seeds"))?;
    seeds::collect(&context.root, target, &seeds)?;
    let found = match effort {
        Effort::Seconds(_) => created(&context.cache.path("fuzz").join(&name))?,
        Effort::Runs(_) => emptied(&scratch.join("found"))?,
    };
    let artifacts = created(&context.root.join("fuzz/artifacts").join(&name))?;

    let mut program = context.command(programs.join(&name));
    // What is new goes into the first folder.
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
        .arg(format!("-max_len={}", target.length_max()))
        .arg(format!("-artifact_prefix={}/", artifacts.display()));

    let log = context.cache.log(&format!("fuzz-{name}"))?;
    let output = log.clone();
    let running = Pending::start(&format!("fuzzing {name}"), move |status| {
        process::run_to_log(program, &output, status)
    });
    running.wait().with_context(|| {
        format!("the target `{name}` found something: it is in fuzz/artifacts/{name}, and belongs into a test of the crate at fault")
    })?;
    let summary = Summary::read(&fs::read_to_string(log)?)?;
    println!("  {name:14} {summary} in {}", elapsed(started));
    Ok(())
}

fn created(folder: &Path) -> Result<PathBuf> {
    fs::create_dir_all(folder).with_context(|| format!("cannot create `{}`", folder.display()))?;
    Ok(folder.to_owned())
}

fn emptied(folder: &Path) -> Result<PathBuf> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("cannot remove `{}`", folder.display()))
        }
        _ => created(folder),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_target_is_a_program_and_has_seeds() {
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
