//! A minimal authorizer: members of `magic-group` have all permissions on configmaps.

use k8s_wasm_sdk::{AccessRequest, Authorization, Authorizer, Error};
use serde::Deserialize;

/// An authorizer for one resource and one group, without settings.
#[derive(Deserialize)]
pub struct MagicAuthorizer {}

impl Authorizer for MagicAuthorizer {
    fn authorize(&self, request: &AccessRequest) -> Result<Authorization, Error> {
        let is_member = request.groups.iter().any(|group| group == "magic-group");
        let is_configmap = request
            .resource_attributes
            .as_ref()
            .is_some_and(|resource| resource.group.is_empty() && resource.resource == "configmaps");
        // No opinion instead of a denial, so that other authorizers such as RBAC may allow it.
        Ok(if is_member && is_configmap {
            Authorization::allow()
        } else {
            Authorization::no_opinion()
        })
    }
}

k8s_wasm_sdk::export!(authz: MagicAuthorizer);
