//! What modules may ask of whoever embeds the engine: bytes there, bytes back, counted and within the call's deadline.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use wasmtime::Caller;

use crate::guest::{Guest, GuestMemory};
use crate::limits::Limits;
use crate::slots::Kind;
use crate::state::{State, Stop};

/// The future of a reply.
pub type Reply<'a> = Pin<Box<dyn Future<Output = Result<Vec<u8>, String>> + Send + 'a>>;

/// Who answers the host calls of a module.
pub trait HostCalls: Send + Sync {
    /// The reply, or the text of an error for the module.
    ///
    /// Runs under the deadline of the call: when it passes, or the caller of the module goes away, the future is dropped.
    fn call<'a>(&'a self, call: HostCall<'a>) -> Reply<'a>;

    /// Whether a reply may have to be waited for. Calls with such a host get half of the engine's places at most.
    fn may_wait(&self) -> bool {
        true
    }
}

/// What a module asks.
#[derive(Clone, Copy, Debug)]
pub struct HostCall<'a> {
    /// The first part of the name: the platform.
    pub binding: &'a str,
    /// The second part: the area.
    pub namespace: &'a str,
    /// The third part: the function.
    pub operation: &'a str,
    /// What goes with it.
    pub payload: &'a [u8],
}

/// The pointers and lengths of binding, namespace, operation and payload.
pub(crate) type Pointers = (u32, u32, u32, u32, u32, u32, u32, u32);

/// The host calls of one call, and what is left of its limits.
pub(crate) struct Account {
    host: Option<Arc<dyn HostCalls>>,
    calls_left: u32,
    reply_bytes_left: usize,
}

impl Account {
    pub(crate) fn new(limits: &Limits) -> Self {
        Self {
            host: None,
            calls_left: limits.host_calls,
            reply_bytes_left: limits.host_replies.as_len(),
        }
    }

    /// Says who answers.
    pub(crate) fn set(&mut self, host: Option<Arc<dyn HostCalls>>) {
        self.host = host;
    }

    /// What the call may do with its place in the engine.
    pub(crate) fn kind(&self) -> Kind {
        match &self.host {
            Some(host) if host.may_wait() => Kind::Dependent,
            _ => Kind::Independent,
        }
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

/// Asks the host what the module wants to know.
///
/// The outer error ends the call: a bad pointer, or more calls or longer replies than the limits allow.
pub(crate) async fn ask(
    caller: &mut Caller<'_, State>,
    pointers: Pointers,
) -> wasmtime::Result<Result<Vec<u8>, String>> {
    let asked = Asked::read(caller, pointers).map_err(wasmtime::Error::new)?;
    let account = &mut caller.data_mut().host_calls;
    account.count_call().map_err(wasmtime::Error::new)?;
    let Some(host) = account.host.clone() else {
        return Ok(Err("this host answers no calls".to_owned()));
    };
    let deadline = caller.data().deadline;
    let reply = tokio::time::timeout_at(deadline.into(), host.call(asked.as_call())).await;
    let reply = reply.map_err(|_| wasmtime::Error::new(Stop::Deadline))?;
    let len = reply.as_ref().map_or_else(String::len, Vec::len);
    caller
        .data_mut()
        .host_calls
        .count_reply(len)
        .map_err(wasmtime::Error::new)?;
    Ok(reply)
}

/// A copy of what a module asks: its memory must not be borrowed while the host looks for the reply.
struct Asked {
    names: [String; 3],
    payload: Vec<u8>,
}

impl Asked {
    fn read(caller: &mut Caller<'_, State>, pointers: Pointers) -> Result<Self, Stop> {
        /// The longest name of anything that is called, in bytes.
        const NAME_MAX: u32 = 256;
        let (binding, binding_len, namespace, namespace_len, operation, operation_len, at, len) =
            pointers;
        let guest = Guest::of(caller)?;
        let name = |at, len: u32| -> Result<String, Stop> {
            let bytes = guest.memory.read(at, len.min(NAME_MAX))?;
            Ok(String::from_utf8_lossy(bytes).into_owned())
        };
        Ok(Self {
            names: [
                name(binding, binding_len)?,
                name(namespace, namespace_len)?,
                name(operation, operation_len)?,
            ],
            payload: payload(&guest.memory, at, len, guest.state.handover_max)?,
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

/// What goes with a call counts like an answer: it may be as long as one.
fn payload(memory: &GuestMemory<'_>, at: u32, len: u32, max: usize) -> Result<Vec<u8>, Stop> {
    let bytes = memory.read(at, len)?;
    if bytes.len() > max {
        return Err(Stop::OutputTooLarge);
    }
    Ok(bytes.to_vec())
}
