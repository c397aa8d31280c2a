//! The AuthorizationConfiguration with the webhook between Node and RBAC.

use std::time::Duration;

use access::authz::OnFailure;
use host::Configuration;
use serde::Serialize;

use super::durations::{self, CacheTtl};

/// The name of the authorizer, which is also a label in the metrics of kube-apiserver.
const NAME: &str = "k8s-wasm.io";

/// Lower bound of the timeout. Every request to kube-apiserver waits for it; most policies take
/// microseconds.
const MIN_TIMEOUT: Duration = Duration::from_secs(3);

/// Upper bound of the timeout, given by kube-apiserver.
const MAX_TIMEOUT: Duration = Duration::from_secs(30);

/// CEL conditions on the spec of a SubjectAccessReview. Requests that do not satisfy all of them
/// are not sent to the webhook; Node and RBAC decide on them alone. Otherwise nodes and controllers
/// would depend on policies that cannot run without them, and the cluster could not restart.
const MATCH_CONDITIONS: [&str; 3] = [
    "!('system:nodes' in request.groups)",
    "!('system:serviceaccounts:kube-system' in request.groups)",
    "!(request.user in ['system:apiserver', 'system:kube-controller-manager', 'system:kube-scheduler', \
     'system:kube-proxy'])",
];

/// `AuthorizationConfiguration` of `apiserver.config.k8s.io/v1` (KEP-3221).
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct AuthorizationConfiguration {
    api_version: &'static str,
    kind: &'static str,
    authorizers: Vec<Authorizer>,
}

#[derive(Debug, Serialize)]
struct Authorizer {
    r#type: &'static str,
    name: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    webhook: Option<Webhook>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Webhook {
    #[serde(rename = "authorizedTTL", skip_serializing_if = "Option::is_none")]
    authorized_ttl: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cache_authorized_requests: Option<bool>,
    #[serde(rename = "unauthorizedTTL", skip_serializing_if = "Option::is_none")]
    unauthorized_ttl: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cache_unauthorized_requests: Option<bool>,
    timeout: String,
    subject_access_review_version: &'static str,
    match_condition_subject_access_review_version: &'static str,
    failure_policy: &'static str,
    connection_info: ConnectionInfo,
    match_conditions: Vec<MatchCondition>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct ConnectionInfo {
    r#type: &'static str,
    kube_config_file: String,
}

#[derive(Debug, Serialize)]
struct MatchCondition {
    expression: &'static str,
}

impl AuthorizationConfiguration {
    /// Creates the chain of Node, the webhook and RBAC. `kubeconfig` is a path on the host of
    /// kube-apiserver.
    pub(super) fn new(configuration: &Configuration, kubeconfig: String, cache: CacheTtl) -> Self {
        let webhook = Webhook {
            authorized_ttl: cache.authorized(),
            cache_authorized_requests: cache.cache_requests(),
            unauthorized_ttl: cache.unauthorized(),
            cache_unauthorized_requests: cache.cache_requests(),
            timeout: format!("{}s", timeout(configuration).as_secs()),
            subject_access_review_version: "v1",
            match_condition_subject_access_review_version: "v1",
            failure_policy: failure_policy(configuration),
            connection_info: ConnectionInfo {
                r#type: "KubeConfigFile",
                kube_config_file: kubeconfig,
            },
            match_conditions: MATCH_CONDITIONS
                .map(|expression| MatchCondition { expression })
                .into(),
        };
        Self {
            api_version: "apiserver.config.k8s.io/v1",
            kind: "AuthorizationConfiguration",
            authorizers: vec![
                Authorizer {
                    r#type: "Node",
                    name: "node",
                    webhook: None,
                },
                Authorizer {
                    r#type: "Webhook",
                    name: NAME,
                    webhook: Some(webhook),
                },
                Authorizer {
                    r#type: "RBAC",
                    name: "rbac",
                    webhook: None,
                },
            ],
        }
    }
}

/// Returns `Deny` if a policy denies on failure. Otherwise its denials would be lost while the
/// server is unavailable.
fn failure_policy(configuration: &Configuration) -> &'static str {
    let denies_on_failure = configuration
        .authorization
        .iter()
        .any(|entry| entry.on_failure == OnFailure::Deny);
    if denies_on_failure {
        "Deny"
    } else {
        "NoOpinion"
    }
}

/// Returns a timeout that is long enough for the sequential evaluation of all policies.
fn timeout(configuration: &Configuration) -> Duration {
    let total = configuration
        .authorization
        .iter()
        .map(|entry| entry.policy.timeout)
        .sum();
    durations::webhook_timeout(total, MIN_TIMEOUT, MAX_TIMEOUT)
}
