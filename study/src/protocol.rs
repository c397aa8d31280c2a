//! What the study and its workers say to each other: one JSON object a line, on standard input and output.
//!
//! Each runtime works in a process of its own: they do not share signal handlers, heaps or garbage, and one that dies takes
//! nobody along. The worker in Go speaks the same.

use std::path::PathBuf;

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

use crate::ways::Way;

/// Which instance a call gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reuse {
    /// One of its own, made and thrown away within the time that is measured
    Fresh,
    /// The same for all calls
    Reused,
}

impl Reuse {
    /// What tables and files call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Fresh => "fresh",
            Self::Reused => "reused",
        }
    }
}

/// What a worker is asked.
#[derive(Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "kebab-case")]
pub enum Request {
    /// Compile a module that is thrown away; answered by [`Compiled`].
    Compile {
        /// The module.
        wasm: PathBuf,
    },
    /// Call a module again and again; answered by [`Measured`].
    Measure {
        /// The module.
        wasm: PathBuf,
        /// How it is asked.
        way: Way,
        /// In which instance.
        reuse: Reuse,
        /// The file with what it is asked.
        input: PathBuf,
        /// The file to put the first answer into. All others must be equal to it.
        answer: PathBuf,
        /// How long to measure. Before that, a quarter of it is for warming up.
        millis: u64,
    },
    /// Load copies of a module, ask each once, and say what the process takes; answered by [`Resident`].
    Resident {
        /// The module.
        wasm: PathBuf,
        /// How it is asked.
        way: Way,
        /// The file with what it is asked.
        input: PathBuf,
        /// How many.
        copies: u8,
    },
}

/// What a worker answers.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reply<T> {
    /// The figures.
    Ok(T),
    /// What failed.
    Error(String),
}

/// What compiling took and made.
#[derive(Serialize, Deserialize)]
pub struct Compiled {
    /// Time in nanoseconds.
    pub nanos: u64,
    /// What the runtime made of the module, where it tells.
    pub code_bytes: Option<u64>,
}

/// What calls took, in nanoseconds.
#[derive(Clone, Serialize, Deserialize)]
pub struct Measured {
    /// How many there were.
    pub calls: u64,
    /// The median.
    pub p50: u64,
    /// The 99th percentile; of few calls it is the longest.
    pub p99: u64,
    /// The shortest.
    pub min: u64,
}

/// What a process takes.
#[derive(Serialize, Deserialize)]
pub struct Resident {
    /// Resident memory in KiB.
    pub kilobytes: u64,
}
