//! Semantic versions; a leading `v` is allowed.

use std::cmp::Ordering;

use semver::Version;
use serde_json::Value;

use crate::{Builtin, Context, Error, operand};

pub(crate) const BUILTINS: &[Builtin] = &[
    Builtin::new("semver.compare", 2, compare),
    Builtin::new("semver.is_valid", 1, is_valid),
];

fn compare(args: &[Value], _: &mut Context) -> Result<Value, Error> {
    let (left, right) = (parse(args, 0)?, parse(args, 1)?);
    Ok(match left.cmp_precedence(&right) {
        Ordering::Less => (-1).into(),
        Ordering::Equal => 0.into(),
        Ordering::Greater => 1.into(),
    })
}

fn is_valid(args: &[Value], _: &mut Context) -> Result<Value, Error> {
    Ok(parse(args, 0).is_ok().into())
}

fn parse(args: &[Value], index: usize) -> Result<Version, Error> {
    let text = operand::text(args, index)?;
    Version::parse(text.strip_prefix('v').unwrap_or(text))
        .map_err(|error| Error::invalid(format!("operand {}: {error}", index + 1)))
}
