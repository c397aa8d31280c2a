//! Hostile guests, called with the limits of each runtime.

use std::time::{Duration, Instant};

use anyhow::Result;
use clap::ValueEnum;

use super::bench::{Bench, one_line};
use super::progress::Progress;
use crate::convention::Convention;
use crate::protocol::{Measured, Request, Reuse};
use crate::results::{Limit, WORKS};
use crate::runtimes::Name;

/// The behaviour of each guest, and its text.
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

/// The time after which a guest counts as not stopped; the limits take effect after seconds.
const TIMEOUT: Duration = Duration::from_secs(20);

/// Calls each guest once in each runtime, in a new process: `limits/RUNTIME/ATTACK`.
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
    cells.retain(|(runtime, attack, _)| bench.plan.selects(&name(*runtime, attack)));
    progress.expect(cells.len());
    let mut rows = Vec::new();
    for (runtime, attack, text) in cells {
        progress.step(&name(runtime, attack));
        std::fs::write(bench.path("hostile.wasm"), wat::parse_str(text)?)?;
        bench.workers.stop();
        rows.push(call(bench, runtime, attack)?);
    }
    bench.workers.stop();
    Ok(rows)
}

fn call(bench: &mut Bench<'_>, runtime: Name, attack: &str) -> Result<Limit> {
    let request = Request::Measure {
        wasm: bench.path("hostile.wasm"),
        convention: Convention::Stdio,
        reuse: Reuse::Fresh,
        input: bench.input(crate::guests::Program::Upper, "10B"),
        response: bench.path("response"),
        millis: 0,
    };
    let begin = Instant::now();
    let outcome: Result<Measured> = bench.workers.request(runtime, &request, TIMEOUT);
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
