//! The summary of a fuzzing run, read from the output of libFuzzer.

use std::fmt;

use anyhow::{Context as _, Result};

/// Statistics of a run without findings.
#[derive(Debug, PartialEq, Eq)]
pub struct Summary {
    /// Number of executions of the target.
    executions: u64,
    /// Number of edges reached in instrumented code.
    edges: u64,
    /// Number of inputs in the corpus, each of which adds coverage.
    inputs: u64,
}

impl Summary {
    /// Parses the last progress line and the final statistics.
    pub fn read(output: &str) -> Result<Self> {
        let mut progress = output.lines().rev().filter(|line| line.starts_with('#'));
        let progress = progress
            .find(|line| line.contains(" cov: "))
            .context("the fuzzer reports no coverage: check that fuzz/rustc.sh was used")?;
        let executions = number_after(output, "stat::number_of_executed_units:");
        Ok(Self {
            executions: executions.context("the fuzzer did not run to completion")?,
            edges: number_after(progress, " cov:").unwrap_or_default(),
            inputs: number_after(progress, " corp:").unwrap_or_default(),
        })
    }
}

fn number_after(text: &str, name: &str) -> Option<u64> {
    let (_, rest) = text.split_once(name)?;
    let rest = rest.trim_start();
    let end = rest
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(rest.len());
    rest[..end].parse().ok()
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:>9} executions, {:>5} edges, {:>4} inputs",
            self.executions, self.edges, self.inputs
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_statistics_of_a_run() {
        let output = "#2\tINITED cov: 3 ft: 4 corp: 1/1b exec/s: 0 rss: 30Mb\n\
            #512\tNEW    cov: 812 ft: 1311 corp: 97/3kb lim: 4 exec/s: 0 rss: 31Mb\n\
            #1000\tDONE   cov: 815 ft: 1400 corp: 99/3kb lim: 4 exec/s: 0 rss: 31Mb\n\
            Done 1000 runs in 1 second(s)\nstat::number_of_executed_units: 1000\nstat::peak_rss_mb: 31\n";
        let summary = Summary::read(output).unwrap();
        assert_eq!(
            summary,
            Summary {
                executions: 1000,
                edges: 815,
                inputs: 99
            }
        );
    }

    #[test]
    fn rejects_output_without_coverage_or_final_statistics() {
        let blind = "#1000\tDONE   exec/s: 0 rss: 31Mb\nstat::number_of_executed_units: 1000\n";
        assert!(Summary::read(blind).is_err());
        assert!(Summary::read("#2\tINITED cov: 3 ft: 4 corp: 1/1b\n").is_err());
    }
}
