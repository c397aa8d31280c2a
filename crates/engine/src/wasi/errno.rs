//! Error numbers of WASI preview 1.

use crate::core::stop::{OutOfBounds, Stop};

/// An error number of `wasi_snapshot_preview1`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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
    /// Returns the number as functions return it.
    pub(crate) fn number(self) -> u32 {
        u32::from(self as u16)
    }
}

/// An error of a host function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum WasiError {
    /// The function returns an error number to the module.
    Errno(Errno),
    /// The call ends.
    Stop(Stop),
}

impl From<Errno> for WasiError {
    fn from(errno: Errno) -> Self {
        Self::Errno(errno)
    }
}

impl From<Stop> for WasiError {
    fn from(stop: Stop) -> Self {
        Self::Stop(stop)
    }
}

impl From<OutOfBounds> for Errno {
    fn from(_: OutOfBounds) -> Self {
        Self::Fault
    }
}

impl From<OutOfBounds> for WasiError {
    fn from(error: OutOfBounds) -> Self {
        Self::Errno(error.into())
    }
}
