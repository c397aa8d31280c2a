//! waPC: named operations with a payload, passed by functions of the module `wapc`. Most Kubewarden
//! policies use it.
//!
//! Source: <https://wapc.io/docs/spec/>; the order of the start functions and the return codes are
//! those of wasmtime-provider.

mod imports;
mod state;

use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use wasmtime::{Linker, ModuleExport};

pub(super) use self::state::State;

use crate::core::call::{Bound, Output, check_input};
use crate::core::convention::Convention;
use crate::core::error::{CallError, CallFailure};
use crate::core::exports::{EntryError, Exports, INITIALIZE};
use crate::core::imports::ImportSet;
use crate::core::inspect::ValueType::I32;
use crate::core::instance::Instance;
use crate::core::limits::Limits;
use crate::core::module::Module;
use crate::core::state::CallState;
use crate::core::stop::Stop;
use crate::host_calls::HostCalls;
use crate::wasi;

/// The function that performs an operation. Its parameters are the lengths of the operation's name
/// and of the payload; its result is 0 for a failure.
const GUEST_CALL: &str = "__guest_call";

/// Functions that are called before it in each instance, if exported, in this order.
const STARTS: [&str; 2] = ["_start", "wapc_init"];

/// Error message of a failed operation for which the module set none.
const NO_MESSAGE: &str = "no error message";

/// A waPC guest. Cloning is cheap.
///
/// ```
/// # use std::time::{Duration, Instant};
/// # use engine::{Engine, Limits, Options};
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// // Responds to every operation with its payload.
/// let wasm = wat::parse_str(
///     r#"(module
///         (import "wapc" "__guest_request" (func $request (param i32 i32)))
///         (import "wapc" "__guest_response" (func $response (param i32 i32)))
///         (memory (export "memory") 1)
///         (func (export "__guest_call") (param i32) (param $payload_len i32) (result i32)
///             (call $request (i32.const 0) (i32.const 64))
///             (call $response (i32.const 64) (local.get $payload_len))
///             (i32.const 1)))"#,
/// )?;
/// let guest = Engine::new(Options::default())?.load(&wasm)?.wapc()?;
///
/// let deadline = Instant::now() + Duration::from_secs(10);
/// let output = guest
///     .call("validate", b"{}".to_vec(), None, &Limits::default(), deadline)
///     .await?;
/// assert_eq!(output.stdout, b"{}");
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Wapc {
    bound: Arc<Bound<WapcConvention>>,
}

impl Module {
    /// Returns the module as a waPC guest.
    ///
    /// # Errors
    /// Returns an error if the module does not export `__guest_call` with the signature of waPC, or
    /// imports functions of another calling convention.
    pub fn wapc(&self) -> Result<Wapc, EntryError> {
        Ok(Wapc {
            bound: Arc::new(Bound::new(self, &())?),
        })
    }
}

impl Wapc {
    /// Performs an operation in a fresh instance, after `_start` and `wapc_init`. The response is
    /// the output's `stdout`; the log is what the guest writes to its standard streams. `host`
    /// handles its host calls; without a host they return an error to the guest.
    ///
    /// In all other respects like [`Entry::call`](crate::Entry::call).
    ///
    /// # Errors
    /// Returns an error if the guest does not return, reports an error ([`CallError::Reported`]),
    /// or gives no response.
    pub async fn call(
        &self,
        operation: &str,
        payload: Vec<u8>,
        host: Option<Arc<dyn HostCalls>>,
        limits: &Limits,
        deadline: Instant,
    ) -> Result<Output, CallFailure> {
        check_input(payload.len(), limits)?;
        let state = State::new(operation, payload, host, limits);
        self.bound.call(state, (), limits, deadline).await
    }
}

impl fmt::Debug for Wapc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Wapc")
            .field(self.bound.module().digest())
            .finish()
    }
}

/// The exports of a waPC guest.
pub(super) struct WapcConvention {
    starts: Vec<ModuleExport>,
    guest_call: ModuleExport,
}

impl Convention for WapcConvention {
    const IMPORTS: &'static [ImportSet] = &[wasi::IMPORTS, imports::IMPORTS];

    type Selector = ();
    type State = State;
    type Input = ();
    type Returned = i32;

    fn link(linker: &mut Linker<CallState<State>>) -> wasmtime::Result<()> {
        wasi::link(linker)?;
        imports::link(linker)
    }

    fn find(exports: &Exports<'_>, (): &()) -> Result<Self, EntryError> {
        let guest_call = exports.function(GUEST_CALL, &[I32, I32], &[I32])?;
        let mut starts = Vec::new();
        for name in STARTS {
            starts.extend(exports.optional_function(name)?);
        }
        // A reactor exports `_initialize` instead of `_start`.
        if !exports.contains("_start") {
            let initialize = exports.optional_function(INITIALIZE)?;
            starts.splice(..0, initialize);
        }
        Ok(Self { starts, guest_call })
    }

    fn may_wait(state: &State) -> bool {
        state.host_calls.may_wait()
    }

    async fn call(&self, instance: &mut Instance<State>, (): Self::Input) -> wasmtime::Result<i32> {
        let state = instance.state();
        let lengths = (length(&state.operation)?, length(&state.payload)?);
        for start in &self.starts {
            match instance.call_nullary(start).await {
                // Programs end with `exit(0)`; the instance can still be called.
                Err(error) if matches!(error.downcast_ref(), Some(Stop::Exit(0))) => {}
                other => other?,
            }
        }
        instance
            .call::<(i32, i32), i32>(&self.guest_call, lengths)
            .await
    }

    fn response(state: &mut State, returned: Option<i32>) -> Result<Vec<u8>, CallError> {
        match (returned, state.response.take()) {
            (None | Some(0), _) => {
                let error = state.error.take();
                let message = error.unwrap_or_else(|| NO_MESSAGE.to_owned());
                Err(CallError::Reported(message))
            }
            (Some(_), Some(response)) => Ok(response),
            (Some(_), None) => Err(CallError::Convention(
                "it returned success without a response",
            )),
        }
    }

    fn into_log(state: State) -> Vec<u8> {
        state.wasi.stdio.into_log()
    }
}

fn length(bytes: &[u8]) -> wasmtime::Result<i32> {
    Ok(i32::try_from(bytes.len())?)
}
