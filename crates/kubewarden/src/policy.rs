//! Loaded policies: a module with its settings, grants and limits.

use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use capabilities::{Capabilities, Grants, PolicyCapabilities};
use engine::{HostCalls, Limits};
use serde_json::value::RawValue;
use tracing::Instrument as _;

use crate::failure::Failure;
use crate::host_calls::{self, GrantedCalls};
use crate::metadata::ExecutionMode;
use crate::mode::{Call, Mode};
use crate::request::Request;
use crate::validation::Validation;

/// The access of a policy to the world outside its request.
#[derive(Clone)]
pub struct Access {
    /// The source of the responses to host calls.
    pub capabilities: Capabilities,
    /// The host calls that the policy may make, and the Kubernetes objects that it may read.
    pub grants: Arc<Grants>,
}

/// A loaded policy. Cheap to clone.
///
/// ```
/// use std::sync::Arc;
/// use std::time::{Duration, Instant};
///
/// use capabilities::{Capabilities, Grants};
/// use kubewarden::{Access, ExecutionMode, Mode, Policy, Request, Verdict};
///
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// // A waPC guest that accepts every request.
/// let wasm = wat::parse_str(r#"(module
///   (import "wapc" "__guest_response" (func $respond (param i32 i32)))
///   (memory (export "memory") 1)
///   (data (i32.const 0) "{\22accepted\22:true,\22valid\22:true}")
///   (func (export "__guest_call") (param i32 i32) (result i32)
///     (call $respond (i32.const 0) (i32.const 30))
///     (i32.const 1)))"#).unwrap();
/// let engine = engine::Engine::new(engine::Options::default()).unwrap();
/// let mode = Mode::new(&engine.load(&wasm).unwrap(), ExecutionMode::Wapc).unwrap();
/// let access = Access {
///     capabilities: Capabilities::none(),
///     grants: Arc::new(Grants::default()),
/// };
/// let limits = engine::Limits::default();
/// let policy = Policy::new("accept", mode, None, access, limits).unwrap();
///
/// let deadline = Instant::now() + Duration::from_secs(10);
/// policy.validate_settings(deadline).await.unwrap();
/// let request = Request::from_raw(br#"{"any": "JSON"}"#).unwrap();
/// let validation = policy.validate(&request, deadline).await.unwrap();
/// assert!(matches!(validation.verdict, Verdict::Accept(None)));
/// # });
/// ```
#[derive(Clone)]
pub struct Policy {
    inner: Arc<Inner>,
}

struct Inner {
    mode: Mode,
    settings: Box<RawValue>,
    limits: Limits,
    capabilities: PolicyCapabilities,
}

/// A policy that cannot be loaded.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The settings are neither an object nor `null`.
    #[error("the settings of a Kubewarden policy must be a mapping")]
    SettingsType,
}

/// A failed validation of a policy's settings.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// The policy rejects its settings.
    #[error("Provided settings are not valid: {}", .message.as_deref().unwrap_or("the policy gives no reason"))]
    Invalid {
        /// The message of the policy.
        message: Option<String>,
    },
    /// The policy requires built-in functions that this host lacks.
    #[error("it requires Rego functions that this host does not have: {}", .0.join(", "))]
    Builtins(Vec<String>),
    /// The call of the policy failed.
    #[error("its settings could not be checked")]
    Failed(#[from] Failure),
}

impl Policy {
    /// Creates a policy. Absent settings and `null` become an empty object.
    ///
    /// # Errors
    /// [`LoadError::SettingsType`].
    pub fn new(
        name: &str,
        mode: Mode,
        settings: Option<&RawValue>,
        access: Access,
        limits: Limits,
    ) -> Result<Self, LoadError> {
        Ok(Self {
            inner: Arc::new(Inner {
                mode,
                settings: to_object(settings)?,
                limits,
                capabilities: PolicyCapabilities::new(name, access.capabilities, access.grants),
            }),
        })
    }

    /// Returns the execution mode.
    #[must_use]
    pub fn execution_mode(&self) -> ExecutionMode {
        self.inner.mode.execution_mode()
    }

    /// Calls the policy to validate its settings. Needed once, after loading.
    ///
    /// # Errors
    /// [`SettingsError`] if the settings are rejected, the policy requires built-in functions that
    /// do not exist, or the call fails.
    pub async fn validate_settings(&self, deadline: Instant) -> Result<(), SettingsError> {
        if let Mode::Opa(rego) | Mode::Gatekeeper(rego) = &self.inner.mode {
            let required = rego.builtins(&self.inner.limits, deadline).await;
            let required = required.map_err(Failure::from)?.into_iter();
            let missing: Vec<_> = required
                .filter(|name| !host_calls::has_builtin(name))
                .collect();
            if !missing.is_empty() {
                return Err(SettingsError::Builtins(missing));
            }
        }
        let call = self.call(deadline);
        let response = self.inner.mode.validate_settings(call).await?;
        if response.valid {
            return Ok(());
        }
        let message = response.message;
        Err(SettingsError::Invalid { message })
    }

    /// Evaluates a request. Dropping the future ends the call.
    ///
    /// # Errors
    /// [`Failure`] if the policy returns no usable response.
    pub async fn validate(
        &self,
        request: &Request,
        deadline: Instant,
    ) -> Result<Validation, Failure> {
        let context = tokio::time::timeout_at(deadline.into(), Box::pin(self.context()))
            .await
            .map_err(|_| Failure::Deadline)??;
        // Boxed, because it is as large as the future of the largest mode, and groups contain it.
        let call = self.call(deadline);
        let validation = self.inner.mode.validate(request, context.as_deref(), call);
        let span = tracing::debug_span!("policy", name = self.inner.capabilities.policy());
        let validation = Box::pin(validation).instrument(span).await?;
        Ok(validation.checked_against(request))
    }

    /// Returns the granted Kubernetes objects for a Rego policy.
    async fn context(&self) -> Result<Option<Vec<u8>>, Failure> {
        let capabilities = &self.inner.capabilities;
        if !self.inner.mode.is_rego() || capabilities.grants().resources().is_empty() {
            return Ok(None);
        }
        let context = match self.inner.mode.execution_mode() {
            ExecutionMode::Gatekeeper => capabilities.gatekeeper_inventory().await,
            _ => capabilities.opa_context().await,
        };
        context
            .map(Some)
            .map_err(|error| Failure::internal(error.to_string()))
    }

    fn call(&self, deadline: Instant) -> Call<'_> {
        let host: Arc<dyn HostCalls> = Arc::new(GrantedCalls::new(&self.inner.capabilities));
        Call {
            settings: self.inner.settings.get(),
            host: Some(host),
            limits: &self.inner.limits,
            deadline,
        }
    }
}

fn to_object(settings: Option<&RawValue>) -> Result<Box<RawValue>, LoadError> {
    let text = settings.map_or("{}", |settings| match settings.get() {
        "null" => "{}",
        text => text,
    });
    if !text.starts_with('{') {
        return Err(LoadError::SettingsType);
    }
    RawValue::from_string(text.to_owned()).map_err(|_| LoadError::SettingsType)
}

impl fmt::Debug for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Policy")
            .field("name", &self.inner.capabilities.policy())
            .field("mode", &self.inner.mode)
            .finish_non_exhaustive()
    }
}
