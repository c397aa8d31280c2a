//! Adapters from the engine to the host: host calls under grants, and Rego's built-in functions.

use std::time::{Instant, SystemTime};

use capabilities::{CallCapabilities, PolicyCapabilities};
use engine::{Builtins, HostCall, HostCalls, Reply};
use parking_lot::Mutex;
use serde_json::Value;

/// The host calls of one call of a policy.
pub(crate) struct GrantedCalls {
    capabilities: CallCapabilities,
    /// True if the policy may make host calls that wait. Tracing is answered at once.
    may_wait: bool,
}

impl GrantedCalls {
    pub(crate) fn new(capabilities: &PolicyCapabilities) -> Self {
        Self {
            capabilities: capabilities.begin_call(),
            may_wait: capabilities.grants().has_calls(),
        }
    }
}

impl HostCalls for GrantedCalls {
    fn call<'a>(&'a self, call: HostCall<'a>) -> Reply<'a> {
        Box::pin(async move {
            self.capabilities
                .respond(call.binding, call.namespace, call.operation, call.payload)
                .await
                .map_err(|error| error.to_string())
        })
    }

    fn may_wait(&self) -> bool {
        self.may_wait
    }
}

/// The built-in functions of one evaluation, during which the time is constant.
pub(crate) struct Evaluation(Mutex<rego::Context>);

impl Evaluation {
    pub(crate) fn new(deadline: Instant) -> Self {
        let context = rego::Context::new(SystemTime::now());
        Self(Mutex::new(context.with_deadline(deadline)))
    }
}

/// Returns whether a built-in function of this name exists.
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
        let arguments =
            arguments.map_err(|error| format!("its arguments are not valid JSON: {error}"))?;
        match builtin.call(&arguments, &mut self.0.lock()) {
            Ok(result) => serde_json::to_vec(&result)
                .map(Some)
                .map_err(|error| error.to_string()),
            Err(error) if error.is_undefined() => Ok(None),
            Err(error) => Err(error.to_string()),
        }
    }
}
