//! Adds default resource requests to containers, in pods and in the pod templates of workloads.
//!
//! ```yaml
//! settings:
//!   requests: {cpu: 100m, memory: 128Mi}
//! ```
//!
//! Each resource is handled separately. A container with a limit for a resource is unchanged,
//! because Kubernetes uses the limit as its request.
#![allow(
    clippy::indexing_slicing,
    reason = "a missing field of a JSON value is null"
)]

use std::collections::BTreeMap;

use k8s_wasm_sdk::{AdmissionRequest, Error, Mutation, Mutator, Operation, Value};
use serde::Deserialize;

/// A mutator that adds the requests in its settings.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DefaultResources {
    /// The quantities, by name of the resource.
    requests: BTreeMap<String, String>,
}

impl Mutator for DefaultResources {
    fn mutate(&self, request: &AdmissionRequest<'_>) -> Result<Mutation, Error> {
        let (Some(path), Some(mut object)) = (pod_spec(request), request.object::<Value>()?) else {
            return Ok(Mutation::unchanged());
        };
        if is_mirror_pod(&object) {
            return Ok(Mutation::unchanged());
        }
        let mut added = false;
        for list in ["containers", "initContainers"] {
            let containers = object.pointer_mut(&format!("{path}/{list}"));
            for container in containers
                .and_then(Value::as_array_mut)
                .into_iter()
                .flatten()
            {
                added |= self.add_to(container);
            }
        }
        if added {
            Mutation::changed(&object)
        } else {
            Ok(Mutation::unchanged())
        }
    }
}

impl DefaultResources {
    /// Adds missing requests to a container. Returns whether any was missing.
    fn add_to(&self, container: &mut Value) -> bool {
        let mut added = false;
        for (name, quantity) in &self.requests {
            let resources = &container["resources"];
            if resources["requests"][name].is_null() && resources["limits"][name].is_null() {
                container["resources"]["requests"][name] = quantity.as_str().into();
                added = true;
            }
        }
        added
    }
}

/// Returns the path of the pod spec in the object, if this operation may change it. That of a
/// stored Pod or Job is immutable.
fn pod_spec(request: &AdmissionRequest<'_>) -> Option<&'static str> {
    if !request.sub_resource.is_empty() {
        return None;
    }
    let is_create = request.operation == Operation::Create;
    match (request.kind.group.as_str(), request.kind.kind.as_str()) {
        ("", "Pod") if is_create => Some("/spec"),
        ("batch", "Job") if is_create => Some("/spec/template/spec"),
        ("batch", "CronJob") => Some("/spec/jobTemplate/spec/template/spec"),
        ("", "ReplicationController")
        | ("apps", "DaemonSet" | "Deployment" | "ReplicaSet" | "StatefulSet") => {
            Some("/spec/template/spec")
        }
        _ => None,
    }
}

/// Returns whether the object is a mirror pod. The kubelet creates those from files, and recreates
/// them if they differ.
fn is_mirror_pod(object: &Value) -> bool {
    !object["metadata"]["annotations"]["kubernetes.io/config.mirror"].is_null()
}

k8s_wasm_sdk::export!(mutate: DefaultResources);
