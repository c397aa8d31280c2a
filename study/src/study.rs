//! The run: all parts, one after the other, with what is left to do on the screen.

mod calls;
mod doors;
mod limits;
mod memory;
mod modules;
mod own;
mod progress;

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use clap::Args;
use tempfile::TempDir;

use self::progress::Progress;
use crate::componentize::componentize;
use crate::guests::GUESTS;
use crate::results::write;
use crate::workers::Workers;
use crate::{machine, report, repository, results};

/// What is run, and how thoroughly.
#[derive(Args)]
pub struct Plan {
    /// Short and few measurements, for a look; nothing in the repository is written
    #[arg(long)]
    quick: bool,
    /// Only what has these words in its name, such as "wasmi stdio token/go"; prints it and writes nothing
    #[arg(long, value_name = "WORDS")]
    only: Option<String>,
    /// How often everything is measured; 5, or 2 with --quick
    #[arg(long)]
    rounds: Option<u32>,
    /// How long each cell is measured in a round, in milliseconds; 200, or 25 with --quick
    #[arg(long)]
    millis: Option<u64>,
    /// Where the guests are
    #[arg(long, default_value = "target/guests/study")]
    guests: PathBuf,
    /// The worker that runs wazero
    #[arg(long, default_value = "target/guests/study/wazero")]
    wazero: PathBuf,
    /// Where results go that are not for the repository
    #[arg(long, default_value = "target/study")]
    scratch: PathBuf,
    /// What a run of the clusters has printed; may be given several times
    #[arg(long)]
    doors: Vec<PathBuf>,
}

impl Plan {
    /// Whether something of this name is to be measured: each of the words is in it.
    fn wants(&self, name: &str) -> bool {
        let words = self.only.as_deref().unwrap_or_default();
        words.split_whitespace().all(|word| name.contains(word))
    }

    fn rounds(&self) -> u32 {
        self.rounds.unwrap_or(if self.quick { 2 } else { 5 })
    }

    fn millis(&self) -> u64 {
        self.millis.unwrap_or(if self.quick { 25 } else { 200 })
    }

    /// Compiling takes seconds a guest and differs little from round to round.
    fn module_rounds(&self) -> u32 {
        self.rounds().div_ceil(2)
    }
}

/// Runs what is planned, then writes or prints. Each part is written when it is over: a run is long.
pub fn run(plan: &Plan) -> Result<()> {
    let mut bench = Bench::new(plan)?;
    let mut progress = Progress::start();
    if plan.only.is_some() {
        return print(&mut bench, &mut progress);
    }
    let output = if plan.quick {
        plan.scratch.clone()
    } else {
        repository()
    };
    let folder = report::results(&output);
    let facts = machine::facts();
    write(&folder, &doors::read(&plan.doors)?)?;
    write(&folder, &calls::measure(&mut bench, &mut progress)?)?;
    let own = own::measure(&bench, &mut progress)?;
    write(&folder, &own.steps)?;
    write(&folder, &own.shares)?;
    write(&folder, &modules::measure(&mut bench, &mut progress)?)?;
    write(&folder, &memory::measure(&mut bench, &mut progress)?)?;
    write(&folder, &limits::measure(&mut bench, &mut progress)?)?;
    write(&folder, &[facts, vec![bench.fact(&progress)]].concat())?;
    progress.end();
    report::write(&output)
}

/// Measures what the words of `--only` match.
fn print(bench: &mut Bench<'_>, progress: &mut Progress) -> Result<()> {
    let calls = calls::measure(bench, progress)?;
    let own = own::measure(bench, progress)?;
    let modules = modules::measure(bench, progress)?;
    let memory = memory::measure(bench, progress)?;
    let limits = limits::measure(bench, progress)?;
    progress.end();
    report::print(&calls)?;
    results::print(&own.steps)?;
    results::print(&own.shares)?;
    results::print(&modules)?;
    results::print(&memory)?;
    results::print(&limits)
}

/// What all parts work with.
struct Bench<'a> {
    plan: &'a Plan,
    workers: Workers,
    /// Questions, answers and components.
    files: TempDir,
}

impl<'a> Bench<'a> {
    fn new(plan: &'a Plan) -> Result<Self> {
        let bench = Self {
            plan,
            workers: Workers::new(
                plan.wazero
                    .canonicalize()
                    .context("the worker for wazero")?,
            ),
            files: tempfile::tempdir()?,
        };
        for guest in &GUESTS {
            if guest.missing(&plan.guests).is_some() {
                continue;
            }
            for size in guest.program.sizes() {
                std::fs::write(bench.input(guest.program, size), guest.program.input(size))?;
            }
            if guest.no_component.is_none() {
                let core = guest.component_core(&plan.guests);
                componentize(&core, &bench.component(guest))?;
            }
        }
        Ok(bench)
    }

    fn input(&self, program: crate::guests::Program, size: &str) -> PathBuf {
        self.path(&format!("{}-{size}", program.name()))
    }

    fn component(&self, guest: &crate::guests::Guest) -> PathBuf {
        self.path(&format!("{}.wasm", guest.file))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.files.path().join(name)
    }

    /// Says how this run was made.
    fn fact(&self, progress: &Progress) -> crate::results::Fact {
        let plan = self.plan;
        crate::results::Fact {
            name: "run".to_owned(),
            value: format!(
                "{} rounds of {} ms a cell, {} minutes in all",
                plan.rounds(),
                plan.millis(),
                progress.elapsed().as_secs().div_ceil(60)
            ),
        }
    }
}

/// The size of a file in bytes.
fn size(path: &Path) -> Result<u64> {
    let metadata = std::fs::metadata(path);
    Ok(metadata
        .with_context(|| format!("cannot read `{}`", path.display()))?
        .len())
}
