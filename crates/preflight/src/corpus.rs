//! What a cluster needs, from `corpus.yaml`, and the reviews that are made of it.

use std::fmt;
use std::sync::LazyLock;

use serde::Deserialize;
use serde_json::{Value, json};
use wire::RawValue;
use wire::admission::{Operation, Request};
use wire::authorization::{NonResourceAttributes, Requirement, ResourceAttributes, Selector, Spec};
use wire::meta::{GroupVersionKind, GroupVersionResource, UserInfo};

use super::Exempt;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Corpus {
    needs: Vec<Need>,
}

/// Something that a cluster needs, as it is written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Need {
    pub(super) name: String,
    pub(super) why: String,
    users: Vec<UserInfo>,
    authorization: Vec<Access>,
    #[serde(default)]
    admission: Vec<Write>,
}

/// Requests that differ in their verb, or in their path, only.
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

/// What a list or watch is limited to.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Field {
    key: String,
    value: String,
}

/// A change of an object.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Write {
    operation: Operation,
    resource: GroupVersionResource,
    #[serde(default)]
    subresource: String,
    object: Value,
    before: Option<Value>,
}

/// One thing to ask.
#[derive(Debug)]
pub(super) struct Question {
    pub(super) need: &'static Need,
    pub(super) user: &'static UserInfo,
    pub(super) asked: Asked,
}

/// What is asked.
#[derive(Debug)]
pub(super) enum Asked {
    /// May they do that?
    Access(Box<Spec>),
    /// May the object be stored, and in what form?
    Write(&'static Write),
}

/// All needs.
pub(super) fn needs() -> &'static [Need] {
    static CORPUS: LazyLock<Corpus> = LazyLock::new(|| {
        #[expect(
            clippy::expect_used,
            reason = "it is a part of the program, and tested"
        )]
        serde_saphyr::from_str(include_str!("corpus.yaml")).expect("the corpus of the guard")
    });
    &CORPUS.needs
}

/// All that there is to ask, but for what is exempt.
pub(super) fn questions(exempt: &Exempt) -> Vec<Question> {
    let needs = needs().iter().filter(|need| !exempt.contains(&need.name));
    needs.flat_map(Need::questions).collect()
}

impl Need {
    fn questions(&'static self) -> impl Iterator<Item = Question> {
        self.users.iter().flat_map(move |user| {
            let accesses = self.authorization.iter();
            let accesses = accesses.flat_map(|access| access.specs(user));
            let accesses = accesses.map(|spec| Asked::Access(Box::new(spec)));
            let asked = accesses.chain(self.admission.iter().map(Asked::Write));
            asked.map(move |asked| Question {
                need: self,
                user,
                asked,
            })
        })
    }
}

impl Access {
    fn specs(&self, user: &UserInfo) -> Vec<Spec> {
        let of = |resource, non_resource| Spec {
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
                specs.push(of(Some(self.resource(verb)), None));
            }
            for path in &self.paths {
                let (path, verb) = (path.clone(), verb.clone());
                specs.push(of(None, Some(NonResourceAttributes { path, verb })));
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
    /// The AdmissionReview.
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
        let has = |is_there: bool, object| -> Option<&RawValue> { is_there.then_some(object) };
        Ok(wire::admission::question(&Request {
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
            object: has(self.operation != Operation::Delete, &object),
            old_object: has(self.operation != Operation::Create, &old_object),
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

impl fmt::Display for Question {
    /// In words: `get leases worker-1 in kube-node-lease by system:node:worker-1`.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.asked {
            Asked::Access(spec) => {
                if let Some(asked) = &spec.resource_attributes {
                    let resource = (asked.resource.as_str(), asked.subresource.as_str());
                    told(
                        formatter,
                        &asked.verb,
                        resource,
                        &asked.name,
                        &asked.namespace,
                    )?;
                }
                if let Some(asked) = &spec.non_resource_attributes {
                    write!(formatter, "{} {}", asked.verb, asked.path)?;
                }
            }
            Asked::Write(write) => {
                let resource = (write.resource.resource.as_str(), write.subresource.as_str());
                let (name, namespace) = (write.metadata("name"), write.metadata("namespace"));
                told(
                    formatter,
                    &write.operation.to_string(),
                    resource,
                    name,
                    namespace,
                )?;
            }
        }
        write!(formatter, " by {}", self.user.username)
    }
}

fn told(
    formatter: &mut fmt::Formatter<'_>,
    verb: &str,
    (resource, subresource): (&str, &str),
    name: &str,
    namespace: &str,
) -> fmt::Result {
    write!(formatter, "{verb} {resource}")?;
    for (before, word) in [("/", subresource), (" ", name), (" in ", namespace)] {
        if !word.is_empty() {
            write!(formatter, "{before}{word}")?;
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

/// Of every review: the guard asks each of its own.
const UID: &str = "5c0a3c9e-4a59-4c0b-9d5e-2f7d1b6a8e90";
