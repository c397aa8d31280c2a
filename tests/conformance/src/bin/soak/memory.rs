//! The memory of the program that runs the policies, over the duration of the test.

use std::time::Duration;

use anyhow::Result;
use conformance::{FrontEnd, Running};

const PERIOD: Duration = Duration::from_millis(500);

/// Samples at equal intervals, bytes.
#[derive(Debug, Default)]
pub struct Memory(Vec<u64>);

impl Memory {
    /// Takes samples until the future is dropped.
    ///
    /// # Errors
    /// If the program is not running.
    pub async fn watch(&mut self, running: &Running) -> Result<()> {
        let mut ticks = tokio::time::interval(PERIOD);
        loop {
            ticks.tick().await;
            self.0.push(running.resident().await?);
        }
    }

    /// Returns the last sample, MiB.
    #[must_use]
    pub fn last(&self) -> f64 {
        mebibytes(self.0.last().copied().unwrap_or_default())
    }

    /// Returns the median of each quarter of the time, MiB.
    #[must_use]
    pub fn quarters(&self) -> [f64; 4] {
        let length = self.0.len();
        [0, 1, 2, 3].map(|quarter| {
            let range = quarter * length / 4..(quarter + 1) * length / 4;
            median(self.0.get(range).unwrap_or_default())
        })
    }

    /// Returns the growth from the second quarter to the last, MiB. The first quarter is the
    /// warm-up.
    #[must_use]
    pub fn growth(&self) -> f64 {
        let [_, second, _, last] = self.quarters();
        last - second
    }

    /// Returns the growth that is tolerated, MiB.
    #[must_use]
    pub fn max_growth(&self, front_end: FrontEnd) -> f64 {
        let [_, second, _, _] = self.quarters();
        (second * max_share(front_end)).max(ONE_CALL)
    }
}

/// The memory of one call of the policy `greedy`, MiB. It comes and goes, late on a busy machine.
const ONE_CALL: f64 = 32.0;

/// The minimum duration for which growth is judged; a shorter test is mostly warm-up.
pub const MIN_DURATION: Duration = Duration::from_secs(2 * 60);

fn max_share(front_end: FrontEnd) -> f64 {
    match front_end {
        // The allocator keeps freed memory.
        FrontEnd::Webhook | FrontEnd::None => 0.10,
        // The API server itself grows in its first minutes: its caches fill up, and Go lets the
        // heap double between collections. There are three engines, one for each plane.
        FrontEnd::InProcess => 0.20,
    }
}

fn median(samples: &[u64]) -> f64 {
    let mut sorted = samples.to_vec();
    sorted.sort_unstable();
    mebibytes(sorted.get(sorted.len() / 2).copied().unwrap_or_default())
}

fn mebibytes(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn growth_is_measured_from_the_second_quarter_to_the_last() {
        let memory = Memory(
            [1, 1, 100, 100, 50, 50, 110, 110]
                .map(|mib| mib << 20)
                .into(),
        );
        assert_eq!(memory.quarters(), [1.0, 100.0, 50.0, 110.0]);
        assert!((memory.growth() - 10.0).abs() < 1e-9);
        assert_eq!(Memory::default().quarters(), [0.0; 4]);
    }

    #[test]
    fn a_small_program_may_grow_by_the_memory_of_a_call() {
        let flat = |mib: u64| Memory(vec![mib << 20; 8]);
        assert!((flat(100).max_growth(FrontEnd::Webhook) - 32.0).abs() < 1e-9);
        assert!((flat(1000).max_growth(FrontEnd::Webhook) - 100.0).abs() < 1e-9);
    }
}
