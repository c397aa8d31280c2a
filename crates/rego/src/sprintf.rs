//! `sprintf`, with the verbs of Go's package fmt (<https://pkg.go.dev/fmt>).

mod float;
mod integer;
mod printer;
mod spec;
mod term;
mod text;

use serde_json::Value;

use crate::{Builtin, Context, Error, operand};

pub(crate) const BUILTINS: &[Builtin] = &[Builtin::new("sprintf", 2, sprintf)];

fn sprintf(args: &[Value], _: &mut Context) -> Result<Value, Error> {
    let format = operand::text(args, 0)?;
    let arguments = operand::array(args, 1)?
        .iter()
        .map(Argument::of)
        .collect::<Result<Vec<_>, _>>()?;
    Ok(printer::print(format, &arguments)?.into())
}

/// What a verb prints. OPA hands numbers and texts to Go as such and everything else as text.
#[derive(Debug)]
enum Argument {
    Integer(i64),
    /// What is beyond Go's int64.
    Large(u64),
    Float(f64),
    Text(String),
}

impl Argument {
    fn of(value: &Value) -> Result<Self, Error> {
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
            value => Self::Text(term::to_text(value)?),
        })
    }

    /// The name of its type in Go, which shows in the text of a misused verb.
    fn type_name(&self) -> &'static str {
        match self {
            Self::Integer(_) => "int64",
            Self::Large(_) => "*big.Int",
            Self::Float(_) => "float64",
            Self::Text(_) => "string",
        }
    }
}
