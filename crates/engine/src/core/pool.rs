//! How wasmtime is set up: which WebAssembly it accepts and how instances get their memory.

use std::num::NonZeroUsize;

use wasmtime::{
    Config, Enabled, InstanceAllocationStrategy, PoolingAllocationConfig, WasmBacktraceDetails,
};

use super::{NewError, Options};
use crate::ByteSize;
use crate::limits::TABLE_ELEMENTS_MAX;

/// The tables that one module may have. C, Go and Rust programs have one; bindings for JavaScript
/// add one.
pub(crate) const TABLES_MAX: u32 = 4;

/// What the engine keeps for one instance besides memory and tables. It grows with the functions of a
/// program; enough for tables of [`TABLE_ELEMENTS_MAX`] different functions.
const INSTANCE_SIZE: usize = 8 << 20;

/// The part of a memory or table that is cleared in place after a call instead of being given back:
/// below this, a call costs no page faults. Held by each place of the pool that was used.
///
/// Measured with a call of a small Rust program (it costs 17 µs) and of a Go program (370 µs): with
/// 256 KiB the second costs three times as much, with 8 MiB neither gets faster. Without
/// `pagemap_scan` they cost 37 and 800 µs at best.
const KEEP_RESIDENT: usize = 2 << 20;

/// The native stack of a module's own frames. Deeper recursion traps.
const WASM_STACK: usize = 512 << 10;

/// The native stack of a call: the module's frames and those of the host functions that it calls.
const CALL_STACK: usize = 2 << 20;

/// The functions that a trap names.
const BACKTRACE_MAX: Option<NonZeroUsize> = NonZeroUsize::new(20);

pub(super) fn config(options: &Options) -> Result<Config, NewError> {
    let mut config = Config::new();
    set_proposals(&mut config);
    config
        .epoch_interruption(true)
        .max_wasm_stack(WASM_STACK)
        .async_stack_size(CALL_STACK)
        // A module cannot read its native stack, so what earlier calls left there stays where it
        // is.
        .async_stack_zeroing(false)
        .parallel_compilation(true)
        // Function names come from the name section. Debug information is not read: it is large,
        // and hostile like all of the module.
        .wasm_backtrace_max_frames(BACKTRACE_MAX)
        .wasm_backtrace_details(WasmBacktraceDetails::Disable)
        .memory_init_cow(true)
        .allocation_strategy(InstanceAllocationStrategy::Pooling(pool(options)?));
    Ok(config)
}

/// What compilers for WASI preview 1 emit stays on (bulk memory, multiple values, reference types,
/// SIMD, sign extension, saturating conversions, mutable globals, extended constants, tail calls).
/// What they do not emit is off: most security fixes in runtimes are about the newest proposals.
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

/// One place for each concurrent call: an instance, its memory, its tables, its stack.
fn pool(options: &Options) -> Result<PoolingAllocationConfig, NewError> {
    let error = NewError::MemoryMax(options.memory_max);
    if options.memory_max < ByteSize::kib(64) || options.memory_max > ByteSize::gib(4) {
        return Err(error);
    }
    let calls = options.concurrent_calls.get();
    let mut pool = PoolingAllocationConfig::new();
    pool.total_core_instances(calls)
        .total_memories(calls)
        // A built-in function of Rego runs the module's own functions on a second one.
        .total_stacks(calls.saturating_mul(2))
        .total_tables(calls.saturating_mul(TABLES_MAX))
        .total_gc_heaps(0)
        .max_core_instance_size(INSTANCE_SIZE)
        .max_memories_per_module(1)
        .max_tables_per_module(TABLES_MAX)
        .max_memory_size(options.memory_max.as_len())
        .table_elements(usize::try_from(TABLE_ELEMENTS_MAX).map_err(|_| error)?)
        .max_unused_warm_slots(calls)
        .linear_memory_keep_resident(KEEP_RESIDENT)
        .table_keep_resident(KEEP_RESIDENT)
        // Clears only the pages that a call has written, where the kernel can tell (Linux 6.7).
        .pagemap_scan(Enabled::Auto);
    Ok(pool)
}
