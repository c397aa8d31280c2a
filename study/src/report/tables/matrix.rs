//! The whole matrix: a table for each guest, size and kind of instance.

use clap::ValueEnum;

use super::Table;
use crate::guests::GUESTS;
use crate::protocol::Reuse;
use crate::report::summary::{Summary, micros};
use crate::runtimes::Name;
use crate::ways::Way;

/// A document of its own: it is long, and there to be searched.
pub fn matrix(summary: &Summary) -> String {
    let mut text = "# The whole matrix\n\nWritten by `cargo xtask bench study`. \
        Microseconds: p50 / p99 ±half the range of the rounds' medians.\n"
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
    let mut table = Table::of_words(&["Runtime", "raw", "stdio", "wapc", "component"]);
    for runtime in Name::value_variants() {
        let mut row = vec![runtime.name().to_owned()];
        for way in Way::value_variants() {
            let name = format!("{}/{}/{tail}", runtime.name(), way.name());
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
