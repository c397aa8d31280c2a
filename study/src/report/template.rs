//! The placeholders of `README.md.in`, which keep its sentences consistent with the results.
//!
//! * `{{table NAME}}`, `{{fact NAME}}`: a table, or a fact about the run.
//! * `{{counts}}`, `{{spread}}`: the number of cells that work, and the median spread.
//! * `{{p50 CELL}}`: the median of a call, in microseconds.
//! * `{{ratio CELL CELL}}`: the ratio of two medians.
//! * `{{ranking TAIL RUNTIME…}}`: the runtimes with their medians, the fastest first.
//! * `{{first TAIL RUNTIME…}}`, `{{first-p50 TAIL RUNTIME…}}`: the fastest runtime, and its median.
//! * `{{holds CELL CELL}}`: empty if the first cell is faster, as the sentence before it says;
//!   otherwise a note that this does not hold.

use anyhow::{Context as _, Result, bail};

use super::tables;
use crate::results::Results;
use crate::summary::Summary;
use crate::units::{micros, times};

/// Fills in all placeholders.
pub fn fill(text: &str, results: &Results, summary: &Summary) -> Result<String> {
    let mut filled = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("{{") {
        let (placeholder, after) = after
            .split_once("}}")
            .context("README.md.in: `{{` without `}}`")?;
        filled.push_str(before);
        filled.push_str(&value(placeholder, results, summary)?);
        rest = after;
    }
    filled.push_str(rest);
    Ok(filled)
}

fn value(placeholder: &str, results: &Results, summary: &Summary) -> Result<String> {
    let (kind, argument) = placeholder
        .trim()
        .split_once(' ')
        .unwrap_or((placeholder, ""));
    Ok(match kind {
        "table" => tables::named(argument, results, summary)?,
        "p50" => match p50(argument, summary)? {
            Some(time) => micros(time),
            None => "—".to_owned(),
        },
        "ratio" => {
            let (one, other) = two(argument, summary)?;
            let ratio = summary.ratio(one, other);
            ratio.map_or("—".to_owned(), |ratio| ratio.show(times))
        }
        "ranking" => ranking(argument, summary)?
            .iter()
            .map(|(runtime, time)| format!("{runtime} {} µs", micros(*time)))
            .collect::<Vec<_>>()
            .join(", "),
        "first" => ranking(argument, summary)?
            .first()
            .map_or("none", |(runtime, _)| runtime)
            .to_owned(),
        "first-p50" => ranking(argument, summary)?
            .first()
            .map_or("—".to_owned(), |(_, time)| micros(*time)),
        "holds" => {
            let (one, other) = two(argument, summary)?;
            match summary.p50(one).zip(summary.p50(other)) {
                Some((one, other)) if one < other => String::new(),
                _ => " **(not so in this run)**".to_owned(),
            }
        }
        "fact" => fact(argument, results),
        "spread" => format!("{:.0}", summary.usual_spread()),
        "counts" => {
            let (all, works) = summary.counts();
            format!("{works} of {all}")
        }
        other => bail!("README.md.in: unknown placeholder `{other}`"),
    })
}

/// Returns the median of a cell; `None` if the cell failed.
fn p50(name: &str, summary: &Summary) -> Result<Option<f64>> {
    let cell = summary
        .find(name)
        .with_context(|| format!("README.md.in: unknown cell `{name}`"))?;
    Ok(cell.ok().map(|figures| figures.p50))
}

/// Parses the names of two existing cells.
fn two<'a>(argument: &'a str, summary: &Summary) -> Result<(&'a str, &'a str)> {
    let (one, other) = argument
        .split_once(' ')
        .context("README.md.in: expected two cells")?;
    p50(one, summary)?;
    p50(other, summary)?;
    Ok((one, other))
}

/// Returns the runtimes in which the cell works with their medians, the fastest first.
fn ranking<'a>(argument: &'a str, summary: &Summary) -> Result<Vec<(&'a str, f64)>> {
    let (tail, runtimes) = argument
        .split_once(' ')
        .context("README.md.in: expected a cell and runtimes")?;
    let mut found = Vec::new();
    for runtime in runtimes.split(' ') {
        found.extend(p50(&format!("{runtime}/{tail}"), summary)?.map(|time| (runtime, time)));
    }
    found.sort_by(|(_, one), (_, other)| one.total_cmp(other));
    Ok(found)
}

fn fact(name: &str, results: &Results) -> String {
    let found = results.facts.iter().find(|fact| fact.name == name);
    found.map_or("unknown", |fact| &fact.value).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fills_in_facts_and_rejects_unknown_names() {
        let (results, summary) = (Results::default(), Summary::new(&[]));
        let fill = |text| fill(text, &results, &summary);
        assert_eq!(fill("on {{fact date}}.").unwrap(), "on unknown.");
        assert!(fill("{{p50 wasmi/raw}}").is_err());
        assert!(fill("{{mean a}}").is_err());
    }

    #[test]
    fn ranks_runtimes_and_marks_claims_that_do_not_hold() {
        let call = |cell: &str, p50| crate::results::Call {
            cell: cell.to_owned(),
            round: 1,
            input_bytes: 1,
            calls: Some(1),
            p50_ns: Some(p50),
            p99_ns: Some(p50),
            min_ns: Some(p50),
            outcome: "works".to_owned(),
        };
        let summary = Summary::new(&[call("slow/a", 3000), call("fast/a", 1000)]);
        let fill = |text| fill(text, &Results::default(), &summary).unwrap();
        assert_eq!(fill("{{ranking a slow fast}}"), "fast 1.0 µs, slow 3.0 µs");
        assert_eq!(fill("{{first a slow fast}}"), "fast");
        assert_eq!(fill("{{ratio slow/a fast/a}}"), "3.0");
        assert_eq!(fill("so{{holds fast/a slow/a}}"), "so");
        assert_eq!(
            fill("so{{holds slow/a fast/a}}"),
            "so **(not so in this run)**"
        );
    }
}
