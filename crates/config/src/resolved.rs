//! Resolved policies: the types of a configuration after all checks.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use access::{Mode, PolicyName, authn, authz, rules::Rule};
use capabilities::Grants;
use wire::RawValue;

use crate::diagnostics::Position;

/// The part that the policies of all planes have in common.
#[derive(Debug, Clone)]
pub struct Policy {
    /// The name in logs, traces, URLs and messages.
    pub name: PolicyName,
    /// The settings, as JSON; passed to the module with each call.
    pub settings: Option<Box<RawValue>>,
    /// The maximum duration of a call.
    pub timeout: Duration,
    /// The limits of a call.
    pub limits: engine::Limits,
    /// True if the input and output of calls are logged at level `debug`, redacted.
    pub debug: bool,
    /// The position of the policy in the configuration.
    pub position: Position,
}

/// A policy that authenticates callers.
#[derive(Debug, Clone)]
pub struct Authenticator {
    /// The common part.
    pub policy: Policy,
    /// The file of the module.
    pub module: PathBuf,
    /// The permission to return names that start with `system:`.
    pub system_names: authn::SystemNames,
    /// The mode: protect or monitor.
    pub mode: Mode,
}

/// A policy that authorizes requests.
#[derive(Debug, Clone)]
pub struct Authorizer {
    /// The common part.
    pub policy: Policy,
    /// The file of the module.
    pub module: PathBuf,
    /// The consequence of a failed call.
    pub on_failure: authz::OnFailure,
    /// The mode: protect or monitor.
    pub mode: Mode,
}

/// A policy that validates or mutates objects.
#[derive(Debug, Clone)]
pub struct AdmissionPolicy {
    /// The common part.
    pub policy: Policy,
    /// The module, or the group of policies, that is evaluated.
    pub program: Program,
    /// True if the policy may mutate objects.
    pub mutating: bool,
    /// The requests that the policy evaluates. If empty, the policy is never evaluated.
    pub rules: Vec<Rule>,
    /// The consequence of a failed call.
    pub on_failure: access::admission::OnFailure,
    /// The mode: protect or monitor.
    pub mode: Mode,
    /// The treatment by the lock-out guard.
    pub guarded: Guarded,
}

/// The treatment of an admission policy by the lock-out guard.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Guarded {
    /// The guard evaluates the policy.
    #[default]
    Yes,
    /// The guard skips the policy: it may make host calls, and the cluster or registry that would
    /// respond may not be running yet.
    MayCallHost,
    /// The guard skips the policy: its rules are in the webhook configurations of the cluster, not
    /// in the file.
    RulesElsewhere,
}

/// The program of an admission policy.
#[derive(Debug, Clone)]
pub enum Program {
    /// One module.
    Module(AdmissionModule),
    /// A group of Kubewarden policies.
    Group(Group),
}

/// The module of an admission policy.
#[derive(Debug, Clone, Default)]
pub struct AdmissionModule {
    /// The file of the module.
    pub path: PathBuf,
    /// The configured type of the module. If absent, the type is detected.
    pub protocol: Option<Protocol>,
    /// The configuration for the case that the module is a Kubewarden policy.
    pub kubewarden: Kubewarden,
}

/// The part of a policy's configuration that only applies to Kubewarden policies.
#[derive(Debug, Clone, Default)]
pub struct Kubewarden {
    /// The execution mode. If absent, the metadata or the exports of the module determine it.
    pub execution_mode: Option<kubewarden::ExecutionMode>,
    /// The permitted host calls.
    pub grants: Arc<Grants>,
    /// The message of rejections, in place of the policy's own.
    pub message: Option<String>,
}

/// A group of Kubewarden policies.
#[derive(Debug, Clone)]
pub struct Group {
    /// The boolean expression over the members, in their order.
    pub expression: kubewarden::Expression,
    /// The message of a rejection.
    pub message: String,
    /// The members, in alphabetical order.
    pub members: Vec<GroupMember>,
}

/// A policy in a group.
#[derive(Debug, Clone)]
pub struct GroupMember {
    /// The name in the expression.
    pub name: String,
    /// The common part.
    pub policy: Policy,
    /// The module.
    pub module: AdmissionModule,
}

/// The protocol of a module.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// The module specification of this project, `spec/module.md`.
    Wasi,
    /// The protocol of Kubewarden policies.
    Kubewarden,
}
