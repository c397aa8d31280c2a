//! Helpers of the fuzz targets.

pub mod interpreter;
pub mod json;
pub mod registry;
pub mod responder;

use tokio::runtime::{Builder, Runtime};

/// Creates a runtime on the thread of the fuzzer. With one thread, executions are deterministic.
///
/// # Panics
///
/// Panics if the operating system provides no event queue.
pub fn runtime() -> Runtime {
    Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("the operating system provides an event queue")
}

/// Creates an engine for one call at a time.
///
/// # Panics
///
/// Panics if the address space of the instance pool is not available.
pub fn engine() -> engine::Engine {
    let options = engine::Options {
        max_concurrent_calls: std::num::NonZeroU32::new(2).expect("2 is not zero"),
        max_memory: engine::ByteSize::mib(2),
        ..engine::Options::default()
    };
    engine::Engine::new(options).expect("the address space is available")
}
