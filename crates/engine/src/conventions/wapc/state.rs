//! The state of one waPC call.

use std::sync::Arc;

use crate::core::limits::Limits;
use crate::host_calls::{HasHostCalls, HostCallState, HostCalls};
use crate::wasi::{HasWasi, Wasi};

/// The state of one call of a waPC guest: the data that guest and host exchange.
pub(crate) struct State {
    pub(super) wasi: Wasi,
    pub(super) host_calls: HostCallState,
    pub(super) operation: Vec<u8>,
    pub(super) payload: Vec<u8>,
    pub(super) response: Option<Vec<u8>>,
    pub(super) error: Option<String>,
    /// Reply to the last host call.
    pub(super) host_reply: Option<Result<Vec<u8>, String>>,
}

impl State {
    pub(crate) fn new(
        operation: &str,
        payload: Vec<u8>,
        host: Option<Arc<dyn HostCalls>>,
        limits: &Limits,
    ) -> Self {
        let mut wasi = Wasi::new(Vec::new(), limits);
        wasi.stdio.redirect_stdout_to_log();
        Self {
            wasi,
            host_calls: HostCallState::new(host, limits),
            operation: operation.into(),
            payload,
            response: None,
            error: None,
            host_reply: None,
        }
    }

    /// Returns the reply to the last host call, if it succeeded.
    pub(super) fn host_response(&self) -> Option<&[u8]> {
        self.host_reply.as_ref()?.as_deref().ok()
    }

    /// Returns the error message of the last host call, if it failed.
    pub(super) fn host_error(&self) -> Option<&[u8]> {
        let error = self.host_reply.as_ref()?.as_ref().err()?;
        Some(error.as_bytes())
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

impl HasHostCalls for State {
    fn host_calls_mut(&mut self) -> &mut HostCallState {
        &mut self.host_calls
    }
}
