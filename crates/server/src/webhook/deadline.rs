//! The deadline of a request, from its query parameter `timeout`.

use std::time::{Duration, Instant};

use percent_encoding::percent_decode_str;

/// Timeout of a request without the parameter: the default `timeoutSeconds` of admission webhooks.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(10);

/// Maximum timeout: the longest that kube-apiserver waits for any webhook.
const MAX_TIMEOUT: Duration = Duration::from_secs(30);

/// Maximum time reserved for the response to arrive, also at another machine.
const MAX_MARGIN: Duration = Duration::from_millis(100);

/// Number of digits of a fraction that are significant. Fractions have a scale of at most 10^18,
/// which fits into 64 bits, as in Go.
const MAX_FRACTION_DIGITS: usize = 18;

/// Returns the instant by which the response must be sent; none if the timeout is malformed or
/// zero.
///
/// A tenth of the timeout, at most [`MAX_MARGIN`], is reserved for the response.
pub(super) fn parse(query: Option<&str>, arrival: Instant) -> Option<Instant> {
    let timeout = match query.and_then(|query| parameter(query, "timeout")) {
        None => DEFAULT_TIMEOUT,
        Some(text) => {
            let text = percent_decode_str(text).decode_utf8().ok()?;
            let timeout = parse_duration(&text)?;
            if timeout.is_zero() {
                return None;
            }
            timeout.min(MAX_TIMEOUT)
        }
    };
    let margin = MAX_MARGIN.min(timeout.checked_div(10).unwrap_or_default());
    arrival.checked_add(timeout.saturating_sub(margin))
}

fn parameter<'a>(query: &'a str, name: &str) -> Option<&'a str> {
    query
        .split('&')
        .filter_map(|pair| pair.split_once('='))
        .find_map(|(key, value)| (key == name).then_some(value))
}

/// Parses a duration as Go's `time.ParseDuration` does, without negative durations. Fractions are
/// truncated to nanoseconds; Go computes them in floating point and may return one more.
fn parse_duration(text: &str) -> Option<Duration> {
    let mut rest = text.strip_prefix('+').unwrap_or(text);
    if rest == "0" {
        return Some(Duration::ZERO);
    }
    let mut total = 0_u64;
    loop {
        let (whole, tail) = split_digits(rest);
        let (fraction, tail) = match tail.strip_prefix('.') {
            Some(tail) => split_digits(tail),
            None => ("", tail),
        };
        if whole.is_empty() && fraction.is_empty() {
            return None;
        }
        let end = tail.find(|character: char| character.is_ascii_digit() || character == '.');
        let (unit, tail) = tail.split_at_checked(end.unwrap_or(tail.len()))?;
        let unit = unit_nanoseconds(unit)?;
        let whole = match whole {
            "" => 0,
            digits => digits.parse::<u64>().ok()?,
        };
        let part = whole
            .checked_mul(unit)?
            .checked_add(fraction_nanoseconds(fraction, unit)?)?;
        total = total.checked_add(part)?;
        // Go's durations are signed.
        if i64::try_from(total).is_err() {
            return None;
        }
        if tail.is_empty() {
            return Some(Duration::from_nanos(total));
        }
        rest = tail;
    }
}

fn split_digits(text: &str) -> (&str, &str) {
    let end = text.find(|character: char| !character.is_ascii_digit());
    text.split_at_checked(end.unwrap_or(text.len()))
        .unwrap_or((text, ""))
}

/// Returns the fraction of a unit that these decimals are.
fn fraction_nanoseconds(decimals: &str, unit: u64) -> Option<u64> {
    let digits = decimals.bytes().take(MAX_FRACTION_DIGITS);
    let (value, scale) = digits.fold((0_u128, 1_u128), |(value, scale), digit| {
        let digit = u128::from(digit.wrapping_sub(b'0'));
        let value = value.wrapping_mul(10).wrapping_add(digit);
        (value, scale.wrapping_mul(10))
    });
    let nanoseconds = value.checked_mul(unit.into())?.checked_div(scale)?;
    u64::try_from(nanoseconds).ok()
}

fn unit_nanoseconds(unit: &str) -> Option<u64> {
    Some(match unit {
        "ns" => 1,
        // Unicode has two characters for micro, and Go accepts both.
        "us" | "\u{b5}s" | "\u{3bc}s" => 1_000,
        "ms" => 1_000_000,
        "s" => 1_000_000_000,
        "m" => 60_000_000_000,
        "h" => 3_600_000_000_000,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parses_durations_as_go_does() {
        for (text, nanoseconds) in [
            ("10s", 10_000_000_000),
            ("1m30s", 90_000_000_000),
            ("500ms", 500_000_000),
            ("1.5s", 1_500_000_000),
            (".5s", 500_000_000),
            ("1.5h1.5m", 5_490_000_000_000),
            ("2h", 7_200_000_000_000),
            ("+3s", 3_000_000_000),
            ("1500000us", 1_500_000_000),
            ("1500\u{b5}s", 1_500_000),
            ("1500\u{3bc}s", 1_500_000),
            ("0", 0),
            ("0s", 0),
            ("1.s", 1_000_000_000),
            ("1.9ns", 1),
            ("0.830103483285477580700h", 2_988_372_539_827),
            ("9007199254.740993ms", 9_007_199_254_740_993),
            ("52763797000ns", 52_763_797_000),
            ("0.100000000000000000000h", 360_000_000_000),
            ("9223372036854775807ns", i64::MAX as u64),
        ] {
            let expected = Some(Duration::from_nanos(nanoseconds));
            assert_eq!(parse_duration(text), expected, "{text}");
        }
    }

    #[test]
    fn rejects_what_go_rejects() {
        for text in [
            "",
            "10",
            "s",
            ".s",
            ".",
            "-1s",
            "1x",
            "1.2.3s",
            "1s2",
            "1e3s",
            "inf",
            "infs",
            "NaNs",
            " 1s",
            "++1s",
            "9223372036854775808ns",
            "9223372036854775807ns1ns",
            "99999999999999999999h",
        ] {
            assert_eq!(parse_duration(text), None, "{text}");
        }
    }

    #[track_caller]
    fn check(query: Option<&str>, expected: Option<Duration>) {
        let arrival = Instant::now();
        assert_eq!(
            parse(query, arrival).map(|deadline| deadline - arrival),
            expected
        );
    }

    /// S5: calls end before the caller gives up, and when it leaves.
    #[test]
    fn reserves_time_for_the_response() {
        check(Some("timeout=10s"), Some(Duration::from_millis(9900)));
        check(Some("timeout=1s"), Some(Duration::from_millis(900)));
        check(Some("timeout=500ms"), Some(Duration::from_millis(450)));
    }

    #[test]
    fn defaults_to_ten_seconds_and_caps_at_thirty() {
        check(None, Some(Duration::from_millis(9900)));
        check(Some("other=1"), Some(Duration::from_millis(9900)));
        check(Some("a=b&timeout=5m"), Some(Duration::from_millis(29_900)));
    }

    #[test]
    fn rejects_malformed_and_zero_timeouts() {
        for query in [
            "timeout=",
            "timeout=soon",
            "timeout=0s",
            "timeout=-1s",
            "timeout=%ff",
        ] {
            check(Some(query), None);
        }
        check(
            Some("timeout=1500%C2%B5s"),
            Some(Duration::from_micros(1350)),
        );
    }
}
