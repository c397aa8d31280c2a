//! Between the engine and the rest of the world: host calls of a policy under its grants, built-in functions of Rego.

use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::{Instant, SystemTime};

use capabilities::{Call, Capabilities, Grants, Refused};
use engine::{Builtins, HostCall, HostCalls, Reply};
use serde_json::Value;

/// The host as one policy may use it.
#[derive(Clone)]
pub(crate) struct Granted {
    pub(crate) policy: String,
    pub(crate) capabilities: Capabilities,
    pub(crate) grants: Arc<Grants>,
}

impl HostCalls for Granted {
    fn call<'a>(&'a self, call: HostCall<'a>) -> Reply<'a> {
        Box::pin(async move {
            Refused::unless_kubewarden(call.binding).map_err(|refused| refused.to_string())?;
            let asked = Call {
                policy: &self.policy,
                namespace: call.namespace,
                operation: call.operation,
                payload: call.payload,
            };
            let answer = self.capabilities.answer(&self.grants, asked).await;
            answer.map_err(|refused| refused.to_string())
        })
    }
}

impl fmt::Debug for Granted {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_tuple("Granted")
            .field(&self.policy)
            .finish()
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
