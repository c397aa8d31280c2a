//! Counts of responses by kind, with the first unexpected ones in full.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::Result;
use conformance::reply::Reply;

use crate::expectation::Expected;
use crate::requests::Kind;
use crate::verdict::{Verdict, judge};

/// The upper bound of unexpected responses that are shown.
const MAX_EXAMPLES: usize = 5;

/// The counts of a kind.
#[derive(Debug, Default, Clone)]
pub struct Counts {
    /// Right responses.
    pub right: u64,
    /// Refused requests and missing responses during an outage.
    pub refused: u64,
    /// Wrong responses.
    pub wrong: u64,
    /// Missing responses, except during an outage.
    pub lost: u64,
    latencies: Vec<Duration>,
}

/// The counts of all kinds.
#[derive(Debug, Default)]
pub struct Tally(Mutex<Counted>);

#[derive(Debug, Default)]
struct Counted {
    kinds: BTreeMap<Kind, Counts>,
    examples: Vec<String>,
}

impl Tally {
    /// Judges and counts a response.
    pub fn record(&self, kind: Kind, latency: Duration, reply: &Result<Reply>, expected: Expected) {
        let mut counted = self.lock();
        let counts = counted.kinds.entry(kind).or_default();
        let text = match reply {
            Ok(reply) => match judge(kind, reply, expected) {
                Verdict::Right => {
                    counts.right += 1;
                    if !expected.refusal {
                        counts.latencies.push(latency);
                    }
                    return;
                }
                Verdict::Refused => {
                    counts.refused += 1;
                    return;
                }
                Verdict::Wrong => {
                    counts.wrong += 1;
                    format!("wrong, {kind:?} after {latency:.1?}, {expected:?}\n{reply}")
                }
            },
            Err(_) if expected.refusal => {
                counts.refused += 1;
                return;
            }
            Err(error) => {
                counts.lost += 1;
                format!("lost, {kind:?} after {latency:.1?}: {error:#}")
            }
        };
        if counted.examples.len() < MAX_EXAMPLES {
            counted.examples.push(text);
        }
    }

    /// Returns the counts of a kind.
    #[must_use]
    pub fn get(&self, kind: Kind) -> Counts {
        self.lock().kinds.get(&kind).cloned().unwrap_or_default()
    }

    /// Returns the number of right responses of a kind.
    #[must_use]
    pub fn right(&self, kind: Kind) -> u64 {
        self.lock()
            .kinds
            .get(&kind)
            .map_or(0, |counts| counts.right)
    }

    /// Returns the sum over all kinds.
    #[must_use]
    pub fn sum(&self) -> Counts {
        let mut sum = Counts::default();
        for counts in self.lock().kinds.values() {
            sum.right += counts.right;
            sum.refused += counts.refused;
            sum.wrong += counts.wrong;
            sum.lost += counts.lost;
        }
        sum
    }

    /// Returns the first unexpected responses in full.
    #[must_use]
    pub fn examples(&self) -> Vec<String> {
        self.lock().examples.clone()
    }

    fn lock(&self) -> MutexGuard<'_, Counted> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Counts {
    /// Returns the number of requests.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.right + self.refused + self.wrong + self.lost
    }

    /// Returns the percentile of the latency of right responses outside of outages, milliseconds.
    #[must_use]
    pub fn percentile(&self, percent: usize) -> f64 {
        let mut sorted = self.latencies.clone();
        sorted.sort_unstable();
        let index = (sorted.len() * percent / 100).min(sorted.len().saturating_sub(1));
        let latency = sorted.get(index).copied().unwrap_or_default();
        latency.as_secs_f64() * 1000.0
    }
}

#[cfg(test)]
mod tests {
    use anyhow::anyhow;

    use super::*;

    #[test]
    fn a_missing_response_is_lost_except_during_an_outage() {
        let tally = Tally::default();
        for refusal in [false, true] {
            let expected = Expected {
                edition: None,
                refusal,
            };
            tally.record(
                Kind::Allowed,
                Duration::ZERO,
                &Err(anyhow!("gone")),
                expected,
            );
        }
        let counts = tally.get(Kind::Allowed);
        assert_eq!((counts.lost, counts.refused), (1, 1));
        assert_eq!(tally.sum().total(), 2);
        assert_eq!(tally.examples().len(), 1);
    }

    #[test]
    fn percentiles_use_sorted_latencies() {
        let counts = Counts {
            latencies: (0..100).rev().map(Duration::from_millis).collect(),
            ..Counts::default()
        };
        assert!((counts.percentile(50) - 50.0).abs() < 1e-9);
        assert!((counts.percentile(99) - 99.0).abs() < 1e-9);
        assert!(Counts::default().percentile(50).abs() < 1e-9);
    }
}
