//! The clock: the same question again and again, and the distribution of what the answers took.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};

use crate::protocol::{Measured, Reuse};
use crate::runtimes::Program;
use crate::ways::Way;

/// However slow a call is, there are this many.
const LEAST_CALLS: usize = 3;

/// One program that is asked the same again and again.
pub struct Asked<'a> {
    /// The program.
    pub program: &'a dyn Program,
    /// How it is asked.
    pub way: Way,
    /// What it is asked.
    pub input: Vec<u8>,
}

impl Asked<'_> {
    /// Measures, and puts the answer into a file for the study to check.
    pub fn measure(&self, reuse: Reuse, answer: &Path, millis: u64) -> Result<Measured> {
        let (first, measured) = match reuse {
            Reuse::Fresh => measure(millis, || self.program.start()?.call(self.way, &self.input))?,
            Reuse::Reused => {
                let mut instance = self.program.start()?;
                measure(millis, || instance.call(self.way, &self.input))?
            }
        };
        std::fs::write(answer, first)?;
        Ok(measured)
    }
}

/// Warms up for a quarter of the time, then measures. The first answer is returned; every other one must be the same.
pub fn measure(
    millis: u64,
    mut call: impl FnMut() -> Result<Vec<u8>>,
) -> Result<(Vec<u8>, Measured)> {
    let first = call()?;
    let span = Duration::from_millis(millis);
    repeat(span / 4, 0, &first, &mut call)?;
    let mut times = repeat(span, LEAST_CALLS, &first, &mut call)?;
    times.sort_unstable();
    let measured = Measured {
        calls: u64::try_from(times.len())?,
        p50: percentile(&times, 50)?,
        p99: percentile(&times, 99)?,
        min: percentile(&times, 0)?,
    };
    Ok((first, measured))
}

/// Asks until the time is over, but at least so often. Comparing answers is not part of a call's time.
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
        let answer = call()?;
        times.push(begin.elapsed());
        ensure!(answer == expected, "the same question got another answer");
    }
    Ok(times)
}

/// The value below which `percent` of the sorted values lie, in nanoseconds.
fn percentile(times: &[Duration], percent: usize) -> Result<u64> {
    let index = (times.len() * percent / 100).min(times.len().saturating_sub(1));
    let time = times.get(index).copied().unwrap_or_default();
    Ok(u64::try_from(time.as_nanos())?)
}
