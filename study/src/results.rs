//! The raw numbers as CSV, one row per measurement and round.

use std::fs::File;
use std::io::Write;
use std::path::Path;

use anyhow::{Context as _, Result};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::own::{Step, Style};

/// The outcome of a row with figures.
pub const WORKS: &str = "works";

/// The calls of a cell in a round; times are in nanoseconds.
#[derive(Clone, Serialize, Deserialize)]
pub struct Call {
    /// Name of the cell.
    pub cell: String,
    /// Number from 1.
    pub round: u32,
    /// Size of the input.
    pub input_bytes: u64,
    /// Number of calls.
    pub calls: Option<u64>,
    /// Median.
    pub p50_ns: Option<u64>,
    /// 99th percentile.
    pub p99_ns: Option<u64>,
    /// Minimum.
    pub min_ns: Option<u64>,
    /// [`WORKS`], or the reason of the failure.
    pub outcome: String,
}

/// A compilation.
#[derive(Clone, Serialize, Deserialize)]
pub struct Module {
    /// Name of the runtime.
    pub runtime: String,
    /// Name of the file.
    pub module: String,
    /// Number from 1.
    pub round: u32,
    /// Size of the file.
    pub wasm_bytes: u64,
    /// Duration in nanoseconds.
    pub compile_ns: Option<u64>,
    /// Size of the compiled code, if the runtime reports it.
    pub code_bytes: Option<u64>,
    /// [`WORKS`], or the reason of the failure.
    pub outcome: String,
}

/// The resident memory of a process.
#[derive(Clone, Serialize, Deserialize)]
pub struct Memory {
    /// Name of the runtime.
    pub runtime: String,
    /// Number of modules that were loaded and called.
    pub modules: u8,
    /// Number from 1.
    pub round: u32,
    /// Resident memory in KiB.
    pub kilobytes: Option<u64>,
    /// [`WORKS`], or the reason of the failure.
    pub outcome: String,
}

/// A call of a hostile guest.
#[derive(Clone, Serialize, Deserialize)]
pub struct Limit {
    /// Name of the runtime.
    pub runtime: String,
    /// Behaviour of the guest.
    pub attack: String,
    /// Duration of the call, in milliseconds.
    pub millis: u64,
    /// [`WORKS`], or the error message of the runtime.
    pub outcome: String,
}

/// A fact about the machine or the run.
#[derive(Clone, Serialize, Deserialize)]
pub struct Fact {
    /// Name of the fact.
    pub name: String,
    /// Value of the fact.
    pub value: String,
}

/// A step of our own call in a round; times are in nanoseconds.
#[derive(Clone, Serialize, Deserialize)]
pub struct OwnStep {
    /// The guest's representation of JSON.
    pub style: Style,
    /// Part of the call.
    pub step: Step,
    /// Number from 1.
    pub round: u32,
    /// Number of calls.
    pub calls: u64,
    /// Median.
    pub p50_ns: u64,
    /// 99th percentile.
    pub p99_ns: u64,
    /// Minimum.
    pub min_ns: u64,
}

/// The samples of a part of our own call.
#[derive(Clone, Serialize, Deserialize)]
pub struct Share {
    /// The guest's representation of JSON.
    pub style: Style,
    /// Name of the part.
    pub part: String,
    /// Number of samples.
    pub samples: u64,
}

/// Requests of one kind to a real API server, in a run of `cargo xtask bench -- front-ends`; times are
/// in microseconds.
#[derive(Clone, Serialize, Deserialize)]
pub struct FrontEnd {
    /// Kind of request.
    pub request: String,
    /// Name of the front end; `none` for the baseline.
    pub front_end: String,
    /// Number from 1.
    pub run: u32,
    /// Median latency.
    pub median_us: f64,
    /// 99th percentile of the latency.
    pub p99_us: f64,
    /// Processor time of all servers per request.
    pub cpu_us: f64,
}

/// A kind of row, with a file of its own.
pub trait Row: Serialize + DeserializeOwned {
    /// Name of the file.
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
    FrontEnd in "front-ends.csv",
    Fact in "machine.csv"
);

/// All results.
#[derive(Default)]
pub struct Results {
    /// Calls of the matrix.
    pub calls: Vec<Call>,
    /// Compilations of each guest by each runtime.
    pub modules: Vec<Module>,
    /// Memory of each runtime.
    pub memory: Vec<Memory>,
    /// Hostile guests in each runtime.
    pub limits: Vec<Limit>,
    /// Steps of our own call.
    pub own: Vec<OwnStep>,
    /// Profile of our own call.
    pub profile: Vec<Share>,
    /// Requests to real API servers.
    pub front_ends: Vec<FrontEnd>,
    /// Facts about the machine and the run.
    pub facts: Vec<Fact>,
}

impl Results {
    /// Reads the files that [`write`] has written.
    pub fn read(folder: &Path) -> Result<Self> {
        Ok(Self {
            calls: read(folder)?,
            modules: read(folder)?,
            memory: read(folder)?,
            limits: read(folder)?,
            own: read(folder)?,
            profile: read(folder)?,
            front_ends: read(folder)?,
            facts: read(folder)?,
        })
    }
}

/// Writes the file of a kind of row.
pub fn write<R: Row>(folder: &Path, rows: &[R]) -> Result<()> {
    std::fs::create_dir_all(folder)?;
    let path = folder.join(R::FILE);
    let file = File::create(&path).with_context(|| format!("cannot write `{}`", path.display()))?;
    write_to(file, rows)
}

/// Prints rows in the format of their file.
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
