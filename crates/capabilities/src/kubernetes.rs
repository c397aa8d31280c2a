//! Reads of the cluster: single objects, lists, and SubjectAccessReviews.

mod context;
mod failure;
mod field_mask;
mod kinds;
mod list;
mod requests;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use k8s_openapi::api::authorization::v1::SubjectAccessReview;
use kube::api::{Api, GetParams, PostParams, Request};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_encode};
use serde_json::Value;
use tokio::sync::OnceCell;

pub(crate) use context::{ContextFailure, Listed, gatekeeper_inventory, opa_context};
pub(crate) use failure::KubernetesFailure;
use field_mask::FieldMask;
use kinds::{Kind, Kinds};
pub use requests::{
    GetResource, KubernetesResource, ListAll, ListInNamespace, ResourceAttributes, SubjectAccess,
};

/// The timeout for connecting to the API server. Requests are bounded by the policy's deadline.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// The characters to escape in a path segment: all but RFC 3986's unreserved characters.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// A cluster. The connection is made by the first request.
pub(crate) struct Cluster {
    kubeconfig: Option<PathBuf>,
    client: OnceCell<Client>,
    kinds: Kinds,
}

impl Cluster {
    /// Creates a cluster from a kubeconfig. Default: the usual kubeconfig, or the pod's service
    /// account.
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

    /// Returns an object as stored, including its managed fields.
    pub(crate) async fn get(&self, request: &GetResource) -> Result<Vec<u8>, KubernetesFailure> {
        let (api_version, kind) = (&request.api_version, &request.kind);
        let client = self.client().await?;
        let found = self.kinds.find(client, api_version, kind).await?;
        let namespace = match (found.namespaced, request.namespace.as_deref()) {
            (false, _) => None,
            (true, Some(namespace)) => Some(namespace),
            (true, None) => {
                return Err(KubernetesFailure::NamespaceMissing {
                    api_version: api_version.clone(),
                    kind: kind.clone(),
                });
            }
        };
        let get = Request::new(collection(&found, namespace)?)
            .get(&segment(&request.name)?, &GetParams::default())
            .map_err(KubernetesFailure::Request)?;
        match client.request_text(get).await {
            Ok(object) => Ok(object.into_bytes()),
            Err(kube::Error::Api(status)) if status.is_not_found() => {
                Err(KubernetesFailure::Absent {
                    api_version: api_version.clone(),
                    kind: kind.clone(),
                    name: request.name.clone(),
                    namespace: request.namespace.clone(),
                })
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Lists the objects of a kind in all namespaces.
    pub(crate) async fn list(&self, list: &ListAll) -> Result<Vec<u8>, KubernetesFailure> {
        let client = self.client().await?;
        let kind = self
            .kinds
            .find(client, &list.api_version, &list.kind)
            .await?;
        list::fetch(client, &collection(&kind, None)?, list).await
    }

    /// Lists the objects of a kind in one namespace.
    pub(crate) async fn list_in_namespace(
        &self,
        list: &ListInNamespace,
    ) -> Result<Vec<u8>, KubernetesFailure> {
        let client = self.client().await?;
        let kind = self
            .kinds
            .find(client, &list.api_version, &list.kind)
            .await?;
        if !kind.namespaced {
            return Err(KubernetesFailure::NoNamespaces {
                api_version: list.api_version.clone(),
                kind: list.kind.clone(),
            });
        }
        let path = collection(&kind, Some(&list.namespace))?;
        list::fetch(client, &path, &list.to_all_namespaces()).await
    }

    /// Returns the plural name of a kind: `namespaces`.
    pub(crate) async fn plural(
        &self,
        api_version: &str,
        kind: &str,
    ) -> Result<String, KubernetesFailure> {
        let client = self.client().await?;
        Ok(self.kinds.find(client, api_version, kind).await?.plural)
    }

    /// Creates a SubjectAccessReview and returns its `SubjectAccessReviewStatus`.
    pub(crate) async fn can_i(&self, access: &SubjectAccess) -> Result<Vec<u8>, KubernetesFailure> {
        let reviews: Api<SubjectAccessReview> = Api::all(self.client().await?.clone());
        let review = reviews
            .create(&PostParams::default(), &access.to_review())
            .await?;
        let status = review.status.ok_or(KubernetesFailure::NoStatus)?;
        Ok(serde_json::to_vec(&status)?)
    }
}

/// Removes all fields of an object but those that the masks keep.
pub(crate) fn apply_field_masks(
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

/// Escapes a guest's text as one path segment. Without it, a name such as `../../secrets/token`
/// would read objects that are not granted.
fn segment(name: &str) -> Result<String, KubernetesFailure> {
    // Kubernetes forbids these in names: IsValidPathSegmentName in its API machinery.
    if matches!(name, "" | "." | "..") || name.contains(['/', '%']) {
        return Err(KubernetesFailure::Name(name.to_owned()));
    }
    Ok(percent_encode(name.as_bytes(), RESERVED).to_string())
}

#[cfg(test)]
mod tests;
