//! Verbs for floating-point numbers.

use super::spec::Spec;
use crate::Error;
use crate::output::Output;

/// Digits after the point beyond which every 64-bit number has zeros only.
const EXACT_PLACES: usize = 1_100;

/// Prints a number. Returns false if the verb is not valid for floating-point numbers.
pub(super) fn print(
    number: f64,
    verb: char,
    spec: &Spec,
    output: &mut Output,
) -> Result<bool, Error> {
    let magnitude = number.abs();
    let precision = spec.precision;
    let mut text = match verb {
        'e' | 'E' => scientific(magnitude, Some(precision.unwrap_or(6))),
        'f' | 'F' => fixed(magnitude, precision.unwrap_or(6)),
        'v' | 'g' | 'G' => general(magnitude, precision),
        'x' | 'X' => hexadecimal(magnitude, precision),
        'b' => binary(magnitude),
        _ => return Ok(false),
    };
    if spec.sharp && verb != 'b' {
        text = with_point(&text, verb, precision);
    }
    if matches!(verb, 'E' | 'G' | 'X') {
        text.make_ascii_uppercase();
    }
    let sign = if number.is_sign_negative() {
        "-"
    } else {
        spec.positive_sign()
    };
    let length = sign.len() + text.len();
    match spec.width {
        Some(width) if width > length && spec.fills_with_zeros() => {
            output.push(sign)?;
            output.fill('0', width - length)?;
            output.push(&text)?;
        }
        _ => spec.pad_with_spaces(&format!("{sign}{text}"), output)?,
    }
    Ok(true)
}

/// Formats as `1.5e+06`, with `places` digits after the point, or with the fewest that identify the
/// number.
fn scientific(number: f64, places: Option<usize>) -> String {
    let (mantissa, exponent) = parts(number, places);
    let missing = places.map_or(0, |places| places.saturating_sub(EXACT_PLACES));
    let zeros = "0".repeat(missing);
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{mantissa}{zeros}e{sign}{:02}", exponent.unsigned_abs())
}

fn fixed(number: f64, places: usize) -> String {
    let exact = places.min(EXACT_PLACES);
    format!("{number:.exact$}{}", "0".repeat(places - exact))
}

/// Formats numbers of moderate size as fixed, others as scientific, without trailing zeros.
fn general(number: f64, precision: Option<usize>) -> String {
    let significant = precision.map(|precision| precision.max(1));
    let (mantissa, exponent) = parts(number, significant.map(|digits| digits - 1));
    let digits: String = mantissa.chars().filter(|char| *char != '.').collect();
    let kept = match digits.trim_end_matches('0').len() {
        0 => 1,
        length => length,
    };
    let point = exponent + 1;
    let limit = match significant {
        None => 6,
        Some(digits) if digits > kept && kept as i64 >= point => kept as i64,
        Some(digits) => digits as i64,
    };
    if exponent < -4 || exponent >= limit {
        return scientific(number, Some(kept - 1));
    }
    let places = usize::try_from(kept as i64 - point).unwrap_or(0);
    match significant {
        None => format!("{number}"),
        Some(_) => fixed(parts_value(&digits, exponent).unwrap_or(number), places),
    }
}

/// Parses digits with an exponent. Rounding the result to the same digits changes nothing.
fn parts_value(digits: &str, exponent: i64) -> Option<f64> {
    let places = i64::try_from(digits.len()).ok()? - 1;
    format!("{digits}e{}", exponent - places).parse().ok()
}

/// Returns the digits, with a point after the first, and the exponent of ten.
fn parts(number: f64, places: Option<usize>) -> (String, i64) {
    let text = match places {
        Some(places) => format!("{number:.*e}", places.min(EXACT_PLACES)),
        None => format!("{number:e}"),
    };
    match text.split_once('e') {
        Some((mantissa, exponent)) => (mantissa.to_owned(), exponent.parse().unwrap_or(0)),
        None => (text, 0),
    }
}

/// Returns the 53 bits of the mantissa and the exponent of two.
fn bits(number: f64) -> (u64, i64) {
    let bits = number.to_bits();
    let exponent = (bits >> 52) & 0x7FF;
    let fraction = bits & ((1 << 52) - 1);
    match exponent {
        0 => (fraction, -1074),
        _ => (fraction | (1 << 52), exponent as i64 - 1075),
    }
}

/// Formats as `4503599627370496p-52`.
fn binary(number: f64) -> String {
    let (mantissa, exponent) = bits(number);
    format!("{mantissa}p{exponent:+}")
}

/// Formats as `0x1.8p+01`.
fn hexadecimal(number: f64, precision: Option<usize>) -> String {
    let (mut mantissa, mut exponent) = bits(number);
    if mantissa == 0 {
        exponent = 0;
    } else {
        // The leading one precedes 60 bits of fraction, which are 15 digits.
        let shift = mantissa.leading_zeros().saturating_sub(3);
        mantissa <<= shift;
        exponent += 60 - i64::from(shift);
    }
    if let Some(places) = precision.filter(|places| *places < 15) {
        let dropped = 60 - 4 * places;
        let (kept, rest) = (mantissa >> dropped, mantissa & ((1 << dropped) - 1));
        let half = 1 << (dropped - 1);
        let up = rest > half || (rest == half && kept & 1 == 1);
        mantissa = (kept + u64::from(up)) << dropped;
        if mantissa >> 61 != 0 {
            mantissa >>= 1;
            exponent += 1;
        }
    }
    let fraction = format!("{:015x}", mantissa & ((1 << 60) - 1));
    let fraction = match precision {
        None => fraction.trim_end_matches('0').to_owned(),
        Some(places) if places < 15 => fraction.get(..places).unwrap_or_default().to_owned(),
        Some(places) => fraction + &"0".repeat(places - 15),
    };
    let point = if fraction.is_empty() { "" } else { "." };
    let sign = if exponent < 0 { '-' } else { '+' };
    format!(
        "0x{}{point}{fraction}p{sign}{:02}",
        mantissa >> 60,
        exponent.unsigned_abs()
    )
}

/// Applies the flag `#`: always a point, and for some verbs trailing zeros.
fn with_point(text: &str, verb: char, precision: Option<usize>) -> String {
    let marker = if verb == 'x' || verb == 'X' { 'p' } else { 'e' };
    let (number, tail) = match text.find(marker) {
        Some(at) => text.split_at(at),
        None => (text, ""),
    };
    let wanted = match verb {
        'v' | 'g' | 'G' | 'x' => precision.unwrap_or(6),
        _ => 0,
    };
    let counted = number
        .chars()
        .filter(|char| *char != '.')
        .skip_while(|char| *char == '0')
        .count();
    let is_zero = usize::from(number == "0");
    let zeros = "0".repeat(wanted.saturating_sub(counted + is_zero));
    let point = if number.contains('.') { "" } else { "." };
    format!("{number}{point}{zeros}{tail}")
}
