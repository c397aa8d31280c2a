//! Payloads of the host calls in the namespace `kubernetes`. Fields have the names on the wire.

use std::collections::BTreeSet;

use k8s_openapi::api::authorization::v1 as authorization;
use serde::{Deserialize, Serialize};

/// A kind of Kubernetes object that a policy may read: an entry of `contextAwareResources`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct KubernetesResource {
    /// `v1` for the core group, otherwise `<group>/<version>`.
    pub api_version: String,
    /// The kind in the singular, as in manifests: `Namespace`.
    pub kind: String,
}

/// The payload of `kubernetes/get_resource`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GetResource {
    /// The API version: `v1`, `apps/v1`.
    pub api_version: String,
    /// The kind in the singular: `Pod`.
    pub kind: String,
    /// The name of the object.
    pub name: String,
    /// The namespace of the object. Required for namespaced kinds.
    pub namespace: Option<String>,
    /// True if the cache must not be used.
    pub disable_cache: bool,
    /// The dotted paths of the fields to keep. Absent or empty: all fields.
    pub field_masks: Option<BTreeSet<String>>,
}

/// The payload of `kubernetes/list_resources_all`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListAll {
    /// The API version: `v1`, `apps/v1`.
    pub api_version: String,
    /// The kind in the singular: `Pod`.
    pub kind: String,
    /// A label selector, as for `kubectl get --selector`.
    pub label_selector: Option<String>,
    /// A field selector, as for `kubectl get --field-selector`.
    pub field_selector: Option<String>,
    /// The dotted paths of the fields to keep. Absent or empty: all fields.
    pub field_masks: Option<BTreeSet<String>>,
}

/// The payload of `kubernetes/list_resources_by_namespace`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListInNamespace {
    /// The API version: `v1`, `apps/v1`.
    pub api_version: String,
    /// The kind in the singular: `Pod`.
    pub kind: String,
    /// The namespace to list.
    pub namespace: String,
    /// A label selector, as for `kubectl get --selector`.
    pub label_selector: Option<String>,
    /// A field selector, as for `kubectl get --field-selector`.
    pub field_selector: Option<String>,
    /// The dotted paths of the fields to keep. Absent or empty: all fields.
    pub field_masks: Option<BTreeSet<String>>,
}

impl ListInNamespace {
    /// Returns the same list for all namespaces.
    pub(super) fn to_all_namespaces(&self) -> ListAll {
        ListAll {
            api_version: self.api_version.clone(),
            kind: self.kind.clone(),
            label_selector: self.label_selector.clone(),
            field_selector: self.field_selector.clone(),
            field_masks: self.field_masks.clone(),
        }
    }
}

/// The subject and the access to check, in the payload of `kubernetes/can_i`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SubjectAccess {
    /// The groups of the user.
    pub groups: Option<Vec<String>>,
    /// The access to check.
    pub resource_attributes: ResourceAttributes,
    /// The name of the user.
    pub user: String,
}

/// The access to check, with the fields of `ResourceAttributes` in `authorization.k8s.io/v1`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "documented in authorization.k8s.io/v1")]
pub struct ResourceAttributes {
    pub group: Option<String>,
    pub name: Option<String>,
    pub namespace: Option<String>,
    pub resource: String,
    pub subresource: Option<String>,
    pub verb: String,
    pub version: Option<String>,
}

impl SubjectAccess {
    /// Returns the SubjectAccessReview for the API server.
    pub(super) fn to_review(&self) -> authorization::SubjectAccessReview {
        let attributes = self.resource_attributes.clone();
        authorization::SubjectAccessReview {
            spec: authorization::SubjectAccessReviewSpec {
                user: Some(self.user.clone()),
                groups: self.groups.clone(),
                resource_attributes: Some(authorization::ResourceAttributes {
                    group: attributes.group,
                    name: attributes.name,
                    namespace: attributes.namespace,
                    resource: Some(attributes.resource),
                    subresource: attributes.subresource,
                    verb: Some(attributes.verb),
                    version: attributes.version,
                    ..Default::default()
                }),
                ..Default::default()
            },
            ..Default::default()
        }
    }
}
