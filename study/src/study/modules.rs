//! Compile time and code size of each guest.

use anyhow::Result;
use clap::ValueEnum;

use super::bench::{Bench, one_line, size};
use super::progress::Progress;
use crate::guests::{GUESTS, Guest};
use crate::protocol::{Compiled, Request};
use crate::results::{Module, WORKS};
use crate::runtimes::Name;
use crate::workers::TIMEOUT;

/// Compiles every guest in every runtime, in each round: `compile/RUNTIME/FILE`.
pub fn measure(bench: &mut Bench<'_>, progress: &mut Progress) -> Result<Vec<Module>> {
    let rounds = bench.plan.module_rounds();
    let mut cells: Vec<(Name, &Guest)> = Vec::new();
    for guest in &GUESTS {
        if guest.missing(&bench.plan.guests).is_none() {
            cells.extend(Name::value_variants().iter().map(|&name| (name, guest)));
        }
    }
    cells.retain(|(runtime, guest)| bench.plan.selects(&name(*runtime, guest)));
    progress.expect(cells.len() * rounds as usize);
    let mut rows = Vec::new();
    for round in 1..=rounds {
        for (runtime, guest) in &cells {
            progress.step(&name(*runtime, guest));
            rows.push(compile(bench, *runtime, guest, round)?);
        }
    }
    Ok(rows)
}

fn name(runtime: Name, guest: &Guest) -> String {
    format!("compile/{}/{}", runtime.name(), guest.file)
}

fn compile(bench: &mut Bench<'_>, runtime: Name, guest: &Guest, round: u32) -> Result<Module> {
    let wasm = guest.core(&bench.plan.guests).canonicalize()?;
    let outcome: Result<Compiled> =
        bench
            .workers
            .request(runtime, &Request::Compile { wasm }, TIMEOUT);
    let (compiled, outcome) = match outcome {
        Ok(compiled) => (Some(compiled), WORKS.to_owned()),
        Err(error) => (None, one_line(&format!("{error:#}"))),
    };
    Ok(Module {
        runtime: runtime.name().to_owned(),
        module: guest.file.to_owned(),
        round,
        wasm_bytes: size(&guest.core(&bench.plan.guests))?,
        compile_ns: compiled.as_ref().map(|compiled| compiled.nanos),
        code_bytes: compiled.and_then(|compiled| compiled.code_bytes),
        outcome,
    })
}
