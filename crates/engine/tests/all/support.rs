//! Helpers: modules in text form, and calls that end soon.

use std::num::NonZeroU32;
use std::time::{Duration, Instant};

use engine::{
    ByteSize, CallError, CallFailure, Engine, Entry, Limits, LoadError, Module, Options, Output,
};

/// Longer than any call that ends without its deadline, on any machine.
pub const TIMEOUT: Duration = Duration::from_secs(60);

/// Imports and memory of a module with standard streams. `$write (fd, pointer, len)` and `$read
/// (pointer, len) -> len` use the vector at address 0; the data of a test begins at address 64.
pub const STDIO: &str = r#"
    (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "fd_read" (func $fd_read (param i32 i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "proc_exit" (func $proc_exit (param i32)))
    (memory (export "memory") 2)
    (func $write (param $fd i32) (param $pointer i32) (param $len i32)
        (i32.store (i32.const 0) (local.get $pointer))
        (i32.store (i32.const 4) (local.get $len))
        (if (call $fd_write (local.get $fd) (i32.const 0) (i32.const 1) (i32.const 8)) (then unreachable)))
    (func $read (param $pointer i32) (param $len i32) (result i32)
        (i32.store (i32.const 0) (local.get $pointer))
        (i32.store (i32.const 4) (local.get $len))
        (if (call $fd_read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 8)) (then unreachable))
        (i32.load (i32.const 8)))
"#;

/// Options of a small engine.
pub fn options() -> Options {
    Options {
        max_concurrent_calls: NonZeroU32::new(2).unwrap(),
        max_queued_calls: 2,
        max_memory: ByteSize::mib(64),
        code_cache: None,
    }
}

pub fn engine() -> Engine {
    Engine::new(options()).unwrap()
}

pub fn try_load(text: &str) -> Result<Module, LoadError> {
    engine().load(&wat::parse_str(text).unwrap())
}

/// Loads a module and returns its entry point `run`.
pub fn entry(text: &str) -> Entry {
    entry_in(&engine(), text)
}

pub fn entry_in(engine: &Engine, text: &str) -> Entry {
    engine
        .load(&wat::parse_str(text).unwrap())
        .unwrap()
        .entry("run")
        .unwrap()
}

/// Loads a module with [`STDIO`] and returns its entry point `run`.
pub fn entry_with_stdio(text: &str) -> Entry {
    entry(&format!("(module {STDIO} {text})"))
}

pub fn soon() -> Instant {
    Instant::now() + TIMEOUT
}

pub fn in_ms(ms: u64) -> Instant {
    Instant::now() + Duration::from_millis(ms)
}

/// Runs a future in a runtime with one thread, the minimum that an embedder provides.
pub fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap()
        .block_on(future)
}

/// Calls an entry point with the default limits and an empty request.
pub fn call(entry: &Entry) -> Result<Output, CallFailure> {
    call_with(entry, "", &Limits::default())
}

pub fn call_with(entry: &Entry, stdin: &str, limits: &Limits) -> Result<Output, CallFailure> {
    block_on(entry.call(stdin, limits, soon()))
}

/// Calls an entry point successfully and returns its response.
#[track_caller]
pub fn response(entry: &Entry, stdin: &str, limits: &Limits) -> String {
    String::from_utf8(call_with(entry, stdin, limits).unwrap().stdout).unwrap()
}

/// Calls an entry point that fails and returns the error.
#[track_caller]
pub fn error(entry: &Entry, limits: &Limits) -> CallError {
    call_with(entry, "", limits).unwrap_err().error
}

/// Formats an error with all its causes, as in a log.
pub fn error_chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}
