//! `README.md`: the text of `README.md.in` with tables and figures from the CSV files, and pictures.

mod tables;
mod template;

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use crate::results::{Call, Results};
use crate::summary::Summary;
use crate::units::micros;
use crate::{matrix, pictures};

/// The text with placeholders.
const TEXT: &str = include_str!("../README.md.in");

/// Returns the folder of the committed report.
pub fn committed_folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Returns the folder of the CSV files of a report.
pub fn results(output: &Path) -> PathBuf {
    output.join("results")
}

/// Writes text, pictures and the full matrix from the CSV files.
pub fn write(output: &Path) -> Result<()> {
    let results = Results::read(&results(output))?;
    let summary = Summary::new(&results.calls);
    let text = template::fill(TEXT, &results, &summary)?;
    pictures::write(&output.join("pictures"), &results, &summary)?;
    save(&output.join("results/matrix.md"), &tables::matrix(&summary))?;
    save(&output.join("README.md"), &text)?;
    println!("{}", output.join("README.md").display());
    Ok(())
}

/// Prints the measured cells, for `--only`.
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
