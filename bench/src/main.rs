//! What a call costs, and what is left of a no-op's throughput when a module decides.
//!
//! `cargo xtask bench` builds the modules and runs everything; `cargo xtask bench -- call` or `-- load` one part.

mod call;
mod doors;
mod load;
mod peer;
mod policies;
mod reviews;
mod start;
mod stats;

use std::path::PathBuf;
use std::time::Duration;

use clap::{Parser, Subcommand};

/// Measure calls and webhooks; tables in Markdown on stdout
#[derive(Parser)]
struct Cli {
    #[command(subcommand)]
    part: Option<Part>,
    /// How long each measurement of a round takes, in seconds
    #[arg(long, default_value_t = 2.0, global = true)]
    seconds: f64,
    /// How often everything is measured; medians are over rounds
    #[arg(long, default_value_t = 5, global = true)]
    rounds: usize,
}

#[derive(Subcommand, Clone, PartialEq, Eq)]
enum Part {
    /// The cost of one call, on one thread
    Call,
    /// Throughput and latency over TLS, beside a handler that does nothing
    Load {
        /// Only the endpoints whose name contains this, beside the no-op: for a look with a profiler
        #[arg(long, default_value = "")]
        only: String,
    },
    /// What a decision adds to a request of a real API server, by webhook and in process
    Doors {
        /// How many requests of a kind are made before it is another's turn
        #[arg(long, default_value_t = doors::REQUESTS)]
        requests: usize,
    },
    /// What a start with sixteen Kubewarden policies takes, in time and memory
    Start,
    /// One start, as `start` makes it
    #[command(hide = true)]
    StartOnce {
        /// Where compiled code is kept
        code_cache: PathBuf,
    },
    /// The server under load, as `load` starts it
    #[command(hide = true)]
    Serve {
        /// Where its certificate is
        certificates: PathBuf,
    },
}

/// The allocator of the product.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> anyhow::Result<()> {
    let cli = Cli::parse();
    let round = Duration::from_secs_f64(cli.seconds);
    match cli.part {
        None => {
            call::measure(cli.rounds, round)?;
            load::measure(cli.rounds, round, "")?;
            start::measure(cli.rounds)?;
            doors::measure(cli.rounds, doors::REQUESTS)
        }
        Some(Part::Call) => call::measure(cli.rounds, round),
        Some(Part::Load { only }) => load::measure(cli.rounds, round, &only),
        Some(Part::Doors { requests }) => doors::measure(cli.rounds, requests),
        Some(Part::Start) => start::measure(cli.rounds),
        Some(Part::StartOnce { code_cache }) => start::once(code_cache),
        Some(Part::Serve { certificates }) => load::serve(&certificates),
    }
}
