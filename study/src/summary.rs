//! Medians over rounds, and the spread between rounds.

use std::collections::BTreeMap;

use crate::results::Call;

/// The figures of a cell over all rounds. Times are in nanoseconds.
#[derive(Debug, Clone, PartialEq)]
pub struct Figures {
    /// Median of the medians of rounds.
    pub p50: f64,
    /// Median of the 99th percentiles of rounds.
    pub p99: f64,
    /// Half the difference between the highest and the lowest median of a round, in percent of `p50`.
    pub spread: f64,
    /// Number of calls in all rounds.
    pub calls: u64,
    /// Median of each round.
    rounds: BTreeMap<u32, f64>,
}

/// Median, minimum and maximum of a figure over rounds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Ranged {
    /// Median.
    pub median: f64,
    /// Minimum.
    pub low: f64,
    /// Maximum.
    pub high: f64,
}

impl Ranged {
    /// Computes the figures; `None` for no values.
    pub fn new(values: Vec<f64>) -> Option<Self> {
        let low = values.iter().copied().reduce(f64::min)?;
        let high = values.iter().copied().reduce(f64::max)?;
        let median = median(values);
        Some(Self { median, low, high })
    }

    /// Formats the median, with minimum and maximum in parentheses unless they look the same.
    pub fn show(&self, write: impl Fn(f64) -> String) -> String {
        let [median, low, high] = [self.median, self.low, self.high].map(write);
        if low == high {
            median
        } else {
            format!("{median} ({low} to {high})")
        }
    }
}

/// Figures, or the reason of a failure, by the name of the cell.
pub struct Summary {
    cells: BTreeMap<String, Result<Figures, String>>,
}

impl Summary {
    /// Summarizes calls. A cell that failed in any round counts as failed.
    pub fn new(calls: &[Call]) -> Self {
        let mut rounds: BTreeMap<String, Vec<&Call>> = BTreeMap::new();
        for call in calls {
            rounds.entry(call.cell.clone()).or_default().push(call);
        }
        let cells = rounds
            .into_iter()
            .map(|(name, calls)| (name, figures(&calls)))
            .collect();
        Self { cells }
    }

    /// Returns the figures or the failure of a cell; `None` if it was not measured.
    pub fn find(&self, name: &str) -> Option<Result<&Figures, &str>> {
        let cell = self.cells.get(name)?;
        Some(cell.as_ref().map_err(String::as_str))
    }

    /// Returns the median of a cell, unless it failed or was not measured.
    pub fn p50(&self, name: &str) -> Option<f64> {
        Some(self.find(name)?.ok()?.p50)
    }

    /// Returns the ratio of two cells, computed in each round.
    pub fn ratio(&self, one: &str, other: &str) -> Option<Ranged> {
        let (one, other) = (self.find(one)?.ok()?, self.find(other)?.ok()?);
        let rounds = one.rounds.iter();
        let pairs = rounds.filter_map(|(round, time)| Some(time / other.rounds.get(round)?));
        Ranged::new(pairs.collect())
    }

    /// Returns the cells of each reason of failure.
    pub fn failures(&self) -> BTreeMap<&str, Vec<&str>> {
        let mut failures: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for (name, cell) in &self.cells {
            if let Err(reason) = cell {
                failures.entry(reason).or_default().push(name);
            }
        }
        failures
    }

    /// Returns the number of cells, and the number of those that work.
    pub fn counts(&self) -> (usize, usize) {
        let works = self.cells.values().filter(|cell| cell.is_ok()).count();
        (self.cells.len(), works)
    }

    /// Returns the median of all spreads, in percent.
    pub fn usual_spread(&self) -> f64 {
        let figures = self.cells.values().filter_map(|cell| cell.as_ref().ok());
        median(figures.map(|figures| figures.spread).collect())
    }
}

fn figures(calls: &[&Call]) -> Result<Figures, String> {
    if let Some(failed) = calls.iter().find(|call| call.p50_ns.is_none()) {
        return Err(failed.outcome.clone());
    }
    let all = |field: fn(&Call) -> Option<u64>| -> Vec<f64> {
        let values = calls.iter().filter_map(|call| field(call));
        values.map(|value| value as f64).collect()
    };
    let medians = Ranged::new(all(|call| call.p50_ns)).ok_or("not measured")?;
    Ok(Figures {
        p50: medians.median,
        p99: median(all(|call| call.p99_ns)),
        spread: (medians.high - medians.low) / 2.0 / medians.median * 100.0,
        calls: calls.iter().filter_map(|call| call.calls).sum(),
        rounds: calls
            .iter()
            .filter_map(|call| Some((call.round, call.p50_ns? as f64)))
            .collect(),
    })
}

/// Returns the median; for an even number of values, the mean of the middle two.
pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    match values.len() {
        0 => 0.0,
        n if n % 2 == 1 => values[n / 2],
        n => f64::midpoint(values[n / 2 - 1], values[n / 2]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::times;

    fn call(round: u32, p50: Option<u64>) -> Call {
        Call {
            cell: "a".to_owned(),
            round,
            input_bytes: 1,
            calls: p50.map(|_| 10),
            p50_ns: p50,
            p99_ns: p50.map(|value| value * 2),
            min_ns: p50,
            outcome: "trap".to_owned(),
        }
    }

    #[test]
    fn summarizes_rounds() {
        let calls = [call(1, Some(90)), call(2, Some(100)), call(3, Some(120))];
        let summary = Summary::new(&calls);
        let figures = summary.find("a").unwrap().unwrap();
        assert_eq!(
            (figures.p50, figures.p99, figures.calls),
            (100.0, 200.0, 30)
        );
        assert_eq!(figures.spread, 15.0);
    }

    #[test]
    fn a_cell_that_fails_in_one_round_counts_as_failed() {
        let summary = Summary::new(&[call(1, Some(90)), call(2, None)]);
        assert_eq!(summary.find("a"), Some(Err("trap")));
        assert_eq!(summary.counts(), (1, 0));
    }

    #[test]
    fn computes_ratios_by_round() {
        let call_of = |cell: &str, round, p50| Call {
            cell: cell.to_owned(),
            ..call(round, Some(p50))
        };
        // Everything was twice as slow in the second round, so the ratio is the same.
        let calls = [
            call_of("a", 1, 100),
            call_of("b", 1, 50),
            call_of("a", 2, 200),
            call_of("b", 2, 100),
        ];
        let ratio = Summary::new(&calls).ratio("a", "b").unwrap();
        assert_eq!((ratio.median, ratio.low, ratio.high), (2.0, 2.0, 2.0));
        assert_eq!(ratio.show(times), "2.0");
        let ratio = Ranged::new(vec![1.0, 12.34, 3.0]).unwrap();
        assert_eq!(ratio.show(times), "3.0 (1.0 to 12)");
    }
}
