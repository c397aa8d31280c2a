//! Regular expressions in Go's syntax, matched in linear time within a memory limit.

pub(crate) mod patterns;
mod syntax;

use regex::Captures;
use serde_json::Value;

use crate::limits::check_items;
use crate::output::Output;
use crate::{Builtin, Context, Error, operand};

pub(crate) const BUILTINS: &[Builtin] = &[
    Builtin::new("regex.find_n", 3, find_n),
    Builtin::new("regex.replace", 3, replace),
    Builtin::new("regex.split", 2, split),
    Builtin::new("regex.template_match", 4, template_match),
];

/// Returns the first `n` matches, or all if `n` is negative.
fn find_n(args: &[Value], context: &mut Context) -> Result<Value, Error> {
    let (pattern, text) = (operand::text(args, 0)?, operand::text(args, 1)?);
    let n = usize::try_from(operand::integer(args, 2)?).unwrap_or(usize::MAX);
    let regex = context.patterns.get(pattern, text.len())?;
    let mut found = Vec::new();
    for one in regex.find_iter(text).take(n) {
        context.check_deadline()?;
        found.push(Value::from(one.as_str()));
        check_items(found.len())?;
    }
    Ok(found.into())
}

/// Returns the parts between matches. An empty match at the start or the end splits nothing off.
fn split(args: &[Value], context: &mut Context) -> Result<Value, Error> {
    let (pattern, text) = (operand::text(args, 0)?, operand::text(args, 1)?);
    if !pattern.is_empty() && text.is_empty() {
        // An invalid pattern is an error for an empty text too.
        context.patterns.get(pattern, 0)?;
        return Ok(vec![""].into());
    }
    let regex = context.patterns.get(pattern, text.len())?;
    let mut parts = Vec::new();
    let (mut start, mut end) = (0, 0);
    for separator in regex.find_iter(text) {
        context.check_deadline()?;
        end = separator.start();
        if separator.end() > 0 {
            parts.push(text.get(start..end).unwrap_or_default());
            check_items(parts.len())?;
        }
        start = separator.end();
    }
    if end != text.len() {
        parts.push(text.get(start..).unwrap_or_default());
    }
    Ok(parts.into())
}

/// Replaces every match; `$1`, `${1}` and `${name}` in the replacement refer to groups.
fn replace(args: &[Value], context: &mut Context) -> Result<Value, Error> {
    let (text, pattern) = (operand::text(args, 0)?, operand::text(args, 1)?);
    let replacement = operand::text(args, 2)?;
    let regex = context.patterns.get(pattern, text.len())?;
    let mut output = Output::default();
    let mut written = 0;
    for captures in regex.captures_iter(text) {
        context.check_deadline()?;
        let Some(whole) = captures.get(0) else {
            continue;
        };
        output.push(text.get(written..whole.start()).unwrap_or_default())?;
        expand(replacement, &captures, &mut output)?;
        written = whole.end();
    }
    output.push(text.get(written..).unwrap_or_default())?;
    Ok(output.finish().into())
}

/// Writes a replacement. A dollar sign without a reference is literal; a missing group is empty.
fn expand(replacement: &str, captures: &Captures, output: &mut Output) -> Result<(), Error> {
    let mut rest = replacement;
    while let Some((before, after)) = rest.split_once('$') {
        output.push(before)?;
        if let Some(after) = after.strip_prefix('$') {
            output.push("$")?;
            rest = after;
            continue;
        }
        let Some((name, after)) = reference(after) else {
            output.push("$")?;
            rest = after;
            continue;
        };
        let is_name = name.len() > 1 && name.starts_with('0');
        let group = match name.parse() {
            Ok(index) if !is_name => captures.get(index),
            _ => captures.name(name),
        };
        output.push(group.map_or("", |group| group.as_str()))?;
        rest = after;
    }
    output.push(rest)
}

/// Splits the longest name of a group after a dollar sign from the rest of the text.
fn reference(text: &str) -> Option<(&str, &str)> {
    let braced = text.strip_prefix('{');
    let start = braced.unwrap_or(text);
    let end = start
        .find(|char: char| char != '_' && !char.is_alphanumeric())
        .unwrap_or(start.len());
    let (name, after) = start.split_at_checked(end)?;
    let after = match braced {
        Some(_) => after.strip_prefix('}')?,
        None => after,
    };
    (!name.is_empty()).then_some((name, after))
}

/// Returns whether a text matches a template: literals, and regular expressions between delimiters.
fn template_match(args: &[Value], context: &mut Context) -> Result<Value, Error> {
    let (template, text) = (operand::text(args, 0)?, operand::text(args, 1)?);
    let (open, close) = (delimiter(args, 2)?, delimiter(args, 3)?);
    patterns::check_pattern(template)?;
    let mut pattern = String::from("^");
    let (mut depth, mut start) = (0_usize, 0);
    let unbalanced = || Error::invalid("the delimiters of the template are not balanced");
    for (at, char) in template.char_indices() {
        context.check_deadline()?;
        let piece = template.get(start..at).unwrap_or_default();
        if char == open {
            depth += 1;
            if depth == 1 {
                pattern.push_str(&quote(piece));
                start = at + 1;
            }
        } else if char == close {
            depth = depth.checked_sub(1).ok_or_else(unbalanced)?;
            if depth == 0 {
                context.patterns.get(&format!("^{piece}$"), text.len())?;
                pattern.push_str(&format!("({piece})"));
                start = at + 1;
            }
        }
    }
    if depth != 0 {
        return Err(unbalanced());
    }
    pattern.push_str(&quote(template.get(start..).unwrap_or_default()));
    pattern.push('$');
    let regex = context.patterns.get(&pattern, text.len())?;
    Ok(regex.is_match(text).into())
}

fn delimiter(args: &[Value], index: usize) -> Result<char, Error> {
    let text = operand::text(args, index)?;
    let mut chars = text.chars();
    match (chars.next(), chars.next()) {
        (Some(char), None) if char.is_ascii() => Ok(char),
        _ => Err(Error::invalid("a delimiter must be one ASCII character")),
    }
}

fn quote(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len());
    for char in text.chars() {
        if char.is_ascii_punctuation() {
            quoted.push('\\');
        }
        quoted.push(char);
    }
    quoted
}

#[cfg(test)]
mod tests {
    use std::time::{Instant, UNIX_EPOCH};

    use super::*;
    use crate::limits::MAX_SUBJECT_BYTES;

    fn split_text(pattern: &str, text: &str, context: &mut Context) -> Result<Value, Error> {
        split(&[pattern.into(), text.into()], context)
    }

    #[test]
    fn rejects_patterns_that_are_too_large_when_compiled() {
        let mut context = Context::new(UNIX_EPOCH);
        let result = split_text("((a{1000}){1000}){1000}", "a", &mut context);
        assert!(matches!(result, Err(Error::TooLarge { .. })));
    }

    #[test]
    fn rejects_deeply_nested_groups() {
        let mut context = Context::new(UNIX_EPOCH);
        let nested = |depth: usize| "(a+|".repeat(depth) + &")*".repeat(depth);
        assert!(split_text(&nested(50), "a", &mut context).is_ok());
        let result = split_text(&nested(51), "a", &mut context);
        assert!(matches!(result, Err(Error::TooLarge { .. })));
    }

    #[test]
    fn limits_patterns_more_strictly_for_longer_texts() {
        let mut context = Context::new(UNIX_EPOCH);
        let pattern = "^(a{1,1000}|b{1,1000})$";
        assert!(split_text(pattern, "aaaa", &mut context).is_ok());
        let long = "a".repeat(MAX_SUBJECT_BYTES);
        let result = split_text(pattern, &long, &mut context);
        assert!(matches!(result, Err(Error::TooLarge { .. })));
    }

    #[test]
    fn ends_a_quadratic_search_at_the_deadline() {
        let mut context = Context::new(UNIX_EPOCH).with_deadline(Instant::now());
        let text = "a".repeat(MAX_SUBJECT_BYTES);
        let result = split_text(".*[^a]|a", &text, &mut context);
        assert_eq!(result, Err(Error::Deadline));
    }
}
