//! Front ends: the cost that a decision adds to a request of a real API server.

use super::table::Table;
use crate::differences::{BASELINE, FRONT_ENDS, added_by_front_end, requests, rows_of};
use crate::results::FrontEnd;
use crate::summary::Ranged;
use crate::units::grouped;

/// Returns a table of one figure for each kind of request.
pub fn table(rows: &[FrontEnd], figure: fn(&FrontEnd) -> f64) -> String {
    if rows.is_empty() {
        return "Not measured in this run, which was made `--without-clusters`.".to_owned();
    }
    let mut table = Table::new(&[
        "Request",
        "no decision, µs",
        "in process, added",
        "webhook, added",
    ]);
    for request in requests(rows) {
        let baseline: Vec<_> = rows_of(rows, request, BASELINE).map(figure).collect();
        let mut row = vec![
            request.to_owned(),
            show(baseline, |value| grouped(value.round())),
        ];
        row.extend(FRONT_ENDS.map(|front_end| {
            let added = added_by_front_end(rows, request, front_end, figure);
            show(added, |value| format!("{value:+.0}"))
        }));
        table.row(&row);
    }
    table.end()
}

fn show(values: Vec<f64>, write: impl Fn(f64) -> String) -> String {
    Ranged::new(values).map_or("—".to_owned(), |ranged| ranged.show(write))
}
