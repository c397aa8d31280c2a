//! Configuration of Wasmtime: the accepted WebAssembly proposals, and the pool of instances.

use std::num::NonZeroUsize;

use wasmtime::{
    Config, Enabled, InstanceAllocationStrategy, PoolingAllocationConfig, WasmBacktraceDetails,
};

use crate::core::byte_size::ByteSize;
use crate::core::limits::MAX_TABLE_ELEMENTS;
use crate::core::options::{NewError, Options};

/// Maximum number of tables of one module. C, Go and Rust programs have one; bindings for
/// JavaScript add one.
const MAX_TABLES: u32 = 4;

/// Size of the engine's own data for one instance, without memory and tables. It grows with the
/// number of functions; this is enough for tables of [`MAX_TABLE_ELEMENTS`] different functions.
const INSTANCE_SIZE: usize = 8 << 20;

/// Size of the part of a memory or table that is cleared in place after a call instead of being
/// returned to the operating system. Below this size, a call causes no page faults. Each instance
/// of the pool that was used holds this much memory.
///
/// Measured with a call of a small Rust program (17 µs) and of a Go program (370 µs): with 256 KiB
/// the second takes three times as long, with 8 MiB neither gets faster. Without `pagemap_scan`
/// they take 37 and 800 µs at best.
const KEEP_RESIDENT: usize = 2 << 20;

/// Size of the native stack for a module's own frames. Deeper recursion traps.
const WASM_STACK: usize = 512 << 10;

/// Size of the native stack of a call: the module's frames and those of the host functions that it
/// calls.
const CALL_STACK: usize = 2 << 20;

/// Maximum number of frames in a backtrace.
const MAX_BACKTRACE_FRAMES: Option<NonZeroUsize> = NonZeroUsize::new(20);

/// Creates the Wasmtime engine for `options`.
pub(crate) fn wasmtime_engine(options: &Options) -> Result<wasmtime::Engine, NewError> {
    let config = config(options)?;
    wasmtime::Engine::new(&config).map_err(|error| NewError::Reserve(error.into()))
}

fn config(options: &Options) -> Result<Config, NewError> {
    let mut config = Config::new();
    set_proposals(&mut config);
    config
        .epoch_interruption(true)
        .max_wasm_stack(WASM_STACK)
        .async_stack_size(CALL_STACK)
        // A module cannot read its native stack, so data of earlier calls may stay there.
        .async_stack_zeroing(false)
        .parallel_compilation(true)
        // Function names come from the name section. Debug information is not read: it is large,
        // and as untrusted as the rest of the module.
        .wasm_backtrace_max_frames(MAX_BACKTRACE_FRAMES)
        .wasm_backtrace_details(WasmBacktraceDetails::Disable)
        .memory_init_cow(true)
        .allocation_strategy(InstanceAllocationStrategy::Pooling(pool(options)?));
    Ok(config)
}

/// Disables the proposals that compilers for WASI preview 1 do not use: most security fixes in
/// runtimes concern the newest proposals.
///
/// The others stay enabled: bulk memory, multiple values, reference types, SIMD, sign extension,
/// saturating conversions, mutable globals, extended constants, tail calls.
fn set_proposals(config: &mut Config) {
    config
        .gc_support(false)
        .wasm_gc(false)
        .wasm_function_references(false)
        .wasm_exceptions(false)
        .wasm_threads(false)
        .wasm_memory64(false)
        .wasm_multi_memory(false)
        .wasm_relaxed_simd(false);
}

/// Configures a pool with an instance, its memory, its tables and its stacks for each concurrent
/// call.
fn pool(options: &Options) -> Result<PoolingAllocationConfig, NewError> {
    let error = NewError::MaxMemory(options.max_memory);
    if options.max_memory < ByteSize::kib(64) || options.max_memory > ByteSize::gib(4) {
        return Err(error);
    }
    let calls = options.max_concurrent_calls.get();
    let mut pool = PoolingAllocationConfig::new();
    pool.total_core_instances(calls)
        .total_memories(calls)
        // A host function that calls functions of the module runs them on a second stack.
        .total_stacks(calls.saturating_mul(2))
        .total_tables(calls.saturating_mul(MAX_TABLES))
        .total_gc_heaps(0)
        .max_core_instance_size(INSTANCE_SIZE)
        .max_memories_per_module(1)
        .max_tables_per_module(MAX_TABLES)
        .max_memory_size(options.max_memory.as_len())
        .table_elements(usize::try_from(MAX_TABLE_ELEMENTS).map_err(|_| error)?)
        .max_unused_warm_slots(calls)
        .linear_memory_keep_resident(KEEP_RESIDENT)
        .table_keep_resident(KEEP_RESIDENT)
        // Clears only the pages that a call has written, if the kernel supports it (Linux 6.7).
        .pagemap_scan(Enabled::Auto);
    Ok(pool)
}
