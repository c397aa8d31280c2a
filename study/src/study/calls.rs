//! Measurement of the matrix: each cell once per round, in reverse order every other round.

use std::collections::HashMap;

use anyhow::Result;

use super::bench::{Bench, one_line};
use super::progress::Progress;
use crate::convention::Convention;
use crate::matrix::{Cell, cells};
use crate::protocol::{Measured, Request};
use crate::results::{Call, WORKS};
use crate::workers::TIMEOUT;

/// Measures the selected cells.
pub fn measure(bench: &mut Bench<'_>, progress: &mut Progress) -> Result<Vec<Call>> {
    let mut cells = cells();
    cells.retain(|cell| bench.plan.selects(&cell.name()));
    let rounds = bench.plan.rounds();
    progress.expect(cells.len() * rounds as usize);
    let mut failed = HashMap::new();
    let mut rows = Vec::new();
    for round in 1..=rounds {
        for cell in &cells {
            progress.step(&format!("round {round} of {rounds}: {}", cell.name()));
            let outcome = match failed.get(&cell.name()) {
                // A failed cell is not repeated, because it may take a minute to fail.
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

/// Measures a cell in a round, and checks its response.
fn call(bench: &mut Bench<'_>, cell: &Cell) -> Result<Measured> {
    if let Some(obstacle) = cell.obstacle(&bench.plan.guests) {
        anyhow::bail!("not possible: {obstacle}");
    }
    let response = bench.path("response");
    let request = Request::Measure {
        wasm: match cell.convention {
            Convention::Component => bench.component(cell.guest),
            _ => cell.guest.core(&bench.plan.guests).canonicalize()?,
        },
        convention: cell.convention,
        reuse: cell.reuse,
        input: bench.input(cell.guest.program, cell.size),
        response: response.clone(),
        millis: bench.plan.millis(),
    };
    let measured = bench.workers.request(cell.runtime, &request, TIMEOUT)?;
    let input = std::fs::read(bench.input(cell.guest.program, cell.size))?;
    let response = std::fs::read(response)?;
    let checked = cell.guest.program.check(&input, &response);
    checked.map_err(|error| error.context("wrong response"))?;
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
