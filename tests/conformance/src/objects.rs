//! The Kubernetes objects of the stories, and the few facts about their resources that requests need.

use serde_json::{Value, json};

/// A kind of object, as the API names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Resource {
    /// `configmaps`.
    pub plural: &'static str,
    /// `ConfigMap`.
    pub kind: &'static str,
    /// `v1`, `apps/v1`.
    pub api_version: &'static str,
    /// Whether its objects are in namespaces.
    pub namespaced: bool,
}

/// The resources that stories are about.
const RESOURCES: [Resource; 13] = [
    namespaced("configmaps", "ConfigMap", "v1"),
    namespaced("secrets", "Secret", "v1"),
    namespaced("limitranges", "LimitRange", "v1"),
    namespaced("pods", "Pod", "v1"),
    namespaced("resourcequotas", "ResourceQuota", "v1"),
    namespaced("serviceaccounts", "ServiceAccount", "v1"),
    namespaced("deployments", "Deployment", "apps/v1"),
    namespaced("roles", "Role", "rbac.authorization.k8s.io/v1"),
    namespaced(
        "rolebindings",
        "RoleBinding",
        "rbac.authorization.k8s.io/v1",
    ),
    namespaced("gadgets", "Gadget", "stories.k8s-wasm.io/v1"),
    global(
        "customresourcedefinitions",
        "CustomResourceDefinition",
        "apiextensions.k8s.io/v1",
    ),
    global("namespaces", "Namespace", "v1"),
    global("nodes", "Node", "v1"),
];

const fn namespaced(
    plural: &'static str,
    kind: &'static str,
    api_version: &'static str,
) -> Resource {
    Resource {
        plural,
        kind,
        api_version,
        namespaced: true,
    }
}

const fn global(plural: &'static str, kind: &'static str, api_version: &'static str) -> Resource {
    Resource {
        plural,
        kind,
        api_version,
        namespaced: false,
    }
}

impl Resource {
    /// The resource `plural`.
    ///
    /// # Panics
    /// No story has been about it so far.
    #[must_use]
    pub fn named(plural: &str) -> Self {
        find(|resource| resource.plural == plural)
            .unwrap_or_else(|| panic!("add `{plural}` to the table of resources"))
    }

    /// The resource of an object.
    ///
    /// # Panics
    /// No story has been about it so far.
    #[must_use]
    pub fn of(object: &Value) -> Self {
        let kind = &object["kind"];
        find(|resource| *kind == resource.kind)
            .unwrap_or_else(|| panic!("add {kind} to the table of resources"))
    }

    /// The group; empty for the core group.
    #[must_use]
    pub fn group(&self) -> &'static str {
        self.api_version
            .split_once('/')
            .map_or("", |(group, _)| group)
    }

    /// The URL path of the collection.
    #[must_use]
    pub fn path(&self, namespace: &str) -> String {
        let root = if self.group().is_empty() {
            "api"
        } else {
            "apis"
        };
        let namespace = if self.namespaced {
            format!("namespaces/{namespace}/")
        } else {
            String::new()
        };
        format!("/{root}/{}/{namespace}{}", self.api_version, self.plural)
    }

    /// The least that makes an object.
    #[must_use]
    pub fn object(&self, name: &str) -> Value {
        json!({ "apiVersion": self.api_version, "kind": self.kind, "metadata": { "name": name } })
    }
}

fn find(wanted: impl Fn(&Resource) -> bool) -> Option<Resource> {
    RESOURCES.into_iter().find(wanted)
}

/// A ConfigMap with `data`.
#[must_use]
pub fn configmap<'a>(name: &str, data: impl IntoIterator<Item = (&'a str, &'a str)>) -> Value {
    let mut object = Resource::named("configmaps").object(name);
    object["data"] = data
        .into_iter()
        .map(|(key, value)| (key.to_owned(), Value::from(value)))
        .collect();
    object
}

/// A Deployment with `replicas` replicas of a pod that nobody starts.
#[must_use]
pub fn deployment(name: &str, replicas: u32) -> Value {
    let labels = json!({ "app": name });
    let mut object = Resource::named("deployments").object(name);
    object["spec"] = json!({
        "replicas": replicas,
        "selector": { "matchLabels": labels },
        "template": {
            "metadata": { "labels": labels },
            "spec": { "containers": [{ "name": "main", "image": "example.com/main" }] },
        },
    });
    object
}

/// The definition of the custom resource that the table above has; its objects keep whatever they are given.
#[must_use]
pub fn definition_of_gadgets() -> Value {
    let anything = json!({ "type": "object", "x-kubernetes-preserve-unknown-fields": true });
    json!({
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": { "name": "gadgets.stories.k8s-wasm.io" },
        "spec": {
            "group": "stories.k8s-wasm.io",
            "scope": "Namespaced",
            "names": { "plural": "gadgets", "singular": "gadget", "kind": "Gadget" },
            "versions": [{
                "name": "v1", "served": true, "storage": true,
                "schema": { "openAPIV3Schema": anything },
            }],
        },
    })
}

/// A RoleBinding that gives `users` the ClusterRole `role` within the namespace.
#[must_use]
pub fn role_binding(name: &str, users: &[&str], role: &str) -> Value {
    let group = "rbac.authorization.k8s.io";
    let subject = |user: &&str| json!({ "apiGroup": group, "kind": "User", "name": user });
    let mut object = Resource::named("rolebindings").object(name);
    object["subjects"] = users.iter().map(subject).collect();
    object["roleRef"] = json!({ "apiGroup": group, "kind": "ClusterRole", "name": role });
    object
}
