//! Benchmarks: the cost of a call, the throughput and startup of the server, and the latency that
//! decisions add to API requests.
//!
//! `cargo xtask bench` builds the modules and runs everything, `cargo xtask bench -- call` one part.

mod call;
mod certificates;
mod front_ends;
mod load;
mod policies;
mod policy_server;
mod reviews;
mod start;
mod stats;

use std::path::PathBuf;
use std::time::Duration;

use clap::{Parser, Subcommand};

/// Measure calls and webhooks, and print tables in Markdown
#[derive(Parser)]
struct Cli {
    #[command(subcommand)]
    part: Option<Part>,
    /// Duration of each measurement in a round, in seconds
    #[arg(long, default_value_t = 2.0, global = true)]
    seconds: f64,
    /// Number of rounds; results are medians over the rounds
    #[arg(long, default_value_t = 5, global = true)]
    rounds: usize,
}

#[derive(Subcommand, Clone, PartialEq, Eq)]
enum Part {
    /// Measure the cost of a call, on one thread
    Call,
    /// Measure throughput and latency over TLS, compared with a handler that does nothing
    Load {
        /// Measure only the no-op and endpoints whose path contains this text, for profiling
        #[arg(long, default_value = "")]
        only: String,
    },
    /// Measure the latency that a decision adds to an API request, by webhook and in process
    FrontEnds {
        /// Number of consecutive requests of one kind
        #[arg(long, default_value_t = front_ends::REQUESTS)]
        requests: usize,
    },
    /// Measure time and memory of a start with sixteen Kubewarden policies
    Start,
    /// Start once; run by `start`
    #[command(hide = true)]
    StartOnce {
        /// Folder of the code cache
        code_cache: PathBuf,
    },
    /// Serve the webhooks; run by `load`
    #[command(hide = true)]
    Serve {
        /// Folder of the certificate and its key
        certificates: PathBuf,
    },
}

/// The allocator that the product uses.
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
            front_ends::measure(cli.rounds, front_ends::REQUESTS)
        }
        Some(Part::Call) => call::measure(cli.rounds, round),
        Some(Part::Load { only }) => load::measure(cli.rounds, round, &only),
        Some(Part::FrontEnds { requests }) => front_ends::measure(cli.rounds, requests),
        Some(Part::Start) => start::measure(cli.rounds),
        Some(Part::StartOnce { code_cache }) => start::once(code_cache),
        Some(Part::Serve { certificates }) => load::serve(&certificates),
    }
}
