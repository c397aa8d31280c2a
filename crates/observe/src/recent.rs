//! Recent decisions, kept in memory within bounds.

use std::collections::VecDeque;
use std::sync::Arc;

use parking_lot::Mutex;
use serde::Serialize;

use crate::record::Record;

/// Maximum number of records: enough to find a decision that a user reports a moment later.
const MAX_RECORDS: usize = 1_000;

/// Maximum size of all records, in bytes. A typical record takes 700.
const MAX_BYTES: usize = 4 << 20;

/// The recent decisions of the process: at most 1,000, and fewer if they are large.
#[derive(Debug, Default)]
pub struct Recent(Mutex<Records>);

#[derive(Debug, Default)]
struct Records {
    /// Oldest first.
    records: VecDeque<Arc<Record>>,
    /// The size of all records.
    bytes: usize,
    /// The sequence number of the newest decision, whose record may be gone already.
    newest: u64,
}

/// The response of `/decisions`.
#[derive(Serialize)]
struct Page<'a> {
    newest: u64,
    decisions: Vec<&'a Record>,
}

impl Recent {
    /// Adds a record and removes the oldest ones that exceed the bounds.
    pub(crate) fn push(&self, record: Arc<Record>) {
        let mut state = self.0.lock();
        state.bytes = state.bytes.saturating_add(record.size());
        state.newest = state.newest.max(record.sequence);
        state.records.push_back(record);
        while state.records.len() > MAX_RECORDS || state.bytes > MAX_BYTES {
            let Some(oldest) = state.records.pop_front() else {
                return;
            };
            state.bytes = state.bytes.saturating_sub(oldest.size());
        }
    }

    /// Returns the decisions whose sequence number is greater than `after`, oldest first, and the
    /// sequence number of the newest decision: `{"newest":2,"decisions":[…]}`, where each decision
    /// is a [`Record`]. Sequence numbers start at 1 in each process.
    #[must_use]
    pub fn to_json(&self, after: u64) -> String {
        // Serialized without the lock: recording a decision must not wait for it.
        let (newest, records) = {
            let state = self.0.lock();
            let selected = state
                .records
                .iter()
                .filter(|record| record.sequence > after);
            (state.newest, selected.cloned().collect::<Vec<_>>())
        };
        let decisions = records.iter().map(Arc::as_ref).collect();
        // Strings, numbers and lists: serialization to memory cannot fail.
        serde_json::to_string(&Page { newest, decisions }).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use host::Verdict;
    use serde_json::{Value, json};

    use super::*;
    use crate::testing::record;

    fn push(recent: &Recent, sequence: u64, message: &str) {
        recent.push(Arc::new(Record {
            sequence,
            message: message.to_owned(),
            ..record(Verdict::Allowed)
        }));
    }

    fn sequences(recent: &Recent, after: u64) -> Value {
        let page: Value = serde_json::from_str(&recent.to_json(after)).unwrap();
        let decisions = page["decisions"].as_array().unwrap();
        let sequences: Vec<_> = decisions.iter().map(|record| &record["sequence"]).collect();
        json!([page["newest"], sequences])
    }

    #[test]
    fn removes_the_oldest_decisions() {
        let recent = Recent::default();
        for sequence in 1..=1_500 {
            push(&recent, sequence, "");
        }
        let expected: Vec<u64> = (501..=1_500).collect();
        assert_eq!(sequences(&recent, 0), json!([1_500, expected]));
        assert_eq!(sequences(&recent, 1_498), json!([1_500, [1_499, 1_500]]));
        assert_eq!(sequences(&recent, 1_500), json!([1_500, []]));
    }

    #[test]
    fn keeps_fewer_decisions_if_they_are_large() {
        let recent = Recent::default();
        for sequence in 1..=10 {
            push(&recent, sequence, &"1".repeat(MAX_BYTES / 2));
        }
        assert_eq!(sequences(&recent, 0), json!([10, [10]]));
        assert!(recent.to_json(0).len() <= MAX_BYTES + 100);
    }
}
