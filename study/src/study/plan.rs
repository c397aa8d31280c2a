//! The plan of a run, from the command line.

use std::path::PathBuf;

use clap::Args;

/// The extent of a run.
#[derive(Args)]
pub struct Plan {
    /// Make short and few measurements; does not write to the repository
    #[arg(long)]
    pub quick: bool,
    /// Measure only cells whose name contains all these words, such as "wasmi stdio token/go"; prints the results and writes no files
    #[arg(long, value_name = "WORDS")]
    pub only: Option<String>,
    /// Number of rounds [default: 5, or 2 with --quick]
    #[arg(long)]
    rounds: Option<u32>,
    /// Duration of each cell in a round, in milliseconds [default: 200, or 25 with --quick]
    #[arg(long)]
    millis: Option<u64>,
    /// Folder of the guests
    #[arg(long, default_value = "target/guests/study")]
    pub guests: PathBuf,
    /// Path of the worker for wazero
    #[arg(long, default_value = "target/guests/study/wazero")]
    pub wazero: PathBuf,
    /// Folder of results that are not committed
    #[arg(long, default_value = "target/study")]
    pub scratch: PathBuf,
    /// Output of a run of `bench front-ends`; can be given several times
    #[arg(long)]
    pub front_ends: Vec<PathBuf>,
}

impl Plan {
    /// Returns whether a cell is selected: its name contains each of the words.
    pub fn selects(&self, name: &str) -> bool {
        let words = self.only.as_deref().unwrap_or_default();
        words.split_whitespace().all(|word| name.contains(word))
    }

    /// Returns the number of rounds.
    pub fn rounds(&self) -> u32 {
        self.rounds.unwrap_or(if self.quick { 2 } else { 5 })
    }

    /// Returns the duration of each cell in a round, in milliseconds.
    pub fn millis(&self) -> u64 {
        self.millis.unwrap_or(if self.quick { 25 } else { 200 })
    }

    /// Returns the number of rounds of slow measurements, which differ little between rounds.
    pub fn module_rounds(&self) -> u32 {
        self.rounds().div_ceil(2)
    }
}
