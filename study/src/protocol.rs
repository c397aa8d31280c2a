//! The protocol between the study and its workers: one JSON object per line, on stdin and stdout.
//!
//! Each runtime has a process of its own, so that runtimes do not share signal handlers, heaps or
//! garbage, and a crash affects only one. The worker in Go implements the same protocol.

use std::path::PathBuf;

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

use crate::convention::Convention;

/// The lifetime of instances.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reuse {
    /// A new instance for each call; creating and dropping it is part of the measured time
    Fresh,
    /// One instance for all calls
    Reused,
}

impl Reuse {
    /// Returns the name in tables and files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Fresh => "fresh",
            Self::Reused => "reused",
        }
    }
}

/// A request to a worker.
#[derive(Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "kebab-case")]
pub enum Request {
    /// Compile a module, and drop it. The reply is [`Compiled`].
    Compile {
        /// Path of the module.
        wasm: PathBuf,
    },
    /// Call a module repeatedly. The reply is [`Measured`].
    Measure {
        /// Path of the module.
        wasm: PathBuf,
        /// Calling convention.
        convention: Convention,
        /// Lifetime of the instances.
        reuse: Reuse,
        /// Path of the input.
        input: PathBuf,
        /// Path at which the first response is written. All others must be equal to it.
        response: PathBuf,
        /// Duration of the measurement, after a warm-up of a quarter of it.
        millis: u64,
    },
    /// Load copies of a module and call each once. The reply is [`Resident`].
    Resident {
        /// Path of the module.
        wasm: PathBuf,
        /// Calling convention.
        convention: Convention,
        /// Path of the input.
        input: PathBuf,
        /// Number of copies.
        copies: u8,
    },
}

/// A reply of a worker.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reply<T> {
    /// The results.
    Ok(T),
    /// The message of the error.
    Error(String),
}

/// The results of a compilation.
#[derive(Serialize, Deserialize)]
pub struct Compiled {
    /// Time in nanoseconds.
    pub nanos: u64,
    /// Size of the compiled code in bytes, if the runtime reports it.
    pub code_bytes: Option<u64>,
}

/// The durations of calls, in nanoseconds.
#[derive(Clone, Serialize, Deserialize)]
pub struct Measured {
    /// Number of calls.
    pub calls: u64,
    /// Median.
    pub p50: u64,
    /// 99th percentile; of fewer than a hundred calls the maximum.
    pub p99: u64,
    /// Minimum.
    pub min: u64,
}

/// The memory of a process.
#[derive(Serialize, Deserialize)]
pub struct Resident {
    /// Resident memory in KiB.
    pub kilobytes: u64,
}
