//! A mutating policy with settings: adds labels to objects.

use std::collections::BTreeMap;

use kubewarden_policy_sdk::request::ValidationRequest;
use kubewarden_policy_sdk::settings::Validatable;
use kubewarden_policy_sdk::wapc_guest::{CallResult, register_function};
use kubewarden_policy_sdk::{
    accept_request, mutate_request, protocol_version_guest, reject_request, validate_settings,
};
use serde::Deserialize;
use serde_json::{Map, Value};

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
struct Settings {
    /// The labels to add.
    labels: BTreeMap<String, String>,
    /// True if labels with other values are replaced; otherwise they are kept.
    overwrite: bool,
}

impl Validatable for Settings {
    fn validate(&self) -> Result<(), String> {
        if self.labels.is_empty() {
            return Err("`labels` must have a label to add".to_owned());
        }
        match self
            .labels
            .keys()
            .find(|key| key.contains(char::is_whitespace) || key.is_empty())
        {
            Some(key) => Err(format!("`{key}` is not a valid label key")),
            None => Ok(()),
        }
    }
}

/// Registers the operations. The host calls this function first.
#[unsafe(no_mangle)]
pub extern "C" fn wapc_init() {
    register_function("validate", validate);
    register_function("validate_settings", validate_settings::<Settings>);
    register_function("protocol_version", protocol_version_guest);
}

fn validate(payload: &[u8]) -> CallResult {
    let ValidationRequest { request, settings } = ValidationRequest::<Settings>::new(payload)?;
    let mut object = request.object;
    if object.is_null() {
        return accept_request();
    }
    let Some(labels) = labels_of(&mut object) else {
        let message = "the metadata or the labels of the object are not a map".to_owned();
        return reject_request(Some(message), Some(422), None, None);
    };
    if add(labels, &settings) {
        mutate_request(object)
    } else {
        accept_request()
    }
}

/// Returns the labels of an object. Creates them if they are missing.
fn labels_of(object: &mut Value) -> Option<&mut Map<String, Value>> {
    let metadata = object.get_mut("metadata")?.as_object_mut()?;
    let labels = metadata.entry("labels").or_insert(Value::Null);
    if labels.is_null() {
        *labels = Value::Object(Map::new());
    }
    labels.as_object_mut()
}

/// Adds the labels and returns whether the object changed.
fn add(labels: &mut Map<String, Value>, settings: &Settings) -> bool {
    let mut changed = false;
    for (key, value) in &settings.labels {
        let present = labels.get(key);
        if present.is_some() && !settings.overwrite
            || present.is_some_and(|present| present == value)
        {
            continue;
        }
        labels.insert(key.clone(), value.clone().into());
        changed = true;
    }
    changed
}
