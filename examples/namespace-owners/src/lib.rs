//! Members of the group `namespace-owner:team-a` have common permissions in the namespace `team-a`.
//!
//! ```yaml
//! settings:  # all optional; these are the defaults
//!   groupPrefix: "namespace-owner:"
//!   verbs: [get, list, watch, create, update, patch, delete, deletecollection]
//!   except: [secrets, namespaces, resourcequotas, limitranges]  # never allowed by this policy; also `pods/exec`
//! ```
//!
//! The policy only adds permissions and leaves all other requests to other authorizers. `*` matches
//! all verbs; it is not the default because `bind`, `escalate` and `impersonate` grant more than
//! the namespace. A user who may create pods in a namespace can read its secrets through them.

use k8s_wasm_sdk::{AccessRequest, Authorization, Authorizer, Error, ResourceAttributes};
use serde::Deserialize;

/// An authorizer for owners of namespaces. The settings list their permissions.
#[derive(Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct NamespaceOwners {
    group_prefix: String,
    verbs: Vec<String>,
    except: Vec<String>,
}

impl Default for NamespaceOwners {
    fn default() -> Self {
        let list = |items: &str| items.split(' ').map(str::to_owned).collect();
        Self {
            group_prefix: "namespace-owner:".to_owned(),
            verbs: list("get list watch create update patch delete deletecollection"),
            except: list("secrets namespaces resourcequotas limitranges"),
        }
    }
}

impl Authorizer for NamespaceOwners {
    fn authorize(&self, request: &AccessRequest) -> Result<Authorization, Error> {
        let Some(resource) = &request.resource_attributes else {
            return Ok(Authorization::no_opinion());
        };
        let is_owner = request
            .groups
            .iter()
            .filter_map(|group| group.strip_prefix(&self.group_prefix))
            .any(|namespace| !namespace.is_empty() && namespace == resource.namespace);
        Ok(if !is_owner {
            Authorization::no_opinion()
        } else if self.lists(&resource.verb) && !self.excepts(resource) {
            Authorization::allow().because(format!("owner of namespace {}", resource.namespace))
        } else {
            Authorization::no_opinion().because(format!(
                "owners of a namespace may not {} {}",
                resource.verb, resource.resource
            ))
        })
    }
}

impl NamespaceOwners {
    fn lists(&self, verb: &str) -> bool {
        self.verbs
            .iter()
            .any(|listed| listed == "*" || listed == verb)
    }

    /// Returns whether an exception covers the resource or its subresource. A request for all
    /// resources includes the exceptions.
    fn excepts(&self, requested: &ResourceAttributes) -> bool {
        requested.resource == "*" && !self.except.is_empty()
            || self.except.iter().any(|entry| match entry.split_once('/') {
                None => *entry == requested.resource,
                Some((resource, subresource)) => {
                    resource == requested.resource
                        && (subresource == requested.subresource || requested.subresource == "*")
                }
            })
    }
}

k8s_wasm_sdk::export!(authz: NamespaceOwners);
