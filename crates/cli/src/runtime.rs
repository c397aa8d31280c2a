//! The asynchronous runtime of commands other than `serve`.

use std::time::{Duration, Instant};

use anyhow::Context;
use tokio::runtime::{Builder, Runtime};

use crate::outcome::{CommandError, Exit, ResultExt};

/// Creates a runtime on the current thread.
pub(crate) fn current_thread() -> Result<Runtime, CommandError> {
    Builder::new_current_thread()
        .enable_all()
        .build()
        .context("failed to start the runtime")
        .with_exit(Exit::Failure)
}

/// Returns the instant at which a timeout that starts now ends. A timeout too long for the clock
/// has expired already.
pub(crate) fn deadline(timeout: Duration) -> Instant {
    let now = Instant::now();
    now.checked_add(timeout).unwrap_or(now)
}
