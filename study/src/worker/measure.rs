//! Measurement of repeated calls with the same input.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};

use crate::convention::Convention;
use crate::protocol::{Measured, Reuse};
use crate::runtime::Program;

/// Minimum number of measured calls.
const MIN_CALLS: usize = 3;

/// A program that is called repeatedly with the same input.
pub struct Workload<'a> {
    /// Compiled program.
    pub program: &'a dyn Program,
    /// Calling convention.
    pub convention: Convention,
    /// Input of each call.
    pub input: Vec<u8>,
}

impl Workload<'_> {
    /// Measures calls, and writes the response to a file, which the study checks.
    pub fn measure(&self, reuse: Reuse, response: &Path, millis: u64) -> Result<Measured> {
        let (first, measured) = match reuse {
            Reuse::Fresh => measure(millis, || {
                self.program.start()?.call(self.convention, &self.input)
            })?,
            Reuse::Reused => {
                let mut instance = self.program.start()?;
                measure(millis, || instance.call(self.convention, &self.input))?
            }
        };
        std::fs::write(response, first)?;
        Ok(measured)
    }
}

/// Warms up for a quarter of the time, then measures. Returns the first response; all others must be
/// equal.
pub fn measure(
    millis: u64,
    mut call: impl FnMut() -> Result<Vec<u8>>,
) -> Result<(Vec<u8>, Measured)> {
    let first = call()?;
    let span = Duration::from_millis(millis);
    repeat(span / 4, 0, &first, &mut call)?;
    let mut times = repeat(span, MIN_CALLS, &first, &mut call)?;
    times.sort_unstable();
    let measured = Measured {
        calls: u64::try_from(times.len())?,
        p50: percentile(&times, 50)?,
        p99: percentile(&times, 99)?,
        min: percentile(&times, 0)?,
    };
    Ok((first, measured))
}

/// Repeats a call until the time is over, and at least `least` times. Comparing responses is not part
/// of the measured time.
fn repeat(
    span: Duration,
    least: usize,
    expected: &[u8],
    call: &mut impl FnMut() -> Result<Vec<u8>>,
) -> Result<Vec<Duration>> {
    let mut times = Vec::new();
    let end = Instant::now() + span;
    while times.len() < least || Instant::now() < end {
        let begin = Instant::now();
        let response = call()?;
        times.push(begin.elapsed());
        ensure!(response == expected, "responses to the same input differ");
    }
    Ok(times)
}

/// Returns the value below which `percent` of the sorted values lie, in nanoseconds.
fn percentile(times: &[Duration], percent: usize) -> Result<u64> {
    let index = (times.len() * percent / 100).min(times.len().saturating_sub(1));
    let time = times.get(index).copied().unwrap_or_default();
    Ok(u64::try_from(time.as_nanos())?)
}
