//! What came of the soak of one door, as a table, and which expectations do not hold.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use conformance::Door;

use crate::arguments::door_name;
use crate::crash::Outage;
use crate::memory::{JUDGED_FROM, Memory};
use crate::questions::{KINDS, Kind};
use crate::tally::{Counts, Tally};

/// Everything that was counted.
#[derive(Debug)]
pub struct Report {
    /// The way from the API server to the policies.
    pub door: Door,
    /// What was asked.
    pub kinds: Vec<Kind>,
    /// And answered.
    pub tally: Arc<Tally>,
    /// For how long things changed.
    pub duration: Duration,
    /// How many requests were made meanwhile.
    pub asked: u64,
    /// What was changed how often.
    pub changes: BTreeMap<&'static str, u64>,
    /// How often policies were put in place.
    pub loaded: f64,
    /// How often they could not be.
    pub refused: f64,
    /// While things changed.
    pub memory: Memory,
    /// The kills.
    pub outages: Vec<Outage>,
}

impl Report {
    /// The expectations that do not hold.
    #[must_use]
    pub fn failures(&self) -> Vec<String> {
        let sum = self.tally.sum();
        let mut failures = Vec::new();
        if sum.wrong > 0 {
            failures.push(format!("{} wrong answers", sum.wrong));
        }
        if sum.lost > 0 {
            failures.push(format!("{} lost requests", sum.lost));
        }
        if self.judges_memory() && self.memory.growth() > self.memory.growth_max(self.door) {
            failures.push(format!("memory grew by {:.0} MiB", self.memory.growth()));
        }
        if self.outages.iter().any(|outage| outage.failed_closed == 0) {
            failures.push("a kill that no request noticed proves nothing".to_owned());
        }
        failures
    }

    fn judges_memory(&self) -> bool {
        self.duration >= JUDGED_FROM
    }

    fn requests(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            formatter,
            "| Request | right | failed closed | wrong | lost | p50 ms | p99 ms |"
        )?;
        writeln!(formatter, "|---|---:|---:|---:|---:|---:|---:|")?;
        for (kind, _, name) in KINDS {
            if self.kinds.contains(&kind) {
                row(formatter, name, &self.tally.of(kind))?;
            }
        }
        let sum = self.tally.sum();
        writeln!(
            formatter,
            "| all, {:.0} in a second | {} | {} | {} | {} | | |",
            self.asked as f64 / self.duration.as_secs_f64(),
            sum.right,
            sum.failed_closed,
            sum.wrong,
            sum.lost
        )
    }

    fn changes(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let changes = self.changes.iter();
        let changes: Vec<_> = changes
            .map(|(name, count)| format!("{name} {count}"))
            .collect();
        writeln!(formatter, "changes: {}", changes.join(", "))?;
        writeln!(
            formatter,
            "loaded {} times, refused {} times",
            self.loaded, self.refused
        )
    }

    fn memory(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let quarters = self.memory.quarters().map(|mib| format!("{mib:.0}"));
        writeln!(
            formatter,
            "memory in MiB by quarters of the time: {}; second to last {:+.0}, at most {:+.0}{}",
            quarters.join(", "),
            self.memory.growth(),
            self.memory.growth_max(self.door),
            if self.judges_memory() {
                ""
            } else {
                ", not judged below two minutes"
            }
        )
    }
}

impl fmt::Display for Report {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(formatter, "## {}\n", door_name(self.door))?;
        self.requests(formatter)?;
        writeln!(formatter)?;
        self.changes(formatter)?;
        self.memory(formatter)?;
        for outage in &self.outages {
            writeln!(formatter, "killed {outage}")?;
        }
        for example in self.tally.examples() {
            writeln!(formatter, "\n{example}")?;
        }
        let failures = self.failures();
        if failures.is_empty() {
            writeln!(formatter, "every expectation holds")
        } else {
            writeln!(formatter, "NOT AS EXPECTED: {}", failures.join("; "))
        }
    }
}

impl fmt::Display for Outage {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "{}: {} requests failed closed, ready after {:.1} s, all right {:.1} s later, {} files cut off",
            self.when,
            self.failed_closed,
            self.ready.as_secs_f64(),
            self.right_again.as_secs_f64(),
            self.leftovers
        )
    }
}

fn row(formatter: &mut fmt::Formatter<'_>, name: &str, counts: &Counts) -> fmt::Result {
    writeln!(
        formatter,
        "| {name} | {} | {} | {} | {} | {:.1} | {:.1} |",
        counts.right,
        counts.failed_closed,
        counts.wrong,
        counts.lost,
        counts.percentile(50),
        counts.percentile(99)
    )
}
