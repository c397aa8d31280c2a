//! The kubeconfig files by which kube-apiserver calls webhooks and proves who it is.

use serde::Serialize;

use super::target::Target;

const CLUSTER: &str = "k8s-wasm";
const USER: &str = "kube-apiserver";

/// `kind: Config` of `v1`, as much of it as kube-apiserver reads for a webhook.
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
    /// For authentication and authorization: the URL is called exactly as it is.
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

    /// For admission: who kube-apiserver is to the webhooks at `host_port`. Where they are stands elsewhere.
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
