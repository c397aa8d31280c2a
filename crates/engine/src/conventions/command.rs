//! Commands: programs with arguments that read stdin and write stdout.
//!
//! Source: Kubewarden's policy-evaluator, runtime `wasi_cli`.

mod imports;

use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use wasmtime::{Linker, ModuleExport};

pub(super) use self::imports::State;

use crate::core::call::{Bound, Output, check_input};
use crate::core::convention::Convention;
use crate::core::error::{CallError, CallFailure};
use crate::core::exports::{EntryError, Exports};
use crate::core::imports::ImportSet;
use crate::core::instance::Instance;
use crate::core::limits::Limits;
use crate::core::module::Module;
use crate::core::state::CallState;
use crate::host_calls::HostCalls;
use crate::wasi;

/// The function that a program starts with.
const START: &str = "_start";

/// A program. It makes host calls through the function `host.call` and reads the replies from
/// stdin. Cloning is cheap.
///
/// ```
/// # use std::time::{Duration, Instant};
/// # use engine::{Engine, Limits, Options};
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// // Writes `ok` to stdout.
/// let wasm = wat::parse_str(
///     r#"(module
///         (import "wasi_snapshot_preview1" "fd_write"
///             (func $fd_write (param i32 i32 i32 i32) (result i32)))
///         (memory (export "memory") 1)
///         (data (i32.const 0) "\10\00\00\00\02\00\00\00")
///         (data (i32.const 16) "ok")
///         (func (export "_start")
///             (drop (call $fd_write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))))"#,
/// )?;
/// let command = Engine::new(Options::default())?.load(&wasm)?.command()?;
///
/// let arguments = ["policy.wasm", "validate"];
/// let deadline = Instant::now() + Duration::from_secs(10);
/// let output = command
///     .call(&arguments, b"{}".to_vec(), None, &Limits::default(), deadline)
///     .await?;
/// assert_eq!(output.stdout, b"ok");
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Command {
    bound: Arc<Bound<CommandConvention>>,
}

impl Module {
    /// Returns the module as a program.
    ///
    /// # Errors
    /// Returns an error if the module does not export `_start`, or imports functions of another
    /// calling convention.
    pub fn command(&self) -> Result<Command, EntryError> {
        Ok(Command {
            bound: Arc::new(Bound::new(self, &())?),
        })
    }
}

impl Command {
    /// Runs the program in a fresh instance with `arguments`, of which the first is its name, and
    /// `stdin`. `host` handles its host calls; without a host they return an error to the program.
    ///
    /// In all other respects like [`Entry::call`](crate::Entry::call).
    ///
    /// # Errors
    /// Returns an error if the program does not return, or exits with a code other than 0.
    pub async fn call(
        &self,
        arguments: &[&str],
        stdin: Vec<u8>,
        host: Option<Arc<dyn HostCalls>>,
        limits: &Limits,
        deadline: Instant,
    ) -> Result<Output, CallFailure> {
        check_input(stdin.len(), limits)?;
        let state = State::new(arguments, stdin, host, limits);
        self.bound.call(state, (), limits, deadline).await
    }
}

impl fmt::Debug for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Command")
            .field(self.bound.module().digest())
            .finish()
    }
}

/// The exports of a program.
pub(super) struct CommandConvention {
    start: ModuleExport,
}

impl Convention for CommandConvention {
    const IMPORTS: &'static [ImportSet] = &[wasi::IMPORTS, imports::IMPORTS];

    type Selector = ();
    type State = State;
    type Input = ();
    type Returned = ();

    fn link(linker: &mut Linker<CallState<State>>) -> wasmtime::Result<()> {
        wasi::link(linker)?;
        imports::link(linker)
    }

    fn find(exports: &Exports<'_>, (): &()) -> Result<Self, EntryError> {
        Ok(Self {
            start: exports.function(START, &[], &[])?,
        })
    }

    fn may_wait(state: &State) -> bool {
        state.host_calls.may_wait()
    }

    async fn call(&self, instance: &mut Instance<State>, (): Self::Input) -> wasmtime::Result<()> {
        instance.call_nullary(&self.start).await
    }

    fn response(state: &mut State, _returned: Option<()>) -> Result<Vec<u8>, CallError> {
        Ok(state.wasi.stdio.take_stdout())
    }

    fn into_log(state: State) -> Vec<u8> {
        state.wasi.stdio.into_log()
    }
}
