//! The raw numbers, as CSV: one row for each thing that was measured in each round.

use std::fs::File;
use std::io::Write;
use std::path::Path;

use anyhow::{Context as _, Result};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::own::{Step, Style};

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

/// A step of our own call in one round; times in nanoseconds.
#[derive(Clone, Serialize, Deserialize)]
pub struct OwnStep {
    /// How the guest treats JSON.
    pub style: Style,
    /// How much of the call was made.
    pub step: Step,
    /// From 1.
    pub round: u32,
    /// How many calls there were.
    pub calls: u64,
    /// Their median.
    pub p50_ns: u64,
    /// Their 99th percentile.
    pub p99_ns: u64,
    /// The shortest.
    pub min_ns: u64,
}

/// How often a part of our own call was at work when it was looked at.
#[derive(Clone, Serialize, Deserialize)]
pub struct Share {
    /// How the guest treats JSON.
    pub style: Style,
    /// The part.
    pub part: String,
    /// How many samples found it.
    pub samples: u64,
}

/// Requests of one kind to one real API server, in one run of `cargo xtask bench -- doors`; times in microseconds.
#[derive(Clone, Serialize, Deserialize)]
pub struct Door {
    /// What is asked.
    pub request: String,
    /// Where it is decided.
    pub decided: String,
    /// From 1.
    pub run: u32,
    /// The median latency.
    pub median_us: f64,
    /// The 99th percentile.
    pub p99_us: f64,
    /// Processor time of all servers for each request.
    pub cpu_us: f64,
}

/// A kind of row, each in a file of its own.
pub trait Row: Serialize + DeserializeOwned {
    /// The name of the file.
    const FILE: &'static str;
}

macro_rules! rows {
    ($($row:ident in $file:literal),*) => {
        $(impl Row for $row {
            const FILE: &'static str = $file;
        })*
    };
}

rows!(
    Call in "calls.csv",
    Module in "modules.csv",
    Memory in "memory.csv",
    Limit in "limits.csv",
    OwnStep in "own.csv",
    Share in "profile.csv",
    Door in "doors.csv",
    Fact in "machine.csv"
);

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
    /// Of our own call.
    pub own: Vec<OwnStep>,
    /// Of our own call.
    pub profile: Vec<Share>,
    /// Of real API servers.
    pub doors: Vec<Door>,
    /// Of the machine.
    pub facts: Vec<Fact>,
}

impl Results {
    /// Reads what [`write`] has written.
    pub fn read(folder: &Path) -> Result<Self> {
        Ok(Self {
            calls: read(folder)?,
            modules: read(folder)?,
            memory: read(folder)?,
            limits: read(folder)?,
            own: read(folder)?,
            profile: read(folder)?,
            doors: read(folder)?,
            facts: read(folder)?,
        })
    }
}

/// Writes the file of one kind.
pub fn write<R: Row>(folder: &Path, rows: &[R]) -> Result<()> {
    std::fs::create_dir_all(folder)?;
    let path = folder.join(R::FILE);
    let file = File::create(&path).with_context(|| format!("cannot write `{}`", path.display()))?;
    write_to(file, rows)
}

/// Prints rows as the file of their kind has them; nothing when there are none.
pub fn print<R: Row>(rows: &[R]) -> Result<()> {
    write_to(std::io::stdout(), rows)
}

fn write_to<R: Row>(output: impl Write, rows: &[R]) -> Result<()> {
    let mut writer = csv::Writer::from_writer(output);
    for row in rows {
        writer.serialize(row)?;
    }
    Ok(writer.flush()?)
}

fn read<R: Row>(folder: &Path) -> Result<Vec<R>> {
    let path = folder.join(R::FILE);
    let mut reader = csv::Reader::from_path(&path)
        .with_context(|| format!("cannot read `{}`", path.display()))?;
    Ok(reader.deserialize().collect::<Result<_, _>>()?)
}
