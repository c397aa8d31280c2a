//! Kubeconfigs of kube-apiserver, and the AdmissionConfiguration that refers to one.

use serde::Serialize;

use super::target::Target;

/// API version of the AdmissionConfiguration.
const API_VERSION: &str = "apiserver.config.k8s.io/v1";

const CLUSTER: &str = "k8s-wasm";
const USER: &str = "kube-apiserver";

/// `kind: Config` of `v1`, with the fields that kube-apiserver reads for a webhook.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Kubeconfig {
    #[serde(rename = "apiVersion")]
    api_version: &'static str,
    kind: &'static str,
    clusters: Vec<NamedCluster>,
    users: Vec<NamedUser>,
    contexts: Vec<NamedContext>,
    current_context: &'static str,
}

#[derive(Debug, Serialize)]
struct NamedCluster {
    name: &'static str,
    cluster: Cluster,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
struct Cluster {
    server: String,
    certificate_authority_data: String,
}

#[derive(Debug, Serialize)]
struct NamedUser {
    name: String,
    user: User,
}

#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "kebab-case")]
struct User {
    #[serde(skip_serializing_if = "Option::is_none")]
    client_certificate: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_key: Option<String>,
}

#[derive(Debug, Serialize)]
struct NamedContext {
    name: &'static str,
    context: Context,
}

#[derive(Debug, Serialize)]
struct Context {
    cluster: &'static str,
    user: String,
}

impl Kubeconfig {
    /// Creates the kubeconfig of an authentication or authorization webhook, which is called at
    /// `url`.
    pub(super) fn webhook(target: &Target, url: String) -> Self {
        let cluster = Cluster {
            server: url,
            certificate_authority_data: target.ca.0.clone(),
        };
        Self::new(
            vec![NamedCluster {
                name: CLUSTER,
                cluster,
            }],
            USER.to_owned(),
            target,
        )
    }

    /// Creates the kubeconfig with the credentials for the admission webhooks at `host_port`. Their
    /// addresses are in the webhook configurations.
    pub(super) fn credentials(target: &Target, host_port: String) -> Self {
        Self::new(Vec::new(), host_port, target)
    }

    fn new(clusters: Vec<NamedCluster>, user: String, target: &Target) -> Self {
        let credentials = target
            .client
            .as_ref()
            .map_or_else(User::default, |client| User {
                client_certificate: Some(client.certificate.display().to_string()),
                client_key: Some(client.key.display().to_string()),
            });
        Self {
            api_version: "v1",
            kind: "Config",
            clusters,
            users: vec![NamedUser {
                name: user.clone(),
                user: credentials,
            }],
            contexts: vec![NamedContext {
                name: CLUSTER,
                context: Context {
                    cluster: CLUSTER,
                    user,
                },
            }],
            current_context: CLUSTER,
        }
    }
}

/// `AdmissionConfiguration` of `apiserver.config.k8s.io/v1`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct AdmissionConfiguration {
    api_version: &'static str,
    kind: &'static str,
    plugins: [Plugin; 2],
}

#[derive(Debug, Serialize)]
struct Plugin {
    name: &'static str,
    configuration: WebhookAdmissionConfiguration,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct WebhookAdmissionConfiguration {
    api_version: &'static str,
    kind: &'static str,
    kube_config_file: String,
}

impl AdmissionConfiguration {
    /// Creates a configuration in which both webhook plugins use the credentials of a kubeconfig.
    pub(super) fn new(kubeconfig: &str) -> Self {
        let plugin = |name| Plugin {
            name,
            configuration: WebhookAdmissionConfiguration {
                api_version: API_VERSION,
                kind: "WebhookAdmissionConfiguration",
                kube_config_file: kubeconfig.to_owned(),
            },
        };
        Self {
            api_version: API_VERSION,
            kind: "AdmissionConfiguration",
            plugins: [
                plugin("MutatingAdmissionWebhook"),
                plugin("ValidatingAdmissionWebhook"),
            ],
        }
    }
}
