//! Base64, hexadecimal digits, digests and message authentication codes.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::digest::{Digest, KeyInit};
use hmac::{Hmac, Mac};
use md5::Md5;
use serde_json::Value;
use sha1::Sha1;
use sha2::{Sha256, Sha512};

use crate::{Builtin, Context, Error, operand};

pub(crate) const BUILTINS: &[Builtin] = &[
    Builtin::new("base64url.encode_no_pad", 1, base64url_encode_no_pad),
    Builtin::new("crypto.hmac.equal", 2, hmac_equal),
    Builtin::new("crypto.hmac.md5", 2, authenticate::<Hmac<Md5>>),
    Builtin::new("crypto.hmac.sha1", 2, authenticate::<Hmac<Sha1>>),
    Builtin::new("crypto.hmac.sha256", 2, authenticate::<Hmac<Sha256>>),
    Builtin::new("crypto.hmac.sha512", 2, authenticate::<Hmac<Sha512>>),
    Builtin::new("crypto.md5", 1, digest::<Md5>),
    Builtin::new("crypto.sha1", 1, digest::<Sha1>),
    Builtin::new("crypto.sha256", 1, digest::<Sha256>),
    Builtin::new("hex.decode", 1, hex_decode),
    Builtin::new("hex.encode", 1, hex_encode),
];

fn base64url_encode_no_pad(args: &[Value], _: &mut Context) -> Result<Value, Error> {
    Ok(URL_SAFE_NO_PAD.encode(operand::text(args, 0)?).into())
}

/// Decodes hexadecimal digits. Invalid UTF-8 becomes U+FFFD, as when OPA prints it as JSON.
fn hex_decode(args: &[Value], _: &mut Context) -> Result<Value, Error> {
    let bytes = hex::decode(operand::text(args, 0)?)
        .map_err(|error| Error::invalid(format!("not hexadecimal: {error}")))?;
    Ok(String::from_utf8_lossy(&bytes).into())
}

fn hex_encode(args: &[Value], _: &mut Context) -> Result<Value, Error> {
    Ok(hex::encode(operand::text(args, 0)?).into())
}

fn digest<D: Digest>(args: &[Value], _: &mut Context) -> Result<Value, Error> {
    Ok(hex::encode(D::digest(operand::text(args, 0)?)).into())
}

fn authenticate<M: Mac + KeyInit>(args: &[Value], _: &mut Context) -> Result<Value, Error> {
    let (text, key) = (operand::text(args, 0)?, operand::text(args, 1)?);
    let mut code = <M as Mac>::new_from_slice(key.as_bytes())
        .map_err(|_| Error::invalid("the length of the key is invalid"))?;
    code.update(text.as_bytes());
    Ok(hex::encode(code.finalize().into_bytes()).into())
}

/// Compares two codes in constant time.
fn hmac_equal(args: &[Value], _: &mut Context) -> Result<Value, Error> {
    let left = operand::text(args, 0)?.as_bytes();
    let right = operand::text(args, 1)?.as_bytes();
    let differences = left.iter().zip(right).fold(0, |sum, (a, b)| sum | (a ^ b));
    Ok((left.len() == right.len() && differences == 0).into())
}
