//! The WASI state of one call, and access to it from host functions.

use wasmtime::Caller;

use crate::core::limits::Limits;
use crate::core::memory::GuestMemory;
use crate::core::state::{CallState, Guest};
use crate::wasi::errno::{Errno, WasiError};
use crate::wasi::stdio::Stdio;
use crate::wasi::system::{Clocks, Environment};

/// The WASI state of one call.
pub(crate) struct Wasi {
    pub(crate) stdio: Stdio,
    pub(super) clocks: Clocks,
    pub(super) environment: Environment,
}

/// A state of a calling convention whose modules can import WASI.
pub(crate) trait HasWasi: Send + 'static {
    fn wasi(&self) -> &Wasi;
    fn wasi_mut(&mut self) -> &mut Wasi;
}

impl Wasi {
    pub(crate) fn new(stdin: Vec<u8>, limits: &Limits) -> Self {
        Self {
            stdio: Stdio::new(stdin, limits),
            clocks: Clocks::start(),
            environment: Environment::default(),
        }
    }

    /// Sets the program arguments. The first is the name of the program.
    pub(crate) fn set_arguments(&mut self, arguments: &[&str]) {
        self.environment = Environment::new(arguments);
    }
}

/// Runs a host function on the WASI state and the memory of its caller. Returns the error number
/// for the module, or the error that ends the call.
pub(super) fn with_wasi<S: HasWasi>(
    caller: &mut Caller<'_, CallState<S>>,
    function: impl FnOnce(&mut Wasi, &mut GuestMemory<'_>) -> Result<(), WasiError>,
) -> wasmtime::Result<u32> {
    errno(borrow_wasi(caller, function))
}

/// Runs `function` on the WASI state and the memory of `caller`.
pub(super) fn borrow_wasi<S: HasWasi, T>(
    caller: &mut Caller<'_, CallState<S>>,
    function: impl FnOnce(&mut Wasi, &mut GuestMemory<'_>) -> Result<T, WasiError>,
) -> Result<T, WasiError> {
    let mut guest = Guest::from_caller(caller)?;
    function(guest.state.convention.wasi_mut(), &mut guest.memory)
}

/// Converts the result of a host function to the error number for the module, or the error that
/// ends the call.
pub(super) fn errno(result: Result<(), WasiError>) -> wasmtime::Result<u32> {
    match result {
        Ok(()) => Ok(Errno::Success.number()),
        Err(WasiError::Errno(errno)) => Ok(errno.number()),
        Err(WasiError::Stop(stop)) => Err(wasmtime::Error::new(stop)),
    }
}
