//! The fields of the configuration files, as written.
//!
//! The doc comments in this file are the reference: `cargo xtask codegen` generates the JSON Schema
//! and `docs/reference/configuration.md` from them.

#[cfg(feature = "schema")]
use schemars::JsonSchema;
use serde::Deserialize;

use crate::document::Located;

/// A configuration file for all planes.
#[derive(Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[cfg_attr(feature = "schema", schemars(title = "k8s-wasm configuration"))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Configuration {
    /// The version of the format: `k8s-wasm/v1alpha1`.
    #[expect(dead_code, reason = "the header is checked before the file is read")]
    pub(crate) api_version: Located<String>,
    /// The kind of the file: `Configuration`.
    #[expect(dead_code, reason = "the header is checked before the file is read")]
    pub(crate) kind: Located<String>,
    /// The authenticators. They are evaluated in order until one of them authenticates the token.
    pub(crate) authentication: Option<AuthenticatorList>,
    /// The authorizers. They are evaluated in order until one of them allows or denies the request.
    pub(crate) authorization: Option<AuthorizerList>,
    /// The admission policies. Mutating policies are evaluated in order, each with the object as
    /// mutated so far; validating policies are evaluated concurrently.
    pub(crate) admission: Option<AdmissionPolicyList>,
    /// The limits of the engine.
    pub(crate) engine: Option<Engine>,
    /// The exemptions from the lock-out guard.
    pub(crate) lock_out_guard: Option<LockOutGuard>,
}

/// Settings of the lock-out guard.
///
/// Before policies serve, the guard evaluates them on requests without which a cluster stops
/// working. A policy set that blocks one of these requests is not served.
#[derive(Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct LockOutGuard {
    /// The essential operations that policies may block; `all` exempts all of them.
    #[cfg_attr(
        feature = "schema",
        schemars(with = "Vec<crate::exemptions::Exemption>")
    )]
    pub(crate) exempt: Vec<Located<String>>,
}

/// A list of authenticators. A file that contains only this list can be passed as
/// `--authentication-wasm-config-file`.
#[derive(Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct AuthenticatorList {
    /// The authenticators, in evaluation order.
    pub(crate) modules: Vec<Authenticator>,
}

/// A list of authorizers. A file that contains only this list can be passed as
/// `--authorization-wasm-config-file`.
#[derive(Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct AuthorizerList {
    /// The authorizers, in evaluation order.
    pub(crate) modules: Vec<Authorizer>,
    /// Exemptions from the lock-out guard, in addition to those at the top level.
    pub(crate) lock_out_guard: Option<LockOutGuard>,
}

/// A list of admission policies. It is also the configuration of the plugin `WASM` in an
/// `AdmissionConfiguration`, inline or in the file that the plugin's `path` names.
#[derive(Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct AdmissionPolicyList {
    /// The admission policies, in evaluation order.
    pub(crate) modules: Vec<AdmissionPolicy>,
    /// Exemptions from the lock-out guard, in addition to those at the top level.
    pub(crate) lock_out_guard: Option<LockOutGuard>,
    /// Adds a summary of the trace to the audit annotations of each response. Default: `false`.
    pub(crate) audit_trace: Option<bool>,
}

/// Defines the entry of a plane: the fields that all policies have, then those of the plane.
macro_rules! entry {
    ($(#[$doc:meta])* $entry:ident { $($(#[$field_doc:meta])* $field:ident: $type:ty,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Deserialize)]
        #[cfg_attr(feature = "schema", derive(JsonSchema))]
        #[serde(rename_all = "camelCase", deny_unknown_fields)]
        pub(crate) struct $entry {
            /// The name of the policy in logs, traces and messages. Default: the file name of the
            /// module.
            pub(crate) name: Option<Located<String>>,
            /// The file of the module. A relative path is relative to the folder of the
            /// configuration file.
            pub(crate) module: Located<String>,
            /// Settings of the module: any YAML, passed to the module as JSON with each call.
            pub(crate) settings: Option<serde_json::Value>,
            /// The maximum duration of a call, such as `250ms` or `1.5s`; at most `30s`. The
            /// deadline of the request can be earlier. Default: `1s`.
            pub(crate) timeout: Option<Located<String>>,
            /// The limits of a call.
            pub(crate) limits: Option<Limits>,
            /// Logs the input and output of each call at level `debug`, without tokens and the
            /// data of Secrets. Default: `false`.
            pub(crate) debug: Option<bool>,
            /// The mode of the policy: `protect` enforces its decisions, `monitor` only records
            /// them. Default: `protect`.
            pub(crate) policy_mode: Option<PolicyMode>,
            $($(#[$field_doc])* pub(crate) $field: $type,)*
        }

        impl $entry {
            /// Returns the fields that all policies have.
            pub(crate) fn common(&self) -> Common<'_> {
                Common {
                    name: self.name.as_ref(),
                    module: &self.module,
                    settings: self.settings.as_ref(),
                    timeout: self.timeout.as_ref(),
                    limits: self.limits.as_ref(),
                    debug: self.debug,
                }
            }
        }
    };
}

/// The fields that the policies of all planes have.
pub(crate) struct Common<'a> {
    pub(crate) name: Option<&'a Located<String>>,
    pub(crate) module: &'a Located<String>,
    pub(crate) settings: Option<&'a serde_json::Value>,
    pub(crate) timeout: Option<&'a Located<String>>,
    pub(crate) limits: Option<&'a Limits>,
    pub(crate) debug: Option<bool>,
}

entry! {
    /// A policy that authenticates the caller of a request.
    Authenticator {
        /// Allows the module to return a user name or a group that starts with `system:`, such as
        /// `system:masters`. Without this permission, such a response is a failure. Default:
        /// `false`.
        allow_system_names: Option<bool>,
    }
}

entry! {
    /// A policy that authorizes requests.
    Authorizer {
        /// The consequence of a failed call. Default: `NoOpinion`.
        failure_policy: Option<AuthorizationFailurePolicy>,
    }
}

entry! {
    /// A policy that validates or mutates objects. Its name is also the last segment of the URLs
    /// `/validate/{name}` and `/mutate/{name}`.
    AdmissionPolicy {
        /// Allows the module to mutate objects. `/mutate` evaluates mutating policies, `/validate`
        /// all others. Default: `false`.
        mutating: Option<bool>,
        /// The protocol of the module. Default: detected from the file.
        r#type: Option<ModuleType>,
        /// The requests that the policy evaluates. Without rules, it is never evaluated.
        rules: Option<Vec<Rule>>,
        /// The consequence of a failed call. Default: `Fail`.
        failure_policy: Option<AdmissionFailurePolicy>,
        /// Kubewarden policies only: the execution mode. Default: determined by the metadata or
        /// the exports of the module.
        execution_mode: Option<kubewarden::ExecutionMode>,
        /// Kubewarden policies only: the permitted host calls, such as `oci/*` or
        /// `kubernetes/can_i`; `*` permits all. Default: none.
        host_capabilities: Option<Vec<String>>,
        /// Kubewarden policies only: the kinds of Kubernetes objects that the policy may read.
        /// Default: none.
        context_aware_resources: Option<Vec<KubernetesResource>>,
        /// Kubewarden policies only: the message of rejections. The policy's own message becomes
        /// a cause in the status.
        message: Option<String>,
    }
}

/// A kind of Kubernetes objects.
#[derive(Debug, Clone, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct KubernetesResource {
    /// The API group and version, such as `v1` or `apps/v1`.
    pub(crate) api_version: String,
    /// The kind, such as `Namespace`.
    pub(crate) kind: String,
}

/// The effect of a policy's decisions.
#[derive(Debug, Clone, Copy, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(rename_all = "lowercase")]
pub(crate) enum PolicyMode {
    /// Enforces the policy's decisions (default).
    Protect,
    /// Evaluates the policy and records its verdict, which has no effect. Failures are recorded and
    /// ignored.
    Monitor,
}

/// A pattern of requests: `RuleWithOperations` of `admissionregistration.k8s.io/v1`.
#[derive(Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Rule {
    /// The operations: `CREATE`, `UPDATE`, `DELETE` and `CONNECT`, or `*` for all.
    pub(crate) operations: Located<Vec<String>>,
    /// The API groups; `""` is the core group, `*` matches all.
    pub(crate) api_groups: Vec<String>,
    /// The API versions; `*` matches all.
    pub(crate) api_versions: Vec<String>,
    /// The resources and subresources: `pods`, `pods/log`, `pods/*`, `*` (all resources without
    /// their subresources), `*/scale`, or `*/*` (everything).
    pub(crate) resources: Vec<String>,
    /// The scope: `Namespaced`, `Cluster`, or `*` for both. Default: `*`.
    pub(crate) scope: Option<String>,
}

/// The limits of a call, in bytes. Sizes are written as in Kubernetes: `64Mi`, `1Gi`, `500k`. There
/// is no way to disable a limit; `spec/module.md` lists the defaults.
#[derive(Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Limits {
    /// The linear memory of the instance, such as `64Mi`; at most `engine.maxMemory`.
    pub(crate) memory: Option<Located<String>>,
    /// The input on stdin, such as `8Mi`.
    pub(crate) input: Option<Located<String>>,
    /// The output on stdout, such as `8Mi`.
    pub(crate) output: Option<Located<String>>,
    /// The part of the output on stderr that is kept for the log, such as `64Ki`.
    pub(crate) log: Option<Located<String>>,
}

/// The limits of the engine, which all policies share.
#[derive(Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Engine {
    /// The maximum number of concurrent calls. If there are authenticators or authorizers,
    /// admission policies use at most three quarters of them. Default: four per processor, at
    /// least 16 and at most 256.
    pub(crate) max_concurrent_calls: Option<Located<u32>>,
    /// The maximum number of calls that wait for a permit. Further calls fail immediately as
    /// overloaded. Default: 1024.
    pub(crate) max_queued_calls: Option<u32>,
    /// The maximum value of a policy's `limits.memory`, such as `256Mi`. Default: `1Gi`.
    pub(crate) max_memory: Option<Located<String>>,
}

/// The consequence of a failed call to an authorizer.
#[derive(Debug, Clone, Copy, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub(crate) enum AuthorizationFailurePolicy {
    /// Continues with the next authorizer (default).
    NoOpinion,
    /// Denies the request.
    Deny,
}

/// The consequence of a failed call to an admission policy.
#[derive(Debug, Clone, Copy, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub(crate) enum AdmissionFailurePolicy {
    /// Fails the request (default).
    Fail,
    /// Continues without the policy and returns a warning to the user.
    Ignore,
}

/// The protocol of a module.
#[derive(Debug, Clone, Copy, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(rename_all = "lowercase")]
pub(crate) enum ModuleType {
    /// The module specification of this project, `spec/module.md`.
    Wasi,
    /// The protocol of Kubewarden policies.
    Kubewarden,
}
