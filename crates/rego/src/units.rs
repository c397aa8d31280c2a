//! Quantities with units: `10Ki`, `0.5`, `200m`, `3GB`.

use serde_json::Value;

use crate::{Builtin, Context, Error, operand};

pub(crate) const BUILTINS: &[Builtin] = &[
    Builtin::new("units.parse", 1, parse),
    Builtin::new("units.parse_bytes", 1, parse_bytes),
];

/// Digits of an exponent in OPA.
const MAX_EXPONENT_DIGITS: usize = 6;

/// Digits of an amount that is computed exactly. Multiplied by an exabyte, they fit 128 bits.
const MAX_EXACT_DIGITS: usize = 18;

/// Parses a resource quantity as a number. `m` is a thousandth and `M` a million.
fn parse(args: &[Value], _: &mut Context) -> Result<Value, Error> {
    let (amount, unit) = split(operand::text(args, 0)?)?;
    let mut letters = unit.chars();
    let first = letters.next();
    let unit: String = first
        .into_iter()
        .chain(letters.flat_map(char::to_lowercase))
        .collect();
    if unit == "m" {
        let thousandths = amount.scaled(1)?.to_float();
        return Ok(rounded(thousandths / 1000.0).into());
    }
    let factor = match unit.strip_prefix(['k', 'K', 'M', 'g', 'G', 't', 'T', 'p', 'P', 'e', 'E']) {
        Some("") => power(1000, first),
        Some("i") => power(1024, first),
        _ if unit == "mi" => power(1024, first),
        _ if unit.is_empty() => Some(1),
        _ => None,
    };
    let factor = factor.ok_or_else(|| unknown(&unit))?;
    Ok(amount.scaled(factor)?.to_number())
}

/// Parses a number of bytes, truncated to a whole number. Units are case-insensitive.
fn parse_bytes(args: &[Value], _: &mut Context) -> Result<Value, Error> {
    let text = operand::text(args, 0)?.to_lowercase();
    let (amount, unit) = split(&text)?;
    let first = unit.chars().next();
    let factor = match unit.strip_prefix(['k', 'm', 'g', 't', 'p', 'e']) {
        Some("" | "b") => power(1000, first),
        Some("i" | "ib") => power(1024, first),
        _ if unit.is_empty() => Some(1),
        _ => None,
    };
    let factor = factor.ok_or_else(|| unknown(&unit))?;
    Ok(amount.scaled(factor)?.whole().to_number())
}

fn unknown(unit: &str) -> Error {
    Error::invalid(format!("unknown unit {unit}"))
}

fn power(base: u64, letter: Option<char>) -> Option<u64> {
    let letter = letter?.to_ascii_lowercase();
    let exponent = "kmgtpe".find(letter)?;
    base.checked_pow(u32::try_from(exponent).ok()? + 1)
}

/// Splits a quantity into its amount and its unit. Quotation marks are ignored.
fn split(text: &str) -> Result<(Decimal, String), Error> {
    let text = text.replace('"', "");
    if text.contains(' ') {
        return Err(Error::invalid("spaces are not allowed in a quantity"));
    }
    let end = amount_length(text.as_bytes())?;
    let (amount, unit) = text.split_at_checked(end).unwrap_or((&text, ""));
    if amount.is_empty() {
        return Err(Error::invalid("a quantity needs an amount"));
    }
    Ok((Decimal::parse(amount)?, unit.to_owned()))
}

/// Returns the length of the amount in bytes: digits, signs, a point, and an exponent if digits
/// follow the `e`.
fn amount_length(bytes: &[u8]) -> Result<usize, Error> {
    let is_digit = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_digit);
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'0'..=b'9' | b'.' | b'+' | b'-' => {}
            b'e' | b'E' => {
                let signed = matches!(bytes.get(at + 1), Some(b'+' | b'-'));
                if !signed && !is_digit(at + 1) {
                    return Ok(at);
                }
                at += usize::from(signed);
                let digits = (at + 1..).take_while(|at| is_digit(*at)).count();
                if digits > MAX_EXPONENT_DIGITS {
                    return Err(Error::invalid("the exponent is too large"));
                }
            }
            _ => return Ok(at),
        }
        at += 1;
    }
    Ok(at)
}

/// A decimal number.
enum Decimal {
    /// The number `digits / 10^places`.
    Exact { digits: i128, places: u32 },
    /// A number with more digits.
    Float(f64),
}

/// A scaled number, exact if possible.
enum Amount {
    Ratio { over: i128, under: i128 },
    Float(f64),
}

impl Decimal {
    fn parse(text: &str) -> Result<Self, Error> {
        let malformed = || Error::invalid("the amount is not a number");
        let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
        let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, ""));
        let mut digits = whole.bytes().chain(fraction.bytes());
        let count = whole.len() + fraction.len();
        if digits.all(|digit| digit.is_ascii_digit()) && (1..=MAX_EXACT_DIGITS).contains(&count) {
            let digits: i128 = format!("{whole}{fraction}")
                .parse()
                .map_err(|_| malformed())?;
            return Ok(Self::Exact {
                digits: if text.starts_with('-') {
                    -digits
                } else {
                    digits
                },
                places: u32::try_from(fraction.len()).map_err(|_| malformed())?,
            });
        }
        text.parse()
            .ok()
            .filter(|float: &f64| float.is_finite())
            .map(Self::Float)
            .ok_or_else(malformed)
    }

    fn scaled(&self, factor: u64) -> Result<Amount, Error> {
        Ok(match self {
            Self::Exact { digits, places } => Amount::Ratio {
                over: digits.saturating_mul(i128::from(factor)),
                under: 10_i128.saturating_pow(*places),
            },
            Self::Float(float) => Amount::Float(float * factor as f64),
        })
    }
}

impl Amount {
    /// Returns the number without its fraction.
    fn whole(&self) -> Self {
        match self {
            Self::Ratio { over, under } => Self::Ratio {
                over: over / under,
                under: 1,
            },
            Self::Float(float) => Self::Float(float.trunc()),
        }
    }

    fn to_float(&self) -> f64 {
        match self {
            Self::Ratio { over, under } => *over as f64 / *under as f64,
            Self::Float(float) => *float,
        }
    }

    fn to_number(&self) -> Value {
        match self {
            Self::Ratio { over, under } if over % under == 0 => {
                let whole = over / under;
                i64::try_from(whole).map_or_else(|_| (whole as f64).into(), Value::from)
            }
            Self::Float(float) if float.fract() == 0.0 => (*float).into(),
            amount => rounded(amount.to_float()).into(),
        }
    }
}

/// Rounds to ten digits of the fraction, as OPA does.
fn rounded(float: f64) -> f64 {
    format!("{float:.10}").parse().unwrap_or(float)
}
