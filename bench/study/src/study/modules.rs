//! What it takes to compile each guest, and how much code comes out.

use anyhow::Result;
use clap::ValueEnum;

use super::Bench;
use super::calls::{one_line, wasm_bytes};
use super::progress::Progress;
use crate::guests::{GUESTS, Guest};
use crate::protocol::{Compiled, Request};
use crate::results::{Module, WORKS};
use crate::runtimes::Name;
use crate::workers::PATIENCE;

/// Compiles every guest in every runtime, in each round.
pub fn measure(bench: &mut Bench<'_>, progress: &mut Progress) -> Result<Vec<Module>> {
    let rounds = bench.plan.module_rounds();
    let guests: Vec<_> = GUESTS
        .iter()
        .filter(|guest| guest.missing(&bench.plan.guests).is_none())
        .collect();
    progress.expect(guests.len() * Name::value_variants().len() * rounds as usize);
    let mut rows = Vec::new();
    for round in 1..=rounds {
        for guest in &guests {
            for &runtime in Name::value_variants() {
                progress.step(&format!("compiling: {}/{}", runtime.name(), guest.file));
                rows.push(compile(bench, runtime, guest, round)?);
            }
        }
    }
    Ok(rows)
}

fn compile(bench: &mut Bench<'_>, runtime: Name, guest: &Guest, round: u32) -> Result<Module> {
    let wasm = guest.core(&bench.plan.guests).canonicalize()?;
    let outcome: Result<Compiled> =
        bench
            .workers
            .ask(runtime, &Request::Compile { wasm }, PATIENCE);
    let (compiled, outcome) = match outcome {
        Ok(compiled) => (Some(compiled), WORKS.to_owned()),
        Err(error) => (None, one_line(&format!("{error:#}"))),
    };
    Ok(Module {
        runtime: runtime.name().to_owned(),
        module: guest.file.to_owned(),
        round,
        wasm_bytes: wasm_bytes(bench, guest)?,
        compile_ns: compiled.as_ref().map(|compiled| compiled.nanos),
        code_bytes: compiled.and_then(|compiled| compiled.code_bytes),
        outcome,
    })
}
