//! WASI preview 1 with streams, clock and random numbers, but without arguments and files.

use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Result, anyhow};

use super::guest::{Function, Guest, MAX_LOG};

const SUCCESS: i32 = 0;
const BAD_FILE: i32 = 8;

/// The size of an `event`, in bytes.
const EVENT: usize = 32;

/// Returns the implementation of an import.
pub fn function(name: &str) -> Option<Function> {
    Some(match name {
        "args_get" | "environ_get" => Function::Two(|_, _, _| Ok(SUCCESS)),
        "args_sizes_get" | "environ_sizes_get" => Function::Two(nothing),
        "clock_time_get" => Function::Clock(clock),
        "fd_fdstat_get" => Function::Two(stat),
        "fd_prestat_get" => Function::Two(|_, _, _| Ok(BAD_FILE)),
        "fd_read" => Function::Four(read),
        "fd_write" => Function::Four(write),
        "poll_oneoff" => Function::Four(poll),
        "proc_exit" => Function::Exit(|code| anyhow!("the guest exited with {code}")),
        "random_get" => Function::Two(random),
        _ => return None,
    })
}

/// Reports no arguments and no environment.
fn nothing(guest: &mut Guest<'_>, count: u32, size: u32) -> Result<i32> {
    guest.write_number(count, 0)?;
    guest.write_number(size, 0)?;
    Ok(SUCCESS)
}

fn clock(guest: &mut Guest<'_>, _clock: u32, _precision: u64, at: u32) -> Result<i32> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?;
    let nanoseconds = u64::try_from(now.as_nanos())?;
    guest.memory.write(at, &nanoseconds.to_le_bytes())?;
    Ok(SUCCESS)
}

/// Reports the three streams as character devices with all rights.
fn stat(guest: &mut Guest<'_>, descriptor: u32, at: u32) -> Result<i32> {
    if descriptor > 2 {
        return Ok(BAD_FILE);
    }
    let mut stat = [0; 24];
    stat[0] = 2;
    stat[8..16].copy_from_slice(&u64::MAX.to_le_bytes());
    guest.memory.write(at, &stat)?;
    Ok(SUCCESS)
}

fn read(guest: &mut Guest<'_>, descriptor: u32, vectors: u32, count: u32, at: u32) -> Result<i32> {
    if descriptor != 0 {
        return Ok(BAD_FILE);
    }
    let mut total = 0;
    for index in 0..count {
        let (address, length) = vector(guest, vectors, index)?;
        let rest = &guest.exchange.input[guest.exchange.read..];
        let part = &rest[..rest.len().min(length as usize)];
        guest.memory.write(address, part)?;
        guest.exchange.read += part.len();
        total += u32::try_from(part.len())?;
    }
    guest.write_number(at, total)?;
    Ok(SUCCESS)
}

fn write(guest: &mut Guest<'_>, descriptor: u32, vectors: u32, count: u32, at: u32) -> Result<i32> {
    let mut total = 0;
    for index in 0..count {
        let (address, length) = vector(guest, vectors, index)?;
        let bytes = guest.bytes(address, length)?;
        match descriptor {
            1 => guest.exchange.output.extend_from_slice(&bytes),
            2 => log(&mut guest.exchange.log, &bytes),
            _ => return Ok(BAD_FILE),
        }
        total += length;
    }
    guest.write_number(at, total)?;
    Ok(SUCCESS)
}

fn log(log: &mut Vec<u8>, bytes: &[u8]) {
    let room = MAX_LOG.saturating_sub(log.len());
    log.extend_from_slice(&bytes[..bytes.len().min(room)]);
}

/// Reads address and length of a vector of a scatter or gather list.
fn vector(guest: &Guest<'_>, vectors: u32, index: u32) -> Result<(u32, u32)> {
    let at = vectors.wrapping_add(index.wrapping_mul(8));
    Ok((guest.number(at)?, guest.number(at.wrapping_add(4))?))
}

/// Reports all events as occurred: streams are ready, and no guest of the study sleeps.
fn poll(
    guest: &mut Guest<'_>,
    subscriptions: u32,
    events: u32,
    count: u32,
    at: u32,
) -> Result<i32> {
    for index in 0..count {
        let subscription = guest.bytes(subscriptions.wrapping_add(index.wrapping_mul(48)), 9)?;
        let mut event = [0; EVENT];
        event[..8].copy_from_slice(&subscription[..8]);
        event[10] = subscription[8];
        guest.memory.write(
            events.wrapping_add(index.wrapping_mul(EVENT as u32)),
            &event,
        )?;
    }
    guest.write_number(at, count)?;
    Ok(SUCCESS)
}

/// Returns the same numbers each time, so that calls do the same work: guests seed their hash tables
/// with them.
fn random(guest: &mut Guest<'_>, at: u32, length: u32) -> Result<i32> {
    let bytes: Vec<u8> = (0..length)
        .map(|index| (index as u8).wrapping_mul(167).wrapping_add(13))
        .collect();
    guest.memory.write(at, &bytes)?;
    Ok(SUCCESS)
}
