//! The state of one evaluation of a Rego policy.

use std::collections::BTreeMap;
use std::sync::Arc;

use wasmtime::ModuleExport;

use crate::core::limits::Limits;
use crate::core::stop::Stop;
use crate::wasi::{HasWasi, Wasi};

/// An implementation of Rego's built-in functions that compiled policies do not contain.
pub trait Builtins: Send + Sync {
    /// Calls the built-in function `name`. Arguments and result are JSON; the result is `None` if
    /// it is undefined.
    ///
    /// # Errors
    /// Returns a message if the host cannot compute the result. It ends the evaluation.
    fn call(&self, name: &str, arguments: &[Vec<u8>]) -> Result<Option<Vec<u8>>, String>;
}

/// The built-in functions that a module calls, by the module's numbers for them.
pub(super) type BuiltinNames = BTreeMap<i32, String>;

/// The exported functions of OPA's runtime.
pub(super) struct RegoExports {
    pub(super) builtins: ModuleExport,
    pub(super) malloc: ModuleExport,
    pub(super) parse: ModuleExport,
    pub(super) dump: ModuleExport,
    pub(super) context_new: ModuleExport,
    pub(super) set_input: ModuleExport,
    pub(super) set_data: ModuleExport,
    pub(super) set_entrypoint: ModuleExport,
    pub(super) eval: ModuleExport,
    pub(super) get_result: ModuleExport,
}

/// The state of one evaluation.
pub(crate) struct State {
    pub(super) wasi: Wasi,
    pub(super) builtins: Option<Arc<dyn Builtins>>,
    pub(super) names: Arc<BuiltinNames>,
    /// Set when the evaluation starts.
    pub(super) exports: Option<Arc<RegoExports>>,
    /// True while a built-in function runs. It must not call another one through the module,
    /// because each level would need a stack of its own.
    pub(super) in_builtin: bool,
}

impl State {
    pub(crate) fn new(builtins: Option<Arc<dyn Builtins>>, limits: &Limits) -> Self {
        Self {
            wasi: Wasi::new(Vec::new(), limits),
            builtins,
            names: Arc::default(),
            exports: None,
            in_builtin: false,
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

/// Returns the address of a parsed value, or an error if the module could not parse the JSON.
pub(super) fn checked_value(address: i32) -> wasmtime::Result<i32> {
    if address == 0 {
        return Err(wasmtime::Error::new(Stop::Convention(
            "it could not parse JSON from the host",
        )));
    }
    Ok(address)
}
