//! From rounds to figures: medians over rounds, and how far the rounds are apart.

use std::collections::BTreeMap;

use crate::results::Call;

/// What the rounds of one cell say together. Times in nanoseconds.
#[derive(Clone, Debug, PartialEq)]
pub struct Figures {
    /// The median of the rounds' medians.
    pub p50: f64,
    /// The median of the rounds' 99th percentiles.
    pub p99: f64,
    /// Half the distance between the lowest and the highest median of a round, in percent of `p50`.
    pub spread: f64,
    /// All calls together.
    pub calls: u64,
    /// The median of each round.
    rounds: BTreeMap<u32, f64>,
}

/// A figure that was found in each round: the median of the rounds, and the lowest and highest.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ranged {
    /// The median.
    pub median: f64,
    /// The lowest.
    pub low: f64,
    /// The highest.
    pub high: f64,
}

impl Ranged {
    /// Sums up; none when there is nothing.
    pub fn of(values: Vec<f64>) -> Option<Self> {
        let low = values.iter().copied().reduce(f64::min)?;
        let high = values.iter().copied().reduce(f64::max)?;
        let median = median(values);
        Some(Self { median, low, high })
    }

    /// The median, with lowest and highest in parentheses unless they look the same.
    pub fn show(&self, write: impl Fn(f64) -> String) -> String {
        let [median, low, high] = [self.median, self.low, self.high].map(write);
        match low == high {
            true => median,
            false => format!("{median} ({low} to {high})"),
        }
    }
}

/// Figures by the name of their cell, or what failed.
pub struct Summary {
    cells: BTreeMap<String, Result<Figures, String>>,
}

impl Summary {
    /// Sums up. A cell that has failed in any round has failed.
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

    /// The figures of a cell, what failed, or nothing when it was not measured.
    pub fn find(&self, name: &str) -> Option<Result<&Figures, &str>> {
        let cell = self.cells.get(name)?;
        Some(cell.as_ref().map_err(String::as_str))
    }

    /// The median of a cell that works.
    pub fn p50(&self, name: &str) -> Option<f64> {
        Some(self.find(name)?.ok()?.p50)
    }

    /// How many times as long the first takes: in each round by itself, where the two were measured close together.
    pub fn ratio(&self, one: &str, other: &str) -> Option<Ranged> {
        let (one, other) = (self.find(one)?.ok()?, self.find(other)?.ok()?);
        let rounds = one.rounds.iter();
        let pairs = rounds.filter_map(|(round, time)| Some(time / other.rounds.get(round)?));
        Ranged::of(pairs.collect())
    }

    /// What failed, with how many cells it failed for.
    pub fn failures(&self) -> BTreeMap<&str, Vec<&str>> {
        let mut failures: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for (name, cell) in &self.cells {
            if let Err(reason) = cell {
                failures.entry(reason).or_default().push(name);
            }
        }
        failures
    }

    /// How many cells there are, and how many of them work.
    pub fn counts(&self) -> (usize, usize) {
        let works = self.cells.values().filter(|cell| cell.is_ok()).count();
        (self.cells.len(), works)
    }

    /// The median of all spreads, in percent: what two runs may differ by.
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
    let medians = Ranged::of(all(|call| call.p50_ns)).ok_or("not measured")?;
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

/// The median; of an even number, the mean of the two in the middle.
pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    match values.len() {
        0 => 0.0,
        n if n % 2 == 1 => values[n / 2],
        n => f64::midpoint(values[n / 2 - 1], values[n / 2]),
    }
}

/// Microseconds with three digits that count.
pub fn micros(nanoseconds: f64) -> String {
    let value = nanoseconds / 1000.0;
    match value {
        value if value < 1.0 => format!("{value:.2}"),
        value if value < 10.0 => format!("{value:.1}"),
        value => grouped(value.round()),
    }
}

/// How many times something is something else, with the digits that count.
pub fn times(ratio: f64) -> String {
    match ratio {
        ratio if ratio < 9.95 => format!("{ratio:.1}"),
        ratio => grouped(ratio.round()),
    }
}

/// A whole number with a space between thousands.
pub fn grouped(value: f64) -> String {
    let digits = format!("{value:.0}");
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index) % 3 == 0 {
            text.push(' ');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

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
    fn sums_up_rounds() {
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
    fn a_cell_that_failed_once_has_failed() {
        let summary = Summary::new(&[call(1, Some(90)), call(2, None)]);
        assert_eq!(summary.find("a"), Some(Err("trap")));
        assert_eq!(summary.counts(), (1, 0));
    }

    #[test]
    fn a_ratio_is_taken_round_by_round() {
        let of = |cell: &str, round, p50| Call {
            cell: cell.to_owned(),
            ..call(round, Some(p50))
        };
        // Everything was twice as slow in the second round, so the ratio is the same.
        let calls = [
            of("a", 1, 100),
            of("b", 1, 50),
            of("a", 2, 200),
            of("b", 2, 100),
        ];
        let ratio = Summary::new(&calls).ratio("a", "b").unwrap();
        assert_eq!((ratio.median, ratio.low, ratio.high), (2.0, 2.0, 2.0));
        assert_eq!(ratio.show(times), "2.0");
        let ratio = Ranged::of(vec![1.0, 12.34, 3.0]).unwrap();
        assert_eq!(ratio.show(times), "3.0 (1.0 to 12)");
    }

    #[test]
    fn writes_numbers_for_people() {
        assert_eq!(micros(123.0), "0.12");
        assert_eq!(micros(4567.0), "4.6");
        assert_eq!(micros(1_234_567.0), "1 235");
    }
}
