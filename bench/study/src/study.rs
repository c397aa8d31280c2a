//! The run: all parts, one after the other, with what is left to do on the screen.

mod calls;
mod limits;
mod memory;
mod modules;
mod progress;

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use clap::Args;
use tempfile::TempDir;

use self::progress::Progress;
use crate::componentize::componentize;
use crate::guests::GUESTS;
use crate::results::Results;
use crate::workers::Workers;
use crate::{machine, report, repository};

/// What is run, and how thoroughly.
#[derive(Args)]
pub struct Plan {
    /// Short and few measurements, for a look; nothing in the repository is written
    #[arg(long)]
    quick: bool,
    /// Only the cells whose name contains these words, such as "wasmi stdio token/go"; prints them and writes nothing
    #[arg(long, value_name = "WORDS")]
    only: Option<String>,
    /// How often everything is measured; 5, or 2 with --quick
    #[arg(long)]
    rounds: Option<u32>,
    /// How long each cell is measured in a round, in milliseconds; 250, or 40 with --quick
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
}

impl Plan {
    fn rounds(&self) -> u32 {
        self.rounds.unwrap_or(if self.quick { 2 } else { 5 })
    }

    fn millis(&self) -> u64 {
        self.millis.unwrap_or(if self.quick { 40 } else { 250 })
    }

    /// Compiling takes seconds a guest and differs little from round to round.
    fn module_rounds(&self) -> u32 {
        self.rounds().div_ceil(2)
    }
}

/// Runs what is planned, then writes or prints.
pub fn run(plan: &Plan) -> Result<()> {
    let mut bench = Bench::new(plan)?;
    let mut progress = Progress::start();
    if let Some(words) = &plan.only {
        let calls = calls::measure(&mut bench, words, &mut progress)?;
        progress.end();
        return report::print(&calls);
    }
    let facts = machine::facts();
    let results = Results {
        calls: calls::measure(&mut bench, "", &mut progress)?,
        modules: modules::measure(&mut bench, &mut progress)?,
        memory: memory::measure(&mut bench, &mut progress)?,
        limits: limits::measure(&mut bench, &mut progress)?,
        facts: [facts, vec![bench.fact(&progress)]].concat(),
    };
    progress.end();
    let output = if plan.quick {
        plan.scratch.clone()
    } else {
        repository()
    };
    results.write(&report::results(&output))?;
    report::write(&output)
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
