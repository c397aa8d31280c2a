//! What a call costs, and what is left of a no-op's throughput when a module decides.
//!
//! `cargo xtask bench` builds the modules and runs everything; `cargo xtask bench -- call` or `-- load` one part.

mod call;
mod load;
mod policies;
mod reviews;
mod stats;

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

#[derive(Subcommand, Clone, Copy, PartialEq, Eq)]
enum Part {
    /// The cost of one call, on one thread
    Call,
    /// Throughput and latency over TLS, beside a handler that does nothing
    Load,
}

fn main() -> anyhow::Result<()> {
    let cli = Cli::parse();
    let round = Duration::from_secs_f64(cli.seconds);
    if cli.part != Some(Part::Load) {
        call::measure(cli.rounds, round)?;
    }
    if cli.part != Some(Part::Call) {
        load::measure(cli.rounds, round)?;
    }
    Ok(())
}
