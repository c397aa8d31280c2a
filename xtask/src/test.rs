//! `cargo xtask test`: every check and every test, in steps; what hosted CI runs.

mod steps;

use std::time::Instant;

use anyhow::{Context as _, Result};
use clap::{Args, ValueEnum};

use self::steps::{Run, Step};
use crate::apiserver::Profile;
use crate::context::Context;
use crate::process::elapsed;

#[derive(Args)]
pub struct Arguments {
    /// Run only this step; may be given several times
    #[arg(long, value_enum)]
    only: Vec<Step>,
    /// Play the stories with Go's race detector in the API server that has the engine inside; minutes longer
    #[arg(long)]
    race: bool,
}

/// Runs the steps in order and stops at the first that fails.
pub fn run(context: &Context, arguments: &Arguments) -> Result<()> {
    let steps: Vec<_> = Step::value_variants()
        .iter()
        .filter(|step| arguments.only.is_empty() || arguments.only.contains(step))
        .collect();
    let started = Instant::now();
    let composed = if arguments.race {
        Profile::Race
    } else {
        Profile::Debug
    };
    let mut run = Run::new(context, composed);
    steps.iter().try_for_each(|step| step.check(context))?;
    if steps.iter().any(|step| step.needs_cluster()) {
        // Go compiles for minutes the first time: beside the steps that need only Rust.
        run.start_kube()?;
    }
    let mut report = Vec::new();
    for (index, step) in steps.iter().enumerate() {
        let (name, step_started) = (step.name(), Instant::now());
        println!("\n[{}/{}] {name}: {}", index + 1, steps.len(), step.title());
        step.run(&mut run).with_context(|| {
            let time = elapsed(step_started);
            format!(
                "step `{name}` failed after {time}; `cargo xtask test --only {name}` runs it alone"
            )
        })?;
        report.push(format!("  {name:12} {:>7}", elapsed(step_started)));
    }
    println!(
        "\n{}\nall {} steps passed in {}",
        report.join("\n"),
        steps.len(),
        elapsed(started)
    );
    Ok(())
}
