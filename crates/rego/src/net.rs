//! Networks.

use std::net::IpAddr;

use serde_json::Value;

use crate::{Builtin, Context, Error, operand};

pub(crate) const BUILTINS: &[Builtin] = &[Builtin::new("net.cidr_is_valid", 1, cidr_is_valid)];

fn cidr_is_valid(args: &[Value], _: &mut Context) -> Result<Value, Error> {
    Ok(operand::text(args, 0).is_ok_and(is_cidr).into())
}

fn is_cidr(text: &str) -> bool {
    let Some((address, length)) = text.split_once('/') else {
        return false;
    };
    let length = match length.bytes().all(|byte| byte.is_ascii_digit()) {
        true => length.parse::<u8>(),
        false => return false,
    };
    match (address.parse(), length) {
        (Ok(IpAddr::V4(_)), Ok(length)) => length <= 32,
        (Ok(IpAddr::V6(_)), Ok(length)) => length <= 128,
        _ => false,
    }
}
