//! What policies ask about Kubernetes, field by field as they write it.

use std::collections::BTreeSet;

use k8s_openapi::api::authorization::v1 as authorization;
use serde::{Deserialize, Serialize};

/// Payload of `kubernetes/get_resource`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GetResource {
    /// `v1`, `apps/v1`.
    pub api_version: String,
    /// Singular.
    pub kind: String,
    /// Name of the object.
    pub name: String,
    /// Required for kinds that live in namespaces.
    pub namespace: Option<String>,
    /// Ask the API server even if it was asked just now.
    pub disable_cache: bool,
    /// Dotted paths of the fields to keep; none or empty keeps everything.
    pub field_masks: Option<BTreeSet<String>>,
}

/// Payload of `kubernetes/list_resources_all`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListAll {
    /// `v1`, `apps/v1`.
    pub api_version: String,
    /// Singular.
    pub kind: String,
    /// As for `kubectl get --selector`.
    pub label_selector: Option<String>,
    /// As for `kubectl get --field-selector`.
    pub field_selector: Option<String>,
    /// Dotted paths of the fields to keep; none or empty keeps everything.
    pub field_masks: Option<BTreeSet<String>>,
}

/// Payload of `kubernetes/list_resources_by_namespace`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListInNamespace {
    /// `v1`, `apps/v1`.
    pub api_version: String,
    /// Singular.
    pub kind: String,
    /// The namespace.
    pub namespace: String,
    /// As for `kubectl get --selector`.
    pub label_selector: Option<String>,
    /// As for `kubectl get --field-selector`.
    pub field_selector: Option<String>,
    /// Dotted paths of the fields to keep; none or empty keeps everything.
    pub field_masks: Option<BTreeSet<String>>,
}

impl ListInNamespace {
    /// The same list without its namespace.
    pub(super) fn everywhere(&self) -> ListAll {
        ListAll {
            api_version: self.api_version.clone(),
            kind: self.kind.clone(),
            label_selector: self.label_selector.clone(),
            field_selector: self.field_selector.clone(),
            field_masks: self.field_masks.clone(),
        }
    }
}

/// Who, in the payload of `kubernetes/can_i`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SubjectAccess {
    /// Groups of the user.
    pub groups: Option<Vec<String>>,
    /// What the user would do.
    pub resource_attributes: ResourceAttributes,
    /// The user.
    pub user: String,
}

/// What, in the payload of `kubernetes/can_i`; fields as in `authorization.k8s.io/v1`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(
    missing_docs,
    reason = "the words of authorization.k8s.io/v1 ResourceAttributes"
)]
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
    /// The question as the API server reads it.
    pub(super) fn review(&self) -> authorization::SubjectAccessReview {
        let asked = self.resource_attributes.clone();
        authorization::SubjectAccessReview {
            spec: authorization::SubjectAccessReviewSpec {
                user: Some(self.user.clone()),
                groups: self.groups.clone(),
                resource_attributes: Some(authorization::ResourceAttributes {
                    group: asked.group,
                    name: asked.name,
                    namespace: asked.namespace,
                    resource: Some(asked.resource),
                    subresource: asked.subresource,
                    verb: Some(asked.verb),
                    version: asked.version,
                    ..Default::default()
                }),
                ..Default::default()
            },
            ..Default::default()
        }
    }
}
