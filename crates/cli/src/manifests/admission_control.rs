//! The AdmissionConfiguration by which kube-apiserver shows its certificate to admission webhooks.

use serde::Serialize;

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
    /// Both webhook plugins with the credentials in one kubeconfig.
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

const API_VERSION: &str = "apiserver.config.k8s.io/v1";
