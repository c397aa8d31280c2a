//! Pointers, lengths and numbers that a hostile module passes to the functions of the host. The first
//! byte of an input selects the calling convention, the rest is a program for `fuzz::interpreter`.
#![no_main]

use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use engine::{Builtins, ByteSize, CallFailure, HostCall, HostCalls, Limits, Output, Reply};
use fuzz::interpreter;
use libfuzzer_sys::fuzz_target;
use tokio::runtime::Runtime;

fuzz_target!(init: { LazyLock::force(&HOST); }, |input: &[u8]| {
    let Some((convention, program)) = input.split_first() else {
        return;
    };
    let call = HOST.call(*convention, program);
    assert_bounded(RUNTIME.with(|runtime| runtime.block_on(call)));
});

thread_local! {
    static RUNTIME: Runtime = fuzz::runtime();
}

static HOST: LazyLock<Host> = LazyLock::new(Host::new);

/// The modules, the same for every input.
struct Host {
    entry: engine::Entry,
    command: engine::Command,
    wapc: engine::Wapc,
    rego: engine::Rego,
    limits: Limits,
}

impl Host {
    fn new() -> Self {
        let engine = fuzz::engine();
        let load = |text: String| {
            let wasm = wat::parse_str(text).expect("the text is valid");
            engine
                .load_with_aliases(&wasm, kubewarden::IMPORT_ALIASES)
                .expect("the module compiles")
        };
        Self {
            entry: load(interpreter::entry())
                .entry("run")
                .expect("the entry point exists"),
            command: load(interpreter::command())
                .command()
                .expect("the module is a command"),
            wapc: load(interpreter::wapc())
                .wapc()
                .expect("the module is a waPC guest"),
            rego: load(interpreter::rego())
                .rego()
                .expect("the module is a Rego policy"),
            limits: Limits {
                memory: ByteSize::kib(128),
                stdout: ByteSize::kib(32),
                stderr: ByteSize::kib(4),
                host_calls: 8,
                host_replies: ByteSize::kib(32),
                ..Limits::default()
            },
        }
    }

    async fn call(&self, convention: u8, program: &[u8]) -> Result<Output, CallFailure> {
        // Long enough for any program that does not sleep.
        let deadline = Instant::now() + Duration::from_millis(10);
        let (limits, host) = (&self.limits, Some(Arc::new(Echo) as Arc<dyn HostCalls>));
        match convention % 4 {
            0 => self.entry.call(stdin(program), limits, deadline).await,
            1 => {
                let arguments = ["policy.wasm", "validate"];
                let call = self
                    .command
                    .call(&arguments, stdin(program), host, limits, deadline);
                call.await
            }
            2 => {
                let call = self
                    .wapc
                    .call("validate", program.to_vec(), host, limits, deadline);
                call.await
            }
            _ => {
                let call = self.rego.evaluate(
                    program.to_vec(),
                    b"{}".to_vec(),
                    Arc::new(First),
                    limits,
                    deadline,
                );
                call.await
            }
        }
    }
}

/// Returns the length of the program, the program, and the program again as its input.
fn stdin(program: &[u8]) -> Vec<u8> {
    let len = u32::try_from(program.len()).expect("inputs are short");
    [&len.to_le_bytes(), program, program].concat()
}

/// Host calls that return their payload, or an error if it begins with a zero byte.
struct Echo;

impl HostCalls for Echo {
    fn call<'a>(&'a self, call: HostCall<'a>) -> Reply<'a> {
        assert!(call.binding.len() <= 1024 && call.operation.len() <= 1024);
        Box::pin(async move {
            match call.payload.first() {
                Some(0) => Err(call.operation.to_owned()),
                _ => Ok(call.payload.to_vec()),
            }
        })
    }

    fn may_wait(&self) -> bool {
        false
    }
}

/// Built-in functions that return their first argument.
struct First;

impl Builtins for First {
    fn call(&self, name: &str, arguments: &[Vec<u8>]) -> Result<Option<Vec<u8>>, String> {
        match name {
            "c" => Err("refused".to_owned()),
            _ => Ok(arguments.first().cloned()),
        }
    }
}

/// Asserts that the call stayed within its limits.
fn assert_bounded(result: Result<Output, CallFailure>) {
    /// Maximum length of the line in the log that reports truncation.
    const MAX_LINE: u64 = 64;
    let limits = &HOST.limits;
    let (stdout, stderr, stats) = match &result {
        Ok(output) => (output.stdout.len(), &output.stderr, output.stats),
        Err(failed) => {
            assert!(failed.error.to_string().len() < 64 << 10);
            (0, &failed.stderr, failed.stats)
        }
    };
    assert!(stdout as u64 <= limits.stdout.bytes());
    assert!(stderr.len() as u64 <= limits.stderr.bytes() + MAX_LINE);
    assert!(stats.memory_peak <= limits.memory);
}
