//! Operations that a cluster cannot do without, and those that a configuration lets policies block.

use std::collections::BTreeSet;

use crate::diagnostics::nearest;

/// The word that exempts every operation.
const ALL: &str = "all";

/// An operation without which a cluster stops working.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EssentialOperation {
    /// The name, as `lockOutGuard.exempt` lists it.
    pub name: &'static str,
    /// The effect of blocking the operation: one sentence.
    pub reason: &'static str,
}

/// The operations, in the order in which the lock-out guard probes them.
const OPERATIONS: [EssentialOperation; 20] = [
    EssentialOperation {
        name: "kubelet-lease",
        reason: "A node whose lease is not renewed is considered lost after 40 seconds, and its pods are evicted.",
    },
    EssentialOperation {
        name: "kubelet-node-status",
        reason: "A node that cannot report its status is not ready, and no pods are scheduled to it.",
    },
    EssentialOperation {
        name: "node-registration",
        reason: "A machine that cannot create its Node object does not join the cluster.",
    },
    EssentialOperation {
        name: "kubelet-bootstrap",
        reason: "A new machine uses a bootstrap token to request its client certificate.",
    },
    EssentialOperation {
        name: "kubelet-pods",
        reason: "A kubelet that cannot read the pods of its node, or report their status, runs no pods.",
    },
    EssentialOperation {
        name: "controller-manager-leader",
        reason: "A controller manager without its lease stops, and no controller repairs the cluster.",
    },
    EssentialOperation {
        name: "service-account-tokens",
        reason: "Controllers and pods authenticate to the API server with tokens of their service accounts.",
    },
    EssentialOperation {
        name: "replicaset-pods",
        reason: "Pods that a ReplicaSet cannot create, such as those of CoreDNS, are not replaced when a node is lost.",
    },
    EssentialOperation {
        name: "endpoint-slices",
        reason: "A Service routes traffic to stale addresses if its EndpointSlices are not updated.",
    },
    EssentialOperation {
        name: "endpoints",
        reason: "Programs that still read Endpoints instead of EndpointSlices see stale addresses.",
    },
    EssentialOperation {
        name: "scheduler-leader",
        reason: "A scheduler without its lease stops, and new pods stay pending.",
    },
    EssentialOperation {
        name: "scheduler-binding",
        reason: "A pod that cannot be bound to a node stays pending.",
    },
    EssentialOperation {
        name: "kube-proxy",
        reason: "A kube-proxy that cannot read Services and EndpointSlices routes no traffic to them.",
    },
    EssentialOperation {
        name: "coredns",
        reason: "Without CoreDNS, names of Services do not resolve.",
    },
    EssentialOperation {
        name: "health-checks",
        reason: "The kubelet restarts a kube-apiserver whose health endpoints it may not read.",
    },
    EssentialOperation {
        name: "apiserver-loopback",
        reason: "The API server sends requests to itself to renew its lease, publish its address and read webhook configurations.",
    },
    EssentialOperation {
        name: "cluster-admins",
        reason: "Administrators repair a cluster; members of system:masters can do so even if RBAC is broken.",
    },
    EssentialOperation {
        name: "webhook-configurations",
        reason: "A webhook that blocks everything is disabled by editing or deleting its configuration.",
    },
    EssentialOperation {
        name: "policy-configuration",
        reason: "A policy that rejects changes to the ConfigMap with its own configuration cannot be changed.",
    },
    EssentialOperation {
        name: "policy-deployment",
        reason: "A policy that rejects changes to the Deployment that runs it cannot be updated or scaled down.",
    },
];

impl EssentialOperation {
    /// Returns all operations, in the order in which the lock-out guard probes them.
    #[must_use]
    pub fn all() -> &'static [Self] {
        &OPERATIONS
    }

    /// Returns the operation with this name.
    #[must_use]
    pub fn find(name: &str) -> Option<Self> {
        OPERATIONS
            .into_iter()
            .find(|operation| operation.name == name)
    }
}

/// The essential operations that policies may block, because the configuration permits it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Exemptions(BTreeSet<&'static str>);

/// A name that is not the name of an essential operation.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown essential operation `{name}`")]
pub struct UnknownOperation {
    /// The name as written.
    pub name: String,
    /// The most similar known name.
    pub nearest: Option<&'static str>,
}

impl Exemptions {
    /// Exempts the operation with this name, or every operation if the name is `all`.
    ///
    /// # Errors
    /// If there is no such operation.
    pub fn add(&mut self, name: &str) -> Result<(), UnknownOperation> {
        let names = || OPERATIONS.into_iter().map(|operation| operation.name);
        if name == ALL {
            self.0.extend(names());
            return Ok(());
        }
        let found = EssentialOperation::find(name).ok_or_else(|| UnknownOperation {
            name: name.to_owned(),
            nearest: nearest(name, names().chain([ALL])),
        })?;
        self.0.insert(found.name);
        Ok(())
    }

    /// Returns true if policies may block the operation with this name.
    #[must_use]
    pub fn contains(&self, name: &str) -> bool {
        self.0.contains(name)
    }

    /// Returns true if every operation is exempt.
    #[must_use]
    pub fn covers_everything(&self) -> bool {
        self.0.len() == OPERATIONS.len()
    }

    /// Returns the names of the exempt operations, in alphabetical order.
    pub fn iter(&self) -> impl Iterator<Item = &'static str> + '_ {
        self.0.iter().copied()
    }

    pub(crate) fn extend(&mut self, other: Self) {
        self.0.extend(other.0);
    }
}

/// The schema of an exemption: `all`, or the name of an essential operation.
#[cfg(feature = "schema")]
pub(crate) struct Exemption;

#[cfg(feature = "schema")]
impl schemars::JsonSchema for Exemption {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "EssentialOperation".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let all = (ALL, "All of the operations below.");
        let operations = OPERATIONS.map(|operation| (operation.name, operation.reason));
        let values = [all].into_iter().chain(operations).map(|(name, reason)| {
            serde_json::json!({"type": "string", "const": name, "description": reason})
        });
        schemars::json_schema!({
            "description": "An operation without which a cluster stops working, with the effect of blocking it.",
            "oneOf": values.collect::<Vec<_>>(),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_operation_has_a_unique_kebab_case_name_and_a_reason() {
        let mut names = HashSet::new();
        for operation in EssentialOperation::all() {
            let (name, reason) = (operation.name, operation.reason);
            let is_kebab = |letter: char| letter.is_ascii_lowercase() || letter == '-';
            assert!(name.chars().all(is_kebab), "{name}");
            assert!(reason.ends_with('.'), "{name}: {reason}");
            assert!(names.insert(name), "duplicate `{name}`");
        }
        assert!(!names.contains(ALL), "`{ALL}` stands for every operation");
    }

    #[test]
    fn suggests_the_nearest_operation() {
        let nearest = |name: &str| Exemptions::default().add(name).unwrap_err().nearest;
        assert_eq!(nearest("kubelet-leases"), Some("kubelet-lease"));
        assert_eq!(nearest("x"), None);
    }

    #[test]
    fn all_covers_everything() {
        let mut exemptions = Exemptions::default();
        exemptions.add("coredns").unwrap();
        assert!(!exemptions.covers_everything());
        exemptions.add("all").unwrap();
        assert!(exemptions.covers_everything());
    }
}
