//! Host calls: functions that modules call in the program that embeds the engine. They are counted,
//! and they run within the deadline of the call.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use wasmtime::Caller;

use crate::core::limits::Limits;
use crate::core::state::{CallState, Guest};
use crate::core::stop::Stop;

/// The future of a reply: bytes, or an error message for the module.
pub type Reply<'a> = Pin<Box<dyn Future<Output = Result<Vec<u8>, String>> + Send + 'a>>;

/// An implementation of the host calls of a module.
///
/// ```
/// use engine::{HostCall, HostCalls, Reply};
///
/// /// Replies with the payload.
/// struct Echo;
///
/// impl HostCalls for Echo {
///     fn call<'a>(&'a self, call: HostCall<'a>) -> Reply<'a> {
///         Box::pin(async move {
///             match call.operation {
///                 "echo" => Ok(call.payload.to_vec()),
///                 other => Err(format!("unknown operation `{other}`")),
///             }
///         })
///     }
///
///     fn may_wait(&self) -> bool {
///         false
///     }
/// }
/// ```
pub trait HostCalls: Send + Sync {
    /// Returns the reply, or an error message for the module.
    ///
    /// The future is dropped when the deadline of the call passes or the call is dropped.
    fn call<'a>(&'a self, call: HostCall<'a>) -> Reply<'a>;

    /// Returns true if a reply may take time. Calls with such a host get at most half of the
    /// engine's permits.
    fn may_wait(&self) -> bool {
        true
    }
}

/// One host call of a module.
#[derive(Debug, Clone, Copy)]
pub struct HostCall<'a> {
    /// First part of the name of the function: the platform.
    pub binding: &'a str,
    /// Second part of the name: the area.
    pub namespace: &'a str,
    /// Third part of the name: the operation.
    pub operation: &'a str,
    /// Argument of the function.
    pub payload: &'a [u8],
}

/// A state of a calling convention whose modules make host calls.
pub(crate) trait HasHostCalls: Send + 'static {
    fn host_calls_mut(&mut self) -> &mut HostCallState;
}

/// Pointers and lengths of binding, namespace, operation and payload.
pub(crate) type Pointers = (u32, u32, u32, u32, u32, u32, u32, u32);

/// The host of one call, and the rest of its limits.
pub(crate) struct HostCallState {
    host: Option<Arc<dyn HostCalls>>,
    calls_left: u32,
    reply_bytes_left: usize,
}

impl HostCallState {
    /// Creates the state of a call. Without a host, every host call returns an error to the module.
    pub(crate) fn new(host: Option<Arc<dyn HostCalls>>, limits: &Limits) -> Self {
        Self {
            host,
            calls_left: limits.host_calls,
            reply_bytes_left: limits.host_replies.as_len(),
        }
    }

    /// Returns true if a host call may wait for its reply.
    pub(crate) fn may_wait(&self) -> bool {
        self.host.as_ref().is_some_and(|host| host.may_wait())
    }

    fn count_call(&mut self) -> Result<(), Stop> {
        self.calls_left = self.calls_left.checked_sub(1).ok_or(Stop::HostCalls)?;
        Ok(())
    }

    fn count_reply(&mut self, len: usize) -> Result<(), Stop> {
        let left = self.reply_bytes_left.checked_sub(len);
        self.reply_bytes_left = left.ok_or(Stop::HostCalls)?;
        Ok(())
    }
}

/// Runs a host call and returns the reply for the module.
///
/// The outer error ends the call: a pointer outside the memory, or more calls or larger replies
/// than the limits allow.
pub(crate) async fn dispatch<S: HasHostCalls>(
    caller: &mut Caller<'_, CallState<S>>,
    pointers: Pointers,
) -> wasmtime::Result<Result<Vec<u8>, String>> {
    let call = OwnedHostCall::read(caller, pointers).map_err(wasmtime::Error::new)?;
    let state = caller.data_mut().convention.host_calls_mut();
    state.count_call().map_err(wasmtime::Error::new)?;
    let Some(host) = state.host.clone() else {
        return Ok(Err("host calls are not available".to_owned()));
    };
    let deadline = caller.data().deadline;
    let reply = tokio::time::timeout_at(deadline.into(), host.call(call.as_call())).await;
    let reply = reply.map_err(|_| wasmtime::Error::new(Stop::Deadline))?;
    let len = reply.as_ref().map_or_else(String::len, Vec::len);
    let state = caller.data_mut().convention.host_calls_mut();
    state.count_reply(len).map_err(wasmtime::Error::new)?;
    Ok(reply)
}

/// A copy of a host call: the module's memory must not be borrowed while the host prepares the
/// reply.
struct OwnedHostCall {
    names: [String; 3],
    payload: Vec<u8>,
}

impl OwnedHostCall {
    fn read<S: 'static>(
        caller: &mut Caller<'_, CallState<S>>,
        pointers: Pointers,
    ) -> Result<Self, Stop> {
        /// Maximum length of each part of a name, in bytes. The rest is ignored.
        const MAX_NAME: u32 = 256;
        let (binding, binding_len, namespace, namespace_len, operation, operation_len, at, len) =
            pointers;
        let guest = Guest::from_caller(caller)?;
        let name = |at, len: u32| -> Result<String, Stop> {
            let bytes = guest.memory.read(at, len.min(MAX_NAME))?;
            Ok(String::from_utf8_lossy(bytes).into_owned())
        };
        Ok(Self {
            names: [
                name(binding, binding_len)?,
                name(namespace, namespace_len)?,
                name(operation, operation_len)?,
            ],
            payload: guest.memory.copy_out(at, len, guest.state.max_transfer)?,
        })
    }

    fn as_call(&self) -> HostCall<'_> {
        let [binding, namespace, operation] = &self.names;
        HostCall {
            binding,
            namespace,
            operation,
            payload: &self.payload,
        }
    }
}
