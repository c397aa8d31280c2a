//! Members of the group `namespace-owner:team-a` may do everyday things in the namespace `team-a`.
//!
//! ```yaml
//! settings:  # all of it may be left out; these are the defaults
//!   groupPrefix: "namespace-owner:"
//!   verbs: [get, list, watch, create, update, patch, delete, deletecollection]
//!   except: [secrets, namespaces, resourcequotas, limitranges]  # never through this policy; `pods/exec` is possible too
//! ```
//!
//! It only adds permissions: whatever it does not allow is left to other authorizers. `*` stands for all verbs, and is not
//! the default because `bind`, `escalate` and `impersonate` give more than the namespace. Who may create pods in a
//! namespace can read its secrets through them.

use k8s_wasm_sdk::{AccessRequest, Authorization, Authorizer, Error, ResourceAttributes};
use serde::Deserialize;

/// What owners may do.
#[derive(Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct NamespaceOwners {
    group_prefix: String,
    verbs: Vec<String>,
    except: Vec<String>,
}

impl Default for NamespaceOwners {
    fn default() -> Self {
        let list = |words: &str| words.split(' ').map(str::to_owned).collect();
        Self {
            group_prefix: "namespace-owner:".to_owned(),
            verbs: list("get list watch create update patch delete deletecollection"),
            except: list("secrets namespaces resourcequotas limitranges"),
        }
    }
}

impl Authorizer for NamespaceOwners {
    fn authorize(&self, request: &AccessRequest) -> Result<Authorization, Error> {
        let Some(asked) = &request.resource_attributes else {
            return Ok(Authorization::no_opinion());
        };
        let owned = request
            .groups
            .iter()
            .filter_map(|group| group.strip_prefix(&self.group_prefix))
            .any(|namespace| !namespace.is_empty() && namespace == asked.namespace);
        Ok(if !owned {
            Authorization::no_opinion()
        } else if self.lists(&asked.verb) && !self.excepts(asked) {
            Authorization::allow().because(format!("owner of namespace {}", asked.namespace))
        } else {
            Authorization::no_opinion().because(format!(
                "owners of a namespace may not {} {}",
                asked.verb, asked.resource
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

    /// Whether an exception covers the resource or its subresource. Who asks for all resources asks for the exceptions too.
    fn excepts(&self, asked: &ResourceAttributes) -> bool {
        asked.resource == "*" && !self.except.is_empty()
            || self.except.iter().any(|entry| match entry.split_once('/') {
                None => *entry == asked.resource,
                Some((resource, subresource)) => {
                    resource == asked.resource
                        && (subresource == asked.subresource || asked.subresource == "*")
                }
            })
    }
}

k8s_wasm_sdk::export!(authz: NamespaceOwners);
