//! From `?timeout=10s` to the instant by which an answer must be on its way.

use std::time::{Duration, Instant};

use percent_encoding::percent_decode_str;

/// What is assumed when the request does not tell: the default `timeoutSeconds` of admission webhooks.
const DEFAULT: Duration = Duration::from_secs(10);

/// The longest that kube-apiserver waits for any webhook.
const MAX: Duration = Duration::from_secs(30);

/// What an answer needs to arrive in time, at most: also enough for another machine.
const MARGIN: Duration = Duration::from_millis(100);

/// When a request that arrived then has to be answered; none when its timeout makes no sense.
///
/// The margin is a tenth of short timeouts, so that some time is left for the policies.
pub(super) fn of(query: Option<&str>, arrival: Instant) -> Option<Instant> {
    let timeout = match query.and_then(|query| parameter(query, "timeout")) {
        None => DEFAULT,
        Some(text) => {
            let text = percent_decode_str(text).decode_utf8().ok()?;
            parse(&text).filter(|timeout| !timeout.is_zero())?.min(MAX)
        }
    };
    let margin = MARGIN.min(timeout.checked_div(10).unwrap_or_default());
    arrival.checked_add(timeout.saturating_sub(margin))
}

fn parameter<'a>(query: &'a str, name: &str) -> Option<&'a str> {
    query
        .split('&')
        .filter_map(|pair| pair.split_once('='))
        .find_map(|(key, value)| (key == name).then_some(value))
}

/// Go's `time.ParseDuration`, without negative ones.
fn parse(text: &str) -> Option<Duration> {
    let mut rest = text.strip_prefix('+').unwrap_or(text);
    if rest == "0" {
        return Some(Duration::ZERO);
    }
    let mut total = Duration::ZERO;
    loop {
        let number =
            rest.find(|character: char| !character.is_ascii_digit() && character != '.')?;
        let (number, tail) = rest.split_at_checked(number)?;
        let unit = tail
            .find(|character: char| character.is_ascii_digit() || character == '.')
            .unwrap_or(tail.len());
        let (unit, tail) = tail.split_at_checked(unit)?;
        let nanoseconds = number.parse::<f64>().ok()? * nanoseconds_of(unit)?;
        let part = Duration::try_from_secs_f64(nanoseconds / 1e9).ok()?;
        total = total.checked_add(part)?;
        if tail.is_empty() {
            return Some(total);
        }
        rest = tail;
    }
}

fn nanoseconds_of(unit: &str) -> Option<f64> {
    Some(match unit {
        "ns" => 1.0,
        // Both signs for micro that Unicode has, as in Go.
        "us" | "\u{b5}s" | "\u{3bc}s" => 1e3,
        "ms" => 1e6,
        "s" => 1e9,
        "m" => 60e9,
        "h" => 3600e9,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_durations_as_go_does() {
        for (text, milliseconds) in [
            ("10s", 10_000),
            ("1m30s", 90_000),
            ("500ms", 500),
            ("1.5s", 1500),
            (".5s", 500),
            ("2h", 7_200_000),
            ("+3s", 3000),
            ("1500000us", 1500),
            ("1500\u{b5}s", 1),
            ("0", 0),
            ("0s", 0),
            ("1.s", 1000),
        ] {
            let parsed = parse(text).map(|duration| duration.as_millis());
            assert_eq!(parsed, Some(milliseconds), "{text}");
        }
    }

    #[test]
    fn refuses_what_go_refuses() {
        for text in [
            "",
            "10",
            "s",
            ".s",
            "-1s",
            "1x",
            "1.2.3s",
            "1s2",
            "1e3s",
            "inf",
            "infs",
            "NaNs",
            " 1s",
            "99999999999999999999h",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    #[track_caller]
    fn check(query: Option<&str>, expected: Option<Duration>) {
        let arrival = Instant::now();
        assert_eq!(
            of(query, arrival).map(|deadline| deadline - arrival),
            expected
        );
    }

    /// S5: calls end before the caller gives up, and when it leaves.
    #[test]
    fn leaves_a_margin_for_the_way_back() {
        check(Some("timeout=10s"), Some(Duration::from_millis(9900)));
        check(Some("timeout=1s"), Some(Duration::from_millis(900)));
        check(Some("timeout=500ms"), Some(Duration::from_millis(450)));
    }

    #[test]
    fn assumes_ten_seconds_and_caps_at_thirty() {
        check(None, Some(Duration::from_millis(9900)));
        check(Some("other=1"), Some(Duration::from_millis(9900)));
        check(Some("a=b&timeout=5m"), Some(Duration::from_millis(29_900)));
    }

    #[test]
    fn refuses_timeouts_without_sense() {
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
