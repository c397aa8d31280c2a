//! Rego: a policy that OPA compiled to WebAssembly. Input and data are parsed into its memory as
//! JSON, `eval` runs, and the result is dumped as JSON.
//!
//! Source: <https://www.openpolicyagent.org/docs/wasm>.

mod imports;
mod state;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use wasmtime::Linker;

pub use self::state::Builtins;
pub(super) use self::state::State;

use self::state::{BuiltinNames, RegoExports, checked_value};
use crate::core::call::{Bound, Output, check_data, check_input};
use crate::core::convention::Convention;
use crate::core::error::{CallError, CallFailure};
use crate::core::exports::{EntryError, Exports};
use crate::core::imports::ImportSet;
use crate::core::inspect::ValueType::I32;
use crate::core::instance::Instance;
use crate::core::limits::Limits;
use crate::core::module::Module;
use crate::core::state::CallState;
use crate::core::stop::Stop;
use crate::wasi;

/// Number of the entry point that is evaluated: the first of the module.
const ENTRYPOINT: i32 = 0;

/// A compiled Rego policy. Cloning is cheap.
///
/// ```no_run
/// # use std::sync::Arc;
/// # use std::time::{Duration, Instant};
/// # use engine::{Builtins, Engine, Limits, Options};
/// /// Implements no built-in function.
/// struct NoBuiltins;
///
/// impl Builtins for NoBuiltins {
///     fn call(&self, _: &str, _: &[Vec<u8>]) -> Result<Option<Vec<u8>>, String> {
///         Err("is not implemented".to_owned())
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// // The result of `opa build --target wasm --entrypoint policy/allow`.
/// let wasm = std::fs::read("policy.wasm")?;
/// let policy = Engine::new(Options::default())?.load(&wasm)?.rego()?;
///
/// let (input, data) = (br#"{"user": "alice"}"#.to_vec(), b"{}".to_vec());
/// let limits = Limits::default();
/// let deadline = Instant::now() + Duration::from_secs(10);
/// let output = policy
///     .evaluate(input, data, Arc::new(NoBuiltins), &limits, deadline)
///     .await?;
/// assert_eq!(output.stdout, br#"[{"result":true}]"#);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Rego {
    bound: Arc<Bound<RegoConvention>>,
}

impl Module {
    /// Returns the module as a Rego policy that OPA compiled.
    ///
    /// # Errors
    /// Returns an error if a function of OPA's runtime is missing, or the module imports functions
    /// of another calling convention.
    pub fn rego(&self) -> Result<Rego, EntryError> {
        Ok(Rego {
            bound: Arc::new(Bound::new(self, &())?),
        })
    }
}

impl Rego {
    /// Returns the names of the built-in functions that the host must provide, in the order of
    /// their numbers.
    ///
    /// # Errors
    /// Returns an error if the module does not return a valid list.
    pub async fn builtins(
        &self,
        limits: &Limits,
        deadline: Instant,
    ) -> Result<Vec<String>, CallFailure> {
        let state = State::new(None, limits);
        let call = self.bound.call(state, Input::Builtins, limits, deadline);
        call.await?;
        let names = self.bound.convention().names.get();
        Ok(names.map_or_else(Vec::new, |names| names.values().cloned().collect()))
    }

    /// Evaluates the first entry point in a fresh instance. `input` and `data` are JSON. The
    /// output's `stdout` is OPA's result set as JSON.
    ///
    /// In all other respects like [`Entry::call`](crate::Entry::call).
    ///
    /// # Errors
    /// Returns an error if the module does not return or aborts, or a built-in function fails
    /// ([`CallError::Reported`]).
    pub async fn evaluate(
        &self,
        input: Vec<u8>,
        data: Vec<u8>,
        builtins: Arc<dyn Builtins>,
        limits: &Limits,
        deadline: Instant,
    ) -> Result<Output, CallFailure> {
        check_input(input.len(), limits)?;
        // The host collects the data, so it counts like replies to host calls.
        check_data(data.len(), limits)?;
        let state = State::new(Some(builtins), limits);
        let input = Input::Evaluate { input, data };
        self.bound.call(state, input, limits, deadline).await
    }
}

impl fmt::Debug for Rego {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Rego")
            .field(self.bound.module().digest())
            .finish()
    }
}

/// The exports of a compiled policy.
pub(super) struct RegoConvention {
    exports: Arc<RegoExports>,
    /// Built-in functions of the module. They are the same in every instance, so the first one that
    /// returns them is enough.
    names: OnceLock<Arc<BuiltinNames>>,
}

/// The input of one call.
pub(super) enum Input {
    /// The built-in functions are listed.
    Builtins,
    /// The policy is evaluated with these JSON documents.
    Evaluate { input: Vec<u8>, data: Vec<u8> },
}

impl Convention for RegoConvention {
    const IMPORTS: &'static [ImportSet] = &[wasi::IMPORTS, imports::IMPORTS];

    type Selector = ();
    type State = State;
    type Input = Input;
    type Returned = Vec<u8>;

    fn link(linker: &mut Linker<CallState<State>>) -> wasmtime::Result<()> {
        wasi::link(linker)?;
        imports::link(linker)
    }

    fn find(exports: &Exports<'_>, (): &()) -> Result<Self, EntryError> {
        let exports = RegoExports {
            builtins: exports.function("builtins", &[], &[I32])?,
            malloc: exports.function("opa_malloc", &[I32], &[I32])?,
            parse: exports.function("opa_json_parse", &[I32, I32], &[I32])?,
            dump: exports.function("opa_json_dump", &[I32], &[I32])?,
            context_new: exports.function("opa_eval_ctx_new", &[], &[I32])?,
            set_input: exports.function("opa_eval_ctx_set_input", &[I32, I32], &[])?,
            set_data: exports.function("opa_eval_ctx_set_data", &[I32, I32], &[])?,
            set_entrypoint: exports.function("opa_eval_ctx_set_entrypoint", &[I32, I32], &[])?,
            eval: exports.function("eval", &[I32], &[I32])?,
            get_result: exports.function("opa_eval_ctx_get_result", &[I32], &[I32])?,
        };
        Ok(Self {
            exports: Arc::new(exports),
            names: OnceLock::new(),
        })
    }

    async fn call(
        &self,
        instance: &mut Instance<State>,
        input: Self::Input,
    ) -> wasmtime::Result<Vec<u8>> {
        let names = self.builtin_names(instance).await?;
        let Input::Evaluate { input, data } = input else {
            return Ok(Vec::new());
        };
        let state = instance.state_mut();
        state.names = names;
        state.exports = Some(Arc::clone(&self.exports));
        self.evaluate(instance, &input, &data).await
    }

    fn response(_state: &mut State, returned: Option<Vec<u8>>) -> Result<Vec<u8>, CallError> {
        returned.ok_or(CallError::Convention("it exited instead of returning"))
    }

    fn into_log(state: State) -> Vec<u8> {
        state.wasi.stdio.into_log()
    }
}

impl RegoConvention {
    async fn evaluate(
        &self,
        instance: &mut Instance<State>,
        input: &[u8],
        data: &[u8],
    ) -> wasmtime::Result<Vec<u8>> {
        let exports = &*self.exports;
        let data = self.push(instance, data).await?;
        let input = self.push(instance, input).await?;
        let context: i32 = instance.call(&exports.context_new, ()).await?;
        let set_input = (context, input);
        let () = instance.call(&exports.set_input, set_input).await?;
        let set_data = (context, data);
        let () = instance.call(&exports.set_data, set_data).await?;
        let set_entrypoint = (context, ENTRYPOINT);
        let () = instance
            .call(&exports.set_entrypoint, set_entrypoint)
            .await?;
        let _: i32 = instance.call(&exports.eval, context).await?;
        let result: i32 = instance.call(&exports.get_result, context).await?;
        self.dump(instance, result).await
    }

    /// Returns the built-in functions that the module calls, by their numbers.
    async fn builtin_names(
        &self,
        instance: &mut Instance<State>,
    ) -> wasmtime::Result<Arc<BuiltinNames>> {
        if let Some(names) = self.names.get() {
            return Ok(Arc::clone(names));
        }
        let value: i32 = instance.call(&self.exports.builtins, ()).await?;
        let json = self.dump(instance, value).await?;
        let names = parse_names(&json).ok_or_else(|| {
            wasmtime::Error::new(Stop::Convention(
                "its list of built-in functions is invalid",
            ))
        })?;
        Ok(Arc::clone(self.names.get_or_init(|| Arc::new(names))))
    }

    /// Parses JSON into a value in the module's memory.
    async fn push(&self, instance: &mut Instance<State>, json: &[u8]) -> wasmtime::Result<i32> {
        let len = i32::try_from(json.len())?;
        let at: i32 = instance.call(&self.exports.malloc, len).await?;
        instance.with_memory(|memory| Ok(memory.write(at.cast_unsigned(), json)?))?;
        checked_value(instance.call(&self.exports.parse, (at, len)).await?)
    }

    /// Dumps a value in the module's memory as JSON.
    async fn dump(&self, instance: &mut Instance<State>, value: i32) -> wasmtime::Result<Vec<u8>> {
        let at: i32 = instance.call(&self.exports.dump, value).await?;
        let max = instance.max_transfer();
        instance.with_memory(|memory| memory.copy_out_c_string(at.cast_unsigned(), max))
    }
}

/// Parses the list of built-in functions: `{"name": number, …}`.
fn parse_names(json: &[u8]) -> Option<BuiltinNames> {
    let numbers: BTreeMap<String, i32> = serde_json::from_slice(json).ok()?;
    let names = numbers.into_iter().map(|(name, number)| (number, name));
    Some(names.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parses_the_list_of_built_in_functions() {
        let names = parse_names(br#"{"sprintf":1, "time.now_ns": 0}"#).unwrap();
        assert_eq!(names[&0], "time.now_ns");
        assert_eq!(names[&1], "sprintf");
        assert!(parse_names(b"{}").unwrap().is_empty());
        for invalid in ["", "[]", r#"{"a"}"#, r#"{"a":"b"}"#, "{a:1}"] {
            assert!(parse_names(invalid.as_bytes()).is_none(), "{invalid}");
        }
    }
}
