//! Gives containers without resource requests default ones, in pods and in the pod templates of workloads.
//!
//! ```yaml
//! settings:
//!   requests: {cpu: 100m, memory: 128Mi}
//! ```
//!
//! Each resource counts on its own, and a container with a limit for it is left alone: its limit is its request then.
#![allow(
    clippy::indexing_slicing,
    reason = "a missing field of a JSON value is null"
)]

use std::collections::BTreeMap;

use k8s_wasm_sdk::{AdmissionRequest, Error, Mutation, Mutator, Operation, Value};
use serde::Deserialize;

/// The requests to add.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DefaultResources {
    /// Quantities by the name of the resource.
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
    /// Adds what is missing, and tells whether something was.
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

/// Where the pod spec stands in the object, if it is one whose pod spec may change now: that of a stored Pod or Job may not.
fn pod_spec(request: &AdmissionRequest<'_>) -> Option<&'static str> {
    if !request.sub_resource.is_empty() {
        return None;
    }
    let creates = request.operation == Operation::Create;
    match (request.kind.group.as_str(), request.kind.kind.as_str()) {
        ("", "Pod") if creates => Some("/spec"),
        ("batch", "Job") if creates => Some("/spec/template/spec"),
        ("batch", "CronJob") => Some("/spec/jobTemplate/spec/template/spec"),
        ("", "ReplicationController")
        | ("apps", "DaemonSet" | "Deployment" | "ReplicaSet" | "StatefulSet") => {
            Some("/spec/template/spec")
        }
        _ => None,
    }
}

/// The kubelet makes mirror pods from files, and makes them anew when they differ.
fn is_mirror_pod(object: &Value) -> bool {
    !object["metadata"]["annotations"]["kubernetes.io/config.mirror"].is_null()
}

k8s_wasm_sdk::export!(mutate: DefaultResources);
