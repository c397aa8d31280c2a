//! Base64 and hexadecimal digits.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;

use crate::{Builtin, Context, Error, operand};

pub(crate) const BUILTINS: &[Builtin] = &[
    Builtin::new("base64url.encode_no_pad", 1, base64url_encode_no_pad),
    Builtin::new("hex.decode", 1, hex_decode),
    Builtin::new("hex.encode", 1, hex_encode),
];

fn base64url_encode_no_pad(args: &[Value], _: &mut Context) -> Result<Value, Error> {
    Ok(URL_SAFE_NO_PAD.encode(operand::text(args, 0)?).into())
}

/// Bytes that are no UTF-8 become U+FFFD, as they do when OPA prints them as JSON.
fn hex_decode(args: &[Value], _: &mut Context) -> Result<Value, Error> {
    let bytes = hex::decode(operand::text(args, 0)?)
        .map_err(|error| Error::invalid(format!("not hexadecimal: {error}")))?;
    Ok(String::from_utf8_lossy(&bytes).into())
}

fn hex_encode(args: &[Value], _: &mut Context) -> Result<Value, Error> {
    Ok(hex::encode(operand::text(args, 0)?).into())
}
