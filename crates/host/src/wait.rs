//! How loading, which blocks, waits for calls of policies.

use std::io;
use std::sync::OnceLock;

use tokio::runtime::{Handle, Runtime};

/// There is no thread to ask a policy on while it is loaded.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{0}")]
pub struct NoRuntime(String);

/// Waits for calls. Loading blocks, in or outside of a runtime, so it has one of its own; that lives on, because connections that
/// a policy made while it was loaded are used again later.
///
/// # Errors
/// If the runtime cannot be started, or the call panics.
pub fn wait_for<T: Send>(calls: impl Future<Output = T> + Send) -> Result<T, NoRuntime> {
    static RUNTIME: OnceLock<io::Result<Runtime>> = OnceLock::new();
    let runtime = RUNTIME.get_or_init(|| {
        tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("loading")
            .enable_all()
            .build()
    });
    let runtime = runtime
        .as_ref()
        .map_err(|error| NoRuntime(error.to_string()))?;
    // On this thread where that is possible, so that what the policy logs goes where everything of this thread does.
    if Handle::try_current().is_err() {
        return Ok(runtime.block_on(calls));
    }
    std::thread::scope(|scope| scope.spawn(|| runtime.block_on(calls)).join())
        .map_err(|_| NoRuntime("it panicked".to_owned()))
}
