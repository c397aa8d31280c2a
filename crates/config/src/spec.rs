//! Configuration as written: the fields of the files, their documentation, and nothing else.
//!
//! The doc comments here are the reference: the JSON Schema and `docs/reference/configuration.md` are made from them.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_saphyr::Spanned;

/// One configuration file for all planes.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(title = "k8s-wasm configuration")]
pub struct Configuration {
    /// Always `k8s-wasm/v1alpha1`.
    #[schemars(with = "String")]
    pub api_version: Spanned<String>,
    /// Always `Configuration`.
    #[schemars(with = "String")]
    pub kind: Spanned<String>,
    /// Who is the caller? Asked in order until one module authenticates the token.
    pub authentication: Option<AuthenticatorList>,
    /// What may the caller do? Asked in order until one module allows or denies.
    pub authorization: Option<AuthorizerList>,
    /// Which objects may be stored, and in what form? Mutating modules are asked in order, each sees the object as changed
    /// so far; all validating modules are asked.
    pub admission: Option<AdmissionPolicyList>,
    /// How the engine is dimensioned.
    pub engine: Option<Engine>,
    /// What the policies may refuse although a cluster needs it.
    pub lock_out_guard: Option<LockOutGuard>,
}

/// Before policies serve, they are asked what a cluster asks in order to live; policies that would lock it out are not served.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LockOutGuard {
    /// The needs that policies may refuse, by the names in the table below; `all` is all of them.
    #[schemars(with = "Vec<String>")]
    pub exempt: Vec<Spanned<String>>,
}

/// The authenticators. A file with nothing but this is what the flag `--authentication-wasm-config-file` reads.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AuthenticatorList {
    /// The policies, in the order in which they are asked.
    pub modules: Vec<Authenticator>,
}

/// The authorizers. A file with nothing but this is what the flag `--authorization-wasm-config-file` reads.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AuthorizerList {
    /// The policies, in the order in which they are asked.
    pub modules: Vec<Authorizer>,
    /// What the policies may refuse although a cluster needs it; added to what the file says for all planes.
    pub lock_out_guard: Option<LockOutGuard>,
}

/// The admission policies. Also what stands in an `AdmissionConfiguration` under the plugin `WASM`, inline or in the file
/// that its `path` names.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AdmissionPolicyList {
    /// The policies, in the order in which they are asked.
    pub modules: Vec<AdmissionPolicy>,
    /// What the policies may refuse although a cluster needs it; added to what the file says for all planes.
    pub lock_out_guard: Option<LockOutGuard>,
    /// Whether each answer carries, for the audit log, what every policy said in a few words. Default: no.
    pub audit_trace: Option<bool>,
}

/// Defines the entry of a plane: the fields that every policy has, then the plane's own.
macro_rules! entry {
    ($(#[$doc:meta])* $entry:ident { $($(#[$field_doc:meta])* $field:ident: $type:ty,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Deserialize, JsonSchema)]
        #[serde(rename_all = "camelCase", deny_unknown_fields)]
        pub struct $entry {
            /// The name that logs, traces and messages show. Default: the module's file name.
            #[schemars(with = "Option<String>")]
            pub name: Option<Spanned<String>>,
            /// The module's file. A relative path is relative to the configuration file.
            #[schemars(with = "String")]
            pub module: Spanned<String>,
            /// Any YAML; handed to the module as JSON with each call.
            pub settings: Option<serde_json::Value>,
            /// The longest a call may take, such as `250ms` or `2s`. The request's own deadline may be shorter. Default: `1s`.
            #[schemars(with = "Option<String>")]
            pub timeout: Option<Spanned<String>>,
            /// The most a call may use.
            pub limits: Option<Limits>,
            /// Logs input and output of each call at level `debug`, with tokens and the data of Secrets removed.
            /// Default: `false`.
            pub debug: Option<bool>,
            /// Whether its answers count: `protect`, or `monitor` to try a policy out: it is asked, what it would have done
            /// is logged and traced, and nothing comes of it. Default: `protect`.
            pub policy_mode: Option<PolicyMode>,
            $($(#[$field_doc])* pub $field: $type,)*
        }

        impl $entry {
            /// The fields that every policy has.
            pub(super) fn common(&self) -> Common<'_> {
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

/// The fields that every policy has, whatever it decides.
pub(super) struct Common<'a> {
    pub(super) name: Option<&'a Spanned<String>>,
    pub(super) module: &'a Spanned<String>,
    pub(super) settings: Option<&'a serde_json::Value>,
    pub(super) timeout: Option<&'a Spanned<String>>,
    pub(super) limits: Option<&'a Limits>,
    pub(super) debug: Option<bool>,
}

entry! {
    /// A policy that authenticates.
    Authenticator {
        /// Whether the module may answer with a user name or a group that starts with `system:`, such as `system:masters`.
        /// An answer with such a name is otherwise a failed call. Default: `false`.
        allow_system_names: Option<bool>,
    }
}

entry! {
    /// A policy that authorizes.
    Authorizer {
        /// What a failed call means: `NoOpinion` asks the next authorizer, `Deny` denies. Default: `NoOpinion`.
        failure_policy: Option<AuthorizationFailurePolicy>,
    }
}

entry! {
    /// A policy that admits objects. Its name is also the last part of the URLs `/validate/{name}` and `/mutate/{name}`.
    AdmissionPolicy {
        /// Whether the module may change objects. It is then asked by `/mutate`, otherwise by `/validate`. Default: `false`.
        mutating: Option<bool>,
        /// What the module's bytes mean. Default: detected from the file.
        r#type: Option<ModuleType>,
        /// The requests about which the module is asked. Without rules it is never asked.
        rules: Option<Vec<Rule>>,
        /// What a failed call means: `Fail` fails the request, `Ignore` goes on without the policy and warns the user.
        /// Default: `Fail`.
        failure_policy: Option<AdmissionFailurePolicy>,
        /// Kubewarden policies only: how the module is run. Default: as its metadata or its exports say.
        execution_mode: Option<ExecutionMode>,
        /// Kubewarden policies only: the host calls that it may make, such as `oci/*` or `kubernetes/can_i`; `*` is all.
        /// Default: none.
        host_capabilities: Option<Vec<String>>,
        /// Kubewarden policies only: the kinds of Kubernetes objects that it may read. Default: none.
        context_aware_resources: Option<Vec<KubernetesResource>>,
        /// Kubewarden policies only: what rejections say instead of the policy's own message, which becomes a cause.
        message: Option<String>,
    }
}

/// A kind of Kubernetes objects.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct KubernetesResource {
    /// Group and version, `v1` or `apps/v1`.
    pub api_version: String,
    /// The kind, `Namespace`.
    pub kind: String,
}

/// Whether the answers of a policy count.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum PolicyMode {
    /// They do.
    Protect,
    /// They are recorded only: nobody is authenticated, nothing is allowed, denied, rejected or changed, and failures are
    /// ignored.
    Monitor,
}

/// How a Kubewarden policy is run.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
pub enum ExecutionMode {
    /// A waPC guest.
    #[serde(rename = "kubewarden-wapc", alias = "kubewarden")]
    Wapc,
    /// A program that reads stdin and writes stdout.
    #[serde(rename = "wasi")]
    Wasi,
    /// Rego as for Open Policy Agent, compiled by OPA.
    #[serde(rename = "opa")]
    Opa,
    /// Rego as for Gatekeeper, compiled by OPA.
    #[serde(rename = "gatekeeper")]
    Gatekeeper,
}

/// Which requests a policy is asked about: `RuleWithOperations` of `admissionregistration.k8s.io/v1`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Rule {
    /// `CREATE`, `UPDATE`, `DELETE`, `CONNECT`, or `*` for all.
    #[schemars(with = "Vec<String>")]
    pub operations: Spanned<Vec<String>>,
    /// The API groups; `""` is the core group, `*` all.
    pub api_groups: Vec<String>,
    /// The API versions; `*` is all.
    pub api_versions: Vec<String>,
    /// The resources: `pods`, `pods/log`, `pods/*`, `*` (all but subresources), `*/scale`, `*/*` (everything).
    pub resources: Vec<String>,
    /// `Namespaced`, `Cluster`, or `*` for both. Default: `*`.
    pub scope: Option<String>,
}

/// The most a call may use. There is no way to say "unlimited".
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Limits {
    /// The memory of the instance, such as `64Mi`. Default: see the table of limits in the specification.
    #[schemars(with = "Option<String>")]
    pub memory: Option<Spanned<String>>,
    /// What a module is given on stdin, such as `8Mi`.
    #[schemars(with = "Option<String>")]
    pub input: Option<Spanned<String>>,
    /// What a module may write to stdout, such as `8Mi`.
    #[schemars(with = "Option<String>")]
    pub output: Option<Spanned<String>>,
    /// What is kept of what a module writes to stderr, such as `64Ki`.
    #[schemars(with = "Option<String>")]
    pub log: Option<Spanned<String>>,
}

/// How the engine is dimensioned.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Engine {
    /// How many calls may run at the same time; calls about objects take three quarters of them at most when there are
    /// authenticators or authorizers, too. Default: four per processor, at least 16.
    #[schemars(with = "Option<u32>")]
    pub concurrent_calls: Option<Spanned<u32>>,
    /// How many calls may wait for their turn before further ones are turned away; likewise. Default: see the table of limits.
    pub waiting_calls: Option<u32>,
    /// The most memory that a policy's `limits.memory` may ask for, such as `256Mi`.
    #[schemars(with = "Option<String>")]
    pub memory_max: Option<Spanned<String>>,
}

/// What a failed call to an authorizer means.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
pub enum AuthorizationFailurePolicy {
    /// The next authorizer is asked.
    NoOpinion,
    /// The request is denied.
    Deny,
}

/// What a failed call to an admission policy means.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
pub enum AdmissionFailurePolicy {
    /// The request fails.
    Fail,
    /// The request goes on, with a warning to the user.
    Ignore,
}

/// What a module's bytes mean.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ModuleType {
    /// The specification of this project.
    Wasi,
    /// A Kubewarden policy.
    Kubewarden,
}
