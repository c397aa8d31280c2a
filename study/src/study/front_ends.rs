//! Parser of the tables that `cargo xtask bench -- front-ends` prints, one for each run.

use std::path::PathBuf;

use anyhow::{Context as _, Result, ensure};

use crate::results::FrontEnd;

/// Reads the output of all runs.
pub fn read(runs: &[PathBuf]) -> Result<Vec<FrontEnd>> {
    let mut rows = Vec::new();
    for (path, run) in runs.iter().zip(1..) {
        let text = std::fs::read_to_string(path)
            .with_context(|| format!("cannot read `{}`", path.display()))?;
        let found = parse(&text, run)?;
        ensure!(
            !found.is_empty(),
            "`{}` contains no figures",
            path.display()
        );
        rows.extend(found);
    }
    Ok(rows)
}

/// Parses the rows below the header of the table.
fn parse(text: &str, run: u32) -> Result<Vec<FrontEnd>> {
    text.lines()
        .skip_while(|line| !line.starts_with("|---"))
        .skip(1)
        .take_while(|line| line.starts_with('|'))
        .map(|line| row(line, run).with_context(|| format!("malformed line: {line}")))
        .collect()
}

/// Parses a row: request, front end, and each figure with its difference to the baseline.
fn row(line: &str, run: u32) -> Result<FrontEnd> {
    let cells: Vec<_> = line.trim_matches('|').split('|').map(str::trim).collect();
    let cell = |index: usize| cells.get(index).copied().context("too few columns");
    Ok(FrontEnd {
        request: cell(0)?.to_owned(),
        front_end: cell(1)?.to_owned(),
        run,
        median_us: cell(2)?.parse()?,
        p99_us: cell(4)?.parse()?,
        cpu_us: cell(6)?.parse()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parses_the_output_of_the_benchmark() {
        let text = "## Title\n\n| Request | front end | median µs | added | p99 µs | added | CPU | added |\n|---|---|---:|\n\
            | authn: 401 | in process | 832.8 | +160.6 | 5662.0 | +1647.8 | 862.5 | +287.5 |\n\n";
        let rows = parse(text, 2).unwrap();
        assert_eq!(rows.len(), 1);
        assert_eq!((rows[0].front_end.as_str(), rows[0].run), ("in process", 2));
        assert_eq!(
            (rows[0].median_us, rows[0].p99_us, rows[0].cpu_us),
            (832.8, 5662.0, 862.5)
        );
        assert!(parse("|---|\n| a | b | c |\n", 1).is_err());
    }
}
