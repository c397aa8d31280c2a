//! Blocking on the calls of policies while they are loaded.

use std::io;
use std::sync::OnceLock;

use tokio::runtime::{Handle, Runtime};

/// The reason why there is no runtime for calls while policies are loaded.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{0}")]
pub struct NoRuntime(String);

/// Blocks until calls of policies return.
///
/// Works inside and outside of a runtime, because it has its own. That runtime is never shut down:
/// connections that a policy opens while it is loaded are reused later.
///
/// # Errors
/// Fails if the runtime cannot be started, or the calls panic.
pub fn block_on<T: Send>(calls: impl Future<Output = T> + Send) -> Result<T, NoRuntime> {
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
    // Stays on this thread if possible, so that log lines of the policy go to its subscriber.
    if Handle::try_current().is_err() {
        return Ok(runtime.block_on(calls));
    }
    std::thread::scope(|scope| scope.spawn(|| runtime.block_on(calls)).join())
        .map_err(|_| NoRuntime("the call panicked".to_owned()))
}
