//! Arguments, environment, clocks and random bytes.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::guest::{Guest, element, offset};
use crate::wasi::errno::{Errno, Refusal};

/// The only argument of a module that is no program.
const PROGRAM: &str = "module";

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

/// The arguments of a program, each with a NUL at its end, as WASI hands them over.
pub(crate) struct Arguments(Vec<Vec<u8>>);

impl Arguments {
    pub(crate) fn new(arguments: &[&str]) -> Self {
        let with_nul = |argument: &&str| [argument.as_bytes(), b"\0"].concat();
        Self(arguments.iter().map(with_nul).collect())
    }
}

impl Default for Arguments {
    fn default() -> Self {
        Self::new(&[PROGRAM])
    }
}

pub(crate) fn args_get(guest: &mut Guest<'_>, argv: u32, text: u32) -> Result<(), Refusal> {
    let mut at = text;
    for (index, argument) in (0u32..).zip(&guest.state.wasi.arguments.0) {
        guest.memory.write_u32(element(argv, index, 4)?, at)?;
        guest.memory.write(at, argument)?;
        at = offset(at, length(argument.len())?)?;
    }
    Ok(())
}

pub(crate) fn args_sizes_get(guest: &mut Guest<'_>, count: u32, len: u32) -> Result<(), Refusal> {
    let arguments = &guest.state.wasi.arguments.0;
    let bytes = arguments.iter().map(Vec::len).sum();
    guest.memory.write_u32(count, length(arguments.len())?)?;
    Ok(guest.memory.write_u32(len, length(bytes)?)?)
}

fn length(len: usize) -> Result<u32, Errno> {
    u32::try_from(len).map_err(|_| Errno::Inval)
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
