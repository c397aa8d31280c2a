//! The four execution modes.
//!
//! | Mode | Module | Input of `validate` | Output |
//! |---|---|---|---|
//! | `kubewarden-wapc` | waPC guest | `{"request", "settings"}`, payload of the operation `validate` | a ValidationResponse |
//! | `wasi` | program | the same on stdin, with the argument `validate` | the same on stdout |
//! | `opa` | compiled Rego | `input.request`; the settings are `data` | `response`: an AdmissionResponse |
//! | `gatekeeper` | compiled Rego | `input.review` and `input.parameters` | a list of violations |

mod call;
mod rego;
mod sdk;

use engine::Inspection;

pub(crate) use call::Call;
pub use call::SettingsResponse;

use crate::failure::Failure;
use crate::metadata::{ExecutionMode, Metadata, SECTION};
use crate::request::Request;
use crate::validation::Validation;

/// The export through which a waPC guest is called.
const WAPC_EXPORT: &str = "__guest_call";
/// The prefix of the exports of a policy compiled by OPA.
const OPA_PREFIX: &str = "opa_";

/// A module that is callable in its execution mode.
#[derive(Debug, Clone)]
pub enum Mode {
    /// A waPC guest.
    Wapc(engine::Wapc),
    /// A WASI program.
    Wasi(engine::Command),
    /// Rego for Open Policy Agent.
    Opa(engine::Rego),
    /// Rego for Gatekeeper.
    Gatekeeper(engine::Rego),
}

/// A module that cannot be called in an execution mode.
#[derive(Debug, thiserror::Error)]
pub enum ModeError {
    /// The module lacks an export that the mode requires.
    #[error("it cannot be run in the mode `{}`", .mode.as_str())]
    Exports {
        /// The execution mode.
        mode: ExecutionMode,
        /// The missing export.
        #[source]
        error: engine::EntryError,
    },
    /// The module is compiled Rego, whose exports are the same in both modes, without metadata.
    #[error(
        "it is compiled Rego without metadata: set the execution mode to `opa` or `gatekeeper`"
    )]
    AmbiguousRego,
}

/// Returns whether a module is a Kubewarden policy: it has Kubewarden's metadata section, or the
/// exports of waPC or of OPA.
#[must_use]
pub fn is_policy(module: &Inspection) -> bool {
    let mut sections = module.custom_sections.iter();
    sections.any(|section| section.name == SECTION) || is_wapc(module) || is_rego(module)
}

/// Returns the execution mode of a module, from its metadata or otherwise from its exports. `None`
/// if it is not a Kubewarden policy.
///
/// # Errors
/// [`ModeError::AmbiguousRego`] for compiled Rego without metadata.
pub fn detect(
    metadata: Option<&Metadata>,
    module: &Inspection,
) -> Result<Option<ExecutionMode>, ModeError> {
    if let Some(metadata) = metadata {
        Ok(Some(metadata.execution_mode))
    } else if is_wapc(module) {
        Ok(Some(ExecutionMode::Wapc))
    } else if is_rego(module) {
        Err(ModeError::AmbiguousRego)
    } else {
        Ok(None)
    }
}

fn is_wapc(module: &Inspection) -> bool {
    module.export(WAPC_EXPORT).is_some()
}

fn is_rego(module: &Inspection) -> bool {
    let mut exports = module.exports.iter();
    exports.any(|export| export.name.starts_with(OPA_PREFIX))
}

impl Mode {
    /// Prepares a module for calls in a mode.
    ///
    /// # Errors
    /// [`ModeError::Exports`].
    pub fn new(module: &engine::Module, mode: ExecutionMode) -> Result<Self, ModeError> {
        let callable = match mode {
            ExecutionMode::Wapc => module.wapc().map(Self::Wapc),
            ExecutionMode::Wasi => module.command().map(Self::Wasi),
            ExecutionMode::Opa => module.rego().map(Self::Opa),
            ExecutionMode::Gatekeeper => module.rego().map(Self::Gatekeeper),
        };
        callable.map_err(|error| ModeError::Exports { mode, error })
    }

    /// Returns the execution mode.
    #[must_use]
    pub fn execution_mode(&self) -> ExecutionMode {
        match self {
            Self::Wapc(_) => ExecutionMode::Wapc,
            Self::Wasi(_) => ExecutionMode::Wasi,
            Self::Opa(_) => ExecutionMode::Opa,
            Self::Gatekeeper(_) => ExecutionMode::Gatekeeper,
        }
    }

    /// Returns whether the granted Kubernetes objects are part of the policy's data.
    pub(crate) fn is_rego(&self) -> bool {
        matches!(self, Self::Opa(_) | Self::Gatekeeper(_))
    }

    /// Evaluates a request. `context` contains the granted Kubernetes objects for a Rego policy, as
    /// a JSON object.
    pub(crate) async fn validate(
        &self,
        request: &Request,
        context: Option<&[u8]>,
        call: Call<'_>,
    ) -> Result<Validation, Failure> {
        match self {
            Self::Wapc(guest) => sdk::validate_wapc(guest, request, call).await,
            Self::Wasi(program) => sdk::validate_wasi(program, request, call).await,
            Self::Opa(policy) => rego::validate_opa(policy, request, context, call).await,
            Self::Gatekeeper(policy) => {
                rego::validate_gatekeeper(policy, request, context, call).await
            }
        }
    }

    /// Validates the settings. Rego policies accept all settings.
    pub(crate) async fn validate_settings(
        &self,
        call: Call<'_>,
    ) -> Result<SettingsResponse, Failure> {
        match self {
            Self::Wapc(guest) => sdk::validate_wapc_settings(guest, call).await,
            Self::Wasi(program) => sdk::validate_wasi_settings(program, call).await,
            Self::Opa(_) | Self::Gatekeeper(_) => Ok(SettingsResponse {
                valid: true,
                message: None,
            }),
        }
    }
}
