//! The report on one front end: a table, and the expectations that do not hold.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use conformance::FrontEnd;

use crate::arguments::front_end_name;
use crate::memory::{MIN_DURATION, Memory};
use crate::outage::Outage;
use crate::requests::{KINDS, Kind};
use crate::tally::{Counts, Tally};

/// The results for one front end.
#[derive(Debug)]
pub struct Report {
    /// The front end.
    pub front_end: FrontEnd,
    /// The kinds of requests.
    pub kinds: Vec<Kind>,
    /// The counted responses.
    pub tally: Arc<Tally>,
    /// The duration of changes.
    pub duration: Duration,
    /// The number of requests during the changes.
    pub requests: u64,
    /// The number of changes of each kind.
    pub changes: BTreeMap<&'static str, u64>,
    /// The number of successful reloads.
    pub loaded: f64,
    /// The number of failed reloads.
    pub failed: f64,
    /// The memory during the changes.
    pub memory: Memory,
    /// The outages.
    pub outages: Vec<Outage>,
}

impl Report {
    /// Returns the expectations that do not hold.
    #[must_use]
    pub fn failures(&self) -> Vec<String> {
        let sum = self.tally.sum();
        let mut failures = Vec::new();
        if sum.wrong > 0 {
            failures.push(format!("{} wrong responses", sum.wrong));
        }
        if sum.lost > 0 {
            failures.push(format!("{} lost requests", sum.lost));
        }
        if self.judges_memory() && self.memory.growth() > self.memory.max_growth(self.front_end) {
            failures.push(format!("memory grew by {:.0} MiB", self.memory.growth()));
        }
        if self.outages.iter().any(|outage| outage.refused == 0) {
            failures.push("an outage affected no request".to_owned());
        }
        failures
    }

    fn judges_memory(&self) -> bool {
        self.duration >= MIN_DURATION
    }

    fn write_requests(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "| Request | right | refused | wrong | lost | p50 ms | p99 ms |"
        )?;
        writeln!(f, "|---|---:|---:|---:|---:|---:|---:|")?;
        for (kind, _, name) in KINDS {
            if self.kinds.contains(&kind) {
                write_row(f, name, &self.tally.get(kind))?;
            }
        }
        let sum = self.tally.sum();
        writeln!(
            f,
            "| all, {:.0} per second | {} | {} | {} | {} | | |",
            self.requests as f64 / self.duration.as_secs_f64(),
            sum.right,
            sum.refused,
            sum.wrong,
            sum.lost
        )
    }

    fn write_changes(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let changes = self.changes.iter();
        let changes: Vec<_> = changes
            .map(|(name, count)| format!("{name} {count}"))
            .collect();
        writeln!(f, "changes: {}", changes.join(", "))?;
        writeln!(
            f,
            "{} reloads succeeded, {} failed",
            self.loaded, self.failed
        )
    }

    fn write_memory(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let quarters = self.memory.quarters().map(|mib| format!("{mib:.0}"));
        writeln!(
            f,
            "memory by quarters of the time: {} MiB; growth from the second to the last {:+.0}, limit {:+.0}{}",
            quarters.join(", "),
            self.memory.growth(),
            self.memory.max_growth(self.front_end),
            if self.judges_memory() {
                ""
            } else {
                ", not judged in less than two minutes"
            }
        )
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "## {}\n", front_end_name(self.front_end))?;
        self.write_requests(f)?;
        writeln!(f)?;
        self.write_changes(f)?;
        self.write_memory(f)?;
        for outage in &self.outages {
            writeln!(f, "killed {outage}")?;
        }
        for example in self.tally.examples() {
            writeln!(f, "\n{example}")?;
        }
        let failures = self.failures();
        if failures.is_empty() {
            writeln!(f, "all expectations hold")
        } else {
            writeln!(f, "FAILED: {}", failures.join("; "))
        }
    }
}

impl fmt::Display for Outage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}: {} requests refused, ready after {:.1} s, all responses right {:.1} s later, {} incomplete files",
            self.moment,
            self.refused,
            self.ready.as_secs_f64(),
            self.right_again.as_secs_f64(),
            self.leftovers
        )
    }
}

fn write_row(f: &mut fmt::Formatter<'_>, name: &str, counts: &Counts) -> fmt::Result {
    writeln!(
        f,
        "| {name} | {} | {} | {} | {} | {:.1} | {:.1} |",
        counts.right,
        counts.refused,
        counts.wrong,
        counts.lost,
        counts.percentile(50),
        counts.percentile(99)
    )
}
