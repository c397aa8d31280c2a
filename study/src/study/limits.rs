//! Guests that mean ill, against the limits that each runtime was given: what becomes of them, and how soon.

use std::time::{Duration, Instant};

use anyhow::Result;
use clap::ValueEnum;

use super::Bench;
use super::calls::one_line;
use super::progress::Progress;
use crate::protocol::{Measured, Request, Reuse};
use crate::results::{Limit, WORKS};
use crate::runtimes::Name;
use crate::ways::Way;

/// What they do, and the module that does it.
const ATTACKS: [(&str, &str); 3] = [
    (
        "loops for ever",
        include_str!("../../guests/hostile/spin.wat"),
    ),
    (
        "takes all memory",
        include_str!("../../guests/hostile/grow.wat"),
    ),
    (
        "recurses for ever",
        include_str!("../../guests/hostile/recurse.wat"),
    ),
];

/// How long a loop may go on before it counts as not stopped. The limits are about a second.
const PATIENCE: Duration = Duration::from_secs(20);

/// Each attack once in each runtime, in a process of its own: `limits/RUNTIME/ATTACK`.
pub fn measure(bench: &mut Bench<'_>, progress: &mut Progress) -> Result<Vec<Limit>> {
    let mut cells = Vec::new();
    for (attack, text) in ATTACKS {
        cells.extend(
            Name::value_variants()
                .iter()
                .map(|&name| (name, attack, text)),
        );
    }
    let name = |runtime: Name, attack: &str| format!("limits/{}/{attack}", runtime.name());
    cells.retain(|(runtime, attack, _)| bench.plan.wants(&name(*runtime, attack)));
    progress.expect(cells.len());
    let mut rows = Vec::new();
    for (runtime, attack, text) in cells {
        progress.step(&name(runtime, attack));
        std::fs::write(bench.path("hostile.wasm"), wat::parse_str(text)?)?;
        bench.workers.end();
        rows.push(strike(bench, runtime, attack)?);
    }
    bench.workers.end();
    Ok(rows)
}

fn strike(bench: &mut Bench<'_>, runtime: Name, attack: &str) -> Result<Limit> {
    let request = Request::Measure {
        wasm: bench.path("hostile.wasm"),
        way: Way::Stdio,
        reuse: Reuse::Fresh,
        input: bench.input(crate::guests::Program::Upper, "10B"),
        answer: bench.path("answer"),
        millis: 0,
    };
    let begin = Instant::now();
    let outcome: Result<Measured> = bench.workers.ask(runtime, &request, PATIENCE);
    Ok(Limit {
        runtime: runtime.name().to_owned(),
        attack: attack.to_owned(),
        millis: u64::try_from(begin.elapsed().as_millis())?,
        outcome: match outcome {
            Ok(_) => WORKS.to_owned(),
            Err(error) => one_line(&format!("{error:#}")),
        },
    })
}
