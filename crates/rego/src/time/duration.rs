//! Durations in Go's notation (`1h30m`), with OPA's days, weeks, and years of 365 days.

use crate::Error;

const HOUR: u64 = 3_600_000_000_000;

/// The units. Longer names precede their prefixes.
const UNITS: [(&str, u64); 11] = [
    ("ns", 1),
    ("us", 1_000),
    ("µs", 1_000),
    ("μs", 1_000),
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("m", 60_000_000_000),
    ("h", HOUR),
    ("d", 24 * HOUR),
    ("w", 7 * 24 * HOUR),
    ("y", 365 * 24 * HOUR),
];

/// Parses a duration to nanoseconds.
pub(super) fn parse(text: &str) -> Result<i64, Error> {
    let invalid = || Error::invalid("not a duration");
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    if unsigned == "0" {
        return Ok(0);
    }
    if unsigned.is_empty() {
        return Err(invalid());
    }
    let mut rest = unsigned;
    let mut total: u64 = 0;
    while !rest.is_empty() {
        let (nanoseconds, after) = segment(rest).ok_or_else(invalid)?;
        total = total.checked_add(nanoseconds).ok_or_else(invalid)?;
        rest = after;
    }
    let signed = if text.starts_with('-') {
        0_i64.checked_sub_unsigned(total)
    } else {
        i64::try_from(total).ok()
    };
    signed.ok_or_else(invalid)
}

/// Parses one amount with its unit, and returns the rest of the text.
fn segment(text: &str) -> Option<(u64, &str)> {
    let (whole, rest) = digits(text);
    let (fraction, rest) = match rest.strip_prefix('.') {
        Some(rest) => digits(rest),
        None => ("", rest),
    };
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    let end = rest.find(|char: char| char == '.' || char.is_ascii_digit());
    let (name, rest) = rest.split_at(end.unwrap_or(rest.len()));
    let (_, unit) = UNITS.iter().find(|(known, _)| *known == name)?;
    let amount = match whole {
        "" => 0,
        whole => whole.parse::<u64>().ok()?,
    };
    let part = format!("0.{fraction}0").parse::<f64>().ok()? * *unit as f64;
    let total = amount.checked_mul(*unit)?.checked_add(part as u64)?;
    Some((total, rest))
}

fn digits(text: &str) -> (&str, &str) {
    let end = text.find(|char: char| !char.is_ascii_digit());
    text.split_at(end.unwrap_or(text.len()))
}
