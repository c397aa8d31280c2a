//! What the fuzz targets share.

pub mod answerer;
pub mod interpreter;
pub mod json;
pub mod registry;

use tokio::runtime::{Builder, Runtime};

/// A runtime on the thread of the fuzzer: one thread, so that an input does the same each time.
///
/// # Panics
/// When the operating system refuses one.
pub fn runtime() -> Runtime {
    Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime")
}

/// An engine for one call at a time.
///
/// # Panics
/// When the operating system refuses the address space.
pub fn engine() -> engine::Engine {
    let options = engine::Options {
        concurrent_calls: std::num::NonZeroU32::new(2).expect("not zero"),
        memory_max: engine::ByteSize::mib(2),
        ..engine::Options::default()
    };
    engine::Engine::new(options).expect("an engine")
}
