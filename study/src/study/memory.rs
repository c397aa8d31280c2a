//! Memory of a process with no module, one module and 64 modules; a new process for each figure.

use anyhow::Result;
use clap::ValueEnum;

use super::bench::{Bench, one_line};
use super::progress::Progress;
use crate::convention::Convention;
use crate::guests::{GUESTS, Guest};
use crate::protocol::{Request, Resident};
use crate::results::{Memory, WORKS};
use crate::runtimes::Name;
use crate::workers::TIMEOUT;

/// The numbers of modules.
pub const COPIES: [u8; 3] = [0, 1, 64];

/// The guest that is loaded.
pub const GUEST: &Guest = &GUESTS[3];

/// Measures one process after the other: `memory/RUNTIME/COPIES`.
pub fn measure(bench: &mut Bench<'_>, progress: &mut Progress) -> Result<Vec<Memory>> {
    let rounds = bench.plan.module_rounds();
    let mut cells = Vec::new();
    for &runtime in Name::value_variants() {
        cells.extend(COPIES.map(|copies| (runtime, copies)));
    }
    let name = |runtime: Name, copies| format!("memory/{}/{copies}", runtime.name());
    cells.retain(|(runtime, copies)| bench.plan.selects(&name(*runtime, *copies)));
    progress.expect(cells.len() * rounds as usize);
    let mut rows = Vec::new();
    for round in 1..=rounds {
        for &(runtime, copies) in &cells {
            progress.step(&name(runtime, copies));
            bench.workers.stop();
            rows.push(resident(bench, runtime, copies, round)?);
        }
    }
    Ok(rows)
}

fn resident(bench: &mut Bench<'_>, runtime: Name, copies: u8, round: u32) -> Result<Memory> {
    let request = Request::Resident {
        wasm: GUEST.core(&bench.plan.guests).canonicalize()?,
        convention: Convention::Stdio,
        input: bench.input(GUEST.program, "review"),
        copies,
    };
    let outcome: Result<Resident> = bench.workers.request(runtime, &request, TIMEOUT);
    let (resident, outcome) = match outcome {
        Ok(resident) => (Some(resident), WORKS.to_owned()),
        Err(error) => (None, one_line(&format!("{error:#}"))),
    };
    Ok(Memory {
        runtime: runtime.name().to_owned(),
        modules: copies,
        round,
        kilobytes: resident.map(|resident| resident.kilobytes),
        outcome,
    })
}
