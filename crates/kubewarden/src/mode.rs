//! The four execution modes beside each other: how a policy is asked, one file each.
//!
//! | Mode | The module is | `validate` gets | and answers |
//! |---|---|---|---|
//! | [`wapc`] | a waPC guest | `{"request", "settings"}` as the payload of the operation `validate` | a ValidationResponse |
//! | [`wasi`] | a program | the same on stdin, with the argument `validate` | the same on stdout |
//! | [`opa`] | Rego by OPA | `input.request`; the settings are `data` | `response`: an AdmissionResponse |
//! | [`gatekeeper`] | Rego by OPA | `input.review` and `input.parameters` | a list of violations |

mod gatekeeper;
mod opa;
mod wapc;
mod wasi;

use std::sync::Arc;
use std::time::Instant;

use engine::{HostCalls, Inspection, Limits};

use crate::failure::Failure;
use crate::metadata::{ExecutionMode, Metadata};
use crate::request::Request;
use crate::validation::Validation;

/// A module that can be asked in its mode.
#[derive(Debug, Clone)]
pub enum Mode {
    /// waPC.
    Wapc(engine::Wapc),
    /// A program.
    Wasi(engine::Command),
    /// Rego as for Open Policy Agent.
    Opa(engine::Rego),
    /// Rego as for Gatekeeper.
    Gatekeeper(engine::Rego),
}

/// What every call of a policy has besides its request.
pub(crate) struct Call<'a> {
    /// JSON.
    pub(crate) settings: &'a str,
    pub(crate) host: Option<Arc<dyn HostCalls>>,
    pub(crate) limits: &'a Limits,
    pub(crate) deadline: Instant,
}

/// What a policy says of its settings.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct SettingsAnswer {
    /// Whether it can work with them.
    pub valid: bool,
    /// Why not.
    #[serde(default)]
    pub message: Option<String>,
}

/// A module cannot be run in the mode that was asked for.
#[derive(Debug, thiserror::Error)]
pub enum ModeError {
    /// The module lacks what the mode needs.
    #[error("it cannot be run in the mode `{}`", .mode.as_str())]
    Exports {
        /// The mode.
        mode: ExecutionMode,
        /// What is missing.
        #[source]
        error: engine::EntryError,
    },
    /// OPA's modules look the same for both modes.
    #[error(
        "it is compiled Rego without metadata: say whether it is of mode `opa` or `gatekeeper`"
    )]
    WhichRego,
}

impl ExecutionMode {
    /// The name in metadata and configuration.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Wapc => "kubewarden-wapc",
            Self::Wasi => "wasi",
            Self::Opa => "opa",
            Self::Gatekeeper => "gatekeeper",
        }
    }
}

/// The mode of a module by its metadata, or else by its exports; none when it is no Kubewarden policy.
///
/// # Errors
/// When it is compiled Rego and nothing says of which kind.
pub fn detect(
    metadata: Option<&Metadata>,
    module: &Inspection,
) -> Result<Option<ExecutionMode>, ModeError> {
    if let Some(metadata) = metadata {
        return Ok(Some(metadata.execution_mode));
    }
    if module.export("__guest_call").is_some() {
        return Ok(Some(ExecutionMode::Wapc));
    }
    if module
        .exports
        .iter()
        .any(|export| export.name.starts_with("opa_"))
    {
        return Err(ModeError::WhichRego);
    }
    Ok(None)
}

impl Mode {
    /// The module in a mode.
    ///
    /// # Errors
    /// When it lacks an export that the mode needs.
    pub fn new(module: &engine::Module, mode: ExecutionMode) -> Result<Self, ModeError> {
        let asked = match mode {
            ExecutionMode::Wapc => module.wapc().map(Self::Wapc),
            ExecutionMode::Wasi => module.command().map(Self::Wasi),
            ExecutionMode::Opa => module.rego().map(Self::Opa),
            ExecutionMode::Gatekeeper => module.rego().map(Self::Gatekeeper),
        };
        asked.map_err(|error| ModeError::Exports { mode, error })
    }

    /// Which one it is.
    #[must_use]
    pub fn execution_mode(&self) -> ExecutionMode {
        match self {
            Self::Wapc(_) => ExecutionMode::Wapc,
            Self::Wasi(_) => ExecutionMode::Wasi,
            Self::Opa(_) => ExecutionMode::Opa,
            Self::Gatekeeper(_) => ExecutionMode::Gatekeeper,
        }
    }

    /// Whether the policy sees the Kubernetes resources of its configuration as part of its data.
    pub(crate) fn is_rego(&self) -> bool {
        matches!(self, Self::Opa(_) | Self::Gatekeeper(_))
    }

    /// Asks about a request. `context` is what a Rego policy sees of the cluster, a JSON object.
    pub(crate) async fn validate(
        &self,
        request: &Request,
        context: Option<&[u8]>,
        call: Call<'_>,
    ) -> Result<Validation, Failure> {
        match self {
            Self::Wapc(guest) => wapc::validate(guest, request, call).await,
            Self::Wasi(program) => wasi::validate(program, request, call).await,
            Self::Opa(policy) => opa::validate(policy, request, context, call).await,
            Self::Gatekeeper(policy) => gatekeeper::validate(policy, request, context, call).await,
        }
    }

    /// Asks about the settings. Rego policies have nothing to say.
    pub(crate) async fn validate_settings(
        &self,
        call: Call<'_>,
    ) -> Result<SettingsAnswer, Failure> {
        match self {
            Self::Wapc(guest) => wapc::validate_settings(guest, call).await,
            Self::Wasi(program) => wasi::validate_settings(program, call).await,
            Self::Opa(_) | Self::Gatekeeper(_) => Ok(SettingsAnswer {
                valid: true,
                message: None,
            }),
        }
    }
}

/// Reads what a policy answered; the parser quotes what it found, which is left to the log.
fn read<'a, T: serde::Deserialize<'a>>(
    output: &'a engine::Output,
    what: &str,
) -> Result<T, Failure> {
    if !output.stderr.is_empty() {
        tracing::debug!(log = %String::from_utf8_lossy(&output.stderr), "policy log");
    }
    serde_json::from_slice(&output.stdout)
        .map_err(|error| Failure::answer(format!("its answer is no {what}"), error.to_string()))
}
