//! Failed requests to the cluster.

use kube::config::{InferConfigError, KubeconfigError};

/// A failed request to the cluster. Texts that policies match on are Kubewarden's.
#[derive(Debug, thiserror::Error)]
pub(crate) enum KubernetesFailure {
    #[error("cannot read the kubeconfig")]
    Kubeconfig(#[source] KubeconfigError),
    #[error("no Kubernetes cluster is configured")]
    NotConfigured(#[source] InferConfigError),
    #[error("cannot connect to Kubernetes")]
    Connect(#[source] kube::Error),
    #[error("{}", describe(.0))]
    Api(#[from] kube::Error),
    #[error("cannot build a request")]
    Request(#[source] kube::core::request::Error),
    #[error("`{0}` is not a valid API version")]
    ApiVersion(String),
    #[error("Cannot find resource {api_version}/{kind}")]
    UnknownKind { api_version: String, kind: String },
    #[error("Resource {api_version}/{kind} is namespaced, but no namespace was provided")]
    NamespaceMissing { api_version: String, kind: String },
    #[error(
        "resource {api_version}/{kind} is cluster wide. Cannot search for it inside of a namespace"
    )]
    NoNamespaces { api_version: String, kind: String },
    #[error("`{0}` cannot be the name of an object or namespace")]
    Name(String),
    #[error("Cannot find {api_version}/{kind} named '{name}' inside of namespace '{namespace:?}'")]
    Absent {
        api_version: String,
        kind: String,
        name: String,
        namespace: Option<String>,
    },
    #[error("the list is larger than {0} bytes; narrow it with a selector or field masks")]
    TooLarge(usize),
    #[error("SubjectAccessReview did not return a response")]
    NoStatus,
    #[error("cannot parse the response of the API server")]
    Json(#[from] serde_json::Error),
}

/// Formats the Status of the API server if there is one, otherwise the client's error.
fn describe(error: &kube::Error) -> String {
    match error {
        kube::Error::Api(status) => format!("ApiError: {}: {}", status.reason, status.message),
        other => other.to_string(),
    }
}
