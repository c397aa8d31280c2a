//! `STUDY.md`: the text of `reading.md.in` with tables and figures from the CSV files put in, and pictures beside it.

mod summary;
mod tables;
mod template;

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use crate::results::{Call, Results};
use crate::{matrix, pictures};

pub use self::summary::{Ranged, Summary, micros};
pub use self::tables::{DECIDED, added_by, added_in, requests};

/// The hand-written part, with placeholders.
const TEXT: &str = include_str!("../reading.md.in");

/// Where the CSV files are below the folder of a report.
pub fn results(output: &Path) -> PathBuf {
    output.join("study/results")
}

/// Writes text, pictures and the whole matrix from the CSV files that are there.
pub fn write(output: &Path) -> Result<()> {
    let results = Results::read(&results(output))?;
    let summary = Summary::new(&results.calls);
    let text = template::fill(TEXT, &results, &summary)?;
    pictures::write(&output.join("study/pictures"), &results, &summary)?;
    save(
        &output.join("study/results/matrix.md"),
        &tables::matrix(&summary),
    )?;
    save(&output.join("STUDY.md"), &text)?;
    println!("{}", output.join("STUDY.md").display());
    Ok(())
}

/// Prints cells as they are, for `--only`.
pub fn print(calls: &[Call]) -> Result<()> {
    let summary = Summary::new(calls);
    println!("| Cell | p50 µs | p99 µs | spread of p50 | calls |");
    println!("|---|---:|---:|---:|---:|");
    for cell in matrix::cells() {
        match summary.find(&cell.name()) {
            Some(Ok(figures)) => println!(
                "| {} | {} | {} | ±{:.0} % | {} |",
                cell.name(),
                micros(figures.p50),
                micros(figures.p99),
                figures.spread,
                figures.calls
            ),
            Some(Err(reason)) => println!("| {} | {reason} | | | |", cell.name()),
            None => {}
        }
    }
    Ok(())
}

fn save(path: &Path, text: &str) -> Result<()> {
    std::fs::write(path, text).with_context(|| format!("cannot write `{}`", path.display()))
}
