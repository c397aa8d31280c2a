//! Our own call: each of its steps in each round, the order turned around every other round; then a profile.

use std::time::Duration;

use anyhow::Result;
use clap::ValueEnum;

use super::Bench;
use super::progress::Progress;
use crate::guests::Program;
use crate::own::{Own, Step, Style, engine};
use crate::results::{OwnStep, Share};
use crate::worker::measure;

/// What was measured of it.
#[derive(Default)]
pub struct Measured {
    /// By the clock.
    pub steps: Vec<OwnStep>,
    /// By samples.
    pub shares: Vec<Share>,
}

/// Measures `own/STYLE/STEP` and `own/STYLE/profile`.
pub fn measure(bench: &Bench<'_>, progress: &mut Progress) -> Result<Measured> {
    let wanted = |style: Style, what: &str| bench.plan.wants(&name(style, what));
    let mut cells: Vec<_> = Style::value_variants()
        .iter()
        .flat_map(|&style| {
            Step::value_variants()
                .iter()
                .map(move |&step| (style, step))
        })
        .filter(|(style, step)| wanted(*style, step.name()))
        .collect();
    let profiled: Vec<_> = Style::value_variants()
        .iter()
        .filter(|style| wanted(**style, "profile"))
        .collect();
    let rounds = bench.plan.rounds();
    progress.expect(cells.len() * rounds as usize + profiled.len());
    let mut found = Measured::default();
    if cells.is_empty() && profiled.is_empty() {
        return Ok(found);
    }

    let engine = engine()?;
    let review = Program::Token.input("review");
    let load = |style| Own::load(&engine, &bench.plan.guests, style, review.clone());
    let (typed, value) = (load(Style::Typed)?, load(Style::Value)?);
    let of = |style| match style {
        Style::Typed => &typed,
        Style::Value => &value,
    };
    for round in 1..=rounds {
        for &(style, step) in &cells {
            progress.step(&format!("round {round}: {}", name(style, step.name())));
            found
                .steps
                .push(call(bench, of(style), style, step, round)?);
        }
        cells.reverse();
    }
    for &style in profiled {
        progress.step(&name(style, "profile"));
        // A second has about a thousand samples.
        let time = Duration::from_millis(bench.plan.millis() * 40);
        let sampled = of(style).profile(time)?;
        found
            .shares
            .extend(sampled.into_iter().map(|sampled| Share {
                style,
                part: sampled.part.to_owned(),
                samples: sampled.samples,
            }));
    }
    Ok(found)
}

fn name(style: Style, what: &str) -> String {
    format!("own/{}/{what}", style.name())
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
