//! Errors of loading policies.

use std::error::Error;
use std::fmt::{self, Write};
use std::io;
use std::path::PathBuf;

use access::PolicyName;

use crate::config::{Position, Protocol};

/// The error of a policy that cannot be loaded.
#[derive(Debug, thiserror::Error)]
#[error("{position}: failed to load policy `{policy}` from `{}`", module.display())]
pub struct LoadError {
    /// The name of the policy.
    pub policy: PolicyName,
    /// The position of the policy in the configuration.
    pub position: Position,
    /// The file of the module.
    pub module: PathBuf,
    /// The reason.
    #[source]
    pub kind: LoadErrorKind,
}

/// The reason why a policy cannot be loaded.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LoadErrorKind {
    /// The module cannot be read.
    #[error("failed to read the file")]
    Read(#[source] io::Error),
    /// The module cannot be compiled.
    #[error(transparent)]
    Module(#[from] engine::LoadError),
    /// The module does not have the entry point of the policy's plane.
    #[error(transparent)]
    EntryPoint(#[from] engine::EntryError),
    /// The protocol of the module is not the configured one.
    #[error(
        "the configuration has `type: {}`, but the file is {}",
        name(*.configured), describe(*.found)
    )]
    Protocol {
        /// The configured protocol.
        configured: Protocol,
        /// The protocol of the module.
        found: Protocol,
    },
    /// The metadata of a Kubewarden policy cannot be read, or requires an unsupported feature.
    #[error(transparent)]
    Metadata(#[from] kubewarden::MetadataError),
    /// The Kubewarden policy cannot run in its execution mode.
    #[error(transparent)]
    Mode(#[from] kubewarden::ModeError),
    /// The settings are not valid for any Kubewarden policy.
    #[error(transparent)]
    Kubewarden(#[from] kubewarden::LoadError),
    /// The Kubewarden policy rejects its settings.
    #[error(transparent)]
    Settings(#[from] kubewarden::SettingsError),
    /// The plane does not support Kubewarden policies. They evaluate admission requests only.
    #[error("the file is a Kubewarden policy, which is supported under `admission` only")]
    KubewardenElsewhere,
    /// The settings of a Kubewarden policy cannot be validated, because there is no runtime.
    #[error("failed to validate the settings")]
    Runtime(#[from] NoRuntime),
}

fn name(protocol: Protocol) -> &'static str {
    match protocol {
        Protocol::Wasi => "wasi",
        Protocol::Kubewarden => "kubewarden",
    }
}

fn describe(protocol: Protocol) -> &'static str {
    match protocol {
        Protocol::Wasi => "not a Kubewarden policy",
        Protocol::Kubewarden => "a Kubewarden policy",
    }
}

/// The errors of all policies that cannot be loaded: at least one.
#[derive(Debug, thiserror::Error)]
pub struct LoadErrors(Vec<LoadError>);

impl LoadErrors {
    /// Returns `value`, unless there are errors.
    pub(crate) fn check<T>(errors: Vec<LoadError>, value: T) -> Result<T, Self> {
        if errors.is_empty() {
            Ok(value)
        } else {
            Err(Self(errors))
        }
    }

    /// Returns the errors, in the order of the configuration. Never empty.
    #[must_use]
    pub fn as_slice(&self) -> &[LoadError] {
        &self.0
    }
}

impl fmt::Display for LoadErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, error) in self.0.iter().enumerate() {
            let separator = if index > 0 { "\n" } else { "" };
            write!(f, "{separator}{}", error_chain(error))?;
        }
        Ok(())
    }
}

/// The reason why there is no runtime for calls while policies are loaded.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{0}")]
pub struct NoRuntime(pub(super) String);

/// Formats an error and its sources on one line, separated by colons.
#[must_use]
pub fn error_chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        // Writing to a string cannot fail.
        let _ = write!(text, ": {cause}");
        source = cause.source();
    }
    text
}
