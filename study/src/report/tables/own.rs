//! Our own call: the time that each step adds, and a profile.

use clap::ValueEnum;

use super::table::Table;
use crate::differences::{added_by_step, step_times};
use crate::own::{PARTS, Step, Style};
use crate::results::{OwnStep, Share};
use crate::summary::Ranged;
use crate::units::micros;

/// Returns a table of the differences between steps, and of the whole call.
pub fn steps(rows: &[OwnStep]) -> String {
    let mut table = Table::new(&["Step", "typed, µs", "`serde_json::Value`, µs"]);
    let show = |ranged: Option<Ranged>| ranged.map_or("—".to_owned(), |it| it.show(micros));
    let row = |name: &str, figure: &dyn Fn(Style) -> Option<Ranged>| {
        let figures = Style::value_variants()
            .iter()
            .map(|&style| show(figure(style)));
        [vec![name.to_owned()], figures.collect()].concat()
    };
    for &step in Step::value_variants() {
        table.row(&row(step.title(), &|style| {
            added_by_step(rows, style, step)
        }));
    }
    table.row(&row("**the whole call**", &|style| {
        let times = step_times(rows, style, Step::Host).map(|(_, time)| time);
        Ranged::new(times.collect())
    }));
    table.end()
}

/// Returns a table of the parts of the whole call, in percent of the samples.
pub fn profile(shares: &[Share]) -> String {
    let mut table = Table::new(&["Part", "typed", "`serde_json::Value`"]);
    for part in PARTS {
        let mut row = vec![part.to_owned()];
        for &style in Style::value_variants() {
            let samples = |part: Option<&str>| -> u64 {
                let shares = shares.iter().filter(|share| share.style == style);
                shares
                    .filter(|share| part.is_none_or(|part| share.part == part))
                    .map(|share| share.samples)
                    .sum()
            };
            let percent = samples(Some(part)) as f64 / samples(None).max(1) as f64 * 100.0;
            row.push(format!("{percent:.0} %"));
        }
        table.row(&row);
    }
    table.end()
}
