//! The raw numbers, as CSV: one row for each thing that was measured in each round.

use std::path::Path;

use anyhow::{Context as _, Result};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// What a row says when there are figures.
pub const WORKS: &str = "works";

/// Calls of one cell in one round; times in nanoseconds.
#[derive(Clone, Serialize, Deserialize)]
pub struct Call {
    /// The cell.
    pub cell: String,
    /// From 1.
    pub round: u32,
    /// Bytes that were asked.
    pub input_bytes: u64,
    /// How many calls there were.
    pub calls: Option<u64>,
    /// Their median.
    pub p50_ns: Option<u64>,
    /// Their 99th percentile.
    pub p99_ns: Option<u64>,
    /// The shortest.
    pub min_ns: Option<u64>,
    /// [`WORKS`], or what failed.
    pub outcome: String,
}

/// One compilation.
#[derive(Clone, Serialize, Deserialize)]
pub struct Module {
    /// The runtime.
    pub runtime: String,
    /// The file.
    pub module: String,
    /// From 1.
    pub round: u32,
    /// The size of the file.
    pub wasm_bytes: u64,
    /// The time it took.
    pub compile_ns: Option<u64>,
    /// The size of what was made, where the runtime tells.
    pub code_bytes: Option<u64>,
    /// [`WORKS`], or what failed.
    pub outcome: String,
}

/// The resident memory of one process.
#[derive(Clone, Serialize, Deserialize)]
pub struct Memory {
    /// The runtime.
    pub runtime: String,
    /// How many modules were loaded and called.
    pub modules: u8,
    /// From 1.
    pub round: u32,
    /// KiB.
    pub kilobytes: Option<u64>,
    /// [`WORKS`], or what failed.
    pub outcome: String,
}

/// One guest that means ill.
#[derive(Clone, Serialize, Deserialize)]
pub struct Limit {
    /// The runtime.
    pub runtime: String,
    /// What the guest does.
    pub attack: String,
    /// How long the call took, in milliseconds.
    pub millis: u64,
    /// What became of it, in the runtime's words.
    pub outcome: String,
}

/// Something about the machine or the run.
#[derive(Clone, Serialize, Deserialize)]
pub struct Fact {
    /// What it is about.
    pub name: String,
    /// What is so.
    pub value: String,
}

/// Everything that was measured.
#[derive(Default)]
pub struct Results {
    /// Of the matrix.
    pub calls: Vec<Call>,
    /// Of each runtime and guest.
    pub modules: Vec<Module>,
    /// Of each runtime.
    pub memory: Vec<Memory>,
    /// Of each runtime.
    pub limits: Vec<Limit>,
    /// Of the machine.
    pub facts: Vec<Fact>,
}

impl Results {
    /// Writes one file for each kind into the folder.
    pub fn write(&self, folder: &Path) -> Result<()> {
        std::fs::create_dir_all(folder)?;
        write(&folder.join("calls.csv"), &self.calls)?;
        write(&folder.join("modules.csv"), &self.modules)?;
        write(&folder.join("memory.csv"), &self.memory)?;
        write(&folder.join("limits.csv"), &self.limits)?;
        write(&folder.join("machine.csv"), &self.facts)
    }

    /// Reads what [`write`](Self::write) has written.
    pub fn read(folder: &Path) -> Result<Self> {
        Ok(Self {
            calls: read(&folder.join("calls.csv"))?,
            modules: read(&folder.join("modules.csv"))?,
            memory: read(&folder.join("memory.csv"))?,
            limits: read(&folder.join("limits.csv"))?,
            facts: read(&folder.join("machine.csv"))?,
        })
    }
}

fn write<T: Serialize>(path: &Path, rows: &[T]) -> Result<()> {
    let mut writer = csv::Writer::from_path(path)
        .with_context(|| format!("cannot write `{}`", path.display()))?;
    for row in rows {
        writer.serialize(row)?;
    }
    Ok(writer.flush()?)
}

fn read<T: DeserializeOwned>(path: &Path) -> Result<Vec<T>> {
    let mut reader = csv::Reader::from_path(path)
        .with_context(|| format!("cannot read `{}`", path.display()))?;
    Ok(reader.deserialize().collect::<Result<_, _>>()?)
}
