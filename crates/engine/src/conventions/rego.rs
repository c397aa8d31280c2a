//! Rego: a policy that OPA's compiler turned into a module. Input and data are pushed into its memory as JSON, `eval` runs, the
//! result is dumped as JSON.
//!
//! Source: <https://www.openpolicyagent.org/docs/wasm>. A module imports its memory; [`own_memory`] gives it one of its own, so
//! that it gets an instance of the pool like any other.

mod imports;
pub(crate) mod own_memory;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use wasmtime::ModuleExport;

pub(crate) use imports::IMPORTS;

use crate::call::{self, CallError, CallFailed, Output, Running};
use crate::guest::GuestMemory;
use crate::inspect::ValueType::I32;
use crate::limits::Limits;
use crate::module::{EntryError, Module};
use crate::state::{State, Stop};

/// The entry point that is evaluated: the first one of the module.
const ENTRYPOINT: i32 = 0;

/// The functions that Rego has and the module does not bring along.
pub trait Builtins: Send + Sync {
    /// Calls one with its arguments, each as JSON; the result is JSON, or none when it is undefined.
    ///
    /// # Errors
    /// A text that says why the host cannot tell; it ends the evaluation.
    fn call(&self, name: &str, arguments: &[Vec<u8>]) -> Result<Option<Vec<u8>>, String>;
}

/// A compiled Rego policy that can be evaluated. Cheap to clone.
#[derive(Clone)]
pub struct Rego {
    module: Module,
    exports: Arc<Exports>,
    /// The same in each instance, so that one has to be asked only once.
    names: Arc<OnceLock<Arc<Names>>>,
}

/// The built-in functions that a module calls, by its numbers for them.
type Names = BTreeMap<i32, String>;

/// The functions of the module that take part.
struct Exports {
    builtins: ModuleExport,
    malloc: ModuleExport,
    parse: ModuleExport,
    dump: ModuleExport,
    context_new: ModuleExport,
    set_input: ModuleExport,
    set_data: ModuleExport,
    set_entrypoint: ModuleExport,
    eval: ModuleExport,
    get_result: ModuleExport,
}

/// What an evaluation keeps for the functions that the module calls.
#[derive(Default)]
pub(crate) struct Evaluation {
    builtins: Option<Arc<dyn Builtins>>,
    names: Arc<Names>,
    exports: Option<Arc<Exports>>,
    /// Whether a built-in function is being called: what it calls in turn must not call another, which would take a stack for
    /// each level.
    in_builtin: bool,
}

impl Rego {
    pub(crate) fn new(module: &Module) -> Result<Self, EntryError> {
        let exports = Exports {
            builtins: module.function("builtins", &[], &[I32])?,
            malloc: module.function("opa_malloc", &[I32], &[I32])?,
            parse: module.function("opa_json_parse", &[I32, I32], &[I32])?,
            dump: module.function("opa_json_dump", &[I32], &[I32])?,
            context_new: module.function("opa_eval_ctx_new", &[], &[I32])?,
            set_input: module.function("opa_eval_ctx_set_input", &[I32, I32], &[])?,
            set_data: module.function("opa_eval_ctx_set_data", &[I32, I32], &[])?,
            set_entrypoint: module.function("opa_eval_ctx_set_entrypoint", &[I32, I32], &[])?,
            eval: module.function("eval", &[I32], &[I32])?,
            get_result: module.function("opa_eval_ctx_get_result", &[I32], &[I32])?,
        };
        Ok(Self {
            module: module.clone(),
            exports: Arc::new(exports),
            names: Arc::default(),
        })
    }

    /// The names of the functions that the policy needs from its host.
    ///
    /// # Errors
    /// When the module does not tell.
    pub async fn builtins(
        &self,
        limits: &Limits,
        deadline: Instant,
    ) -> Result<Vec<String>, CallFailed> {
        let state = State::new(Vec::new(), limits, self.module.memory_max(), deadline);
        let run = async |running: &mut Running| self.names(running).await;
        let mut ended = call::once(&self.module, state, limits, run).await?;
        match ended.value.take() {
            Some(names) => Ok(names.values().cloned().collect()),
            None => Err(ended.fail(CallError::Protocol("it exited instead of answering"))),
        }
    }

    /// Evaluates the first entry point in a fresh instance. `input` and `data` are JSON; the result, the output's `stdout`, is
    /// the JSON of OPA's result set.
    ///
    /// Otherwise like [`Entry::call`](crate::Entry::call).
    ///
    /// # Errors
    /// When the module did not come to its end, aborted, or a built-in function failed ([`CallError::Reported`]).
    pub async fn evaluate(
        &self,
        input: &[u8],
        data: &[u8],
        builtins: Arc<dyn Builtins>,
        limits: &Limits,
        deadline: Instant,
    ) -> Result<Output, CallFailed> {
        call::check_input(input.len(), limits)?;
        // What the host adds from elsewhere is no part of the request.
        call::check_data(data.len(), limits)?;
        let mut state = State::new(Vec::new(), limits, self.module.memory_max(), deadline);
        state.rego.builtins = Some(builtins);
        state.rego.exports = Some(Arc::clone(&self.exports));
        let run = async |running: &mut Running| self.run(running, input, data).await;
        let mut ended = call::once(&self.module, state, limits, run).await?;
        match ended.value.take() {
            Some(stdout) => Ok(Output {
                stdout,
                ..ended.into_output()
            }),
            None => Err(ended.fail(CallError::Protocol("it exited instead of answering"))),
        }
    }

    async fn run(
        &self,
        running: &mut Running,
        input: &[u8],
        data: &[u8],
    ) -> wasmtime::Result<Vec<u8>> {
        let exports = &*self.exports;
        let names = self.names(running).await?;
        running.data_mut().rego.names = names;
        let data = self.push(running, data).await?;
        let input = self.push(running, input).await?;
        let context: i32 = running.call(&exports.context_new, ()).await?;
        running
            .call::<_, ()>(&exports.set_input, (context, input))
            .await?;
        running
            .call::<_, ()>(&exports.set_data, (context, data))
            .await?;
        running
            .call::<_, ()>(&exports.set_entrypoint, (context, ENTRYPOINT))
            .await?;
        running.call::<_, i32>(&exports.eval, context).await?;
        let result: i32 = running.call(&exports.get_result, context).await?;
        self.dump(running, result).await
    }

    /// The built-in functions that the module calls, by their numbers.
    async fn names(&self, running: &mut Running) -> wasmtime::Result<Arc<Names>> {
        if let Some(names) = self.names.get() {
            return Ok(Arc::clone(names));
        }
        let value: i32 = running.call(&self.exports.builtins, ()).await?;
        let json = self.dump(running, value).await?;
        let names = parse_names(&json).ok_or_else(|| {
            wasmtime::Error::new(Stop::Protocol("its table of built-in functions is broken"))
        })?;
        Ok(Arc::clone(self.names.get_or_init(|| Arc::new(names))))
    }

    /// Puts JSON into the module's memory as a value.
    async fn push(&self, running: &mut Running, json: &[u8]) -> wasmtime::Result<i32> {
        let len = i32::try_from(json.len())?;
        let at: i32 = running.call(&self.exports.malloc, len).await?;
        running.memory(|memory| memory.write(at.cast_unsigned(), json).map_err(Stop::from))?;
        parsed(running.call(&self.exports.parse, (at, len)).await?)
    }

    /// Takes a value out of the module's memory as JSON.
    async fn dump(&self, running: &mut Running, value: i32) -> wasmtime::Result<Vec<u8>> {
        let at: i32 = running.call(&self.exports.dump, value).await?;
        let max = running.data().handover_max;
        running.memory(|memory| text(memory, at.cast_unsigned(), max))
    }
}

/// The value, unless the module could not read the JSON.
fn parsed(value: i32) -> wasmtime::Result<i32> {
    if value == 0 {
        return Err(wasmtime::Error::new(Stop::Protocol(
            "it could not read the JSON it was given",
        )));
    }
    Ok(value)
}

/// The bytes up to the NUL.
fn text(memory: &GuestMemory<'_>, at: u32, max: usize) -> Result<Vec<u8>, Stop> {
    let rest = memory.rest(at)?;
    let len = rest
        .iter()
        .take(max.saturating_add(1))
        .position(|byte| *byte == 0);
    match len {
        Some(len) => Ok(rest.get(..len).unwrap_or_default().to_vec()),
        None if rest.len() > max => Err(Stop::OutputTooLarge),
        None => Err(Stop::OutOfBounds),
    }
}

/// `{"name": number, …}`: too little to bring in a JSON library for. Names are dotted words and have no escapes.
fn parse_names(json: &[u8]) -> Option<Names> {
    let text = std::str::from_utf8(json).ok()?.trim();
    let members = text.strip_prefix('{')?.strip_suffix('}')?.trim();
    if members.is_empty() {
        return Some(BTreeMap::new());
    }
    let member = |member: &str| {
        let (name, number) = member.split_once(':')?;
        let name = name.trim().strip_prefix('"')?.strip_suffix('"')?;
        Some((number.trim().parse().ok()?, name.to_owned()))
    };
    members.split(',').map(member).collect()
}

impl fmt::Debug for Rego {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Rego").field(self.module.digest()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_table_of_built_in_functions() {
        let names = parse_names(br#"{"sprintf":1, "time.now_ns": 0}"#).unwrap();
        assert_eq!(names[&0], "time.now_ns");
        assert_eq!(names[&1], "sprintf");
        assert!(parse_names(b"{}").unwrap().is_empty());
        for broken in ["", "[]", r#"{"a"}"#, r#"{"a":"b"}"#, "{a:1}"] {
            assert!(parse_names(broken.as_bytes()).is_none(), "{broken}");
        }
    }

    #[test]
    fn a_text_ends_with_nul_inside_the_memory() {
        let mut bytes = *b"ab\0cd";
        let memory = GuestMemory::new(&mut bytes);
        assert_eq!(text(&memory, 0, 10), Ok(b"ab".to_vec()));
        assert_eq!(text(&memory, 3, 10), Err(Stop::OutOfBounds));
        assert_eq!(text(&memory, 9, 10), Err(Stop::OutOfBounds));
        assert_eq!(text(&memory, 0, 1), Err(Stop::OutputTooLarge));
    }
}
