//! The tables of the report, in Markdown.

mod doors;
mod matrix;
mod own;
mod process;

use anyhow::{Result, bail};
use clap::ValueEnum;

pub use self::doors::{DECIDED, added as added_by, requests};
pub use self::matrix::matrix;
pub use self::own::added as added_in;
use super::summary::{Summary, micros, times};
use crate::protocol::Reuse;
use crate::results::Results;
use crate::runtimes::Name;
use crate::ways::Way;

/// The table that `reading.md.in` asks for by this name.
pub fn named(name: &str, results: &Results, summary: &Summary) -> Result<String> {
    Ok(match name {
        "fresh" => runtimes(summary, Reuse::Fresh),
        "reused" => runtimes(summary, Reuse::Reused),
        "ways" => ways(summary),
        "guests" => guests(summary),
        "own" => own::steps(&results.own),
        "profile" => own::profile(&results.profile),
        "doors-median" => doors::table(&results.doors, |door| door.median_us),
        "doors-p99" => doors::table(&results.doors, |door| door.p99_us),
        "doors-cpu" => doors::table(&results.doors, |door| door.cpu_us),
        "modules" => process::modules(&results.modules),
        "memory" => process::memory(&results.memory),
        "limits" => process::limits(&results.limits),
        "machine" => process::machine(&results.facts),
        "failures" => failures(summary),
        other => bail!("reading.md.in: no table is called `{other}`"),
    })
}

/// A table in the making.
struct Table(String);

impl Table {
    /// The first column is text, the others are numbers.
    fn new(columns: &[&str]) -> Self {
        let head = columns.join(" | ");
        let rule = "---:|".repeat(columns.len() - 1);
        Self(format!("| {head} |\n|---|{rule}\n"))
    }

    /// All columns are text.
    fn of_words(columns: &[&str]) -> Self {
        let (head, rule) = (columns.join(" | "), "---|".repeat(columns.len()));
        Self(format!("| {head} |\n|{rule}\n"))
    }

    fn row(&mut self, cells: &[String]) {
        self.0 += &format!("| {} |\n", cells.join(" | "));
    }

    fn end(self) -> String {
        self.0.trim_end().to_owned()
    }
}

/// Median and spread, or a dash: why is in the whole matrix.
fn cell(summary: &Summary, name: &str) -> String {
    match summary.find(name) {
        Some(Ok(figures)) => format!("{} ±{:.0} %", micros(figures.p50), figures.spread),
        _ => "—".to_owned(),
    }
}

/// Each runtime, each way: the check of a token in Rust.
fn runtimes(summary: &Summary, reuse: Reuse) -> String {
    let mut table = Table::new(&[
        "Runtime",
        "raw",
        "stdio",
        "waPC",
        "component",
        "stdio, times wasmtime-pooling's",
        "stdio, p99",
    ]);
    let name = |runtime: Name, way: Way| {
        let (runtime, way, reuse) = (runtime.name(), way.name(), reuse.name());
        format!("{runtime}/{way}/token/rust-typed/{reuse}/review")
    };
    for &runtime in Name::value_variants() {
        let mut row = vec![runtime.name().to_owned()];
        for &way in Way::value_variants() {
            row.push(cell(summary, &name(runtime, way)));
        }
        let stdio = name(runtime, Way::Stdio);
        let ratio = summary.ratio(&stdio, &name(Name::WasmtimePooling, Way::Stdio));
        row.push(ratio.map_or("—".to_owned(), |ratio| ratio.show(times)));
        row.push(match summary.find(&stdio) {
            Some(Ok(figures)) => micros(figures.p99),
            _ => "—".to_owned(),
        });
        table.row(&row);
    }
    table.end()
}

/// Each way, each size: the runtime that we use, and a program that does next to nothing.
fn ways(summary: &Summary) -> String {
    let mut table = Table::new(&[
        "Way",
        "10 B, fresh",
        "1 KB, fresh",
        "100 KB, fresh",
        "1 MB, fresh",
        "10 B, reused",
        "1 KB, reused",
        "100 KB, reused",
        "1 MB, reused",
    ]);
    for way in Way::value_variants() {
        let mut row = vec![way.name().to_owned()];
        for reuse in Reuse::value_variants() {
            for size in crate::guests::Program::Upper.sizes() {
                let (way, reuse) = (way.name(), reuse.name());
                let name = format!("wasmtime-pooling/{way}/upper/rust/{reuse}/{size}");
                row.push(cell(summary, &name));
            }
        }
        table.row(&row);
    }
    table.end()
}

/// Each language, in three runtimes.
fn guests(summary: &Summary) -> String {
    let runtimes = ["wasmtime-pooling", "wazero-compiler", "wasmi"];
    let mut columns = vec!["Guest".to_owned()];
    for runtime in runtimes {
        columns.extend(
            Reuse::value_variants()
                .iter()
                .map(|reuse| format!("{runtime}, {}", reuse.name())),
        );
    }
    let mut table = Table::new(&columns.iter().map(String::as_str).collect::<Vec<_>>());
    for guest in ["rust-typed", "rust-value", "c", "go"] {
        let mut row = vec![guest.to_owned()];
        for runtime in runtimes {
            for reuse in Reuse::value_variants() {
                let reuse = reuse.name();
                row.push(cell(
                    summary,
                    &format!("{runtime}/stdio/token/{guest}/{reuse}/review"),
                ));
            }
        }
        table.row(&row);
    }
    table.end()
}

/// What did not work, and for how many cells.
fn failures(summary: &Summary) -> String {
    let mut table = Table::of_words(&["What failed", "cells", "for example"]);
    for (reason, cells) in summary.failures() {
        let example = cells.first().copied().unwrap_or_default();
        table.row(&[
            reason.to_owned(),
            cells.len().to_string(),
            format!("`{example}`"),
        ]);
    }
    table.end()
}
