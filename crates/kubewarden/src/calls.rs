//! Between the engine and the rest of the world: host calls of a policy under its grants, built-in functions of Rego.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Instant, SystemTime};

use capabilities::{Call, Capabilities, Grants, Refused};
use engine::{Builtins, HostCall, HostCalls, Reply};
use serde_json::Value;

/// The host as one policy may use it.
pub(crate) struct Granted {
    pub(crate) policy: String,
    pub(crate) capabilities: Capabilities,
    pub(crate) grants: Arc<Grants>,
}

/// The host in one call of a policy.
pub(crate) struct OneCall {
    granted: Arc<Granted>,
    /// What the policy may still log, in bytes.
    log_left: AtomicUsize,
}

/// What a policy may log in one call, in bytes: as much as is kept of what a module writes to stderr.
const LOG_MAX: usize = 64 << 10;

impl OneCall {
    pub(crate) fn new(granted: Arc<Granted>) -> Self {
        Self {
            granted,
            log_left: AtomicUsize::new(LOG_MAX),
        }
    }

    /// Whether an entry of so many bytes is still logged; the first one that is not is told.
    fn may_log(&self, len: usize) -> bool {
        let left = self.log_left.load(Ordering::Relaxed);
        let rest = left.checked_sub(len).filter(|rest| *rest > 0);
        self.log_left.store(rest.unwrap_or(0), Ordering::Relaxed);
        if rest.is_none() && left > 0 {
            tracing::warn!(
                policy = self.granted.policy,
                "the rest of the policy's log was dropped"
            );
        }
        rest.is_some()
    }
}

impl HostCalls for OneCall {
    fn call<'a>(&'a self, call: HostCall<'a>) -> Reply<'a> {
        Box::pin(async move {
            if call.namespace == "tracing" && !self.may_log(call.payload.len()) {
                return Ok(Vec::new());
            }
            let Granted {
                policy,
                capabilities,
                grants,
            } = &*self.granted;
            Refused::unless_kubewarden(call.binding).map_err(|refused| refused.to_string())?;
            let asked = Call {
                policy,
                namespace: call.namespace,
                operation: call.operation,
                payload: call.payload,
            };
            let answer = capabilities.answer(grants, asked).await;
            answer.map_err(|refused| refused.to_string())
        })
    }

    /// What needs no grant, tracing, is answered at once.
    fn may_wait(&self) -> bool {
        self.granted.grants.has_calls()
    }
}

/// The built-in functions of one evaluation: the time stands still in it.
pub(crate) struct Evaluation(Mutex<rego::Context>);

impl Evaluation {
    pub(crate) fn until(deadline: Instant) -> Self {
        let context = rego::Context::new(SystemTime::now());
        Self(Mutex::new(context.with_deadline(deadline)))
    }
}

/// Whether there is a built-in function of this name.
pub(crate) fn has_builtin(name: &str) -> bool {
    rego::find(name).is_some()
}

impl Builtins for Evaluation {
    fn call(&self, name: &str, arguments: &[Vec<u8>]) -> Result<Option<Vec<u8>>, String> {
        let builtin = rego::find(name).ok_or("is not implemented")?;
        let arguments: Result<Vec<Value>, _> = arguments
            .iter()
            .map(|json| serde_json::from_slice(json))
            .collect();
        let arguments = arguments.map_err(|error| format!("its arguments are no JSON: {error}"))?;
        let mut context = self.0.lock().map_err(|_| "the context is lost")?;
        match builtin.call(&arguments, &mut context) {
            Ok(result) => serde_json::to_vec(&result)
                .map(Some)
                .map_err(|error| error.to_string()),
            Err(error) if error.is_undefined() => Ok(None),
            Err(error) => Err(error.to_string()),
        }
    }
}
