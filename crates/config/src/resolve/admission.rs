//! From what is written to what is meant, for what only admission policies have: rules, and what is for Kubewarden policies.

use std::sync::Arc;

use access::Mode;
use access::rules::Rule;
use capabilities::{Grants, KubernetesResource, PatternError};

use super::error::ConfigError;
use super::resolve::Resolver;
use super::{Kubewarden, written};

impl Resolver<'_> {
    /// What an entry says that is for Kubewarden policies.
    pub(super) fn kubewarden(
        &self,
        entry: &written::AdmissionPolicy,
        at: &str,
        errors: &mut Vec<ConfigError>,
    ) -> Option<Kubewarden> {
        let theirs = [
            ("executionMode", entry.execution_mode.is_some()),
            ("hostCapabilities", entry.host_capabilities.is_some()),
            (
                "contextAwareResources",
                entry.context_aware_resources.is_some(),
            ),
            ("message", entry.message.is_some()),
        ];
        if let (Some(written::ModuleType::Wasi), Some((field, _))) =
            (entry.r#type, theirs.iter().find(|(_, is_there)| *is_there))
        {
            let message = "is for Kubewarden policies, but the policy says `type: wasi`";
            errors.push(
                self.file
                    .error(&entry.module, format!("{at}.{field}"), message),
            );
            return None;
        }
        let resources = entry.context_aware_resources.iter().flatten();
        let grants = grants(entry.host_capabilities.as_deref(), resources)
            .map_err(|error| {
                let field = format!("{at}.hostCapabilities");
                errors.push(self.file.error(&entry.module, field, error.to_string()));
            })
            .ok()?;
        Some(Kubewarden {
            execution_mode: entry.execution_mode.map(kubewarden::ExecutionMode::from),
            grants,
            message: entry.message.clone(),
        })
    }

    pub(super) fn rules(
        &self,
        written: &[written::Rule],
        at: &str,
        errors: &mut Vec<ConfigError>,
    ) -> Vec<Rule> {
        let mut rules = Vec::with_capacity(written.len());
        for (index, rule) in written.iter().enumerate() {
            match Rule::new(
                &rule.operations.value,
                &rule.api_groups,
                &rule.api_versions,
                &rule.resources,
                rule.scope.as_deref(),
            ) {
                Ok(rule) => rules.push(rule),
                Err(error) => errors.push(self.file.error(
                    &rule.operations,
                    format!("{at}.rules[{index}]"),
                    error.to_string(),
                )),
            }
        }
        rules
    }
}

/// What a policy may ask of the host.
pub(super) fn grants<'r>(
    capabilities: Option<&[String]>,
    resources: impl Iterator<Item = &'r written::KubernetesResource>,
) -> Result<Arc<Grants>, PatternError> {
    let resources = resources.map(|resource| KubernetesResource {
        api_version: resource.api_version.clone(),
        kind: resource.kind.clone(),
    });
    Grants::new(capabilities.unwrap_or_default(), resources).map(Arc::new)
}

impl From<written::PolicyMode> for Mode {
    fn from(written: written::PolicyMode) -> Self {
        match written {
            written::PolicyMode::Protect => Self::Protect,
            written::PolicyMode::Monitor => Self::Monitor,
        }
    }
}

impl From<written::ExecutionMode> for kubewarden::ExecutionMode {
    fn from(written: written::ExecutionMode) -> Self {
        match written {
            written::ExecutionMode::Wapc => Self::Wapc,
            written::ExecutionMode::Wasi => Self::Wasi,
            written::ExecutionMode::Opa => Self::Opa,
            written::ExecutionMode::Gatekeeper => Self::Gatekeeper,
        }
    }
}
