//! The host functions of waPC: the guest provides buffers for the message, and returns a response or
//! an error.

use anyhow::{Result, bail};

use super::guest::{Function, Guest};

/// The operation of all calls; the programs of the study have only one.
pub const OPERATION: &[u8] = b"answer";

/// Returns the implementation of an import.
pub fn function(name: &str) -> Option<Function> {
    Some(match name {
        "__guest_request" => Function::Notify(request),
        "__guest_response" => Function::Notify(response),
        "__guest_error" => Function::Notify(error),
        _ => return None,
    })
}

fn request(guest: &mut Guest<'_>, operation: u32, message: u32) -> Result<()> {
    guest.memory.write(operation, OPERATION)?;
    guest.memory.write(message, &guest.exchange.input)
}

fn response(guest: &mut Guest<'_>, at: u32, length: u32) -> Result<()> {
    guest.exchange.output = guest.bytes(at, length)?;
    Ok(())
}

fn error(guest: &mut Guest<'_>, at: u32, length: u32) -> Result<()> {
    bail!("{}", String::from_utf8_lossy(&guest.bytes(at, length)?))
}
