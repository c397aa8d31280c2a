//! Errors of calls. Each failure is a variant, so that callers need not parse messages.

use std::fmt;

use crate::core::backtrace::Backtrace;
use crate::core::byte_size::ByteSize;
use crate::core::limits::{Budget, Limits};
use crate::core::permits::NoPermit;
use crate::core::stop::Stop;
use crate::core::usage::Stats;

/// A failed call, with the module's log up to the failure.
#[derive(Debug, thiserror::Error)]
#[error("the call failed")]
pub struct CallFailure {
    /// The cause.
    #[source]
    pub error: CallError,
    /// The module's log: its output on stderr.
    pub stderr: Vec<u8>,
    /// Statistics of the call.
    pub stats: Stats,
}

/// The cause of a failed call. Exhaustive, so that callers handle each cause.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// The deadline passed.
    #[error("{0}")]
    Deadline(Phase),
    /// The module needed more memory than [`Limits::memory`].
    #[error("the module exceeded its memory limit of {limit}")]
    Memory {
        /// The limit.
        limit: ByteSize,
        /// The end of the module after it did not get the memory; `None` if there was not even
        /// enough for an instance.
        #[source]
        ended: Option<Box<CallError>>,
    },
    /// The module needed larger tables than [`Limits::table_elements`].
    #[error("the module exceeded its limit of {limit} table elements")]
    Table {
        /// The limit, in elements.
        limit: u32,
        /// The end of the module after it did not get the elements; `None` if there were not even
        /// enough for an instance.
        #[source]
        ended: Option<Box<CallError>>,
    },
    /// The module trapped.
    #[error("the module trapped: {0}")]
    Trap(Trap),
    /// The module exited with a code other than 0.
    #[error("the module exited with code {0}")]
    Exit(i32),
    /// The input is larger than [`Limits::stdin`]; the module was not called.
    #[error("the request exceeds the input limit of {limit}")]
    InputTooLarge {
        /// The limit.
        limit: ByteSize,
    },
    /// The output is larger than [`Limits::stdout`].
    #[error("the module exceeded its output limit of {limit}")]
    OutputTooLarge {
        /// The limit.
        limit: ByteSize,
    },
    /// The module exceeded [`Limits::host_calls`] or [`Limits::host_replies`].
    #[error("the module exceeded its limits of {calls} host calls and {replies} of replies")]
    HostCalls {
        /// Maximum number of host calls.
        calls: u32,
        /// Maximum size of all replies together.
        replies: ByteSize,
    },
    /// The module reported an error.
    #[error("the module reported: {0}")]
    Reported(String),
    /// The module violated its calling convention.
    #[error("the module violated its calling convention: {0}")]
    Convention(&'static str),
    /// The module passed the host a pointer that leaves its memory.
    #[error("the module passed the host a pointer outside its memory")]
    Pointer,
    /// All permits were in use and the queue was full; the module was not called. See
    /// [`Options::max_concurrent_calls`](crate::Options::max_concurrent_calls) and
    /// [`Options::max_queued_calls`](crate::Options::max_queued_calls).
    #[error("too many calls are already queued")]
    Overloaded,
    /// The engine failed, not the module: for example, there was no memory for the instance.
    #[error("the module could not be run")]
    Internal(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl From<NoPermit> for CallError {
    fn from(no_permit: NoPermit) -> Self {
        match no_permit {
            NoPermit::Overloaded => Self::Overloaded,
            NoPermit::Deadline => Self::Deadline(Phase::Queued),
        }
    }
}

/// The state of a call when its deadline passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Phase {
    /// The call was queued; the module was not called.
    #[error("the deadline passed while the call was queued")]
    Queued,
    /// The module was running.
    #[error("the module did not finish before its deadline")]
    Running,
}

/// A trap of a module.
#[derive(Debug, Clone)]
pub struct Trap {
    /// Description of the trap by Wasmtime.
    pub message: String,
    /// Functions that were active, innermost first.
    pub backtrace: Backtrace,
}

impl fmt::Display for Trap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl CallError {
    /// Returns the error of a call that ended early; `None` if the module exited with code 0, which
    /// is equivalent to returning.
    pub(crate) fn from_early_end(
        error: wasmtime::Error,
        budget: &Budget,
        limits: &Limits,
    ) -> Option<Self> {
        let ended = match error.downcast_ref::<Stop>() {
            Some(Stop::Exit(0)) => return None,
            Some(Stop::Deadline) => return Some(Self::Deadline(Phase::Running)),
            Some(Stop::OutputTooLarge) => {
                return Some(Self::OutputTooLarge {
                    limit: limits.stdout,
                });
            }
            Some(Stop::HostCalls) => return Some(Self::host_calls(limits)),
            Some(Stop::Exit(code)) => Some(Self::Exit(*code)),
            Some(Stop::Reported(text)) => Some(Self::Reported(text.clone())),
            Some(Stop::Convention(text)) => Some(Self::Convention(text)),
            Some(Stop::OutOfBounds) => Some(Self::Pointer),
            Some(Stop::NoMemory) | None => trap(&error).map(Self::Trap),
        };
        if budget.memory.exceeded {
            return Some(Self::Memory {
                limit: ByteSize::from_len(budget.memory.limit),
                ended: ended.map(Box::new),
            });
        }
        if budget.tables.exceeded {
            return Some(Self::Table {
                limit: u32::try_from(budget.tables.limit).unwrap_or(u32::MAX),
                ended: ended.map(Box::new),
            });
        }
        Some(ended.unwrap_or_else(|| Self::Internal(error.into())))
    }

    /// Returns the error for more host calls or larger replies than `limits` allow.
    pub(crate) fn host_calls(limits: &Limits) -> Self {
        Self::HostCalls {
            calls: limits.host_calls,
            replies: limits.host_replies,
        }
    }
}

fn trap(error: &wasmtime::Error) -> Option<Trap> {
    let trap = error.downcast_ref::<wasmtime::Trap>()?;
    let backtrace = error
        .downcast_ref::<wasmtime::WasmBacktrace>()
        .map(Backtrace::from)
        .unwrap_or_default();
    Some(Trap {
        message: trap.to_string(),
        backtrace,
    })
}
