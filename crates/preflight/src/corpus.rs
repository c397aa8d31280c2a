//! The probes of the guard, from `corpus.yaml`, and the reviews that they consist of.

use std::fmt;
use std::sync::LazyLock;

use config::EssentialOperation;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use serde_json::{Value, json};
use wire::RawValue;
use wire::admission::{Operation, Request};
use wire::authorization::{NonResourceAttributes, Requirement, ResourceAttributes, Selector, Spec};
use wire::meta::{GroupVersionKind, GroupVersionResource, UserInfo};

/// The `uid` of all reviews; the guard evaluates one at a time.
const UID: &str = "5c0a3c9e-4a59-4c0b-9d5e-2f7d1b6a8e90";

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Corpus {
    operations: Vec<Entry>,
}

/// The requests that an essential operation consists of.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    #[serde(deserialize_with = "operation")]
    name: EssentialOperation,
    users: Vec<UserInfo>,
    authorization: Vec<Access>,
    #[serde(default)]
    admission: Vec<Write>,
}

fn operation<'de, D: Deserializer<'de>>(deserializer: D) -> Result<EssentialOperation, D::Error> {
    let name = String::deserialize(deserializer)?;
    EssentialOperation::find(&name)
        .ok_or_else(|| D::Error::custom(format!("unknown essential operation `{name}`")))
}

/// Requests that differ only in their verb or path.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Access {
    verbs: Vec<String>,
    #[serde(default)]
    paths: Vec<String>,
    #[serde(default)]
    group: String,
    #[serde(default)]
    resource: String,
    #[serde(default)]
    subresource: String,
    #[serde(default)]
    namespace: String,
    #[serde(default)]
    name: String,
    field: Option<Field>,
}

/// The field selector of a list or watch.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Field {
    key: String,
    value: String,
}

/// A change of an object.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Write {
    operation: Operation,
    resource: GroupVersionResource,
    #[serde(default)]
    subresource: String,
    object: Value,
    before: Option<Value>,
}

/// A review that the guard evaluates for an essential operation.
#[derive(Debug)]
pub(crate) struct Probe {
    pub(crate) operation: EssentialOperation,
    pub(crate) user: &'static UserInfo,
    pub(crate) review: Review,
}

/// The content of a probe.
#[derive(Debug)]
pub(crate) enum Review {
    /// A SubjectAccessReview.
    Access(Box<Spec>),
    /// An AdmissionReview.
    Write(&'static Write),
}

/// Returns the probes of the operations that `is_included` selects.
pub(crate) fn probes(is_included: impl Fn(EssentialOperation) -> bool) -> Vec<Probe> {
    static CORPUS: LazyLock<Corpus> = LazyLock::new(|| {
        #[expect(
            clippy::expect_used,
            reason = "the file is part of the program, and tested"
        )]
        serde_saphyr::from_str(include_str!("corpus.yaml")).expect("a valid corpus.yaml")
    });
    let entries = CORPUS.operations.iter();
    let included = entries.filter(|entry| is_included(entry.name));
    included.flat_map(Entry::probes).collect()
}

impl Entry {
    fn probes(&'static self) -> impl Iterator<Item = Probe> {
        self.users.iter().flat_map(move |user| {
            let specs = self.authorization.iter();
            let specs = specs.flat_map(|access| access.specs(user));
            let accesses = specs.map(|spec| Review::Access(Box::new(spec)));
            let reviews = accesses.chain(self.admission.iter().map(Review::Write));
            reviews.map(move |review| Probe {
                operation: self.name,
                user,
                review,
            })
        })
    }
}

impl Access {
    fn specs(&self, user: &UserInfo) -> Vec<Spec> {
        let spec = |resource, non_resource| Spec {
            resource_attributes: resource,
            non_resource_attributes: non_resource,
            user: user.username.clone(),
            groups: user.groups.clone(),
            extra: user.extra.clone(),
            uid: user.uid.clone(),
        };
        let mut specs = Vec::new();
        for verb in &self.verbs {
            if self.paths.is_empty() {
                specs.push(spec(Some(self.resource(verb)), None));
            }
            for path in &self.paths {
                let (path, verb) = (path.clone(), verb.clone());
                specs.push(spec(None, Some(NonResourceAttributes { path, verb })));
            }
        }
        specs
    }

    fn resource(&self, verb: &str) -> ResourceAttributes {
        let requirement = |field: &Field| Requirement {
            key: field.key.clone(),
            operator: "In".to_owned(),
            values: vec![field.value.clone()],
        };
        ResourceAttributes {
            namespace: self.namespace.clone(),
            verb: verb.to_owned(),
            group: self.group.clone(),
            version: "v1".to_owned(),
            resource: self.resource.clone(),
            subresource: self.subresource.clone(),
            name: self.name.clone(),
            field_selector: self.field.as_ref().map(|field| Selector {
                requirements: vec![requirement(field)],
            }),
            label_selector: None,
        }
    }
}

impl Write {
    /// Returns the AdmissionReview, as JSON.
    pub(super) fn review(&self, user: &UserInfo) -> Result<Vec<u8>, serde_json::Error> {
        let object = wire::to_raw_value(&self.object)?;
        let old_object = wire::to_raw_value(&self.old_object())?;
        let options = wire::to_raw_value(&json!({
            "apiVersion": "meta.k8s.io/v1",
            "kind": match self.operation {
                Operation::Create | Operation::Connect => "CreateOptions",
                Operation::Update => "UpdateOptions",
                Operation::Delete => "DeleteOptions",
            },
        }))?;
        let (kind, resource) = (self.kind(), self.resource.clone());
        let some_if =
            |is_present: bool, object| -> Option<&RawValue> { is_present.then_some(object) };
        Ok(wire::admission::write_request(&Request {
            uid: UID.to_owned(),
            request_kind: Some(kind.clone()),
            request_resource: Some(resource.clone()),
            request_sub_resource: self.subresource.clone(),
            kind,
            resource,
            sub_resource: self.subresource.clone(),
            name: self.metadata("name").to_owned(),
            namespace: self.metadata("namespace").to_owned(),
            operation: self.operation,
            user_info: user.clone(),
            object: some_if(self.operation != Operation::Delete, &object),
            old_object: some_if(self.operation != Operation::Create, &old_object),
            dry_run: false,
            options: Some(&options),
        }))
    }

    fn old_object(&self) -> Value {
        let mut old = self.object.clone();
        if let Some(before) = &self.before {
            merge(&mut old, before);
        }
        old
    }

    fn kind(&self) -> GroupVersionKind {
        let api_version = text(&self.object, "apiVersion");
        let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
        GroupVersionKind {
            group: group.to_owned(),
            version: version.to_owned(),
            kind: text(&self.object, "kind").to_owned(),
        }
    }

    fn metadata(&self, field: &str) -> &str {
        let metadata = self.object.get("metadata");
        metadata.map_or("", |metadata| text(metadata, field))
    }
}

impl fmt::Display for Probe {
    /// Writes the request, such as `get leases worker-1 in kube-node-lease by system:node:worker-1`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.review {
            Review::Access(spec) => {
                if let Some(access) = &spec.resource_attributes {
                    write!(f, "{} {}", access.verb, access.resource)?;
                    write_target(f, [&access.subresource, &access.name, &access.namespace])?;
                }
                if let Some(access) = &spec.non_resource_attributes {
                    write!(f, "{} {}", access.verb, access.path)?;
                }
            }
            Review::Write(write) => {
                write!(f, "{} {}", write.operation, write.resource.resource)?;
                let (name, namespace) = (write.metadata("name"), write.metadata("namespace"));
                write_target(f, [&write.subresource, name, namespace])?;
            }
        }
        write!(f, " by {}", self.user.username)
    }
}

/// Writes the target of a request, without the parts that are empty.
fn write_target(
    f: &mut fmt::Formatter<'_>,
    [subresource, name, namespace]: [&str; 3],
) -> fmt::Result {
    for (separator, word) in [("/", subresource), (" ", name), (" in ", namespace)] {
        if !word.is_empty() {
            write!(f, "{separator}{word}")?;
        }
    }
    Ok(())
}

fn text<'a>(object: &'a Value, field: &str) -> &'a str {
    object
        .get(field)
        .and_then(Value::as_str)
        .unwrap_or_default()
}

/// Applies a merge patch (RFC 7386).
fn merge(object: &mut Value, patch: &Value) {
    let (Value::Object(members), Value::Object(changes)) = (&mut *object, patch) else {
        *object = patch.clone();
        return;
    };
    for (name, change) in changes {
        if change.is_null() {
            members.remove(name);
        } else {
            merge(members.entry(name).or_insert(Value::Null), change);
        }
    }
}
