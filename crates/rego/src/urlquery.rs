//! Query strings of URLs.

use std::collections::BTreeMap;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use serde_json::{Map, Value};

use crate::limits::check_items;
use crate::output::Output;
use crate::{Builtin, Context, Error, operand};

pub(crate) const BUILTINS: &[Builtin] = &[
    Builtin::new("urlquery.decode", 1, decode),
    Builtin::new("urlquery.decode_object", 1, decode_object),
    Builtin::new("urlquery.encode", 1, encode),
    Builtin::new("urlquery.encode_object", 1, encode_object),
];

/// The characters to escape: all but the unreserved ones (RFC 3986 section 2.3) and the space,
/// which becomes a plus sign.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~')
    .remove(b' ');

fn decode(args: &[Value], _: &mut Context) -> Result<Value, Error> {
    Ok(unescape(operand::text(args, 0)?)?.into())
}

fn encode(args: &[Value], _: &mut Context) -> Result<Value, Error> {
    let mut output = Output::default();
    escape(operand::text(args, 0)?, &mut output)?;
    Ok(output.finish().into())
}

/// Returns each name with all its values, in order.
fn decode_object(args: &[Value], _: &mut Context) -> Result<Value, Error> {
    let mut values: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    let pairs = operand::text(args, 0)?.split('&');
    for (count, pair) in pairs.filter(|pair| !pair.is_empty()).enumerate() {
        check_items(count + 1)?;
        if pair.contains(';') {
            return Err(Error::invalid("a semicolon is not a valid separator"));
        }
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let value = unescape(value)?.into();
        values.entry(unescape(name)?).or_default().push(value);
    }
    let object: Map<String, Value> = values
        .into_iter()
        .map(|(name, values)| (name, values.into()))
        .collect();
    Ok(object.into())
}

fn encode_object(args: &[Value], _: &mut Context) -> Result<Value, Error> {
    let object: BTreeMap<&String, &Value> = operand::object(args, 0)?.iter().collect();
    let mut output = Output::default();
    let mut separator = "";
    for (name, values) in object {
        let values = match values {
            Value::Array(values) => values.as_slice(),
            value => std::slice::from_ref(value),
        };
        for value in values {
            let Value::String(value) = value else {
                return Err(Error::invalid(
                    "a value is neither a string nor an array of strings",
                ));
            };
            output.push(separator)?;
            escape(name, &mut output)?;
            output.push("=")?;
            escape(value, &mut output)?;
            separator = "&";
        }
    }
    Ok(output.finish().into())
}

fn escape(text: &str, output: &mut Output) -> Result<(), Error> {
    for piece in utf8_percent_encode(text, ESCAPED) {
        output.push(&piece.replace(' ', "+"))?;
    }
    Ok(())
}

fn unescape(text: &str) -> Result<String, Error> {
    let is_escape = |after: &str| {
        let mut digits = after.bytes().take(2);
        (0..2).all(|_| digits.next().is_some_and(|digit| digit.is_ascii_hexdigit()))
    };
    if !text.split('%').skip(1).all(is_escape) {
        return Err(Error::invalid(
            "a percent sign is not followed by two hexadecimal digits",
        ));
    }
    let text = text.replace('+', " ");
    Ok(percent_decode_str(&text).decode_utf8_lossy().into_owned())
}
