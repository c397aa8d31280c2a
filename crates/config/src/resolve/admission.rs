//! From the fields of a file to resolved types: admission policies, their rules and grants.

use std::sync::Arc;

use access::admission::OnFailure;
use access::rules::Rule;
use capabilities::{Grants, KubernetesResource, PatternError};

use super::planes::mode;
use super::{all, policy};
use crate::diagnostics::{ConfigError, ConfigErrors, Diagnostics, both};
use crate::document::Scope;
use crate::resolved::{AdmissionModule, AdmissionPolicy, Guarded, Kubewarden, Program, Protocol};
use crate::spec;

/// Resolves admission policies. The engine bounds their memory.
pub(crate) fn admission_policies(
    scope: &Scope<'_>,
    entries: Vec<spec::AdmissionPolicy>,
    engine: &engine::Options,
) -> Result<Vec<AdmissionPolicy>, ConfigErrors> {
    all(scope, entries, |scope, entry| {
        let policy = policy(scope, &entry.common(), engine.max_memory);
        let kubewarden = kubewarden(scope, &entry);
        let rules = rules(scope, entry.rules.as_deref().unwrap_or_default());
        let ((policy, kubewarden), rules) = both(both(policy, kubewarden), rules)?;
        Ok(AdmissionPolicy {
            policy,
            guarded: guarded(&kubewarden.grants),
            program: Program::Module(AdmissionModule {
                path: scope.document().resolve_path(&entry.module.value),
                protocol: entry.r#type.map(|r#type| match r#type {
                    spec::ModuleType::Wasi => Protocol::Wasi,
                    spec::ModuleType::Kubewarden => Protocol::Kubewarden,
                }),
                kubewarden,
            }),
            mutating: entry.mutating.unwrap_or(false),
            rules,
            on_failure: match entry.failure_policy {
                None | Some(spec::AdmissionFailurePolicy::Fail) => OnFailure::Fail,
                Some(spec::AdmissionFailurePolicy::Ignore) => OnFailure::Ignore,
            },
            mode: mode(entry.policy_mode),
        })
    })
}

/// Resolves the fields for Kubewarden policies.
fn kubewarden(scope: &Scope<'_>, entry: &spec::AdmissionPolicy) -> Result<Kubewarden, ConfigError> {
    let fields = [
        ("executionMode", entry.execution_mode.is_some()),
        ("hostCapabilities", entry.host_capabilities.is_some()),
        (
            "contextAwareResources",
            entry.context_aware_resources.is_some(),
        ),
        ("message", entry.message.is_some()),
    ];
    if let (Some(spec::ModuleType::Wasi), Some((field, _))) =
        (entry.r#type, fields.iter().find(|(_, is_set)| *is_set))
    {
        let message = "is for Kubewarden policies, but the policy has `type: wasi`";
        return Err(scope.field(field).error(&entry.module, message));
    }
    let resources = entry.context_aware_resources.iter().flatten();
    let grants = grants(entry.host_capabilities.as_deref(), resources).map_err(|error| {
        let scope = scope.field("hostCapabilities");
        scope.error(&entry.module, error.to_string())
    })?;
    Ok(Kubewarden {
        execution_mode: entry.execution_mode,
        grants,
        message: entry.message.clone(),
    })
}

fn rules(scope: &Scope<'_>, spec: &[spec::Rule]) -> Result<Vec<Rule>, ConfigErrors> {
    let scope = scope.field("rules");
    let mut diagnostics = Diagnostics::default();
    let rules = spec
        .iter()
        .enumerate()
        .filter_map(|(index, rule)| {
            let resolved = Rule::new(
                &rule.operations.value,
                &rule.api_groups,
                &rule.api_versions,
                &rule.resources,
                rule.scope.as_deref(),
            );
            let scope = scope.item(index);
            diagnostics
                .take(resolved.map_err(|error| scope.error(&rule.operations, error.to_string())))
        })
        .collect();
    diagnostics.finish(rules)
}

/// Resolves the host calls that a policy may make.
pub(crate) fn grants<'r>(
    capabilities: Option<&[String]>,
    resources: impl Iterator<Item = &'r spec::KubernetesResource>,
) -> Result<Arc<Grants>, PatternError> {
    let resources = resources.map(|resource| KubernetesResource {
        api_version: resource.api_version.clone(),
        kind: resource.kind.clone(),
    });
    Grants::new(capabilities.unwrap_or_default(), resources).map(Arc::new)
}

/// Returns the treatment of a policy by the lock-out guard, if its rules are in the configuration.
fn guarded(grants: &Grants) -> Guarded {
    // Policies in Rego receive the objects that they may read without a call.
    if grants.has_calls() || !grants.resources().is_empty() {
        Guarded::MayCallHost
    } else {
        Guarded::Yes
    }
}
