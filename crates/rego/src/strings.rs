//! Searching, splitting and escaping of texts, and tracing.

use serde_json::Value;

use crate::limits::{MAX_ITEMS, check_items};
use crate::{Builtin, Context, Error, operand};

pub(crate) const BUILTINS: &[Builtin] = &[
    Builtin::new("glob.quote_meta", 1, quote_meta),
    Builtin::new("indexof_n", 2, indexof_n),
    Builtin::new("strings.any_prefix_match", 2, any_prefix_match),
    Builtin::new("strings.any_suffix_match", 2, any_suffix_match),
    Builtin::new("strings.count", 2, count),
    Builtin::new("strings.split_n", 3, split_n),
    Builtin::new("trace", 1, trace),
];

/// The special characters of OPA's glob library.
const GLOB_SPECIAL: [char; 7] = ['*', '?', '\\', '[', ']', '{', '}'];

fn quote_meta(args: &[Value], _: &mut Context) -> Result<Value, Error> {
    let mut quoted = String::new();
    for char in operand::text(args, 0)?.chars() {
        if GLOB_SPECIAL.contains(&char) {
            quoted.push('\\');
        }
        quoted.push(char);
    }
    Ok(quoted.into())
}

/// Returns every position of a text within another, in characters. Matches may overlap.
fn indexof_n(args: &[Value], context: &mut Context) -> Result<Value, Error> {
    let (text, search) = (operand::text(args, 0)?, operand::text(args, 1)?);
    let Some(first) = search.chars().next() else {
        return Err(Error::invalid("the search text is empty"));
    };
    let mut positions = Vec::new();
    for (position, (byte, char)) in text.char_indices().enumerate() {
        if char != first {
            continue;
        }
        context.check_deadline()?;
        if text
            .get(byte..)
            .is_some_and(|rest| rest.starts_with(search))
        {
            positions.push(Value::from(position));
            check_items(positions.len())?;
        }
    }
    Ok(positions.into())
}

fn any_prefix_match(args: &[Value], context: &mut Context) -> Result<Value, Error> {
    any_pair(args, context, |text, prefix| text.starts_with(prefix))
}

fn any_suffix_match(args: &[Value], context: &mut Context) -> Result<Value, Error> {
    any_pair(args, context, |text, suffix| text.ends_with(suffix))
}

fn any_pair(
    args: &[Value],
    context: &Context,
    matches: impl Fn(&str, &str) -> bool,
) -> Result<Value, Error> {
    let (texts, affixes) = (one_or_many(args, 0)?, one_or_many(args, 1)?);
    for text in texts {
        context.check_deadline()?;
        if affixes.iter().any(|affix| matches(text, affix)) {
            return Ok(true.into());
        }
    }
    Ok(false.into())
}

/// Reads a text or an array of texts.
fn one_or_many(args: &[Value], index: usize) -> Result<Vec<&str>, Error> {
    match operand::get(args, index)? {
        Value::String(text) => Ok(vec![text]),
        Value::Array(texts) => texts
            .iter()
            .map(|text| text.as_str())
            .collect::<Option<_>>()
            .ok_or_else(|| operand::wrong_type(args, index, "an array of strings")),
        _ => Err(operand::wrong_type(args, index, "string, array or set")),
    }
}

fn count(args: &[Value], _: &mut Context) -> Result<Value, Error> {
    let (text, search) = (operand::text(args, 0)?, operand::text(args, 1)?);
    Ok(text.matches(search).count().into())
}

/// Returns the first `n` parts of a text, or the last ones if `n` is negative.
fn split_n(args: &[Value], _: &mut Context) -> Result<Value, Error> {
    let (text, delimiter) = (operand::text(args, 0)?, operand::text(args, 1)?);
    let n = operand::integer(args, 2)?;
    let size = usize::try_from(n.unsigned_abs()).unwrap_or(usize::MAX);
    let parts: Vec<&str> = match delimiter {
        "" => text
            .char_indices()
            .filter_map(|(at, char)| text.get(at..at + char.len_utf8()))
            .take(MAX_ITEMS + 1)
            .collect(),
        _ => text.split(delimiter).take(MAX_ITEMS + 1).collect(),
    };
    check_items(parts.len())?;
    let kept: Vec<&str> = match n {
        0.. => parts.into_iter().take(size).collect(),
        _ => {
            let skipped = parts.len().saturating_sub(size);
            parts.into_iter().skip(skipped).collect()
        }
    };
    Ok(kept.into())
}

/// Accepts a note for OPA's explanation of an evaluation, which does not exist here. `print` is
/// logged.
fn trace(args: &[Value], _: &mut Context) -> Result<Value, Error> {
    operand::text(args, 0)?;
    Ok(true.into())
}
