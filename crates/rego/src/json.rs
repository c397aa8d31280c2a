//! JSON as text.

use std::io;

use serde::Serialize;
use serde::de::IgnoredAny;
use serde_json::Value;
use serde_json::ser::{PrettyFormatter, Serializer};

use crate::limits::TEXT_BYTES_MAX;
use crate::output::{Output, too_large};
use crate::{Builtin, Context, Error, operand};

pub(crate) const BUILTINS: &[Builtin] = &[
    Builtin::new("json.is_valid", 1, is_valid),
    Builtin::new("json.marshal_with_options", 2, marshal_with_options),
];

fn is_valid(args: &[Value], _: &mut Context) -> Result<Value, Error> {
    let valid =
        operand::text(args, 0).is_ok_and(|text| serde_json::from_str::<IgnoredAny>(text).is_ok());
    Ok(valid.into())
}

fn marshal_with_options(args: &[Value], _: &mut Context) -> Result<Value, Error> {
    let value = operand::get(args, 0)?;
    let layout = Layout::from_operand(args, 1)?;
    let mut json = Vec::new();
    let writer = Bounded(&mut json);
    let written = match layout.pretty {
        true => {
            let formatter = PrettyFormatter::with_indent(layout.indent.as_bytes());
            value.serialize(&mut Serializer::with_formatter(writer, formatter))
        }
        false => value.serialize(&mut Serializer::new(writer)),
    };
    written.map_err(|_| too_large())?;
    let mut output = Output::default();
    for (index, line) in String::from_utf8_lossy(&json).split('\n').enumerate() {
        output.push(if index == 0 { "" } else { "\n" })?;
        output.push(if layout.pretty { layout.prefix } else { "" })?;
        escape_html(line, &mut output)?;
    }
    Ok(output.finish().into())
}

/// Bytes that refuse to grow beyond the limit of a text.
struct Bounded<'a>(&'a mut Vec<u8>);

impl io::Write for Bounded<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.0.len() + bytes.len() > TEXT_BYTES_MAX {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// How JSON is laid out in lines.
struct Layout<'a> {
    pretty: bool,
    prefix: &'a str,
    indent: &'a str,
}

impl<'a> Layout<'a> {
    /// Lines are wanted when the options say so, or say how and not that they are not.
    fn from_operand(args: &'a [Value], index: usize) -> Result<Self, Error> {
        let mut layout = Self {
            pretty: false,
            prefix: "",
            indent: "\t",
        };
        let mut explicit = None;
        for (name, value) in operand::object(args, index)? {
            match (name.as_str(), value) {
                ("pretty", Value::Bool(pretty)) => explicit = Some(*pretty),
                ("prefix", Value::String(prefix)) => {
                    (layout.pretty, layout.prefix) = (true, prefix)
                }
                ("indent", Value::String(indent)) => {
                    (layout.pretty, layout.indent) = (true, indent)
                }
                _ => {
                    return Err(Error::invalid(format!(
                        "option `{name}` is unknown or has the wrong type"
                    )));
                }
            }
        }
        layout.pretty = explicit.unwrap_or(layout.pretty);
        Ok(layout)
    }
}

/// Go escapes what could end a script element; outside of texts none of these occurs in JSON.
fn escape_html(json: &str, output: &mut Output) -> Result<(), Error> {
    const ESCAPES: [(char, &str); 5] = [
        ('<', "\\u003c"),
        ('>', "\\u003e"),
        ('&', "\\u0026"),
        ('\u{2028}', "\\u2028"),
        ('\u{2029}', "\\u2029"),
    ];
    for char in json.chars() {
        match ESCAPES.iter().find(|(special, _)| *special == char) {
            Some((_, escape)) => output.push(escape)?,
            None => output.push_char(char)?,
        }
    }
    Ok(())
}
