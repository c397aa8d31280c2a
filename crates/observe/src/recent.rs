//! The last decisions, kept in memory within bounds.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The last decisions of the process: the newest 1,000, and of long ones fewer.
#[derive(Debug, Default)]
pub struct Recent(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    /// The number of a decision and its JSON, oldest first.
    lines: VecDeque<(u64, Box<str>)>,
    /// Of all lines.
    bytes: usize,
}

/// Enough to find what somebody complains of a moment later.
const MAX_LINES: usize = 1_000;

/// In bytes; a usual decision takes 500.
const MAX_BYTES: usize = 4 << 20;

impl Recent {
    pub(crate) fn push(&self, sequence: u64, line: Box<str>) {
        let mut kept = self.kept();
        kept.bytes = kept.bytes.saturating_add(line.len());
        kept.lines.push_back((sequence, line));
        while kept.lines.len() > MAX_LINES || kept.bytes > MAX_BYTES {
            let Some((_, oldest)) = kept.lines.pop_front() else {
                return;
            };
            kept.bytes = kept.bytes.saturating_sub(oldest.len());
        }
    }

    /// The decisions whose number is greater than `after`, oldest first: a JSON array of [`crate::Record`].
    #[must_use]
    pub fn to_json(&self, after: u64) -> String {
        let kept = self.kept();
        let mut json = String::with_capacity(kept.bytes.saturating_add(kept.lines.len()));
        json.push('[');
        for (sequence, line) in &kept.lines {
            if *sequence <= after {
                continue;
            }
            if json.len() > 1 {
                json.push(',');
            }
            json.push_str(line);
        }
        json.push(']');
        json
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forgets_the_oldest() {
        let recent = Recent::default();
        for sequence in 1..=1_500 {
            recent.push(sequence, sequence.to_string().into());
        }
        let kept: Vec<u64> = serde_json::from_str(&recent.to_json(0)).unwrap();
        assert_eq!(kept, (501..=1_500).collect::<Vec<_>>());
        assert_eq!(recent.to_json(1_498), "[1499,1500]");
        assert_eq!(recent.to_json(1_500), "[]");
    }

    #[test]
    fn keeps_fewer_when_they_are_long() {
        let recent = Recent::default();
        for sequence in 1..=10 {
            recent.push(sequence, "1".repeat(MAX_BYTES / 2).into());
        }
        assert!(recent.to_json(0).len() <= MAX_BYTES + 3);
    }
}
