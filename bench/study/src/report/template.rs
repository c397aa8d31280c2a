//! The placeholders of `reading.md.in`: `{{table NAME}}`, `{{p50 CELL}}`, `{{ratio CELL CELL}}`, `{{fact NAME}}`.
//!
//! Figures in sentences are filled in like tables are, so that the text cannot say other numbers than they do.

use anyhow::{Context as _, Result, bail};

use super::summary::{Summary, micros};
use super::tables;
use crate::results::Results;

/// The text with everything filled in.
pub fn fill(text: &str, results: &Results, summary: &Summary) -> Result<String> {
    let mut filled = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("{{") {
        let (placeholder, after) = after.split_once("}}").context("`{{` without `}}`")?;
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
            let (one, other) = argument.split_once(' ').context("two cells")?;
            ratio(p50(one, summary)?, p50(other, summary)?)
        }
        "fact" => fact(argument, results),
        "spread" => format!("{:.0}", summary.usual_spread()),
        "counts" => {
            let (all, works) = summary.counts();
            format!("{works} of {all}")
        }
        other => bail!("reading.md.in: no placeholder is called `{other}`"),
    })
}

/// The median of a cell; none when the cell has failed.
fn p50(name: &str, summary: &Summary) -> Result<Option<f64>> {
    let cell = summary
        .find(name)
        .with_context(|| format!("reading.md.in: no cell is called `{name}`"))?;
    Ok(cell.ok().map(|figures| figures.p50))
}

/// How many times as long the first takes.
fn ratio(one: Option<f64>, other: Option<f64>) -> String {
    match (one, other) {
        (Some(one), Some(other)) if one / other >= 9.5 => format!("{:.0}", one / other),
        (Some(one), Some(other)) => format!("{:.1}", one / other),
        _ => "—".to_owned(),
    }
}

fn fact(name: &str, results: &Results) -> String {
    let found = results.facts.iter().find(|fact| fact.name == name);
    found.map_or("unknown", |fact| &fact.value).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fills_in_what_was_measured_and_refuses_what_was_not() {
        let (results, summary) = (Results::default(), Summary::new(&[]));
        let fill = |text| fill(text, &results, &summary);
        assert_eq!(fill("on {{fact date}}.").unwrap(), "on unknown.");
        assert!(fill("{{p50 wasmi/raw}}").is_err());
        assert!(fill("{{mean a}}").is_err());
    }

    #[test]
    fn a_ratio_has_the_digits_that_count() {
        assert_eq!(ratio(Some(30.0), Some(20.0)), "1.5");
        assert_eq!(ratio(Some(2000.0), Some(20.0)), "100");
        assert_eq!(ratio(None, Some(20.0)), "—");
    }
}
