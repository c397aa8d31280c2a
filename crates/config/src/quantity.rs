//! Durations and sizes as Kubernetes writes them: `1m30s`, `64Mi`.

use std::time::Duration;

use engine::ByteSize;

/// The units of durations, in nanoseconds (Go, `time.ParseDuration`).
const DURATION_UNITS: [(&str, u64); 8] = [
    ("ns", 1),
    ("us", 1_000),
    ("µs", 1_000), // U+00B5, micro sign
    ("μs", 1_000), // U+03BC, Greek letter mu
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("m", 60_000_000_000),
    ("h", 3_600_000_000_000),
];

/// The units of sizes, in bytes (`resource.Quantity` of Kubernetes).
const SIZE_UNITS: [(&str, u64); 13] = [
    ("", 1),
    ("k", 1_000),
    ("M", 1_000_000),
    ("G", 1_000_000_000),
    ("T", 1_000_000_000_000),
    ("P", 1_000_000_000_000_000),
    ("E", 1_000_000_000_000_000_000),
    ("Ki", 1 << 10),
    ("Mi", 1 << 20),
    ("Gi", 1 << 30),
    ("Ti", 1 << 40),
    ("Pi", 1 << 50),
    ("Ei", 1 << 60),
];

/// A text that is not a positive duration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParseDurationError {
    /// The text has another form.
    #[error(
        "`{0}` is not a duration: expected numbers with units, such as `250ms`, `2s` or `1m30s`"
    )]
    Invalid(String),
    /// The duration is zero.
    #[error("`{0}` must be more than zero")]
    Zero(String),
}

/// A text that is not a positive size.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParseSizeError {
    /// The text has another form, or the size has more than 64 bits.
    #[error("`{0}` is not a size: expected a number of bytes with a unit, such as `64Mi` or `1Gi`")]
    Invalid(String),
    /// The unit is `m`, a thousandth of a byte.
    #[error("`{0}` is in thousandths of a byte: write the unit `M` or `Mi` for megabytes")]
    Milli(String),
    /// The size is zero.
    #[error("`{0}` must be more than zero")]
    Zero(String),
}

/// Parses a duration as `metav1.Duration` of Kubernetes writes it: one or more numbers, each with
/// the unit `ns`, `us`, `ms`, `s`, `m` or `h`.
///
/// ```
/// use std::time::Duration;
///
/// assert_eq!(config::parse_duration("250ms"), Ok(Duration::from_millis(250)));
/// assert_eq!(config::parse_duration("1m30s"), Ok(Duration::from_secs(90)));
/// assert!(config::parse_duration("5").is_err());
/// ```
///
/// # Errors
/// If the text is not a duration, or the duration is zero.
pub fn parse_duration(text: &str) -> Result<Duration, ParseDurationError> {
    match parse_nanoseconds(text) {
        Some(0) => Err(ParseDurationError::Zero(text.to_owned())),
        Some(nanoseconds) => Ok(Duration::from_nanos(nanoseconds)),
        None => Err(ParseDurationError::Invalid(text.to_owned())),
    }
}

fn parse_nanoseconds(text: &str) -> Option<u64> {
    let mut rest = text;
    let mut total: u64 = 0;
    while !rest.is_empty() {
        let (number, after) = split_at(rest, |letter| !is_numeric(letter));
        let (unit, next) = split_at(after, is_numeric);
        let (_, factor) = DURATION_UNITS.iter().find(|(name, _)| *name == unit)?;
        let (part, _) = multiply(number, *factor)?;
        total = total.checked_add(part)?;
        rest = next;
    }
    (!text.is_empty()).then_some(total)
}

/// Formats a duration so that [`parse_duration`] returns it: a whole number of `us`, `ms` or `s`.
///
/// ```
/// use std::time::Duration;
///
/// assert_eq!(config::format_duration(Duration::from_millis(1500)), "1500ms");
/// assert_eq!(config::format_duration(Duration::from_secs(30)), "30s");
/// ```
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

/// Parses a size as `resource.Quantity` of Kubernetes writes it: a number of bytes with a binary
/// unit (`Ki`, `Mi`, `Gi`, …), a decimal unit (`k`, `M`, `G`, …) or no unit.
///
/// A fraction of a byte is rounded up, as Kubernetes does. Exponents (`1e6`) are not supported.
///
/// ```
/// use engine::ByteSize;
///
/// assert_eq!(config::parse_size("64Mi"), Ok(ByteSize::mib(64)));
/// assert_eq!(config::parse_size("1.5k"), Ok(ByteSize::from_bytes(1500)));
/// assert!(config::parse_size("64MB").is_err());
/// ```
///
/// # Errors
/// If the text is not a size, or the size is zero.
pub fn parse_size(text: &str) -> Result<ByteSize, ParseSizeError> {
    let (number, unit) = split_at(text, |letter| !is_numeric(letter));
    let factor = SIZE_UNITS.iter().find(|(name, _)| *name == unit);
    let size = factor.and_then(|(_, factor)| {
        let (bytes, is_exact) = multiply(number, *factor)?;
        bytes.checked_add(u64::from(!is_exact))
    });
    match size {
        Some(0) => Err(ParseSizeError::Zero(text.to_owned())),
        Some(bytes) => Ok(ByteSize::from_bytes(bytes)),
        None if unit == "m" => Err(ParseSizeError::Milli(text.to_owned())),
        None => Err(ParseSizeError::Invalid(text.to_owned())),
    }
}

fn is_numeric(letter: char) -> bool {
    letter.is_ascii_digit() || letter == '.'
}

/// Splits a text before the first character that ends its first part.
fn split_at(text: &str, ends: impl Fn(char) -> bool) -> (&str, &str) {
    text.split_at(text.find(ends).unwrap_or(text.len()))
}

/// Multiplies a decimal number with a factor, and returns the whole part of the product and
/// whether the product is whole.
///
/// Digits after the twelfth of the fraction are ignored.
fn multiply(number: &str, factor: u64) -> Option<(u64, bool)> {
    const MAX_FRACTION_DIGITS: usize = 12;
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if whole.is_empty() && fraction.is_empty() || fraction.contains('.') {
        return None;
    }
    let parse = |digits: &str| match digits {
        "" => Some(0),
        digits => digits.parse::<u64>().ok(),
    };
    let fraction = fraction.get(..MAX_FRACTION_DIGITS).unwrap_or(fraction);
    let scale = 10_u128.checked_pow(u32::try_from(fraction.len()).ok()?)?;
    let small = u128::from(parse(fraction)?).checked_mul(factor.into())?;
    let large = parse(whole)?.checked_mul(factor)?;
    let part = u64::try_from(small.checked_div(scale)?).ok()?;
    Some((large.checked_add(part)?, small.checked_rem(scale)? == 0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parses_the_durations_that_it_formats() {
        for text in ["250ms", "2s", "1500us", "90s"] {
            assert_eq!(format_duration(parse_duration(text).unwrap()), text);
        }
    }

    #[test]
    fn parses_durations_as_go_does() {
        for (text, nanoseconds) in [
            ("1h", 3_600_000_000_000),
            ("1m30s", 90_000_000_000),
            ("1.5m", 90_000_000_000),
            ("1h0m0.5s", 3_600_500_000_000),
            (".5s", 500_000_000),
            ("1.s", 1_000_000_000),
            ("3µs", 3_000),
            ("3μs", 3_000),
            ("7ns", 7),
        ] {
            let expected = Duration::from_nanos(nanoseconds);
            assert_eq!(parse_duration(text), Ok(expected), "{text}");
        }
    }

    #[test]
    fn rejects_durations_without_unit_zero_and_nonsense() {
        for text in [
            "250",
            "",
            "ms",
            ".s",
            "0s",
            "-1s",
            "1d",
            "1h30",
            "1..2s",
            "1 s",
            "999999999h",
        ] {
            assert!(parse_duration(text).is_err(), "{text}");
        }
    }

    #[test]
    fn parses_sizes_as_kubernetes_does() {
        for (text, bytes) in [
            ("1000", 1_000),
            ("64Mi", 64 << 20),
            ("1Gi", 1 << 30),
            ("64M", 64_000_000),
            ("1.5Ki", 1_536),
            ("1.0001k", 1_001),
            ("16Ei", 0),
        ] {
            let size = parse_size(text).map(ByteSize::bytes).unwrap_or_default();
            assert_eq!(size, bytes, "{text}");
        }
    }

    #[test]
    fn rejects_sizes_with_unknown_units_zero_and_nonsense() {
        for text in [
            "",
            "Mi",
            "-1",
            "+1",
            "64MB",
            "64 Mi",
            "64mi",
            "0",
            "1..5Mi",
            "1e6",
            "99999999999Gi",
        ] {
            assert!(parse_size(text).is_err(), "{text}");
        }
    }

    #[test]
    fn explains_the_unit_of_thousandths() {
        assert_eq!(
            parse_size("64m").unwrap_err().to_string(),
            "`64m` is in thousandths of a byte: write the unit `M` or `Mi` for megabytes"
        );
    }
}
