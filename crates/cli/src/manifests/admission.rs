//! The configurations of the admission webhooks.

use std::collections::BTreeSet;
use std::time::Duration;

use access::PolicyName;
use access::admission::OnFailure;
use host::Configuration;
use host::config::AdmissionPolicy;
use serde::Serialize;

use super::durations;
use super::rules::{self, MatchCondition, RuleWithOperations};
use super::target::{Reach, Service, Target};

/// Lower bound of a timeout. Users wait for admission, so it is less than the 10 s of Kubernetes.
const MIN_TIMEOUT: Duration = Duration::from_secs(5);

/// Upper bound of a timeout, given by Kubernetes.
const MAX_TIMEOUT: Duration = Duration::from_secs(30);

/// The namespace of the components of the cluster.
const KUBE_SYSTEM: &str = "kube-system";

/// Upper bound of the length of a DNS label (RFC 1123).
const MAX_DNS_LABEL: usize = 63;

/// The assignment of policies to webhooks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Grouping {
    /// One webhook for all policies of a plane, with the union of their rules: one call per
    /// request.
    Together,
    /// One webhook per policy, with its own rules, timeout, failure policy and metrics in
    /// kube-apiserver.
    PerPolicy,
}

/// The input of the webhook configurations.
#[derive(Debug)]
pub(super) struct Webhooks<'a> {
    pub(super) configuration: &'a Configuration,
    pub(super) target: &'a Target,
    pub(super) grouping: Grouping,
    pub(super) excluded_namespaces: &'a [String],
}

/// `MutatingWebhookConfiguration` or `ValidatingWebhookConfiguration` of
/// `admissionregistration.k8s.io/v1`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct WebhookConfiguration {
    api_version: &'static str,
    kind: &'static str,
    metadata: Metadata,
    webhooks: Vec<Webhook>,
}

#[derive(Debug, Serialize)]
struct Metadata {
    name: &'static str,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Webhook {
    name: String,
    client_config: ClientConfig,
    rules: Vec<RuleWithOperations>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    match_conditions: Vec<MatchCondition>,
    namespace_selector: NamespaceSelector,
    match_policy: &'static str,
    failure_policy: &'static str,
    timeout_seconds: u64,
    side_effects: &'static str,
    admission_review_versions: [&'static str; 2],
    #[serde(skip_serializing_if = "Option::is_none")]
    reinvocation_policy: Option<&'static str>,
}

#[derive(Debug, Serialize)]
#[serde(untagged, rename_all_fields = "camelCase")]
enum ClientConfig {
    Url {
        url: String,
        ca_bundle: String,
    },
    Service {
        service: ServiceReference,
        ca_bundle: String,
    },
}

#[derive(Debug, Serialize)]
struct ServiceReference {
    namespace: String,
    name: String,
    path: String,
    port: u16,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct NamespaceSelector {
    match_expressions: [Requirement; 1],
}

#[derive(Debug, Serialize)]
struct Requirement {
    key: &'static str,
    operator: &'static str,
    values: BTreeSet<String>,
}

/// A kind of admission webhook.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Mutating,
    Validating,
}

impl Webhooks<'_> {
    /// Returns the configurations of the planes that have policies with rules; mutation first.
    pub(super) fn configurations(&self) -> Vec<WebhookConfiguration> {
        [Kind::Mutating, Kind::Validating]
            .into_iter()
            .filter_map(|kind| self.configuration(kind))
            .collect()
    }

    fn configuration(&self, kind: Kind) -> Option<WebhookConfiguration> {
        // A policy without rules is never evaluated, so it needs no webhook.
        let policies: Vec<&AdmissionPolicy> = self
            .configuration
            .admission
            .iter()
            .filter(|policy| {
                policy.mutating == (kind == Kind::Mutating) && !policy.rules.is_empty()
            })
            .collect();
        if policies.is_empty() {
            return None;
        }
        let webhooks = match self.grouping {
            Grouping::Together => {
                let verb = kind.verb();
                vec![self.webhook(
                    kind,
                    format!("{verb}.k8s-wasm.io"),
                    format!("/{verb}"),
                    &policies,
                )]
            }
            Grouping::PerPolicy => self.webhook_per_policy(kind, &policies),
        };
        Some(WebhookConfiguration {
            api_version: "admissionregistration.k8s.io/v1",
            kind: kind.as_str(),
            metadata: Metadata { name: "k8s-wasm" },
            webhooks,
        })
    }

    fn webhook_per_policy(&self, kind: Kind, policies: &[&AdmissionPolicy]) -> Vec<Webhook> {
        let verb = kind.verb();
        let mut taken = BTreeSet::new();
        let webhook = |policy: &&AdmissionPolicy| {
            let name = &policy.policy.name;
            let label = unique(dns_name(name), &mut taken);
            let full_name = format!("{label}.{verb}.k8s-wasm.io");
            self.webhook(kind, full_name, format!("/{verb}/{name}"), &[policy])
        };
        policies.iter().map(webhook).collect()
    }

    fn webhook(
        &self,
        kind: Kind,
        name: String,
        path: String,
        policies: &[&AdmissionPolicy],
    ) -> Webhook {
        let rules = || policies.iter().flat_map(|policy| &policy.rules);
        let has_fail_policy = policies
            .iter()
            .any(|policy| policy.on_failure == OnFailure::Fail);
        Webhook {
            name,
            client_config: self.client_config(path),
            rules: rules::union(rules()),
            match_conditions: rules::exclusions(rules()),
            namespace_selector: self.namespace_selector(),
            match_policy: "Equivalent",
            failure_policy: if has_fail_policy { "Fail" } else { "Ignore" },
            timeout_seconds: timeout(kind, policies).as_secs(),
            side_effects: "None",
            admission_review_versions: ["v1", "v1beta1"],
            reinvocation_policy: (kind == Kind::Mutating).then_some("IfNeeded"),
        }
    }

    fn client_config(&self, path: String) -> ClientConfig {
        let ca_bundle = self.target.ca.0.clone();
        match &self.target.admission {
            Reach::Url(server) => ClientConfig::Url {
                url: server.endpoint(&path),
                ca_bundle,
            },
            Reach::Service(Service {
                namespace,
                name,
                port,
            }) => {
                let (namespace, name, port) = (namespace.clone(), name.clone(), *port);
                ClientConfig::Service {
                    service: ServiceReference {
                        namespace,
                        name,
                        path,
                        port,
                    },
                    ca_bundle,
                }
            }
        }
    }

    /// Excludes kube-system, and the namespace of the server: a server that has to admit its own
    /// pods cannot restart.
    fn namespace_selector(&self) -> NamespaceSelector {
        let mut values = BTreeSet::from([KUBE_SYSTEM.to_owned()]);
        if let Reach::Service(service) = &self.target.admission {
            values.insert(service.namespace.clone());
        }
        values.extend(self.excluded_namespaces.iter().cloned());
        let requirement = Requirement {
            key: "kubernetes.io/metadata.name",
            operator: "NotIn",
            values,
        };
        NamespaceSelector {
            match_expressions: [requirement],
        }
    }
}

impl Kind {
    fn as_str(self) -> &'static str {
        match self {
            Self::Mutating => "MutatingWebhookConfiguration",
            Self::Validating => "ValidatingWebhookConfiguration",
        }
    }

    /// Returns the entry point, which is part of URLs and names.
    fn verb(self) -> &'static str {
        match self {
            Self::Mutating => "mutate",
            Self::Validating => "validate",
        }
    }
}

/// Returns a timeout that is long enough for all policies. Mutating policies are evaluated
/// sequentially, validating policies concurrently.
fn timeout(kind: Kind, policies: &[&AdmissionPolicy]) -> Duration {
    let timeouts = policies.iter().map(|policy| policy.policy.timeout);
    let total = match kind {
        Kind::Mutating => timeouts.sum(),
        Kind::Validating => timeouts.max().unwrap_or_default(),
    };
    durations::webhook_timeout(total, MIN_TIMEOUT, MAX_TIMEOUT)
}

/// Converts the name of a policy into a part of a DNS name, as the name of a webhook must be one
/// (RFC 1123).
fn dns_name(policy: &PolicyName) -> String {
    let lower = policy.as_str().to_ascii_lowercase().replace('_', "-");
    let labels = lower
        .split('.')
        .map(|label| label.trim_matches('-'))
        .filter(|label| !label.is_empty());
    let cut = |label: &str| {
        label
            .chars()
            .take(MAX_DNS_LABEL)
            .collect::<String>()
            .trim_end_matches('-')
            .to_owned()
    };
    labels.map(cut).collect::<Vec<_>>().join(".")
}

/// Returns the name, with a number appended if it is taken.
fn unique(name: String, taken: &mut BTreeSet<String>) -> String {
    let numbered = (2..).map(|number| format!("{name}.{number}"));
    let free = [name.clone()]
        .into_iter()
        .chain(numbered)
        .find(|name| !taken.contains(name));
    let free = free.unwrap_or(name);
    taken.insert(free.clone());
    free
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn converts_policy_names_to_dns_names() {
        let dns = |name: &str| dns_name(&name.parse().unwrap());
        assert_eq!(dns("magic_validator.wasm"), "magic-validator.wasm");
        assert_eq!(dns("No-Secrets"), "no-secrets");
        assert_eq!(dns("a-._b"), "a.b");
        assert_eq!(dns(&"a".repeat(70)).len(), 63);
    }

    #[test]
    fn numbers_equal_names() {
        let mut taken = BTreeSet::new();
        let names: Vec<_> = ["a-b", "a-b", "a-b"]
            .map(|name| unique(name.to_owned(), &mut taken))
            .into();
        assert_eq!(names, ["a-b", "a-b.2", "a-b.3"]);
    }
}
