//! The AuthorizationConfiguration: our webhook between Node and RBAC, away from what the cluster itself lives on.

use std::time::Duration;

use access::authz::OnFailure;
use host::Configuration;
use serde::Serialize;

use super::durations::CacheTtl;
use super::seconds;

/// Among the authorizers of the API server; also the label in its metrics.
const NAME: &str = "k8s-wasm.io";

/// The usual policies answer within microseconds: whoever waits longer waits in vain. Every request to the API server
/// waits along.
const TIMEOUT_MIN: Duration = Duration::from_secs(3);

/// The most that kube-apiserver takes.
const TIMEOUT_MAX: Duration = Duration::from_secs(30);

/// The requests that our webhook is asked about (CEL on the spec of a SubjectAccessReview). What is left out is decided
/// by Node and RBAC alone: a cluster whose nodes and controllers depend on a policy that they are needed to run does
/// not come up again.
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
    /// The chain Node, ours, RBAC. `kubeconfig` is a path that kube-apiserver can read.
    pub(super) fn new(configuration: &Configuration, kubeconfig: String, cache: CacheTtl) -> Self {
        let ours = Webhook {
            authorized_ttl: cache.authorized(),
            cache_authorized_requests: cache.switched_off(),
            unauthorized_ttl: cache.unauthorized(),
            cache_unauthorized_requests: cache.switched_off(),
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
                    webhook: Some(ours),
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

/// One policy that may veto is enough: were the server gone and the API server went on, the veto would be gone with it.
fn failure_policy(configuration: &Configuration) -> &'static str {
    let vetoes = configuration
        .authorization
        .iter()
        .any(|entry| entry.on_failure == OnFailure::Deny);
    if vetoes { "Deny" } else { "NoOpinion" }
}

/// Long enough for every policy to be asked, one after the other.
fn timeout(configuration: &Configuration) -> Duration {
    let chain = configuration
        .authorization
        .iter()
        .map(|entry| entry.policy.timeout)
        .sum();
    seconds::enough_for(chain, TIMEOUT_MIN, TIMEOUT_MAX)
}
