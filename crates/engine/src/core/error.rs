//! Why a call failed, as variants: nobody has to read texts to decide.

use std::fmt;
use std::time::Duration;

use thiserror::Error;

use crate::ByteSize;
use crate::call::Stats;
use crate::call::backtrace::Backtrace;
use crate::limits::{Budget, Limits};
use crate::slots::NoSlot;
use crate::state::Stop;

/// A call failed. What the module logged until then, and what the call took, is part of it.
#[derive(Debug, Error)]
#[error("the call failed")]
pub struct CallFailed {
    /// Why.
    #[source]
    pub error: CallError,
    /// What the module wrote to stderr.
    pub stderr: Vec<u8>,
    /// What the call took.
    pub stats: Stats,
}

impl CallFailed {
    /// A call that failed before there was an instance.
    pub(super) fn before_start(error: CallError, waited: Duration) -> Self {
        Self {
            error,
            stderr: Vec::new(),
            stats: Stats {
                waited,
                ..Stats::default()
            },
        }
    }
}

/// Why a call failed. Exhaustive, so that callers decide about each.
#[derive(Debug, Error)]
pub enum CallError {
    /// The deadline came first.
    #[error("{0}")]
    Deadline(Phase),
    /// The module wanted more memory than [`Limits::memory`], and failed without it.
    #[error("the module needs more than the {limit} of memory that it may use")]
    Memory {
        /// What it may use.
        limit: ByteSize,
        /// How the module ended when it did not get it; none when the instance could not even
        /// begin.
        #[source]
        ended: Option<Box<CallError>>,
    },
    /// The module wanted larger tables than [`Limits::table_elements`], and failed without them.
    #[error("the module needs more than the {limit} table elements that it may use")]
    Table {
        /// What it may use.
        limit: u32,
        /// How the module ended when it did not get them; none when the instance could not even
        /// begin.
        #[source]
        ended: Option<Box<CallError>>,
    },
    /// The module crashed.
    #[error("the module trapped: {0}")]
    Trap(Trap),
    /// The module ended itself with an exit code other than 0.
    #[error("the module exited with code {0}")]
    Exit(i32),
    /// There is more to read than [`Limits::stdin`]; the module was not called.
    #[error("the request is larger than the {limit} that the module may be given")]
    StdinTooLarge {
        /// What may be given.
        limit: ByteSize,
    },
    /// The module wrote more than [`Limits::stdout`].
    #[error("the module answered more than the {limit} that it may write")]
    OutputTooLarge {
        /// What it may write.
        limit: ByteSize,
    },
    /// The module asked its host more often, or for more, than [`Limits::host_calls`] and
    /// [`Limits::host_replies`] allow.
    #[error(
        "the module asked its host for more than the {calls} calls and {replies} of replies that it may"
    )]
    HostCalls {
        /// How often it may ask.
        calls: u32,
        /// How long all replies together may be.
        replies: ByteSize,
    },
    /// The module itself says that it failed.
    #[error("the module reported: {0}")]
    Reported(String),
    /// The module does not keep to the convention by which it is called.
    #[error("the module broke its protocol: {0}")]
    Protocol(&'static str),
    /// The module gave its host a pointer that leaves its memory.
    #[error("the module gave its host a pointer outside of its memory")]
    Pointer,
    /// [`Options::concurrent_calls`](crate::Options::concurrent_calls) were running and
    /// [`Options::waiting_calls`](crate::Options::waiting_calls) waiting; the module was not
    /// called.
    #[error("too many calls are waiting already")]
    Busy,
    /// The host failed, not the module: no memory for the instance, for example.
    #[error("the module could not be run")]
    Host(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl From<NoSlot> for CallError {
    fn from(no_slot: NoSlot) -> Self {
        match no_slot {
            NoSlot::Busy => Self::Busy,
            NoSlot::Deadline => Self::Deadline(Phase::Waiting),
        }
    }
}

/// What a call was doing when its deadline came.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum Phase {
    /// It waited for its turn; the module was not called.
    #[error("the deadline passed while the call waited for its turn")]
    Waiting,
    /// The module was running.
    #[error("the module did not answer before its deadline")]
    Running,
}

/// A crash of a module.
#[derive(Clone, Debug)]
pub struct Trap {
    /// What went wrong, in the words of the engine.
    pub message: String,
    /// Where it went wrong, the innermost function first.
    pub backtrace: Backtrace,
}

impl fmt::Display for Trap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

/// Why a module ended early; `None` when it ended itself with code 0, which is as good as
/// returning.
pub(super) fn explain(
    error: wasmtime::Error,
    budget: &Budget,
    limits: &Limits,
) -> Option<CallError> {
    let ended = match error.downcast_ref::<Stop>() {
        Some(Stop::Exit(0)) => return None,
        Some(Stop::Deadline) => return Some(CallError::Deadline(Phase::Running)),
        Some(Stop::OutputTooLarge) => {
            return Some(CallError::OutputTooLarge {
                limit: limits.stdout,
            });
        }
        Some(Stop::HostCalls) => {
            return Some(CallError::HostCalls {
                calls: limits.host_calls,
                replies: limits.host_replies,
            });
        }
        Some(Stop::Exit(code)) => Some(CallError::Exit(*code)),
        Some(Stop::Reported(text)) => Some(CallError::Reported(text.clone())),
        Some(Stop::Protocol(text)) => Some(CallError::Protocol(text)),
        Some(Stop::OutOfBounds) => Some(CallError::Pointer),
        Some(Stop::NoMemory) | None => trap(&error).map(CallError::Trap),
    };
    if budget.memory.refused {
        let limit = ByteSize::of_len(budget.memory.limit);
        return Some(CallError::Memory {
            limit,
            ended: ended.map(Box::new),
        });
    }
    if budget.tables.refused {
        let limit = u32::try_from(budget.tables.limit).unwrap_or(u32::MAX);
        return Some(CallError::Table {
            limit,
            ended: ended.map(Box::new),
        });
    }
    Some(ended.unwrap_or_else(|| CallError::Host(error.into())))
}

fn trap(error: &wasmtime::Error) -> Option<Trap> {
    let trap = error.downcast_ref::<wasmtime::Trap>()?;
    let backtrace = error
        .downcast_ref::<wasmtime::WasmBacktrace>()
        .map(Backtrace::of)
        .unwrap_or_default();
    Some(Trap {
        message: trap.to_string(),
        backtrace,
    })
}
