//! Arguments, environment, clocks and random bytes.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::core::memory::{GuestMemory, element, offset};
use crate::wasi::errno::{Errno, WasiError};

/// The only argument, unless the arguments of a program are set.
const PROGRAM: &str = "module";

/// Maximum number of random bytes in one call. Filling them cannot be interrupted; this number
/// takes a fraction of a millisecond.
const MAX_RANDOM: u32 = 64 << 10;

/// Value of the monotonic clock at the start of a call. Some runtimes (Go's) take zero for a broken
/// clock.
const MONOTONIC_START: Duration = Duration::from_secs(1);

/// Resolution of both clocks, in nanoseconds.
const RESOLUTION: u64 = 1;

/// A clock that modules can read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Clock {
    /// Time since 1970.
    Realtime,
    /// Time since the start of the call, which reveals nothing about the machine.
    Monotonic,
}

impl Clock {
    /// Returns the clock with this number. Clocks of CPU time are not supported.
    pub(crate) fn from_number(number: u32) -> Result<Self, Errno> {
        match number {
            0 => Ok(Self::Realtime),
            1 => Ok(Self::Monotonic),
            _ => Err(Errno::Inval),
        }
    }
}

/// The clocks of one call.
pub(crate) struct Clocks {
    start: Instant,
}

impl Clocks {
    pub(crate) fn start() -> Self {
        Self {
            start: Instant::now(),
        }
    }

    /// Returns the time of a clock.
    pub(crate) fn now(&self, clock: Clock) -> Duration {
        match clock {
            // Clamps times before 1970.
            Clock::Realtime => SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .unwrap_or_default(),
            Clock::Monotonic => self.start.elapsed().saturating_add(MONOTONIC_START),
        }
    }

    pub(super) fn clock_res_get(
        &self,
        memory: &mut GuestMemory<'_>,
        clock: u32,
        out: u32,
    ) -> Result<(), WasiError> {
        Clock::from_number(clock)?;
        Ok(memory.write_u64(out, RESOLUTION)?)
    }

    pub(super) fn clock_time_get(
        &self,
        memory: &mut GuestMemory<'_>,
        clock: u32,
        _precision: u64,
        out: u32,
    ) -> Result<(), WasiError> {
        let now = self.now(Clock::from_number(clock)?);
        let nanos = u64::try_from(now.as_nanos()).unwrap_or(u64::MAX);
        Ok(memory.write_u64(out, nanos)?)
    }
}

/// The arguments of a program. It has no environment variables.
pub(crate) struct Environment {
    /// Arguments with a NUL at the end of each, as WASI requires.
    arguments: Vec<Vec<u8>>,
}

impl Environment {
    pub(crate) fn new(arguments: &[&str]) -> Self {
        let with_nul = |argument: &&str| [argument.as_bytes(), b"\0"].concat();
        Self {
            arguments: arguments.iter().map(with_nul).collect(),
        }
    }

    pub(super) fn args_get(
        &self,
        memory: &mut GuestMemory<'_>,
        argv: u32,
        text: u32,
    ) -> Result<(), WasiError> {
        let mut at = text;
        for (index, argument) in (0u32..).zip(&self.arguments) {
            memory.write_u32(element(argv, index, 4)?, at)?;
            memory.write(at, argument)?;
            at = offset(at, length(argument.len())?)?;
        }
        Ok(())
    }

    pub(super) fn args_sizes_get(
        &self,
        memory: &mut GuestMemory<'_>,
        count: u32,
        len: u32,
    ) -> Result<(), WasiError> {
        let bytes = self.arguments.iter().map(Vec::len).sum();
        memory.write_u32(count, length(self.arguments.len())?)?;
        Ok(memory.write_u32(len, length(bytes)?)?)
    }

    /// Writes nothing: there are no variables.
    pub(super) fn environ_get(
        &self,
        _memory: &mut GuestMemory<'_>,
        _environ: u32,
        _text: u32,
    ) -> Result<(), WasiError> {
        Ok(())
    }

    pub(super) fn environ_sizes_get(
        &self,
        memory: &mut GuestMemory<'_>,
        count: u32,
        len: u32,
    ) -> Result<(), WasiError> {
        memory.write_u32(count, 0)?;
        Ok(memory.write_u32(len, 0)?)
    }
}

impl Default for Environment {
    fn default() -> Self {
        Self::new(&[PROGRAM])
    }
}

pub(super) fn random_get(
    memory: &mut GuestMemory<'_>,
    pointer: u32,
    len: u32,
) -> Result<(), WasiError> {
    if len > MAX_RANDOM {
        return Err(Errno::Inval.into());
    }
    getrandom::fill(memory.slice_mut(pointer, len)?).map_err(|_| Errno::Io.into())
}

fn length(len: usize) -> Result<u32, Errno> {
    u32::try_from(len).map_err(|_| Errno::Inval)
}
