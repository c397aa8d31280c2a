//! The error numbers of WASI preview 1 that we answer.

use crate::guest::OutOfBounds;
use crate::state::Stop;

/// An error number, as `wasi_snapshot_preview1` counts them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u16)]
pub(crate) enum Errno {
    Success = 0,
    Badf = 8,
    Fault = 21,
    Inval = 28,
    Io = 29,
    Nosys = 52,
    Notdir = 54,
    Notsock = 57,
    Notsup = 58,
    Spipe = 70,
    Notcapable = 76,
}

impl Errno {
    /// The number as functions answer it.
    pub(crate) fn number(self) -> u32 {
        u32::from(self as u16)
    }
}

/// Why a host function does not do what it was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// The module is told and goes on.
    Errno(Errno),
    /// The call ends.
    Stop(Stop),
}

impl From<Errno> for Refusal {
    fn from(errno: Errno) -> Self {
        Self::Errno(errno)
    }
}

impl From<Stop> for Refusal {
    fn from(stop: Stop) -> Self {
        Self::Stop(stop)
    }
}

impl From<OutOfBounds> for Errno {
    fn from(_: OutOfBounds) -> Self {
        Self::Fault
    }
}

impl From<OutOfBounds> for Refusal {
    fn from(error: OutOfBounds) -> Self {
        Self::Errno(error.into())
    }
}
