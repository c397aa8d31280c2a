//! Verbs for texts, and Go's quoting.

use std::sync::LazyLock;

use regex::Regex;

use super::spec::Spec;
use crate::Error;
use crate::output::Output;

/// Prints a text. Returns false if the verb is not valid for texts.
pub(super) fn print(
    text: &str,
    verb: char,
    spec: &Spec,
    output: &mut Output,
) -> Result<bool, Error> {
    match verb {
        'v' if spec.go_syntax => spec.pad(&quoted(text, spec), output)?,
        'v' | 's' => spec.pad(truncated(text, spec), output)?,
        'q' => spec.pad(&quoted(text, spec), output)?,
        'x' | 'X' => hexadecimal(text, verb, spec, output)?,
        _ => return Ok(false),
    }
    Ok(true)
}

/// Quotes a text and escapes characters that are not printable.
pub(super) fn quote(text: &str, mark: char, ascii_only: bool) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push(mark);
    for char in text.chars() {
        match char {
            '\\' => quoted.push_str("\\\\"),
            _ if char == mark => quoted.extend(['\\', char]),
            '\x07' => quoted.push_str("\\a"),
            '\x08' => quoted.push_str("\\b"),
            '\x0C' => quoted.push_str("\\f"),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            '\x0B' => quoted.push_str("\\v"),
            '\0'..'\x20' | '\x7F' => quoted.push_str(&format!("\\x{:02x}", u32::from(char))),
            _ if is_printable(char) && (char.is_ascii() || !ascii_only) => quoted.push(char),
            '\0'..='\u{FFFF}' => quoted.push_str(&format!("\\u{:04x}", u32::from(char))),
            _ => quoted.push_str(&format!("\\U{:08x}", u32::from(char))),
        }
    }
    quoted.push(mark);
    quoted
}

/// Returns whether Go prints a character unescaped: letters, marks, numbers, punctuation, symbols
/// and the ASCII space.
pub(super) fn is_printable(char: char) -> bool {
    static PRINTABLE: LazyLock<Option<Regex>> =
        LazyLock::new(|| Regex::new(r"^[\p{L}\p{M}\p{N}\p{P}\p{S}]$").ok());
    match char {
        ' '..='~' => true,
        '\0'..='\x7F' => false,
        _ => (PRINTABLE.as_ref())
            .is_some_and(|printable| printable.is_match(char.encode_utf8(&mut [0; 4]))),
    }
}

/// Truncates a text to its precision in characters.
fn truncated<'a>(text: &'a str, spec: &Spec) -> &'a str {
    spec.precision
        .and_then(|precision| text.char_indices().nth(precision))
        .and_then(|(end, _)| text.get(..end))
        .unwrap_or(text)
}

fn quoted(text: &str, spec: &Spec) -> String {
    let text = truncated(text, spec);
    let is_raw =
        |char: char| !matches!(char, '`' | '\u{FEFF}' | '\x7F') && (char >= ' ' || char == '\t');
    if spec.sharp && text.chars().all(is_raw) {
        return format!("`{text}`");
    }
    quote(text, '"', spec.plus)
}

/// Prints the bytes of a text. With the space flag, each byte has its own prefix.
fn hexadecimal(text: &str, verb: char, spec: &Spec, output: &mut Output) -> Result<(), Error> {
    let prefix = match (spec.sharp, verb) {
        (false, _) => "",
        (true, 'x') => "0x",
        (true, _) => "0X",
    };
    let mut printed = Output::default();
    for (index, byte) in text
        .bytes()
        .take(spec.precision.unwrap_or(usize::MAX))
        .enumerate()
    {
        if index > 0 && spec.space {
            printed.push(" ")?;
        }
        if index == 0 || spec.space {
            printed.push(prefix)?;
        }
        printed.push(&match verb {
            'x' => format!("{byte:02x}"),
            _ => format!("{byte:02X}"),
        })?;
    }
    spec.pad(&printed.finish(), output)
}
