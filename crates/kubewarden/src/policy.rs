//! A loaded policy: a module with everything it is asked under.

use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use capabilities::{Capabilities, Grants};
use engine::{HostCalls, Limits};
use serde_json::value::RawValue;
use tracing::Instrument as _;

use crate::calls::{self, Granted, OneCall};
use crate::failure::Failure;
use crate::metadata::ExecutionMode;
use crate::mode::{Call, Mode};
use crate::request::Request;
use crate::validation::Validation;

/// What a policy may reach besides its request.
#[derive(Clone)]
pub struct Access {
    /// Who answers its calls.
    pub capabilities: Capabilities,
    /// Which calls, about which resources.
    pub grants: Arc<Grants>,
}

/// A loaded policy. Cheap to clone.
#[derive(Clone)]
pub struct Policy {
    inner: Arc<Inner>,
}

struct Inner {
    mode: Mode,
    settings: Box<RawValue>,
    limits: Limits,
    host: Arc<Granted>,
}

/// A policy cannot be loaded.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// Settings are an object, or nothing.
    #[error("the settings of a Kubewarden policy must be a mapping")]
    SettingsType,
}

/// A policy does not accept its settings, or could not be asked about them.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// It does not accept them.
    #[error("Provided settings are not valid: {}", .message.as_deref().unwrap_or("the policy does not say why"))]
    Invalid {
        /// The policy's own words.
        message: Option<String>,
    },
    /// It needs built-in functions that this host does not have.
    #[error("it needs functions of Rego that this host does not have: {}", .0.join(", "))]
    Builtins(Vec<String>),
    /// It failed when it was asked.
    #[error("its settings could not be checked")]
    Failed(#[from] Failure),
}

impl Policy {
    /// A policy of this name. `settings` that are absent or `null` are empty.
    ///
    /// # Errors
    /// When the settings are no object.
    pub fn new(
        name: &str,
        mode: Mode,
        settings: Option<&RawValue>,
        access: Access,
        limits: Limits,
    ) -> Result<Self, LoadError> {
        let host = Arc::new(Granted {
            policy: name.to_owned(),
            capabilities: access.capabilities,
            grants: access.grants,
        });
        Ok(Self {
            inner: Arc::new(Inner {
                mode,
                settings: object(settings)?,
                limits,
                host,
            }),
        })
    }

    /// How it is run.
    #[must_use]
    pub fn execution_mode(&self) -> ExecutionMode {
        self.inner.mode.execution_mode()
    }

    /// Asks the policy whether it can work with its settings; done once, when it is loaded.
    ///
    /// # Errors
    /// When it cannot, in its own words; or it failed.
    pub async fn validate_settings(&self, deadline: Instant) -> Result<(), SettingsError> {
        if let Mode::Opa(rego) | Mode::Gatekeeper(rego) = &self.inner.mode {
            let needed = rego.builtins(&self.inner.limits, deadline).await;
            let needed = needed.map_err(Failure::from)?.into_iter();
            let missing: Vec<_> = needed.filter(|name| !calls::has_builtin(name)).collect();
            if !missing.is_empty() {
                return Err(SettingsError::Builtins(missing));
            }
        }
        let answer = self
            .inner
            .mode
            .validate_settings(self.call(deadline))
            .await?;
        if answer.valid {
            return Ok(());
        }
        let message = answer.message;
        Err(SettingsError::Invalid { message })
    }

    /// Asks about a request. Dropping the future ends the call.
    ///
    /// # Errors
    /// When the policy has no answer. That is never an acceptance.
    pub async fn validate(
        &self,
        request: &Request,
        deadline: Instant,
    ) -> Result<Validation, Failure> {
        let context = tokio::time::timeout_at(deadline.into(), Box::pin(self.context()))
            .await
            .map_err(|_| Failure::Deadline)??;
        // Boxed: it is as large as the largest mode, and groups hold it in turn.
        let call = self.call(deadline);
        let answer = self.inner.mode.validate(request, context.as_deref(), call);
        let span = tracing::debug_span!("policy", name = self.inner.host.policy);
        let answer = Box::pin(answer).instrument(span).await?;
        Ok(answer.about(request))
    }

    /// What a Rego policy sees of the cluster.
    async fn context(&self) -> Result<Option<Vec<u8>>, Failure> {
        let Granted {
            capabilities,
            grants,
            ..
        } = &*self.inner.host;
        if !self.inner.mode.is_rego() || grants.resources().is_empty() {
            return Ok(None);
        }
        let context = match self.inner.mode.execution_mode() {
            ExecutionMode::Gatekeeper => capabilities.gatekeeper_inventory(grants).await,
            _ => capabilities.opa_context(grants).await,
        };
        context
            .map(Some)
            .map_err(|error| Failure::host(error.to_string()))
    }

    fn call(&self, deadline: Instant) -> Call<'_> {
        let host: Arc<dyn HostCalls> = Arc::new(OneCall::new(Arc::clone(&self.inner.host)));
        Call {
            settings: self.inner.settings.get(),
            host: Some(host),
            limits: &self.inner.limits,
            deadline,
        }
    }
}

fn object(settings: Option<&RawValue>) -> Result<Box<RawValue>, LoadError> {
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
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Policy")
            .field("name", &self.inner.host.policy)
            .field("mode", &self.inner.mode)
            .finish_non_exhaustive()
    }
}
