//! Ranges of numbers, CIDR blocks and semantic versions.

use std::cmp::Ordering;
use std::net::IpAddr;

use semver::Version;
use serde_json::Value;

use crate::limits::check_items;
use crate::{Builtin, Context, Error, operand};

pub(crate) const BUILTINS: &[Builtin] = &[
    Builtin::new("net.cidr_is_valid", 1, cidr_is_valid),
    Builtin::new("numbers.range_step", 3, range_step),
    Builtin::new("semver.compare", 2, semver_compare),
    Builtin::new("semver.is_valid", 1, semver_is_valid),
];

fn cidr_is_valid(args: &[Value], _: &mut Context) -> Result<Value, Error> {
    Ok(operand::text(args, 0).is_ok_and(is_cidr).into())
}

fn is_cidr(text: &str) -> bool {
    let Some((address, length)) = text.split_once('/') else {
        return false;
    };
    // `u8::from_str` accepts a sign.
    if !length.bytes().all(|byte| byte.is_ascii_digit()) {
        return false;
    }
    match (address.parse(), length.parse::<u8>()) {
        (Ok(IpAddr::V4(_)), Ok(length)) => length <= 32,
        (Ok(IpAddr::V6(_)), Ok(length)) => length <= 128,
        _ => false,
    }
}

/// Returns the numbers between two bounds, both included, ascending or descending.
fn range_step(args: &[Value], _: &mut Context) -> Result<Value, Error> {
    let (from, to) = (operand::integer(args, 0)?, operand::integer(args, 1)?);
    let step = operand::integer(args, 2)?;
    let Some(size) = u64::try_from(step).ok().filter(|step| *step > 0) else {
        return Err(Error::invalid("the step must be a positive number"));
    };
    let count = usize::try_from(from.abs_diff(to) / size).unwrap_or(usize::MAX);
    check_items(count.saturating_add(1))?;
    let step = if from <= to { step } else { -step };
    let number = |index: i64| Value::from(from.saturating_add(step.saturating_mul(index)));
    Ok((0..=count as i64).map(number).collect())
}

fn semver_compare(args: &[Value], _: &mut Context) -> Result<Value, Error> {
    let (left, right) = (version(args, 0)?, version(args, 1)?);
    Ok(match left.cmp_precedence(&right) {
        Ordering::Less => (-1).into(),
        Ordering::Equal => 0.into(),
        Ordering::Greater => 1.into(),
    })
}

fn semver_is_valid(args: &[Value], _: &mut Context) -> Result<Value, Error> {
    Ok(version(args, 0).is_ok().into())
}

/// Parses an operand as a semantic version. A leading `v` is allowed.
fn version(args: &[Value], index: usize) -> Result<Version, Error> {
    let text = operand::text(args, index)?;
    Version::parse(text.strip_prefix('v').unwrap_or(text))
        .map_err(|error| Error::invalid(format!("operand {}: {error}", index + 1)))
}
