//! The matrix: each cell once a round, the order turned around every other round.

use std::collections::HashMap;

use anyhow::Result;

use super::progress::Progress;
use super::{Bench, size};
use crate::matrix::{Cell, cells};
use crate::protocol::{Measured, Request};
use crate::results::{Call, WORKS};
use crate::ways::Way;
use crate::workers::PATIENCE;

/// Measures the cells.
pub fn measure(bench: &mut Bench<'_>, progress: &mut Progress) -> Result<Vec<Call>> {
    let mut cells = cells();
    cells.retain(|cell| bench.plan.wants(&cell.name()));
    let rounds = bench.plan.rounds();
    progress.expect(cells.len() * rounds as usize);
    let mut failed = HashMap::new();
    let mut rows = Vec::new();
    for round in 1..=rounds {
        for cell in &cells {
            progress.step(&format!("round {round} of {rounds}: {}", cell.name()));
            let outcome = match failed.get(&cell.name()) {
                // What has failed once, perhaps after a minute, is not tried again.
                Some(reason) => Err(anyhow::anyhow!("{reason}")),
                None => call(bench, cell),
            };
            if let Err(error) = &outcome {
                failed.insert(cell.name(), format!("{error:#}"));
            }
            rows.push(row(cell, round, outcome));
        }
        cells.reverse();
    }
    Ok(rows)
}

/// One cell in one round: asks the worker, then checks the answer.
fn call(bench: &mut Bench<'_>, cell: &Cell) -> Result<Measured> {
    if let Some(obstacle) = cell.obstacle(&bench.plan.guests) {
        anyhow::bail!("not possible: {obstacle}");
    }
    let answer = bench.path("answer");
    let request = Request::Measure {
        wasm: match cell.way {
            Way::Component => bench.component(cell.guest),
            _ => cell.guest.core(&bench.plan.guests).canonicalize()?,
        },
        way: cell.way,
        reuse: cell.reuse,
        input: bench.input(cell.guest.program, cell.size),
        answer: answer.clone(),
        millis: bench.plan.millis(),
    };
    let measured = bench.workers.ask(cell.runtime, &request, PATIENCE)?;
    let input = std::fs::read(bench.input(cell.guest.program, cell.size))?;
    let answer = std::fs::read(answer)?;
    let checked = cell.guest.program.check(&input, &answer);
    checked.map_err(|error| error.context("a wrong answer"))?;
    Ok(measured)
}

fn row(cell: &Cell, round: u32, outcome: Result<Measured>) -> Call {
    let (measured, outcome) = match outcome {
        Ok(measured) => (Some(measured), WORKS.to_owned()),
        Err(error) => (None, one_line(&format!("{error:#}"))),
    };
    let figures = measured.as_ref();
    Call {
        cell: cell.name(),
        round,
        input_bytes: cell.guest.program.input(cell.size).len() as u64,
        calls: figures.map(|measured| measured.calls),
        p50_ns: figures.map(|measured| measured.p50),
        p99_ns: figures.map(|measured| measured.p99),
        min_ns: figures.map(|measured| measured.min),
        outcome,
    }
}

/// The beginning of an error, for a table.
pub fn one_line(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    line.chars().take(160).collect()
}

/// The size of the file that a row of modules is about.
pub fn wasm_bytes(bench: &Bench<'_>, guest: &crate::guests::Guest) -> Result<u64> {
    size(&guest.core(&bench.plan.guests))
}
