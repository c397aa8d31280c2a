//! A context-aware policy: reads the namespace of the object, and checks the permissions of its
//! author.

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::{ConfigMap, Namespace};
use kubewarden_policy_sdk::host_capabilities::kubernetes::{
    CanIRequest, GetResourceRequest, ListAllResourcesRequest, ListResourcesByNamespaceRequest,
    ResourceAttributes, SubjectAccessReview, can_i, get_resource, list_all_resources,
    list_resources_by_namespace,
};
use kubewarden_policy_sdk::request::{KubernetesAdmissionRequest, ValidationRequest};
use kubewarden_policy_sdk::settings::Validatable;
use kubewarden_policy_sdk::wapc_guest::{CallResult, register_function};
use kubewarden_policy_sdk::{
    Result, accept_request, protocol_version_guest, reject_request, validate_settings,
};
use serde::Deserialize;

/// The rules. Each configured rule makes one host call, in this order.
#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
struct Settings {
    /// The labels that the namespace of the object must have.
    namespace_labels: Vec<String>,
    /// The maximum number of ConfigMaps.
    configmaps: Option<Quota>,
    /// An action that the author of the request must be allowed in the namespace.
    author_may: Option<Action>,
    /// True if the host must not use its cache.
    disable_cache: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Quota {
    max: usize,
    /// True if the ConfigMaps of all namespaces count, instead of the object's namespace.
    #[serde(default)]
    everywhere: bool,
    label_selector: Option<String>,
    field_selector: Option<String>,
    field_masks: Option<BTreeSet<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Action {
    verb: String,
    #[serde(default)]
    group: Option<String>,
    resource: String,
}

impl Validatable for Settings {
    fn validate(&self) -> std::result::Result<(), String> {
        if self.namespace_labels.is_empty()
            && self.configmaps.is_none()
            && self.author_may.is_none()
        {
            return Err("set one of `namespace_labels`, `configmaps`, `author_may`".to_owned());
        }
        Ok(())
    }
}

/// Registers the operations. The host calls this function first.
#[unsafe(no_mangle)]
pub extern "C" fn wapc_init() {
    register_function("validate", validate);
    register_function("validate_settings", validate_settings::<Settings>);
    register_function("protocol_version", protocol_version_guest);
}

fn validate(payload: &[u8]) -> CallResult {
    let ValidationRequest { request, settings } = ValidationRequest::<Settings>::new(payload)?;
    match fault(&request, &settings)? {
        Some(message) => reject_request(Some(message), Some(403), None, None),
        None => accept_request(),
    }
}

/// Returns a message about the first rule that is violated.
fn fault(request: &KubernetesAdmissionRequest, settings: &Settings) -> Result<Option<String>> {
    let namespace = &request.namespace;
    if !settings.namespace_labels.is_empty() {
        let labels = labels_of(namespace, settings.disable_cache)?;
        if let Some(label) = settings
            .namespace_labels
            .iter()
            .find(|label| !labels.contains(*label))
        {
            return Ok(Some(format!(
                "the namespace `{namespace}` has no label `{label}`"
            )));
        }
    }
    if let Some(quota) = &settings.configmaps {
        let present = quota.count(namespace)?;
        if present >= quota.max {
            let max = quota.max;
            return Ok(Some(format!(
                "there are {present} configmaps already, of {max} allowed"
            )));
        }
    }
    if let Some(action) = &settings.author_may {
        if !action.is_allowed(request, settings.disable_cache)? {
            let (user, Action { verb, resource, .. }) = (&request.user_info.username, action);
            return Ok(Some(format!(
                "`{user}` may not {verb} {resource} in `{namespace}`"
            )));
        }
    }
    Ok(None)
}

fn labels_of(namespace: &str, disable_cache: bool) -> Result<BTreeSet<String>> {
    let found: Namespace = get_resource(&GetResourceRequest {
        api_version: "v1".to_owned(),
        kind: "Namespace".to_owned(),
        name: namespace.to_owned(),
        namespace: None,
        disable_cache,
        field_masks: None,
    })?;
    Ok(found
        .metadata
        .labels
        .unwrap_or_default()
        .into_keys()
        .collect())
}

impl Quota {
    fn count(&self, namespace: &str) -> Result<usize> {
        let (api_version, kind) = ("v1".to_owned(), "ConfigMap".to_owned());
        let list: k8s_openapi::List<ConfigMap> = if self.everywhere {
            list_all_resources(&ListAllResourcesRequest {
                api_version,
                kind,
                label_selector: self.label_selector.clone(),
                field_selector: self.field_selector.clone(),
                field_masks: self.field_masks.clone(),
            })?
        } else {
            list_resources_by_namespace(&ListResourcesByNamespaceRequest {
                api_version,
                kind,
                namespace: namespace.to_owned(),
                label_selector: self.label_selector.clone(),
                field_selector: self.field_selector.clone(),
                field_masks: self.field_masks.clone(),
            })?
        };
        Ok(list.items.len())
    }
}

impl Action {
    fn is_allowed(
        &self,
        request: &KubernetesAdmissionRequest,
        disable_cache: bool,
    ) -> Result<bool> {
        let mut groups: Vec<_> = request.user_info.groups.iter().cloned().collect();
        groups.sort();
        let status = can_i(CanIRequest {
            subject_access_review: SubjectAccessReview {
                user: request.user_info.username.clone(),
                groups: Some(groups),
                resource_attributes: ResourceAttributes {
                    verb: self.verb.clone(),
                    group: self.group.clone(),
                    resource: self.resource.clone(),
                    namespace: Some(request.namespace.clone()),
                    ..ResourceAttributes::default()
                },
            },
            disable_cache,
        })?;
        Ok(status.allowed)
    }
}
