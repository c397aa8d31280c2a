//! The state that all parts of a run share.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use tempfile::TempDir;

use super::plan::Plan;
use super::progress::Progress;
use crate::componentize::componentize;
use crate::guests::{GUESTS, Guest, Program};
use crate::results::Fact;
use crate::workers::Workers;

/// Maximum length of an error message in a table, in characters.
const MAX_MESSAGE: usize = 160;

/// The plan, the workers, and the files of inputs and components.
pub struct Bench<'a> {
    pub plan: &'a Plan,
    pub workers: Workers,
    /// Folder of inputs, responses and components.
    files: TempDir,
}

impl<'a> Bench<'a> {
    /// Writes inputs and components.
    pub fn new(plan: &'a Plan) -> Result<Self> {
        let wazero = plan
            .wazero
            .canonicalize()
            .with_context(|| format!("cannot find `{}`", plan.wazero.display()))?;
        let bench = Self {
            plan,
            workers: Workers::new(wazero),
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

    /// Returns the path of an input.
    pub fn input(&self, program: Program, size: &str) -> PathBuf {
        self.path(&format!("{}-{size}", program.name()))
    }

    /// Returns the path of a component.
    pub fn component(&self, guest: &Guest) -> PathBuf {
        self.path(&format!("{}.wasm", guest.file))
    }

    /// Returns the path of a file.
    pub fn path(&self, name: &str) -> PathBuf {
        self.files.path().join(name)
    }

    /// Describes the run.
    pub fn fact(&self, progress: &Progress) -> Fact {
        let plan = self.plan;
        Fact {
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

/// Returns the size of a file in bytes.
pub fn size(path: &Path) -> Result<u64> {
    let metadata = std::fs::metadata(path);
    Ok(metadata
        .with_context(|| format!("cannot read `{}`", path.display()))?
        .len())
}

/// Returns the beginning of an error message as one line.
pub fn one_line(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    line.chars().take(MAX_MESSAGE).collect()
}
