//! Conversion of operands to the types of functions.

use serde_json::{Map, Number, Value};

use crate::Error;

/// Returns the operand at `index`, from 0, as a text.
pub(crate) fn text(args: &[Value], index: usize) -> Result<&str, Error> {
    get(args, index)?
        .as_str()
        .ok_or_else(|| wrong_type(args, index, "string"))
}

pub(crate) fn array(args: &[Value], index: usize) -> Result<&[Value], Error> {
    get(args, index)?
        .as_array()
        .map(Vec::as_slice)
        .ok_or_else(|| wrong_type(args, index, "array"))
}

pub(crate) fn object(args: &[Value], index: usize) -> Result<&Map<String, Value>, Error> {
    get(args, index)?
        .as_object()
        .ok_or_else(|| wrong_type(args, index, "object"))
}

/// Returns the operand as an integer. 2.0 is an integer, 2.5 is not.
pub(crate) fn integer(args: &[Value], index: usize) -> Result<i64, Error> {
    match get(args, index)? {
        Value::Number(number) => whole(number)
            .ok_or_else(|| Error::invalid(format!("operand {} must be an integer", index + 1))),
        _ => Err(wrong_type(args, index, "number")),
    }
}

/// Returns the 64-bit integer that equals `number`, if there is one.
pub(crate) fn whole(number: &Number) -> Option<i64> {
    number.as_i64().or_else(|| {
        let float = number.as_f64()?;
        // 2^63 is out of range; -2^63 is in range.
        let bound = 9_223_372_036_854_775_808.0;
        (float.fract() == 0.0 && (-bound..bound).contains(&float)).then_some(float as i64)
    })
}

pub(crate) fn get(args: &[Value], index: usize) -> Result<&Value, Error> {
    args.get(index).ok_or(Error::Arity {
        expected: index + 1,
        found: args.len(),
    })
}

pub(crate) fn wrong_type(args: &[Value], index: usize, expected: &'static str) -> Error {
    Error::Operand {
        position: index + 1,
        expected,
        found: args.get(index).map_or("missing", type_name),
    }
}

/// Returns Rego's name for the type of a value.
pub(crate) fn type_name(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}
