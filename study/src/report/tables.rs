//! The tables of the report, in Markdown.

mod front_ends;
mod matrix;
mod own;
mod process;
mod table;

use anyhow::{Result, bail};
use clap::ValueEnum;

pub use self::matrix::matrix;
use self::table::Table;
use crate::convention::Convention;
use crate::protocol::Reuse;
use crate::results::Results;
use crate::runtimes::Name;
use crate::summary::Summary;
use crate::units::{micros, times};

/// Returns the table of a name in `README.md.in`.
pub fn named(name: &str, results: &Results, summary: &Summary) -> Result<String> {
    Ok(match name {
        "fresh" => runtimes(summary, Reuse::Fresh),
        "reused" => runtimes(summary, Reuse::Reused),
        "conventions" => conventions(summary),
        "guests" => guests(summary),
        "own" => own::steps(&results.own),
        "profile" => own::profile(&results.profile),
        "front-ends-median" => front_ends::table(&results.front_ends, |row| row.median_us),
        "front-ends-p99" => front_ends::table(&results.front_ends, |row| row.p99_us),
        "front-ends-cpu" => front_ends::table(&results.front_ends, |row| row.cpu_us),
        "modules" => process::modules(&results.modules),
        "memory" => process::memory(&results.memory),
        "limits" => process::limits(&results.limits),
        "machine" => process::machine(&results.facts),
        "failures" => failures(summary),
        other => bail!("README.md.in: unknown table `{other}`"),
    })
}

/// Formats median and spread, or a dash; the full matrix contains the reason.
fn cell(summary: &Summary, name: &str) -> String {
    match summary.find(name) {
        Some(Ok(figures)) => format!("{} ±{:.0} %", micros(figures.p50), figures.spread),
        _ => "—".to_owned(),
    }
}

/// Returns the table of the token check in Rust by runtime and calling convention.
fn runtimes(summary: &Summary, reuse: Reuse) -> String {
    let mut table = Table::new(&[
        "Runtime",
        "raw",
        "stdio",
        "waPC",
        "component",
        "stdio, relative to wasmtime-pooling",
        "stdio, p99",
    ]);
    let name = |runtime: Name, convention: Convention| {
        let (runtime, convention, reuse) = (runtime.name(), convention.name(), reuse.name());
        format!("{runtime}/{convention}/token/rust-typed/{reuse}/review")
    };
    for &runtime in Name::value_variants() {
        let mut row = vec![runtime.name().to_owned()];
        for &convention in Convention::value_variants() {
            row.push(cell(summary, &name(runtime, convention)));
        }
        let stdio = name(runtime, Convention::Stdio);
        let ratio = summary.ratio(&stdio, &name(Name::WasmtimePooling, Convention::Stdio));
        row.push(ratio.map_or("—".to_owned(), |ratio| ratio.show(times)));
        row.push(match summary.find(&stdio) {
            Some(Ok(figures)) => micros(figures.p99),
            _ => "—".to_owned(),
        });
        table.row(&row);
    }
    table.end()
}

/// Returns the table of `to-upper` by calling convention and size, in the runtime of k8s-wasm.
fn conventions(summary: &Summary) -> String {
    let mut table = Table::new(&[
        "Convention",
        "10 B, fresh",
        "1 KB, fresh",
        "100 KB, fresh",
        "1 MB, fresh",
        "10 B, reused",
        "1 KB, reused",
        "100 KB, reused",
        "1 MB, reused",
    ]);
    for convention in Convention::value_variants() {
        let mut row = vec![convention.name().to_owned()];
        for reuse in Reuse::value_variants() {
            for size in crate::guests::Program::Upper.sizes() {
                let (convention, reuse) = (convention.name(), reuse.name());
                let name = format!("wasmtime-pooling/{convention}/upper/rust/{reuse}/{size}");
                row.push(cell(summary, &name));
            }
        }
        table.row(&row);
    }
    table.end()
}

/// Returns the table of the token check by language, in three runtimes.
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

/// Returns the table of failures.
fn failures(summary: &Summary) -> String {
    let mut table = Table::with_text_columns(&["Failure", "Cells", "Example"]);
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
