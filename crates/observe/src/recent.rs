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
    /// The number of the newest decision, which may be gone already.
    newest: u64,
}

/// Enough to find what somebody complains of a moment later.
const MAX_LINES: usize = 1_000;

/// In bytes; a usual decision takes 500.
const MAX_BYTES: usize = 4 << 20;

impl Recent {
    pub(crate) fn push(&self, sequence: u64, line: Box<str>) {
        let mut kept = self.kept();
        kept.bytes = kept.bytes.saturating_add(line.len());
        kept.newest = kept.newest.max(sequence);
        kept.lines.push_back((sequence, line));
        while kept.lines.len() > MAX_LINES || kept.bytes > MAX_BYTES {
            let Some((_, oldest)) = kept.lines.pop_front() else {
                return;
            };
            kept.bytes = kept.bytes.saturating_sub(oldest.len());
        }
    }

    /// The decisions whose number is greater than `after`, oldest first, and the number of the newest of all:
    /// `{"newest":2,"decisions":[…]}`, each a [`crate::Record`]. The number of the newest starts anew with each process.
    #[must_use]
    pub fn to_json(&self, after: u64) -> String {
        let kept = self.kept();
        let wanted = kept.lines.iter().filter(|(sequence, _)| *sequence > after);
        let lines: Vec<&str> = wanted.map(|(_, line)| &**line).collect();
        let (newest, lines) = (kept.newest, lines.join(","));
        format!(r#"{{"newest":{newest},"decisions":[{lines}]}}"#)
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
        let kept: serde_json::Value = serde_json::from_str(&recent.to_json(0)).unwrap();
        assert_eq!(kept["newest"], 1_500);
        let expected: Vec<u64> = (501..=1_500).collect();
        assert_eq!(kept["decisions"], serde_json::json!(expected));
        assert_eq!(
            recent.to_json(1_498),
            r#"{"newest":1500,"decisions":[1499,1500]}"#
        );
        assert_eq!(recent.to_json(1_500), r#"{"newest":1500,"decisions":[]}"#);
    }

    #[test]
    fn keeps_fewer_when_they_are_long() {
        let recent = Recent::default();
        for sequence in 1..=10 {
            recent.push(sequence, "1".repeat(MAX_BYTES / 2).into());
        }
        assert!(recent.to_json(0).len() <= MAX_BYTES + 100);
    }
}
