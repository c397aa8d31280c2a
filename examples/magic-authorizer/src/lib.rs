//! The smallest authorizer: members of `magic-group` may do anything to configmaps.

use k8s_wasm_sdk::{AccessRequest, Authorization, Authorizer, Error};
use serde::Deserialize;

/// Allows one resource to one group. Has no settings.
#[derive(Deserialize)]
pub struct MagicAuthorizer {}

impl Authorizer for MagicAuthorizer {
    fn authorize(&self, request: &AccessRequest) -> Result<Authorization, Error> {
        let member = request.groups.iter().any(|group| group == "magic-group");
        let configmaps = request
            .resource_attributes
            .as_ref()
            .is_some_and(|asked| asked.group.is_empty() && asked.resource == "configmaps");
        // No opinion rather than a denial: others, such as RBAC, may still allow it.
        Ok(if member && configmaps {
            Authorization::allow()
        } else {
            Authorization::no_opinion()
        })
    }
}

k8s_wasm_sdk::export!(authz: MagicAuthorizer);
