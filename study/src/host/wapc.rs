//! The host's side of waPC: the guest names buffers for the message, and hands in an answer or an error.

use anyhow::{Result, bail};

use super::{Function, Guest};

/// The operation that is called; the programs of the study have only one.
pub const OPERATION: &[u8] = b"answer";

pub fn function(name: &str) -> Option<Function> {
    Some(match name {
        "__guest_request" => Function::Tell(request),
        "__guest_response" => Function::Tell(response),
        "__guest_error" => Function::Tell(error),
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
