//! Verbs for integers.

use super::spec::Spec;
use super::text::{is_printable, quote};
use crate::Error;
use crate::output::Output;

/// Prints a number of Go's int64. Returns false if the verb is not valid for integers.
pub(super) fn print(
    number: i64,
    verb: char,
    spec: &Spec,
    output: &mut Output,
) -> Result<bool, Error> {
    match verb {
        'c' => spec.pad(&character(number).to_string(), output)?,
        'q' => spec.pad(
            &quote(&character(number).to_string(), '\'', spec.plus),
            output,
        )?,
        'U' => code_point(number, spec, output)?,
        _ => return digits(number < 0, number.unsigned_abs(), verb, spec, output),
    }
    Ok(true)
}

/// Prints a number beyond int64, for which Go has fewer verbs.
pub(super) fn print_large(
    number: u64,
    verb: char,
    spec: &Spec,
    output: &mut Output,
) -> Result<bool, Error> {
    digits(
        false,
        number,
        if verb == 's' { 'd' } else { verb },
        spec,
        output,
    )
}

fn character(number: i64) -> char {
    u32::try_from(number)
        .ok()
        .and_then(char::from_u32)
        .unwrap_or(char::REPLACEMENT_CHARACTER)
}

/// Prints `U+0041`, with the flag `#` followed by the character.
fn code_point(number: i64, spec: &Spec, output: &mut Output) -> Result<(), Error> {
    let mut text = Output::default();
    let hexadecimal = format!("{number:X}");
    let least = spec.precision.unwrap_or(0).max(4);
    text.push("U+")?;
    text.fill('0', least.saturating_sub(hexadecimal.len()))?;
    text.push(&hexadecimal)?;
    let character = u32::try_from(number).ok().and_then(char::from_u32);
    if let Some(character) = character.filter(|char| spec.sharp && is_printable(*char)) {
        text.push(&format!(" '{character}'"))?;
    }
    spec.pad_with_spaces(&text.finish(), output)
}

fn digits(
    negative: bool,
    magnitude: u64,
    verb: char,
    spec: &Spec,
    output: &mut Output,
) -> Result<bool, Error> {
    let digits = match verb {
        'v' | 'd' => format!("{magnitude}"),
        'b' => format!("{magnitude:b}"),
        'o' | 'O' => format!("{magnitude:o}"),
        'x' => format!("{magnitude:x}"),
        'X' => format!("{magnitude:X}"),
        _ => return Ok(false),
    };
    let sign = if negative { "-" } else { spec.positive_sign() };
    let least = match (spec.precision, spec.width) {
        (Some(0), width) if magnitude == 0 => {
            output.fill(' ', width.unwrap_or(0))?;
            return Ok(true);
        }
        (Some(precision), _) => precision,
        (None, Some(width)) if spec.fills_with_zeros() => width.saturating_sub(sign.len()),
        (None, _) => 0,
    };
    let zeros = least.saturating_sub(digits.len());
    let prefix = match (verb, spec.sharp) {
        ('O', true) if !digits.starts_with('0') && zeros == 0 => "0o0",
        ('O', _) => "0o",
        ('b', true) => "0b",
        ('o', true) if !digits.starts_with('0') && zeros == 0 => "0",
        ('x', true) => "0x",
        ('X', true) => "0X",
        _ => "",
    };
    let mut text = Output::default();
    text.push(sign)?;
    text.push(prefix)?;
    text.fill('0', zeros)?;
    text.push(&digits)?;
    spec.pad_with_spaces(&text.finish(), output)?;
    Ok(true)
}
