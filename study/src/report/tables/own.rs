//! Our own call: what each step adds to the one before it, and what a profile sees.

use clap::ValueEnum;

use super::Table;
use crate::own::{PARTS, Step, Style};
use crate::report::summary::{Ranged, micros};
use crate::results::{OwnStep, Share};

/// By subtraction, and the whole.
pub fn steps(rows: &[OwnStep]) -> String {
    let mut table = Table::new(&["Step", "typed, µs", "`serde_json::Value`, µs"]);
    let shown = |ranged: Option<Ranged>| ranged.map_or("—".to_owned(), |it| it.show(micros));
    let row = |name: &str, found: &dyn Fn(Style) -> Option<Ranged>| {
        let figures = Style::value_variants()
            .iter()
            .map(|&style| shown(found(style)));
        [vec![name.to_owned()], figures.collect()].concat()
    };
    for &step in Step::value_variants() {
        table.row(&row(step.adds(), &|style| added(rows, style, step)));
    }
    table.row(&row("**the whole call**", &|style| {
        Ranged::of(
            times(rows, style, Step::Host)
                .map(|(_, time)| time)
                .collect(),
        )
    }));
    table.end()
}

/// What a step adds to the one before it, round by round, in nanoseconds.
pub fn added(rows: &[OwnStep], style: Style, step: Step) -> Option<Ranged> {
    let steps = Step::value_variants();
    let index = steps.iter().position(|other| *other == step)?;
    let before = index.checked_sub(1).and_then(|index| steps.get(index));
    let differences = times(rows, style, step).filter_map(|(round, time)| match before {
        None => Some(time),
        Some(before) => {
            let (_, less) = times(rows, style, *before).find(|(other, _)| *other == round)?;
            Some(time - less)
        }
    });
    Ranged::of(differences.collect())
}

fn times(rows: &[OwnStep], style: Style, step: Step) -> impl Iterator<Item = (u32, f64)> {
    rows.iter()
        .filter(move |row| row.style == style && row.step == step)
        .map(|row| (row.round, row.p50_ns as f64))
}

/// The parts of the whole call, in percent of the samples.
pub fn profile(shares: &[Share]) -> String {
    let mut table = Table::new(&["At work", "typed", "`serde_json::Value`"]);
    for part in PARTS {
        let mut row = vec![part.to_owned()];
        for &style in Style::value_variants() {
            let of = |part: Option<&str>| -> u64 {
                let shares = shares.iter().filter(|share| share.style == style);
                shares
                    .filter(|share| part.is_none_or(|part| share.part == part))
                    .map(|share| share.samples)
                    .sum()
            };
            let percent = of(Some(part)) as f64 / of(None).max(1) as f64 * 100.0;
            row.push(format!("{percent:.0} %"));
        }
        table.row(&row);
    }
    table.end()
}
