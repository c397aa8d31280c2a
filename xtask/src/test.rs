//! `cargo xtask test`: runs every check and test in steps, as CI does.

mod advisories;
mod steps;

use std::time::Instant;

use anyhow::{Context as _, Result};
use clap::{Args, ValueEnum};

use self::advisories::Outcome;
use self::steps::{Run, Step};
use crate::apiserver::Profile;
use crate::context::Context;
use crate::process::elapsed;

#[derive(Args)]
pub struct Arguments {
    /// Run only this step; can be given several times
    #[arg(long, value_enum)]
    only: Vec<Step>,
    /// Build the API server with the engine inside with Go's race detector; takes minutes longer
    #[arg(long)]
    race: bool,
}

/// Runs the steps in order and stops at the first failure.
pub fn run(context: &Context, arguments: &Arguments) -> Result<()> {
    let steps: Vec<_> = Step::value_variants()
        .iter()
        .filter(|step| arguments.only.is_empty() || arguments.only.contains(step))
        .collect();
    let started = Instant::now();
    let profile = if arguments.race {
        Profile::Race
    } else {
        Profile::Debug
    };
    let mut run = Run::new(context, profile);
    steps.iter().try_for_each(|step| step.check(context))?;
    if steps.iter().any(|step| step.needs_cluster()) {
        // The first build takes Go minutes; it runs in parallel with the steps that need only Rust.
        run.start_kube()?;
    }
    let mut report = Vec::new();
    let mut skipped = 0;
    for (index, step) in steps.iter().enumerate() {
        let (name, step_started) = (step.name(), Instant::now());
        println!("\n[{}/{}] {name}: {}", index + 1, steps.len(), step.title());
        let outcome = step.run(&mut run).with_context(|| {
            let time = elapsed(step_started);
            format!(
                "step `{name}` failed after {time}; `cargo xtask test --only {name}` runs it alone"
            )
        })?;
        let mut line = format!("  {name:12} {:>7}", elapsed(step_started));
        if let Outcome::Skipped(reason) = outcome {
            println!("skipped: {reason}");
            line.push_str(&format!("  skipped: {reason}"));
            skipped += 1;
        }
        report.push(line);
    }
    println!(
        "\n{}\n{} steps passed and {skipped} were skipped in {}",
        report.join("\n"),
        steps.len() - skipped,
        elapsed(started)
    );
    Ok(())
}
