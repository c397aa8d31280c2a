//! The `policies.yml` of Kubewarden's policy-server: a map from names to policies and groups.
//!
//! Each policy evaluates every review that is sent to its URL, as in policy-server: the webhook
//! configurations select the requests. Source: `crates/policy-server/src/config.rs` of
//! kubewarden-controller.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use access::admission::OnFailure;
use access::rules::Rule;
use serde::Deserialize;

use crate::diagnostics::{ConfigError, ConfigErrors, Diagnostics};
use crate::document::{Document, Located, Scope};
use crate::resolve::{MAX_TIMEOUT, grants, mode, settings};
use crate::resolved::{
    AdmissionModule, AdmissionPolicy, Group, GroupMember, Guarded, Kubewarden, Policy, Program,
    Protocol,
};
use crate::spec::{KubernetesResource, PolicyMode};

/// The timeout of a policy if the file does not set one, in seconds, as in policy-server.
const DEFAULT_TIMEOUT_SECONDS: u64 = 2;

/// An entry of the file: a policy if it has a `module`, a group if it has `policies`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Entry {
    module: Option<Located<String>>,
    policy_mode: Option<PolicyMode>,
    allowed_to_mutate: Option<bool>,
    settings: Option<serde_json::Value>,
    context_aware_resources: Option<Vec<KubernetesResource>>,
    host_capabilities: Option<Vec<String>>,
    message: Option<String>,
    timeout_eval_seconds: Option<u64>,
    expression: Option<Located<String>>,
    policies: Option<BTreeMap<String, Member>>,
}

/// A policy: by itself, or a member of a group.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Member {
    module: Located<String>,
    settings: Option<serde_json::Value>,
    context_aware_resources: Option<Vec<KubernetesResource>>,
    host_capabilities: Option<Vec<String>>,
    timeout_eval_seconds: Option<u64>,
}

/// Reads the policies of the file, in alphabetical order.
///
/// `store` is the directory in which `kwctl pull` stores modules.
///
/// # Errors
/// The first error of each policy.
pub(crate) fn parse(
    document: &Document,
    store: Option<&Path>,
) -> Result<Vec<AdmissionPolicy>, ConfigErrors> {
    let entries: BTreeMap<String, Entry> = document.parse()?;
    let root = document.root();
    let reader = Reader { store };
    let mut diagnostics = Diagnostics::default();
    let policies = entries
        .into_iter()
        .filter_map(|(name, entry)| {
            diagnostics.take(reader.policy(&root.field(&name), &name, entry))
        })
        .collect();
    diagnostics.finish(policies)
}

struct Reader<'a> {
    store: Option<&'a Path>,
}

impl Reader<'_> {
    fn policy(
        &self,
        scope: &Scope<'_>,
        name: &str,
        mut entry: Entry,
    ) -> Result<AdmissionPolicy, ConfigError> {
        let mutating = entry.allowed_to_mutate.unwrap_or(false);
        let mode = mode(entry.policy_mode);
        let (policy, program) = match (entry.module.take(), entry.policies.is_some()) {
            (Some(module), false) => self.single(scope, name, module, entry)?,
            (None, true) => self.group(scope, name, entry)?,
            _ => {
                let message = "needs either `module`, for a policy, or `expression`, `message` and `policies`, for a group";
                return Err(scope.error_without_position(message));
            }
        };
        Ok(AdmissionPolicy {
            policy,
            program,
            mutating,
            rules: vec![Rule::everything()],
            on_failure: OnFailure::Fail,
            mode,
            guarded: Guarded::RulesElsewhere,
        })
    }

    fn single(
        &self,
        scope: &Scope<'_>,
        name: &str,
        module: Located<String>,
        entry: Entry,
    ) -> Result<(Policy, Program), ConfigError> {
        if let Some(expression) = &entry.expression {
            let message = "is for groups: a group has `policies` and no `module`";
            return Err(scope.field("expression").error(expression, message));
        }
        let member = Member {
            module,
            settings: entry.settings,
            context_aware_resources: entry.context_aware_resources,
            host_capabilities: entry.host_capabilities,
            timeout_eval_seconds: entry.timeout_eval_seconds,
        };
        let policy = policy(scope, name, &member)?;
        let module = self.module(scope, &member, entry.message)?;
        Ok((policy, Program::Module(module)))
    }

    fn group(
        &self,
        scope: &Scope<'_>,
        name: &str,
        entry: Entry,
    ) -> Result<(Policy, Program), ConfigError> {
        if entry.settings.is_some()
            || entry.host_capabilities.is_some()
            || entry.context_aware_resources.is_some()
            || entry.timeout_eval_seconds.is_some()
            || entry.allowed_to_mutate.is_some()
        {
            let message = "is a group: settings, grants and timeouts belong to its members, and groups cannot mutate";
            return Err(scope.error_without_position(message));
        }
        let missing =
            |field: &str| scope.error_without_position(format!("is a group and has no `{field}`"));
        let expression = entry.expression.ok_or_else(|| missing("expression"))?;
        let message = entry.message.ok_or_else(|| missing("message"))?;
        let entries = entry.policies.unwrap_or_default();
        let names: Vec<&str> = entries.keys().map(String::as_str).collect();
        let parsed = kubewarden::Expression::parse(&expression.value, &names).map_err(|error| {
            let scope = scope.field("expression");
            scope.error(&expression, error.to_string())
        })?;
        let members = entries
            .into_iter()
            .map(|(member, entry)| self.member(&scope.field("policies"), name, member, &entry))
            .collect::<Result<Vec<_>, _>>()?;
        let timeouts = members.iter().map(|member| member.policy.timeout);
        let policy = Policy {
            name: policy_name(scope, name, &expression)?,
            settings: None,
            timeout: timeouts.sum::<Duration>().min(MAX_TIMEOUT),
            limits: engine::Limits::default(),
            debug: false,
            position: scope.position(expression.location),
        };
        let group = Group {
            expression: parsed,
            message,
            members,
        };
        Ok((policy, Program::Group(group)))
    }

    fn member(
        &self,
        scope: &Scope<'_>,
        group: &str,
        name: String,
        entry: &Member,
    ) -> Result<GroupMember, ConfigError> {
        let scope = scope.field(&name);
        Ok(GroupMember {
            module: self.module(&scope, entry, None)?,
            policy: policy(&scope, &format!("{group}-{name}"), entry)?,
            name,
        })
    }

    fn module(
        &self,
        scope: &Scope<'_>,
        entry: &Member,
        message: Option<String>,
    ) -> Result<AdmissionModule, ConfigError> {
        let module = &entry.module;
        let path = self
            .path(scope.document(), &module.value)
            .map_err(|message| scope.field("module").error(module, message))?;
        let resources = entry.context_aware_resources.iter().flatten();
        let grants = grants(entry.host_capabilities.as_deref(), resources).map_err(|error| {
            let scope = scope.field("hostCapabilities");
            scope.error(module, error.to_string())
        })?;
        Ok(AdmissionModule {
            path,
            protocol: Some(Protocol::Kubewarden),
            kubewarden: Kubewarden {
                execution_mode: None,
                grants,
                message,
            },
        })
    }

    /// Finds the file of a module: a path, a `file://` URI, or a file in the store of `kwctl pull`.
    fn path(&self, document: &Document, module: &str) -> Result<PathBuf, String> {
        if let Some(path) = module.strip_prefix("file://") {
            return Ok(document.resolve_path(path));
        }
        let (scheme, rest) = module.split_once("://").unwrap_or(("registry", module));
        // A name without a scheme refers to a registry, unless there is a file with that name.
        let path = document.resolve_path(module);
        if !module.contains("://") && path.is_file() {
            return Ok(path);
        }
        let stored = self.store.map(|store| store.join(scheme).join(rest));
        match stored {
            Some(stored) if stored.is_file() => Ok(stored),
            stored => {
                let store = stored.map_or_else(String::new, |stored| {
                    format!("; the local store has no `{}` either", stored.display())
                });
                Err(format!(
                    "`{module}` is not a file{store}: pull it first, with `kwctl pull {module}`, or name a file with `file://`"
                ))
            }
        }
    }
}

fn policy(scope: &Scope<'_>, name: &str, entry: &Member) -> Result<Policy, ConfigError> {
    let seconds = entry
        .timeout_eval_seconds
        .unwrap_or(DEFAULT_TIMEOUT_SECONDS);
    Ok(Policy {
        name: policy_name(scope, name, &entry.module)?,
        settings: settings(scope, &entry.module, entry.settings.as_ref())?,
        // kube-apiserver waits no longer, whatever the file says.
        timeout: Duration::from_secs(seconds.clamp(1, MAX_TIMEOUT.as_secs())),
        limits: engine::Limits::default(),
        debug: false,
        position: scope.position(entry.module.location),
    })
}

/// Parses the name of a policy, which is a key of the file. Errors have the position of `near`.
fn policy_name(
    scope: &Scope<'_>,
    name: &str,
    near: &Located<String>,
) -> Result<access::PolicyName, ConfigError> {
    let parsed = name.parse();
    parsed.map_err(|error: access::InvalidName| scope.field("name").error(near, error.to_string()))
}
