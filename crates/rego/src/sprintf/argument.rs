//! Arguments of `sprintf`, as OPA passes them to Go.

use serde_json::Value;

use super::text::quote;
use crate::Error;
use crate::output::Output;

/// An argument of a verb. OPA passes numbers and texts to Go unchanged, and other values as the
/// text of a Rego term.
#[derive(Debug)]
pub(super) enum Argument {
    Integer(i64),
    /// A number beyond Go's int64.
    Large(u64),
    Float(f64),
    Text(String),
}

impl Argument {
    pub(super) fn from_value(value: &Value) -> Result<Self, Error> {
        Ok(match value {
            Value::Number(number) => {
                if let Some(integer) = number.as_i64() {
                    Self::Integer(integer)
                } else if let Some(large) = number.as_u64() {
                    Self::Large(large)
                } else {
                    Self::Float(number.as_f64().unwrap_or_default())
                }
            }
            Value::String(text) => Self::Text(text.clone()),
            value => Self::Text(to_term(value)?),
        })
    }

    /// Returns the name of the type in Go, which is printed for an invalid verb.
    pub(super) fn type_name(&self) -> &'static str {
        match self {
            Self::Integer(_) => "int64",
            Self::Large(_) => "*big.Int",
            Self::Float(_) => "float64",
            Self::Text(_) => "string",
        }
    }
}

/// Formats a value as a Rego term.
fn to_term(value: &Value) -> Result<String, Error> {
    let mut output = Output::default();
    write(value, &mut output)?;
    Ok(output.finish())
}

fn write(value: &Value, output: &mut Output) -> Result<(), Error> {
    match value {
        Value::Null => output.push("null"),
        Value::Bool(bool) => output.push(if *bool { "true" } else { "false" }),
        Value::Number(number) => output.push(&number.to_string()),
        Value::String(text) => output.push(&quote(text, '"', false)),
        Value::Array(values) => {
            output.push("[")?;
            for (index, value) in values.iter().enumerate() {
                output.push(if index == 0 { "" } else { ", " })?;
                write(value, output)?;
            }
            output.push("]")
        }
        Value::Object(members) => {
            let mut members: Vec<_> = members.iter().collect();
            members.sort_unstable_by_key(|(name, _)| *name);
            output.push("{")?;
            for (index, (name, value)) in members.into_iter().enumerate() {
                output.push(if index == 0 { "" } else { ", " })?;
                output.push(&quote(name, '"', false))?;
                output.push(": ")?;
                write(value, output)?;
            }
            output.push("}")
        }
    }
}
