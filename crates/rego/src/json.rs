//! Parsing and formatting of JSON.

use std::io;

use serde::Serialize;
use serde::de::IgnoredAny;
use serde_json::Value;
use serde_json::ser::{PrettyFormatter, Serializer};

use crate::limits::{MAX_TEXT_BYTES, text_too_large};
use crate::output::Output;
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
    let written = if layout.pretty {
        let formatter = PrettyFormatter::with_indent(layout.indent.as_bytes());
        value.serialize(&mut Serializer::with_formatter(writer, formatter))
    } else {
        value.serialize(&mut Serializer::new(writer))
    };
    written.map_err(|_| text_too_large())?;
    let mut output = Output::default();
    for (index, line) in String::from_utf8_lossy(&json).split('\n').enumerate() {
        output.push(if index == 0 { "" } else { "\n" })?;
        output.push(if layout.pretty { layout.prefix } else { "" })?;
        escape_html(line, &mut output)?;
    }
    Ok(output.finish().into())
}

/// A writer that fails beyond the limit of a text.
struct Bounded<'a>(&'a mut Vec<u8>);

impl io::Write for Bounded<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.0.len() + bytes.len() > MAX_TEXT_BYTES {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The layout of JSON in lines.
struct Layout<'a> {
    pretty: bool,
    prefix: &'a str,
    indent: &'a str,
}

impl<'a> Layout<'a> {
    /// Parses the options. JSON is split into lines if `pretty` is true, or if `pretty` is absent
    /// and `prefix` or `indent` is present.
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

/// Escapes the characters that could end a script element, as Go does. In JSON they occur in
/// strings only.
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
