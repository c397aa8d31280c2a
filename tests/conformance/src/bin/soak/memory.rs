//! The memory of the program that decides, over the time of the soak.

use std::time::Duration;

use anyhow::Result;
use conformance::{Door, Running};

const PERIOD: Duration = Duration::from_millis(500);

/// Samples at equal distances, bytes.
#[derive(Debug, Default)]
pub struct Memory(Vec<u64>);

impl Memory {
    /// Takes samples until it is dropped.
    ///
    /// # Errors
    /// The program does not run.
    pub async fn watch(&mut self, running: &Running) -> Result<()> {
        let mut ticks = tokio::time::interval(PERIOD);
        loop {
            ticks.tick().await;
            self.0.push(running.resident().await?);
        }
    }

    /// The last sample, MiB.
    #[must_use]
    pub fn last(&self) -> f64 {
        mebibytes(self.0.last().copied().unwrap_or_default())
    }

    /// The median of each quarter of the time, MiB.
    #[must_use]
    pub fn quarters(&self) -> [f64; 4] {
        let length = self.0.len();
        [0, 1, 2, 3].map(|quarter| {
            let range = quarter * length / 4..(quarter + 1) * length / 4;
            median(self.0.get(range).unwrap_or_default())
        })
    }

    /// How much more there was in the last quarter than in the second, MiB; the first one is for warming up.
    #[must_use]
    pub fn growth(&self) -> f64 {
        let [_, second, _, last] = self.quarters();
        last - second
    }

    /// How much growth passes for flat, MiB.
    #[must_use]
    pub fn growth_max(&self, door: Door) -> f64 {
        let [_, second, _, _] = self.quarters();
        (second * share_max(door)).max(ONE_CALL)
    }
}

/// What a single call of the policy `greedy` takes, MiB: so much comes and goes, and on a busy machine it goes late.
const ONE_CALL: f64 = 32.0;

/// What is shorter has hardly warmed up, and nothing can be said about its memory.
pub const JUDGED_FROM: Duration = Duration::from_secs(2 * 60);

fn share_max(door: Door) -> f64 {
    match door {
        // The allocator keeps what it was given, for the next one.
        Door::Webhook | Door::Closed => 0.10,
        // The API server itself grows in its first minutes: its caches of objects fill up, and Go's collector
        // lets the heap double before it looks. And there are three engines, one for each plane.
        Door::InProcess => 0.20,
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
    fn growth_is_from_the_second_quarter_to_the_last() {
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
    fn a_small_program_may_grow_by_what_a_call_takes() {
        let flat = |mib: u64| Memory(vec![mib << 20; 8]);
        assert!((flat(100).growth_max(Door::Webhook) - 32.0).abs() < 1e-9);
        assert!((flat(1000).growth_max(Door::Webhook) - 100.0).abs() < 1e-9);
    }
}
