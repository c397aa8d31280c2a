//! The Kubernetes objects of the stories, and the properties of their resources.

use serde_json::{Value, json};

/// A resource of the Kubernetes API.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Resource {
    /// The plural name, such as `configmaps`.
    pub plural: &'static str,
    /// The kind, such as `ConfigMap`.
    pub kind: &'static str,
    /// The API version, such as `v1` or `apps/v1`.
    pub api_version: &'static str,
    /// True if its objects are in namespaces.
    pub namespaced: bool,
}

/// The resources of all stories.
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
    /// Returns the resource with the given plural name.
    ///
    /// # Panics
    /// Panics if it is not in the table.
    #[must_use]
    pub fn named(plural: &str) -> Self {
        find(|resource| resource.plural == plural)
            .unwrap_or_else(|| panic!("add `{plural}` to the table of resources"))
    }

    /// Returns the resource of an object.
    ///
    /// # Panics
    /// Panics if it is not in the table.
    #[must_use]
    pub fn from_object(object: &Value) -> Self {
        let kind = &object["kind"];
        find(|resource| *kind == resource.kind)
            .unwrap_or_else(|| panic!("add {kind} to the table of resources"))
    }

    /// Returns the API group; empty for the core group.
    #[must_use]
    pub fn group(&self) -> &'static str {
        self.api_version
            .split_once('/')
            .map_or("", |(group, _)| group)
    }

    /// Returns the URL path of the collection.
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

    /// Creates an object with only a name.
    #[must_use]
    pub fn object(&self, name: &str) -> Value {
        json!({ "apiVersion": self.api_version, "kind": self.kind, "metadata": { "name": name } })
    }
}

fn find(matches: impl Fn(&Resource) -> bool) -> Option<Resource> {
    RESOURCES.into_iter().find(matches)
}

/// Creates a ConfigMap with `data`.
#[must_use]
pub fn configmap<'a>(name: &str, data: impl IntoIterator<Item = (&'a str, &'a str)>) -> Value {
    let mut object = Resource::named("configmaps").object(name);
    object["data"] = data
        .into_iter()
        .map(|(key, value)| (key.to_owned(), Value::from(value)))
        .collect();
    object
}

/// Creates a Deployment with `replicas` replicas. No controller creates its pods.
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

/// Creates the definition of the custom resource in the table. It keeps unknown fields.
#[must_use]
pub fn gadget_definition() -> Value {
    let schema = json!({ "type": "object", "x-kubernetes-preserve-unknown-fields": true });
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
                "schema": { "openAPIV3Schema": schema },
            }],
        },
    })
}

/// Creates a RoleBinding that grants `users` the ClusterRole `role` in the namespace.
#[must_use]
pub fn role_binding(name: &str, users: &[&str], role: &str) -> Value {
    let group = "rbac.authorization.k8s.io";
    let subject = |user: &&str| json!({ "apiGroup": group, "kind": "User", "name": user });
    let mut object = Resource::named("rolebindings").object(name);
    object["subjects"] = users.iter().map(subject).collect();
    object["roleRef"] = json!({ "apiGroup": group, "kind": "ClusterRole", "name": role });
    object
}
