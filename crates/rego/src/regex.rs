//! Regular expressions: Go's syntax, matched in linear time within a memory limit.

mod syntax;

use std::collections::HashMap;

use regex::{Captures, Regex, RegexBuilder};
use serde_json::Value;

use crate::limits::{
    COMPILED_BYTES_MAX, PATTERN_BYTES_MAX, PATTERNS_KEPT_MAX, SEARCH_COST_MAX, SUBJECT_BYTES_MAX,
};
use crate::output::Output;
use crate::strings::check_items;
use crate::{Builtin, Context, Error, operand};

pub(crate) const BUILTINS: &[Builtin] = &[
    Builtin::new("regex.find_n", 3, find_n),
    Builtin::new("regex.replace", 3, replace),
    Builtin::new("regex.split", 2, split),
    Builtin::new("regex.template_match", 4, template_match),
];

/// The compiled regular expressions of one evaluation.
#[derive(Debug, Default)]
pub(crate) struct Patterns {
    compiled: HashMap<String, Compiled>,
}

#[derive(Debug)]
struct Compiled {
    regex: Regex,
    /// What it was allowed to take when it was compiled.
    bytes_max: usize,
}

impl Patterns {
    /// The regular expression, within what a search of a text of this length may cost.
    fn get(&mut self, pattern: &str, subject_bytes: usize) -> Result<Regex, Error> {
        check(
            pattern.len(),
            PATTERN_BYTES_MAX,
            "a regular expression in bytes",
        )?;
        check(
            subject_bytes,
            SUBJECT_BYTES_MAX,
            "a text to search in bytes",
        )?;
        let bytes_max = (SEARCH_COST_MAX / subject_bytes.max(1)).min(COMPILED_BYTES_MAX);
        if let Some(known) = self.compiled.get(pattern)
            && known.bytes_max <= bytes_max
        {
            return Ok(known.regex.clone());
        }
        let regex = compile(pattern, bytes_max)?;
        if self.compiled.len() >= PATTERNS_KEPT_MAX {
            self.compiled.clear();
        }
        let kept = Compiled {
            regex: regex.clone(),
            bytes_max,
        };
        self.compiled.insert(pattern.to_owned(), kept);
        Ok(regex)
    }
}

fn compile(pattern: &str, bytes_max: usize) -> Result<Regex, Error> {
    RegexBuilder::new(&syntax::translate(pattern)?)
        .size_limit(bytes_max)
        .dfa_size_limit(bytes_max)
        .build()
        .map_err(|error| match error {
            regex::Error::CompiledTooBig(max) => Error::TooLarge {
                what: "a compiled regular expression in bytes",
                max,
            },
            error => Error::invalid(error.to_string()),
        })
}

fn check(bytes: usize, max: usize, what: &'static str) -> Result<(), Error> {
    if bytes > max {
        return Err(Error::TooLarge { what, max });
    }
    Ok(())
}

/// The first `n` matches, or all when `n` is negative.
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

/// The parts between matches. A match of nothing at the start splits nothing off, nor does one at the end.
fn split(args: &[Value], context: &mut Context) -> Result<Value, Error> {
    let (pattern, text) = (operand::text(args, 0)?, operand::text(args, 1)?);
    if !pattern.is_empty() && text.is_empty() {
        // An invalid pattern has no result for any text.
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

/// Replaces every match; `$1`, `${1}` and `${name}` in the replacement stand for what groups matched.
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

/// Writes a replacement. A dollar sign that refers to nothing stands for itself, a missing group for nothing.
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

/// The name of a group after a dollar sign, as long as possible, and what follows it.
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

/// Whether a text matches a template: literal text with regular expressions between two delimiters.
fn template_match(args: &[Value], context: &mut Context) -> Result<Value, Error> {
    let (template, text) = (operand::text(args, 0)?, operand::text(args, 1)?);
    let (open, close) = (delimiter(args, 2)?, delimiter(args, 3)?);
    check(
        template.len(),
        PATTERN_BYTES_MAX,
        "a regular expression in bytes",
    )?;
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
        _ => Err(Error::invalid("a delimiter must be exactly one byte long")),
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

    fn split_text(pattern: &str, text: &str, context: &mut Context) -> Result<Value, Error> {
        split(&[pattern.into(), text.into()], context)
    }

    #[test]
    fn refuses_patterns_that_compile_to_too_much() {
        let mut context = Context::new(UNIX_EPOCH);
        let refused = split_text("((a{1000}){1000}){1000}", "a", &mut context);
        assert!(matches!(refused, Err(Error::TooLarge { .. })));
    }

    #[test]
    fn refuses_groups_that_nest_without_end() {
        let mut context = Context::new(UNIX_EPOCH);
        let nested = |depth: usize| "(a+|".repeat(depth) + &")*".repeat(depth);
        assert!(split_text(&nested(50), "a", &mut context).is_ok());
        let refused = split_text(&nested(51), "a", &mut context);
        assert!(matches!(refused, Err(Error::TooLarge { .. })));
    }

    #[test]
    fn grants_less_to_a_pattern_the_longer_the_text() {
        let mut context = Context::new(UNIX_EPOCH);
        let pattern = "^(a{1,1000}|b{1,1000})$";
        assert!(split_text(pattern, "aaaa", &mut context).is_ok());
        let long = "a".repeat(SUBJECT_BYTES_MAX);
        let refused = split_text(pattern, &long, &mut context);
        assert!(matches!(refused, Err(Error::TooLarge { .. })));
    }

    #[test]
    fn stops_a_quadratic_search_at_the_deadline() {
        let mut context = Context::new(UNIX_EPOCH).with_deadline(Instant::now());
        let text = "a".repeat(SUBJECT_BYTES_MAX);
        let stopped = split_text(".*[^a]|a", &text, &mut context);
        assert_eq!(stopped, Err(Error::Deadline));
    }
}
