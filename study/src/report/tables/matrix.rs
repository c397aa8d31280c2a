//! The full matrix: a table for each guest, size and lifetime of instances.

use clap::ValueEnum;

use super::table::Table;
use crate::convention::Convention;
use crate::guests::GUESTS;
use crate::protocol::Reuse;
use crate::runtimes::Name;
use crate::summary::Summary;
use crate::units::micros;

/// Returns the full matrix, a separate document because of its length.
pub fn matrix(summary: &Summary) -> String {
    let mut text = "# The full matrix\n\nWritten by `cargo xtask study`. \
        Microseconds: p50 / p99 ±half the range of the medians of rounds.\n"
        .to_owned();
    for guest in &GUESTS {
        for size in guest.program.sizes() {
            for reuse in Reuse::value_variants() {
                let tail = [guest.program.name(), guest.name, reuse.name(), size].join("/");
                text += &format!("\n## {tail}\n\n{}\n", table(summary, &tail));
            }
        }
    }
    text
}

fn table(summary: &Summary, tail: &str) -> String {
    let mut table = Table::with_text_columns(&["Runtime", "raw", "stdio", "wapc", "component"]);
    for runtime in Name::value_variants() {
        let mut row = vec![runtime.name().to_owned()];
        for convention in Convention::value_variants() {
            let name = format!("{}/{}/{tail}", runtime.name(), convention.name());
            row.push(match summary.find(&name) {
                Some(Ok(figures)) => format!(
                    "{} / {} ±{:.0} %",
                    micros(figures.p50),
                    micros(figures.p99),
                    figures.spread
                ),
                Some(Err(reason)) => reason.to_owned(),
                None => "not measured".to_owned(),
            });
        }
        table.row(&row);
    }
    table.end()
}
