//! Entry points: exported functions that read stdin and write stdout.

use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use wasmtime::{Linker, ModuleExport};

use crate::core::call::{Bound, Output, check_input};
use crate::core::convention::Convention;
use crate::core::error::{CallError, CallFailure};
use crate::core::exports::{EntryError, Exports, INITIALIZE};
use crate::core::imports::ImportSet;
use crate::core::instance::Instance;
use crate::core::limits::Limits;
use crate::core::module::Module;
use crate::core::state::CallState;
use crate::wasi::{self, HasWasi, Wasi};

/// An entry point of a module: an exported function without parameters and results that uses the
/// standard streams. Cloning is cheap.
#[derive(Clone)]
pub struct Entry {
    bound: Arc<Bound<EntryConvention>>,
}

impl Module {
    /// Returns the entry point `export`. The export is looked up once, here.
    ///
    /// # Errors
    /// Returns an error if there is no export of this name, it is not a function, or it has
    /// parameters or results; or if the module imports functions of another calling convention.
    pub fn entry(&self, export: &str) -> Result<Entry, EntryError> {
        Ok(Entry {
            bound: Arc::new(Bound::new(self, export)?),
        })
    }
}

impl Entry {
    /// Returns the module of the entry point.
    pub fn module(&self) -> &Module {
        self.bound.module()
    }

    /// Returns the name of the export.
    pub fn name(&self) -> &str {
        &self.bound.convention().name
    }

    /// Calls the entry point in a fresh instance: the start section, then `_initialize`, then the
    /// function, all before `deadline` and within `limits`. The module reads `stdin` from its
    /// standard input.
    ///
    /// Requires a Tokio runtime of any kind with time enabled. A long call yields to other tasks
    /// about every millisecond. Dropping the future ends the call and releases the instance.
    ///
    /// ```
    /// # use std::time::{Duration, Instant};
    /// # use engine::{CallError, Engine, Limits, Options};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let wasm = wat::parse_str(
    ///     r#"(module
    ///         (func (export "authn"))
    ///         (func (export "authz") (loop $forever (br $forever))))"#,
    /// )?;
    /// let module = Engine::new(Options::default())?.load(&wasm)?;
    /// let limits = Limits::default();
    /// let deadline = Instant::now() + Duration::from_millis(100);
    ///
    /// let output = module.entry("authn")?.call("{}", &limits, deadline).await?;
    /// assert!(output.stdout.is_empty());
    ///
    /// let failure = module.entry("authz")?.call("{}", &limits, deadline).await.unwrap_err();
    /// assert!(matches!(failure.error, CallError::Deadline(_)));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// Returns an error, with the module's log and statistics, if the module does not return, or
    /// exits with a code other than 0.
    pub async fn call(
        &self,
        stdin: impl Into<Vec<u8>>,
        limits: &Limits,
        deadline: Instant,
    ) -> Result<Output, CallFailure> {
        self.call_with(stdin.into(), limits, deadline).await
    }

    async fn call_with(
        &self,
        stdin: Vec<u8>,
        limits: &Limits,
        deadline: Instant,
    ) -> Result<Output, CallFailure> {
        check_input(stdin.len(), limits)?;
        let state = State::new(stdin, limits);
        self.bound.call(state, (), limits, deadline).await
    }
}

impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Entry")
            .field("module", self.module().digest())
            .field("name", &self.name())
            .finish()
    }
}

/// The exports of one entry point.
pub(super) struct EntryConvention {
    name: String,
    function: ModuleExport,
    initialize: Option<ModuleExport>,
}

/// The state of one call of an entry point.
pub(super) struct State {
    wasi: Wasi,
}

impl State {
    pub(super) fn new(stdin: Vec<u8>, limits: &Limits) -> Self {
        Self {
            wasi: Wasi::new(stdin, limits),
        }
    }
}

impl HasWasi for State {
    fn wasi(&self) -> &Wasi {
        &self.wasi
    }

    fn wasi_mut(&mut self) -> &mut Wasi {
        &mut self.wasi
    }
}

impl Convention for EntryConvention {
    const IMPORTS: &'static [ImportSet] = &[wasi::IMPORTS];

    type Selector = str;
    type State = State;
    type Input = ();
    type Returned = ();

    fn link(linker: &mut Linker<CallState<State>>) -> wasmtime::Result<()> {
        wasi::link(linker)
    }

    fn find(exports: &Exports<'_>, name: &str) -> Result<Self, EntryError> {
        Ok(Self {
            function: exports.function(name, &[], &[])?,
            initialize: exports.optional_function(INITIALIZE)?,
            name: name.to_owned(),
        })
    }

    async fn call(&self, instance: &mut Instance<State>, (): Self::Input) -> wasmtime::Result<()> {
        if let Some(initialize) = &self.initialize {
            instance.call_nullary(initialize).await?;
        }
        instance.call_nullary(&self.function).await
    }

    fn response(state: &mut State, _returned: Option<()>) -> Result<Vec<u8>, CallError> {
        Ok(state.wasi.stdio.take_stdout())
    }

    fn into_log(state: State) -> Vec<u8> {
        state.wasi.stdio.into_log()
    }
}
