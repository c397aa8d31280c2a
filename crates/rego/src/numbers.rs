//! Ranges of numbers.

use serde_json::Value;

use crate::strings::check_items;
use crate::{Builtin, Context, Error, operand};

pub(crate) const BUILTINS: &[Builtin] = &[Builtin::new("numbers.range_step", 3, range_step)];

/// The numbers from one to another, both included, up or down.
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
