//! Durations as people write them, `250ms`.

use std::time::Duration;

/// Reads a duration as Kubernetes writes them: a number and a unit (`ms`, `s`, `m`), as in `250ms` or `1.5s`.
///
/// # Errors
/// A sentence that says what is wrong, when it is no duration or not more than zero.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    let digits = text.find(|letter: char| !letter.is_ascii_digit() && letter != '.');
    let (number, unit) = text.split_at(digits.unwrap_or(text.len()));
    let factor = match unit {
        "us" => 1e-6,
        "ms" => 1e-3,
        "s" => 1.0,
        "m" => 60.0,
        _ => {
            return Err(format!(
                "`{text}` is no duration: expected a number and a unit, as in `250ms` or `2s`"
            ));
        }
    };
    let number: f64 = number.parse().map_err(|_| {
        format!("`{text}` is no duration: expected a number and a unit, as in `250ms` or `2s`")
    })?;
    match Duration::try_from_secs_f64(number * factor) {
        Ok(duration) if !duration.is_zero() => Ok(duration),
        _ => Err(format!("`{text}` must be more than zero")),
    }
}

/// Writes a duration as [`parse_duration`] reads it.
#[must_use]
pub fn format_duration(duration: Duration) -> String {
    let micros = duration.as_micros();
    if !micros.is_multiple_of(1_000) {
        format!("{micros}us")
    } else if !micros.is_multiple_of(1_000_000) {
        format!("{}ms", micros / 1_000)
    } else {
        format!("{}s", micros / 1_000_000)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_it_writes() {
        for text in ["250ms", "2s", "1500us", "90s"] {
            assert_eq!(
                format_duration(parse_duration(text).expect("a duration")),
                text
            );
        }
        assert_eq!(parse_duration("1.5m"), Ok(Duration::from_secs(90)));
    }

    #[test]
    fn refuses_numbers_without_unit_zero_and_nonsense() {
        for text in ["250", "", "ms", "0s", "-1s", "1h", "1..2s", "1e999s"] {
            assert!(parse_duration(text).is_err(), "{text}");
        }
    }
}
