//! Modules written as text, and calls with limits that end a test soon.

use std::num::NonZeroU32;
use std::time::{Duration, Instant};

use engine::{
    ByteSize, CallError, CallFailed, Engine, Entry, Limits, LoadError, Module, Options, Output,
};

/// Long enough for any call that ends by itself, on any machine.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Imports and memory of a module with standard streams. `$write (fd, pointer, len)` and `$read
/// (pointer, len) -> len` go through the vector at address 0; a program's own data begins at 64.
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

/// Options for a small engine.
pub fn options() -> Options {
    Options {
        concurrent_calls: NonZeroU32::new(2).unwrap(),
        waiting_calls: 2,
        memory_max: ByteSize::mib(64),
        code_cache: None,
    }
}

pub fn engine() -> Engine {
    Engine::new(options()).unwrap()
}

pub fn try_load(text: &str) -> Result<Module, LoadError> {
    engine().load(&wat::parse_str(text).unwrap())
}

/// The function `run` of a module.
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

/// A module with [`STDIO`].
pub fn stdio(text: &str) -> Entry {
    entry(&format!("(module {STDIO} {text})"))
}

pub fn soon() -> Instant {
    Instant::now() + PATIENCE
}

pub fn in_ms(ms: u64) -> Instant {
    Instant::now() + Duration::from_millis(ms)
}

/// A runtime with one thread, as the least helpful embedder has it.
pub fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap()
        .block_on(future)
}

/// Calls with the default limits and an empty request.
pub fn call(entry: &Entry) -> Result<Output, CallFailed> {
    call_with(entry, "", &Limits::default())
}

pub fn call_with(entry: &Entry, stdin: &str, limits: &Limits) -> Result<Output, CallFailed> {
    block_on(entry.call(stdin, limits, soon()))
}

/// The call succeeds; what it wrote.
#[track_caller]
pub fn answers(entry: &Entry, stdin: &str, limits: &Limits) -> String {
    String::from_utf8(call_with(entry, stdin, limits).unwrap().stdout).unwrap()
}

/// The call fails; why.
#[track_caller]
pub fn fails(entry: &Entry, limits: &Limits) -> CallError {
    call_with(entry, "", limits).unwrap_err().error
}

/// An error with all its causes, as a log shows it.
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}
