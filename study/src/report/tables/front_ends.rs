//! Webhook or in process: what a decision adds to a request of a real API server.

use super::Table;
use crate::report::summary::{Ranged, grouped};
use crate::results::Door;

/// Where a decision may be made; without one, nobody decides.
pub const DECIDED: [&str; 2] = ["in process", "webhook"];

const WITHOUT: &str = "none";

/// One figure of each kind of request, and what is added to it.
pub fn table(doors: &[Door], figure: fn(&Door) -> f64) -> String {
    if doors.is_empty() {
        return "Not measured in this run, which was made `--without-clusters`.".to_owned();
    }
    let mut table = Table::new(&[
        "Request",
        "nobody decides, µs",
        "in process, added",
        "webhook, added",
    ]);
    for request in requests(doors) {
        let without: Vec<_> = of(doors, request, WITHOUT).map(figure).collect();
        let mut row = vec![
            request.to_owned(),
            shown(without, |value| grouped(value.round())),
        ];
        row.extend(DECIDED.map(|decided| {
            let added = added(doors, request, decided, figure);
            shown(added, |value| format!("{value:+.0}"))
        }));
        table.row(&row);
    }
    table.end()
}

/// The kinds of requests in their order.
pub fn requests(doors: &[Door]) -> Vec<&str> {
    let mut requests: Vec<&str> = doors.iter().map(|door| door.request.as_str()).collect();
    requests.dedup();
    let first = requests.first().copied();
    // What comes after the second beginning is another run.
    let again = requests.iter().skip(1).position(|one| Some(*one) == first);
    requests.truncate(again.map_or(requests.len(), |index| index + 1));
    requests
}

/// What a decision adds, in each run by itself.
pub fn added(doors: &[Door], request: &str, decided: &str, figure: fn(&Door) -> f64) -> Vec<f64> {
    of(doors, request, decided)
        .filter_map(|door| {
            let without = of(doors, request, WITHOUT).find(|other| other.run == door.run)?;
            Some(figure(door) - figure(without))
        })
        .collect()
}

fn of<'a>(doors: &'a [Door], request: &str, decided: &str) -> impl Iterator<Item = &'a Door> {
    doors
        .iter()
        .filter(move |door| door.request == request && door.decided == decided)
}

fn shown(values: Vec<f64>, write: impl Fn(f64) -> String) -> String {
    Ranged::of(values).map_or("—".to_owned(), |ranged| ranged.show(write))
}
