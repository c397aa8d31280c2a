//! The webhook configurations by which the API server asks our admission policies.

use std::collections::BTreeSet;
use std::time::Duration;

use access::PolicyName;
use access::admission::OnFailure;
use host::Configuration;
use host::config::AdmissionPolicy;
use serde::Serialize;

use super::rules::{self, MatchCondition, RuleWithOperations};
use super::seconds;
use super::target::{Reach, Service, Target};

/// Users wait for admission: better an error soon than a stuck `kubectl`. Kubernetes' own default is 10 s.
const TIMEOUT_MIN: Duration = Duration::from_secs(5);

/// The most that Kubernetes takes.
const TIMEOUT_MAX: Duration = Duration::from_secs(30);

/// The namespace that the cluster itself lives in.
const KUBE_SYSTEM: &str = "kube-system";

/// Whether a plane has one webhook for all its policies or one for each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Grouping {
    /// One, with the union of the rules: one call for a request.
    Together,
    /// One for each: own rules, timeout and failure policy, own metrics in the API server.
    PerPolicy,
}

/// What the webhook configurations are made from.
#[derive(Debug)]
pub(super) struct Webhooks<'a> {
    pub(super) configuration: &'a Configuration,
    pub(super) target: &'a Target,
    pub(super) grouping: Grouping,
    pub(super) excluded_namespaces: &'a [String],
}

/// `MutatingWebhookConfiguration` or `ValidatingWebhookConfiguration` of `admissionregistration.k8s.io/v1`.
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

/// One of the two kinds of admission webhook.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Mutating,
    Validating,
}

impl Webhooks<'_> {
    /// The configurations of the planes that have policies with rules; mutating first.
    pub(super) fn configurations(&self) -> Vec<WebhookConfiguration> {
        [Kind::Mutating, Kind::Validating]
            .into_iter()
            .filter_map(|kind| self.configuration(kind))
            .collect()
    }

    fn configuration(&self, kind: Kind) -> Option<WebhookConfiguration> {
        // Without rules a policy is never asked, so nothing has to be sent for it.
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
            Grouping::PerPolicy => self.one_for_each(kind, &policies),
        };
        Some(WebhookConfiguration {
            api_version: "admissionregistration.k8s.io/v1",
            kind: kind.as_str(),
            metadata: Metadata { name: "k8s-wasm" },
            webhooks,
        })
    }

    fn one_for_each(&self, kind: Kind, policies: &[&AdmissionPolicy]) -> Vec<Webhook> {
        let verb = kind.verb();
        let mut taken = BTreeSet::new();
        let webhook = |policy: &&AdmissionPolicy| {
            let name = &policy.policy.name;
            let label = unique(dns_name(name), &mut taken);
            let full = format!("{label}.{verb}.k8s-wasm.io");
            self.webhook(kind, full, format!("/{verb}/{name}"), &[policy])
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
        let fails = policies
            .iter()
            .any(|policy| policy.on_failure == OnFailure::Fail);
        Webhook {
            name,
            client_config: self.client_config(path),
            rules: rules::union(rules()),
            match_conditions: rules::exclusions(rules()),
            namespace_selector: self.namespace_selector(),
            match_policy: "Equivalent",
            failure_policy: if fails { "Fail" } else { "Ignore" },
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

    /// Not where the cluster itself lives, and not where the webhook server lives: a server that has to admit its own
    /// pods does not come back.
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

    /// In URLs and names.
    fn verb(self) -> &'static str {
        match self {
            Self::Mutating => "mutate",
            Self::Validating => "validate",
        }
    }
}

/// Mutating policies are asked one after the other, validating ones at the same time.
fn timeout(kind: Kind, policies: &[&AdmissionPolicy]) -> Duration {
    let timeouts = policies.iter().map(|policy| policy.policy.timeout);
    let work = match kind {
        Kind::Mutating => timeouts.sum(),
        Kind::Validating => timeouts.max().unwrap_or_default(),
    };
    seconds::enough_for(work, TIMEOUT_MIN, TIMEOUT_MAX)
}

/// A policy's name as part of a DNS name, as the names of webhooks have to be (RFC 1123).
fn dns_name(policy: &PolicyName) -> String {
    let lower = policy.as_str().to_ascii_lowercase().replace('_', "-");
    let labels = lower
        .split('.')
        .map(|label| label.trim_matches('-'))
        .filter(|label| !label.is_empty());
    let cut = |label: &str| {
        label
            .chars()
            .take(DNS_LABEL_MAX)
            .collect::<String>()
            .trim_end_matches('-')
            .to_owned()
    };
    labels.map(cut).collect::<Vec<_>>().join(".")
}

const DNS_LABEL_MAX: usize = 63;

/// The name, or the name with a number behind it when it is taken.
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
    fn makes_dns_names_of_policy_names() {
        let dns = |name: &str| dns_name(&name.parse().unwrap());
        assert_eq!(dns("magic_validator.wasm"), "magic-validator.wasm");
        assert_eq!(dns("No-Secrets"), "no-secrets");
        assert_eq!(dns("a-._b"), "a.b");
        assert_eq!(dns(&"a".repeat(70)).len(), 63);
    }

    #[test]
    fn names_that_become_equal_are_told_apart() {
        let mut taken = BTreeSet::new();
        let names: Vec<_> = ["a-b", "a-b", "a-b"]
            .map(|name| unique(name.to_owned(), &mut taken))
            .into();
        assert_eq!(names, ["a-b", "a-b.2", "a-b.3"]);
    }
}
