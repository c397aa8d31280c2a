//! Differences between measurements of the same round or run.

use clap::ValueEnum;

use crate::own::{Step, Style};
use crate::results::{FrontEnd, OwnStep};
use crate::summary::Ranged;

/// The front ends that make decisions; the baseline has none.
pub const FRONT_ENDS: [&str; 2] = ["in process", "webhook"];

/// The name of the baseline in the results.
pub const BASELINE: &str = "none";

/// Lists the kinds of requests in their order.
pub fn requests(rows: &[FrontEnd]) -> Vec<&str> {
    let mut requests: Vec<&str> = rows.iter().map(|row| row.request.as_str()).collect();
    requests.dedup();
    let first = requests.first().copied();
    // The second occurrence of the first request begins another run.
    let second = requests
        .iter()
        .skip(1)
        .position(|request| Some(*request) == first);
    requests.truncate(second.map_or(requests.len(), |index| index + 1));
    requests
}

/// Lists the rows of a kind of request with a front end.
pub fn rows_of<'a>(
    rows: &'a [FrontEnd],
    request: &str,
    front_end: &str,
) -> impl Iterator<Item = &'a FrontEnd> {
    rows.iter()
        .filter(move |row| row.request == request && row.front_end == front_end)
}

/// Computes the difference between a front end and the baseline in each run.
pub fn added_by_front_end(
    rows: &[FrontEnd],
    request: &str,
    front_end: &str,
    figure: fn(&FrontEnd) -> f64,
) -> Vec<f64> {
    rows_of(rows, request, front_end)
        .filter_map(|row| {
            let baseline = rows_of(rows, request, BASELINE).find(|other| other.run == row.run)?;
            Some(figure(row) - figure(baseline))
        })
        .collect()
}

/// Computes the difference between a step of our own call and the step before it, over all rounds,
/// in nanoseconds.
pub fn added_by_step(rows: &[OwnStep], style: Style, step: Step) -> Option<Ranged> {
    let steps = Step::value_variants();
    let index = steps.iter().position(|other| *other == step)?;
    let previous = index.checked_sub(1).and_then(|index| steps.get(index));
    let differences = step_times(rows, style, step).filter_map(|(round, time)| match previous {
        None => Some(time),
        Some(previous) => {
            let mut times = step_times(rows, style, *previous);
            let (_, less) = times.find(|(other, _)| *other == round)?;
            Some(time - less)
        }
    });
    Ranged::new(differences.collect())
}

/// Lists the rounds of a step with its median time in nanoseconds.
pub fn step_times(rows: &[OwnStep], style: Style, step: Step) -> impl Iterator<Item = (u32, f64)> {
    rows.iter()
        .filter(move |row| row.style == style && row.step == step)
        .map(|row| (row.round, row.p50_ns as f64))
}
