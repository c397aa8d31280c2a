//! Reasons for which the host ends a call before the module returns.

/// A reason for which a host function ends the call. It unwinds the module's frames as the error
/// of a trap.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Stop {
    #[error("the deadline has passed")]
    Deadline,
    #[error("the module exited with code {0}")]
    Exit(i32),
    #[error("the module exceeded its output limit")]
    OutputTooLarge,
    #[error("the module exceeded its limits of host calls")]
    HostCalls,
    #[error("the module reported: {0}")]
    Reported(String),
    #[error("the module violated its calling convention: {0}")]
    Convention(&'static str),
    #[error("the module passed the host a pointer outside its memory")]
    OutOfBounds,
    #[error("the module does not export a memory named `memory`")]
    NoMemory,
}

/// An error for a pointer, or a pointer with a length, that leaves the module's memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct OutOfBounds;

impl From<OutOfBounds> for Stop {
    fn from(_: OutOfBounds) -> Self {
        Self::OutOfBounds
    }
}
