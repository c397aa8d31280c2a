//! The instance of one call.

use wasmtime::{ModuleExport, Store, WasmParams, WasmResults};

use crate::core::memory::{GuestMemory, MEMORY};
use crate::core::state::CallState;
use crate::core::stop::Stop;

/// An instance while its call runs.
pub(crate) struct Instance<S: 'static> {
    store: Store<CallState<S>>,
    instance: wasmtime::Instance,
}

impl<S: Send + 'static> Instance<S> {
    pub(crate) fn new(store: Store<CallState<S>>, instance: wasmtime::Instance) -> Self {
        Self { store, instance }
    }

    /// Returns the state of the calling convention.
    pub(crate) fn state(&self) -> &S {
        &self.store.data().convention
    }

    /// Returns the state of the calling convention.
    pub(crate) fn state_mut(&mut self) -> &mut S {
        &mut self.store.data_mut().convention
    }

    /// Returns the maximum size of one piece of data that the module passes to the host, in bytes.
    pub(crate) fn max_transfer(&self) -> usize {
        self.store.data().max_transfer
    }

    /// Drops the instance and returns the state of the call.
    pub(crate) fn into_state(self) -> CallState<S> {
        self.store.into_data()
    }

    /// Calls a function without parameters and results.
    pub(crate) async fn call_nullary(&mut self, export: &ModuleExport) -> wasmtime::Result<()> {
        self.call(export, ()).await
    }

    /// Calls a function. Its signature was checked when the calling convention was chosen.
    pub(crate) async fn call<P, R>(
        &mut self,
        export: &ModuleExport,
        parameters: P,
    ) -> wasmtime::Result<R>
    where
        P: WasmParams + Sync,
        R: WasmResults + Sync,
    {
        let function = self
            .instance
            .get_module_export(&mut self.store, export)
            .and_then(wasmtime::Extern::into_func)
            .ok_or_else(|| wasmtime::Error::msg("an export is missing in the instance"))?;
        let function = function.typed::<P, R>(&self.store)?;
        function.call_async(&mut self.store, parameters).await
    }

    /// Runs `access` on the module's memory.
    pub(crate) fn with_memory<T>(
        &mut self,
        access: impl FnOnce(&mut GuestMemory<'_>) -> Result<T, Stop>,
    ) -> wasmtime::Result<T> {
        let memory = self.instance.get_memory(&mut self.store, MEMORY);
        let memory = memory.ok_or_else(|| wasmtime::Error::new(Stop::NoMemory))?;
        let mut memory = GuestMemory::new(memory.data_mut(&mut self.store));
        access(&mut memory).map_err(wasmtime::Error::new)
    }
}
