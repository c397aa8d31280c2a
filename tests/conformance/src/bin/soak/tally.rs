//! What was answered: counted by kind, with the first wrong answers in full.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::Result;
use conformance::reply::Reply;

use crate::judge::{Verdict, judge};
use crate::questions::Kind;
use crate::season::Allowed;

/// How many answers are shown that should not be.
const EXAMPLES_MAX: usize = 5;

/// What became of the questions of a kind.
#[derive(Debug, Default, Clone)]
pub struct Counts {
    /// Answered right.
    pub right: u64,
    /// Refused, or not answered, while the policies were down.
    pub failed_closed: u64,
    /// Answered otherwise.
    pub wrong: u64,
    /// Not answered at all.
    pub lost: u64,
    latencies: Vec<Duration>,
}

/// What became of all questions so far.
#[derive(Debug, Default)]
pub struct Tally(Mutex<Noted>);

#[derive(Debug, Default)]
struct Noted {
    kinds: BTreeMap<Kind, Counts>,
    examples: Vec<String>,
}

impl Tally {
    /// Judges and counts an answer.
    pub fn note(&self, kind: Kind, took: Duration, answer: &Result<Reply>, allowed: Allowed) {
        let mut noted = self.noted();
        let counts = noted.kinds.entry(kind).or_default();
        let text = match answer {
            Ok(reply) => match judge(kind, reply, allowed) {
                Verdict::Right => {
                    counts.right += 1;
                    if !allowed.refusal {
                        counts.latencies.push(took);
                    }
                    return;
                }
                Verdict::FailedClosed => {
                    counts.failed_closed += 1;
                    return;
                }
                Verdict::Wrong => {
                    counts.wrong += 1;
                    format!("wrong, {kind:?} after {took:.1?}, {allowed:?}\n{reply}")
                }
            },
            Err(_) if allowed.refusal => {
                counts.failed_closed += 1;
                return;
            }
            Err(error) => {
                counts.lost += 1;
                format!("lost, {kind:?} after {took:.1?}: {error:#}")
            }
        };
        if noted.examples.len() < EXAMPLES_MAX {
            noted.examples.push(text);
        }
    }

    /// What became of the questions of a kind.
    #[must_use]
    pub fn of(&self, kind: Kind) -> Counts {
        self.noted().kinds.get(&kind).cloned().unwrap_or_default()
    }

    /// How many questions of a kind were answered right.
    #[must_use]
    pub fn right(&self, kind: Kind) -> u64 {
        self.noted()
            .kinds
            .get(&kind)
            .map_or(0, |counts| counts.right)
    }

    /// All kinds together.
    #[must_use]
    pub fn sum(&self) -> Counts {
        let mut sum = Counts::default();
        for counts in self.noted().kinds.values() {
            sum.right += counts.right;
            sum.failed_closed += counts.failed_closed;
            sum.wrong += counts.wrong;
            sum.lost += counts.lost;
        }
        sum
    }

    /// The first answers that should not have been, in full.
    #[must_use]
    pub fn examples(&self) -> Vec<String> {
        self.noted().examples.clone()
    }

    fn noted(&self) -> MutexGuard<'_, Noted> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Counts {
    /// Everything that was asked.
    #[must_use]
    pub fn asked(&self) -> u64 {
        self.right + self.failed_closed + self.wrong + self.lost
    }

    /// The latency that `percent` of the right answers were below, milliseconds; outages left out.
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
    fn no_answer_is_a_lost_request_unless_nobody_was_there() {
        let tally = Tally::default();
        for refusal in [false, true] {
            let allowed = Allowed {
                edition: None,
                refusal,
            };
            tally.note(
                Kind::Allowed,
                Duration::ZERO,
                &Err(anyhow!("gone")),
                allowed,
            );
        }
        let counts = tally.of(Kind::Allowed);
        assert_eq!((counts.lost, counts.failed_closed), (1, 1));
        assert_eq!(tally.sum().asked(), 2);
        assert_eq!(tally.examples().len(), 1);
    }

    #[test]
    fn percentiles_are_taken_in_order() {
        let counts = Counts {
            latencies: (0..100).rev().map(Duration::from_millis).collect(),
            ..Counts::default()
        };
        assert!((counts.percentile(50) - 50.0).abs() < 1e-9);
        assert!((counts.percentile(99) - 99.0).abs() < 1e-9);
        assert!(Counts::default().percentile(50).abs() < 1e-9);
    }
}
