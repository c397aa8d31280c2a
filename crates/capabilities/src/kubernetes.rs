//! Reads of the cluster: one object, lists, and who may do what.

mod context;
mod field_mask;
mod kinds;
mod list;
mod questions;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use k8s_openapi::api::authorization::v1::SubjectAccessReview;
use kube::api::{Api, GetParams, PostParams, Request};
use kube::config::{InferConfigError, KubeConfigOptions, Kubeconfig, KubeconfigError};
use kube::{Client, Config};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_encode};
use serde_json::Value;
use tokio::sync::OnceCell;

pub(crate) use context::{ContextFailure, Listed, gatekeeper_inventory, opa_context};
use field_mask::FieldMask;
use kinds::{Kind, Kinds};
pub use questions::{GetResource, ListAll, ListInNamespace, ResourceAttributes, SubjectAccess};

/// How long an API server may take to accept a connection; what follows is bounded by the policy's deadline.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// What a segment of a path may not hold as it is (RFC 3986, unreserved characters).
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// A cluster, connected to when it is first asked.
pub(crate) struct Cluster {
    kubeconfig: Option<PathBuf>,
    client: OnceCell<Client>,
    kinds: Kinds,
}

/// Why the cluster gave no answer. The texts that Kubewarden's policies match on are its texts.
#[derive(Debug, thiserror::Error)]
pub(crate) enum KubernetesFailure {
    #[error("cannot read the kubeconfig")]
    Kubeconfig(#[source] KubeconfigError),
    #[error("no Kubernetes cluster is configured")]
    NotConfigured(#[source] InferConfigError),
    #[error("cannot connect to Kubernetes")]
    Connect(#[source] kube::Error),
    #[error("{}", status(.0))]
    Api(#[from] kube::Error),
    #[error("cannot build a request")]
    Request(#[source] kube::core::request::Error),
    #[error("`{0}` is not a version of an API group")]
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
    #[error("cannot read what the API server sent")]
    Json(#[from] serde_json::Error),
}

/// An API server's refusal in its own words; anything else as the client tells it.
fn status(error: &kube::Error) -> String {
    match error {
        kube::Error::Api(status) => format!("ApiError: {}: {}", status.reason, status.message),
        other => other.to_string(),
    }
}

impl Cluster {
    /// A cluster named by a kubeconfig, or else by the environment: the usual kubeconfig, or the pod's service account.
    pub(crate) fn new(kubeconfig: Option<PathBuf>) -> Self {
        Self {
            kubeconfig,
            client: OnceCell::new(),
            kinds: Kinds::new(),
        }
    }

    async fn client(&self) -> Result<&Client, KubernetesFailure> {
        self.client
            .get_or_try_init(|| async {
                let mut config = match &self.kubeconfig {
                    Some(path) => {
                        let kubeconfig =
                            Kubeconfig::read_from(path).map_err(KubernetesFailure::Kubeconfig)?;
                        Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default())
                            .await
                            .map_err(KubernetesFailure::Kubeconfig)?
                    }
                    None => Config::infer()
                        .await
                        .map_err(KubernetesFailure::NotConfigured)?,
                };
                config.connect_timeout = Some(CONNECT_TIMEOUT);
                Client::try_from(config).map_err(KubernetesFailure::Connect)
            })
            .await
    }

    /// The object as stored, managed fields included.
    pub(crate) async fn get(&self, asked: &GetResource) -> Result<Vec<u8>, KubernetesFailure> {
        let (api_version, kind) = (&asked.api_version, &asked.kind);
        let client = self.client().await?;
        let found = self.kinds.find(client, api_version, kind).await?;
        let namespace = match (found.namespaced, asked.namespace.as_deref()) {
            (false, _) => None,
            (true, Some(namespace)) => Some(namespace),
            (true, None) => {
                return Err(KubernetesFailure::NamespaceMissing {
                    api_version: api_version.clone(),
                    kind: kind.clone(),
                });
            }
        };
        let request = Request::new(collection(&found, namespace)?)
            .get(&segment(&asked.name)?, &GetParams::default())
            .map_err(KubernetesFailure::Request)?;
        match client.request_text(request).await {
            Ok(object) => Ok(object.into_bytes()),
            Err(kube::Error::Api(status)) if status.is_not_found() => {
                Err(KubernetesFailure::Absent {
                    api_version: api_version.clone(),
                    kind: kind.clone(),
                    name: asked.name.clone(),
                    namespace: asked.namespace.clone(),
                })
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Objects of a kind, in all namespaces.
    pub(crate) async fn list(&self, asked: &ListAll) -> Result<Vec<u8>, KubernetesFailure> {
        let client = self.client().await?;
        let kind = self
            .kinds
            .find(client, &asked.api_version, &asked.kind)
            .await?;
        list::fetch(client, &collection(&kind, None)?, asked).await
    }

    /// Objects of a kind, in one namespace.
    pub(crate) async fn list_in_namespace(
        &self,
        asked: &ListInNamespace,
    ) -> Result<Vec<u8>, KubernetesFailure> {
        let client = self.client().await?;
        let kind = self
            .kinds
            .find(client, &asked.api_version, &asked.kind)
            .await?;
        if !kind.namespaced {
            return Err(KubernetesFailure::NoNamespaces {
                api_version: asked.api_version.clone(),
                kind: asked.kind.clone(),
            });
        }
        let path = collection(&kind, Some(&asked.namespace))?;
        list::fetch(client, &path, &asked.everywhere()).await
    }

    /// The plural name of a kind: `namespaces`.
    pub(crate) async fn plural(
        &self,
        api_version: &str,
        kind: &str,
    ) -> Result<String, KubernetesFailure> {
        let client = self.client().await?;
        Ok(self.kinds.find(client, api_version, kind).await?.plural)
    }

    /// The API server's verdict: `SubjectAccessReviewStatus`.
    pub(crate) async fn can_i(&self, asked: &SubjectAccess) -> Result<Vec<u8>, KubernetesFailure> {
        let reviews: Api<SubjectAccessReview> = Api::all(self.client().await?.clone());
        let review = reviews
            .create(&PostParams::default(), &asked.review())
            .await?;
        let status = review.status.ok_or(KubernetesFailure::NoStatus)?;
        Ok(serde_json::to_vec(&status)?)
    }
}

/// What the masks leave of an object.
pub(crate) fn masked(
    object: &[u8],
    masks: &BTreeSet<String>,
) -> Result<Vec<u8>, KubernetesFailure> {
    let mask = FieldMask::new(masks);
    let mut object: Value = serde_json::from_slice(object)?;
    mask.apply(&mut object);
    Ok(serde_json::to_vec(&object)?)
}

fn collection(kind: &Kind, namespace: Option<&str>) -> Result<String, KubernetesFailure> {
    Ok(match namespace {
        Some(namespace) => format!(
            "{}/namespaces/{}/{}",
            kind.root,
            segment(namespace)?,
            kind.plural
        ),
        None => format!("{}/{}", kind.root, kind.plural),
    })
}

/// A guest's text as one segment of a path. Without this, a name such as `../../secrets/token` would read what the policy
/// was not granted.
fn segment(name: &str) -> Result<String, KubernetesFailure> {
    // What Kubernetes itself forbids in names; see IsValidPathSegmentName of its API machinery.
    if matches!(name, "" | "." | "..") || name.contains(['/', '%']) {
        return Err(KubernetesFailure::Name(name.to_owned()));
    }
    Ok(percent_encode(name.as_bytes(), RESERVED).to_string())
}

#[cfg(test)]
mod tests;
