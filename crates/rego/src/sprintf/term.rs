//! Values as Rego writes them: what `sprintf` prints for arrays, objects, booleans and null.

use serde_json::Value;

use super::text::quote;
use crate::Error;
use crate::output::Output;

/// The value as a Rego term.
pub(super) fn to_text(value: &Value) -> Result<String, Error> {
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
