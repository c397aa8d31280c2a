//! The context of Rego policies: the granted objects of the cluster, indexed by name.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::requests::KubernetesResource;

/// An error in a list of objects.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ContextFailure {
    #[error("an object of kind {0} has no name")]
    NoName(String),
    #[error("`{0}` contains both namespaced and cluster-scoped objects")]
    MixedScopes(String),
    #[error("cannot parse a list of objects")]
    Json(#[from] serde_json::Error),
}

/// The objects of one kind.
pub(crate) struct Listed {
    pub(crate) resource: KubernetesResource,
    /// The list in the form in which guests receive it.
    pub(crate) list: Vec<u8>,
}

#[derive(Deserialize)]
struct List<'a> {
    #[serde(borrow)]
    items: Vec<&'a RawValue>,
}

#[derive(Deserialize)]
struct Item {
    metadata: Metadata,
}

#[derive(Deserialize)]
struct Metadata {
    name: Option<String>,
    namespace: Option<String>,
}

type ByName<'a> = BTreeMap<String, &'a RawValue>;

/// Returns `{"kubernetes": {<plural>: {<namespace>: {<name>: object}}}}`, without the namespace for
/// cluster-scoped kinds. `plurals` are in the order of `listed`.
pub(crate) fn opa_context(
    listed: &[Listed],
    plurals: &[String],
) -> Result<Vec<u8>, ContextFailure> {
    #[derive(Serialize)]
    #[serde(untagged)]
    enum Scope<'a> {
        Cluster(ByName<'a>),
        Namespaces(BTreeMap<String, ByName<'a>>),
    }
    #[derive(Serialize)]
    struct Context<'a> {
        kubernetes: BTreeMap<&'a str, Scope<'a>>,
    }

    let mut kubernetes: BTreeMap<&str, Scope<'_>> = BTreeMap::new();
    for (Listed { resource, list }, plural) in listed.iter().zip(plurals) {
        for_each_object(resource, list, |name, namespace, object| {
            let scope = kubernetes.entry(plural).or_insert_with(|| match namespace {
                Some(_) => Scope::Namespaces(BTreeMap::new()),
                None => Scope::Cluster(BTreeMap::new()),
            });
            match (scope, namespace) {
                (Scope::Cluster(objects), None) => objects.insert(name, object),
                (Scope::Namespaces(namespaces), Some(namespace)) => namespaces
                    .entry(namespace)
                    .or_default()
                    .insert(name, object),
                _ => return Err(ContextFailure::MixedScopes(plural.clone())),
            };
            Ok(())
        })?;
    }
    Ok(serde_json::to_vec(&Context { kubernetes })?)
}

/// Returns `{"inventory": {"cluster": {<apiVersion>: {<Kind>: {<name>: object}}},
/// "namespace": {<namespace>: {<apiVersion>: {<Kind>: {<name>: object}}}}}}`.
pub(crate) fn gatekeeper_inventory(listed: &[Listed]) -> Result<Vec<u8>, ContextFailure> {
    type ByVersion<'a> = BTreeMap<&'a str, BTreeMap<&'a str, ByName<'a>>>;
    #[derive(Default, Serialize)]
    struct Inventory<'a> {
        cluster: ByVersion<'a>,
        namespace: BTreeMap<String, ByVersion<'a>>,
    }
    #[derive(Serialize)]
    struct Data<'a> {
        inventory: Inventory<'a>,
    }

    let mut inventory = Inventory::default();
    for Listed { resource, list } in listed {
        for_each_object(resource, list, |name, namespace, object| {
            let versions = match namespace {
                Some(namespace) => inventory.namespace.entry(namespace).or_default(),
                None => &mut inventory.cluster,
            };
            versions
                .entry(&resource.api_version)
                .or_default()
                .entry(&resource.kind)
                .or_default()
                .insert(name, object);
            Ok(())
        })?;
    }
    Ok(serde_json::to_vec(&Data { inventory })?)
}

/// Visits each object of a list with its name and namespace.
fn for_each_object<'a>(
    resource: &KubernetesResource,
    list: &'a [u8],
    mut visit: impl FnMut(String, Option<String>, &'a RawValue) -> Result<(), ContextFailure>,
) -> Result<(), ContextFailure> {
    let list: List<'a> = serde_json::from_slice(list)?;
    for object in list.items {
        let Metadata { name, namespace } = serde_json::from_str::<Item>(object.get())?.metadata;
        let name = name.ok_or_else(|| ContextFailure::NoName(resource.kind.clone()))?;
        visit(name, namespace, object)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn listed(api_version: &str, kind: &str, items: &Value) -> Listed {
        Listed {
            resource: KubernetesResource {
                api_version: api_version.to_owned(),
                kind: kind.to_owned(),
            },
            list: json!({"items": items}).to_string().into_bytes(),
        }
    }

    fn object(name: &str, namespace: Option<&str>) -> Value {
        match namespace {
            Some(namespace) => {
                json!({"metadata": {"name": name, "namespace": namespace}, "n": 1.50})
            }
            None => json!({"metadata": {"name": name}}),
        }
    }

    fn lists() -> [Listed; 3] {
        let services = json!([
            object("dns", Some("kube-system")),
            object("web", Some("shop"))
        ]);
        [
            listed(
                "apps/v1",
                "Deployment",
                &json!([object("web", Some("shop"))]),
            ),
            listed(
                "v1",
                "Namespace",
                &json!([object("shop", None), object("kube-system", None)]),
            ),
            listed("v1", "Service", &services),
        ]
    }

    #[test]
    fn indexes_objects_by_plural_for_opa() {
        let plurals = ["deployments", "namespaces", "services"].map(str::to_owned);
        let context: Value =
            serde_json::from_slice(&opa_context(&lists(), &plurals).unwrap()).unwrap();
        let expected = json!({"kubernetes": {
            "deployments": {"shop": {"web": object("web", Some("shop"))}},
            "namespaces": {"shop": object("shop", None), "kube-system": object("kube-system", None)},
            "services": {
                "kube-system": {"dns": object("dns", Some("kube-system"))},
                "shop": {"web": object("web", Some("shop"))},
            },
        }});
        assert_eq!(context, expected);
    }

    #[test]
    fn rejects_a_plural_with_two_scopes() {
        let plurals = ["events", "events", "events"].map(str::to_owned);
        let error = opa_context(&lists(), &plurals).unwrap_err();
        assert!(matches!(error, ContextFailure::MixedScopes(_)), "{error}");
    }

    #[test]
    fn indexes_objects_by_version_and_kind_for_gatekeeper() {
        let inventory: Value =
            serde_json::from_slice(&gatekeeper_inventory(&lists()).unwrap()).unwrap();
        let expected = json!({"inventory": {
            "cluster": {"v1": {"Namespace": {
                "shop": object("shop", None), "kube-system": object("kube-system", None),
            }}},
            "namespace": {
                "kube-system": {"v1": {"Service": {"dns": object("dns", Some("kube-system"))}}},
                "shop": {
                    "apps/v1": {"Deployment": {"web": object("web", Some("shop"))}},
                    "v1": {"Service": {"web": object("web", Some("shop"))}},
                },
            },
        }});
        assert_eq!(inventory, expected);
    }
}
