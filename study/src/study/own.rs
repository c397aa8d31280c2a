//! Measurement of our own call: each step once per round, in reverse order every other round; then a
//! profile.

use std::time::Duration;

use anyhow::Result;
use clap::ValueEnum;

use super::bench::Bench;
use super::progress::Progress;
use crate::guests::Program;
use crate::own::{Own, Step, Style, engine};
use crate::results::{OwnStep, Share};
use crate::worker::measure;

/// The results of our own call.
#[derive(Default)]
pub struct Measured {
    /// Times of the steps.
    pub steps: Vec<OwnStep>,
    /// Samples of the profile.
    pub shares: Vec<Share>,
}

/// Measures `own/STYLE/STEP` and `own/STYLE/profile`.
pub fn measure(bench: &Bench<'_>, progress: &mut Progress) -> Result<Measured> {
    let selects = |style: Style, part: &str| bench.plan.selects(&name(style, part));
    let mut cells: Vec<_> = Style::value_variants()
        .iter()
        .flat_map(|&style| {
            Step::value_variants()
                .iter()
                .map(move |&step| (style, step))
        })
        .filter(|(style, step)| selects(*style, step.name()))
        .collect();
    let profiled: Vec<_> = Style::value_variants()
        .iter()
        .filter(|style| selects(**style, "profile"))
        .collect();
    let rounds = bench.plan.rounds();
    progress.expect(cells.len() * rounds as usize + profiled.len());
    let mut results = Measured::default();
    if cells.is_empty() && profiled.is_empty() {
        return Ok(results);
    }

    let engine = engine()?;
    let review = Program::Token.input("review");
    let load = |style| Own::load(&engine, &bench.plan.guests, style, review.clone());
    let (typed, value) = (load(Style::Typed)?, load(Style::Value)?);
    let own = |style| match style {
        Style::Typed => &typed,
        Style::Value => &value,
    };
    for round in 1..=rounds {
        for &(style, step) in &cells {
            progress.step(&format!("round {round}: {}", name(style, step.name())));
            results
                .steps
                .push(call(bench, own(style), style, step, round)?);
        }
        cells.reverse();
    }
    for &style in profiled {
        progress.step(&name(style, "profile"));
        // About a thousand samples per second.
        let time = Duration::from_millis(bench.plan.millis() * 40);
        let sampled = own(style).profile(time)?;
        results
            .shares
            .extend(sampled.into_iter().map(|sampled| Share {
                style,
                part: sampled.part.to_owned(),
                samples: sampled.samples,
            }));
    }
    Ok(results)
}

fn name(style: Style, part: &str) -> String {
    format!("own/{}/{part}", style.name())
}

fn call(bench: &Bench<'_>, own: &Own, style: Style, step: Step, round: u32) -> Result<OwnStep> {
    let (output, measured) = measure::measure(bench.plan.millis(), || own.call(step))?;
    own.check(step, &output)?;
    Ok(OwnStep {
        style,
        step,
        round,
        calls: measured.calls,
        p50_ns: measured.p50,
        p99_ns: measured.p99,
        min_ns: measured.min,
    })
}
