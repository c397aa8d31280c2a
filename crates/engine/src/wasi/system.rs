//! Arguments, environment, clocks and random bytes.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::guest::Guest;
use crate::wasi::errno::{Errno, Refusal};

/// The only argument: the name of the program.
const PROGRAM: &[u8] = b"module\0";

/// The most random bytes in one call. Filling them cannot be interrupted; this many take a fraction
/// of a millisecond.
const RANDOM_MAX: u32 = 64 << 10;

/// What the monotonic clock shows when a call begins. Some runtimes (Go's) take zero for a broken
/// clock.
const MONOTONIC_BEGIN: Duration = Duration::from_secs(1);

/// Both clocks count nanoseconds.
const RESOLUTION: u64 = 1;

/// A clock that modules may read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Clock {
    /// Time since 1970.
    Realtime,
    /// Time that never goes back; says nothing about the machine.
    Monotonic,
}

impl Clock {
    /// The clock of this number. Those of CPU time are not offered.
    pub(crate) fn from_number(number: u32) -> Result<Self, Errno> {
        match number {
            0 => Ok(Self::Realtime),
            1 => Ok(Self::Monotonic),
            _ => Err(Errno::Inval),
        }
    }
}

/// The clocks as one call sees them.
pub(crate) struct Clocks {
    began: Instant,
}

impl Clocks {
    pub(crate) fn start() -> Self {
        Self {
            began: Instant::now(),
        }
    }

    /// What the clock shows.
    pub(crate) fn now(&self, clock: Clock) -> Duration {
        match clock {
            // A machine whose clock is before 1970 gets 1970.
            Clock::Realtime => SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .unwrap_or_default(),
            Clock::Monotonic => self.began.elapsed().saturating_add(MONOTONIC_BEGIN),
        }
    }
}

pub(crate) fn args_get(guest: &mut Guest<'_>, argv: u32, text: u32) -> Result<(), Refusal> {
    guest.memory.write_u32(argv, text)?;
    Ok(guest.memory.write(text, PROGRAM)?)
}

pub(crate) fn args_sizes_get(guest: &mut Guest<'_>, count: u32, len: u32) -> Result<(), Refusal> {
    guest.memory.write_u32(count, 1)?;
    Ok(guest
        .memory
        .write_u32(len, u32::try_from(PROGRAM.len()).map_err(|_| Errno::Inval)?)?)
}

/// There is nothing to write.
pub(crate) fn environ_get(_: &mut Guest<'_>, _environ: u32, _text: u32) -> Result<(), Refusal> {
    Ok(())
}

pub(crate) fn environ_sizes_get(
    guest: &mut Guest<'_>,
    count: u32,
    len: u32,
) -> Result<(), Refusal> {
    guest.memory.write_u32(count, 0)?;
    Ok(guest.memory.write_u32(len, 0)?)
}

pub(crate) fn clock_res_get(guest: &mut Guest<'_>, clock: u32, out: u32) -> Result<(), Refusal> {
    Clock::from_number(clock)?;
    Ok(guest.memory.write_u64(out, RESOLUTION)?)
}

pub(crate) fn clock_time_get(
    guest: &mut Guest<'_>,
    clock: u32,
    _precision: u64,
    out: u32,
) -> Result<(), Refusal> {
    let now = guest.state.wasi.clocks.now(Clock::from_number(clock)?);
    Ok(guest
        .memory
        .write_u64(out, u64::try_from(now.as_nanos()).unwrap_or(u64::MAX))?)
}

pub(crate) fn random_get(guest: &mut Guest<'_>, pointer: u32, len: u32) -> Result<(), Refusal> {
    if len > RANDOM_MAX {
        return Err(Errno::Inval.into());
    }
    getrandom::fill(guest.memory.slice_mut(pointer, len)?).map_err(|_| Errno::Io.into())
}
