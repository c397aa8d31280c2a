//! Field masks: the dotted paths of the fields to keep in an object.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

/// The depth of the JSON parser. Longer paths select nothing more.
const MAX_DEPTH: usize = 128;

/// A tree of field names. A node without children keeps all fields below it.
#[derive(Debug, Default)]
pub(super) struct FieldMask(BTreeMap<String, FieldMask>);

impl FieldMask {
    pub(super) fn new(paths: impl IntoIterator<Item = impl AsRef<str>>) -> Self {
        let mut root = Self::default();
        for path in paths {
            let mut node = &mut root;
            for field in path.as_ref().split('.').take(MAX_DEPTH) {
                node = node.0.entry(field.to_owned()).or_default();
            }
        }
        root
    }

    /// Removes the fields that no path selects. `apiVersion`, `kind` and `metadata` are always
    /// kept.
    pub(super) fn apply(&self, object: &mut Value) {
        if self.0.is_empty() {
            return;
        }
        if let Value::Object(fields) = object {
            fields.retain(|name, value| {
                matches!(name.as_str(), "apiVersion" | "kind" | "metadata")
                    || self.keeps(name, value)
            });
        }
    }

    fn keeps(&self, name: &str, value: &mut Value) -> bool {
        match self.0.get(name) {
            Some(below) => {
                below.prune(value);
                true
            }
            None => false,
        }
    }

    fn prune(&self, value: &mut Value) {
        if self.0.is_empty() {
            return;
        }
        match value {
            Value::Object(fields) => fields.retain(|name, value| self.keeps(name, value)),
            // Paths apply to every element of a list: `spec.containers.image` is the image of every
            // container.
            Value::Array(items) => items.iter_mut().for_each(|item| self.prune(item)),
            _ => {}
        }
    }
}

/// Removes the bookkeeping that lists never contain, which can be larger than the rest of an
/// object.
pub(super) fn strip_bookkeeping(object: &mut Map<String, Value>) {
    let Some(Value::Object(metadata)) = object.get_mut("metadata") else {
        return;
    };
    metadata.remove("managedFields");
    if let Some(Value::Object(annotations)) = metadata.get_mut("annotations") {
        annotations.remove("kubectl.kubernetes.io/last-applied-configuration");
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn keeps_the_selected_fields() {
        let pod = json!({
            "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p", "labels": {"a": "b"}},
            "spec": {
                "nodeName": "n",
                "containers": [{"name": "a", "image": "i", "env": [{"name": "x"}]}, {"name": "b", "image": "j"}],
            },
            "status": {"phase": "Running"},
        });
        let metadata = json!({"name": "p", "labels": {"a": "b"}});
        for (paths, spec, status) in [
            (&[][..], Some(pod["spec"].clone()), true),
            (&["status"], None, true),
            (&["metadata.name"], None, false),
            (&["spec.nodeName"], Some(json!({"nodeName": "n"})), false),
            (
                &["spec.containers.image", "status.phase"],
                Some(json!({"containers": [{"image": "i"}, {"image": "j"}]})),
                true,
            ),
            (
                &["spec.nodeName.deeper"],
                Some(json!({"nodeName": "n"})),
                false,
            ),
            (&["nothing.here", ""], None, false),
        ] {
            let mut object = pod.clone();
            FieldMask::new(paths).apply(&mut object);
            assert_eq!(object["metadata"], metadata, "{paths:?}");
            assert_eq!(object["kind"], "Pod", "{paths:?}");
            assert_eq!(object.get("spec"), spec.as_ref(), "{paths:?}");
            assert_eq!(object.get("status").is_some(), status, "{paths:?}");
        }
    }

    #[test]
    fn limits_the_depth_of_a_path() {
        let path = "a.".repeat(1_000_000);
        let mut object = json!({"a": {"a": 1}, "b": 2});
        FieldMask::new([path]).apply(&mut object);
        assert_eq!(object, json!({"a": {"a": 1}}));
    }

    #[test]
    fn removes_bookkeeping_only() {
        let mut object = json!({"metadata": {
            "name": "n", "managedFields": [{}],
            "annotations": {"kubectl.kubernetes.io/last-applied-configuration": "{}", "other": "x"},
        }});
        strip_bookkeeping(object.as_object_mut().unwrap());
        let stripped = json!({"metadata": {"name": "n", "annotations": {"other": "x"}}});
        assert_eq!(object, stripped);
    }
}
