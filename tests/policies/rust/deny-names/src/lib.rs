//! A validating policy with settings: rejects objects with denied names and warns about deprecated
//! names.

use std::collections::{BTreeSet, HashMap};

use kubewarden_policy_sdk::request::ValidationRequest;
use kubewarden_policy_sdk::response::ValidationResponse;
use kubewarden_policy_sdk::settings::Validatable;
use kubewarden_policy_sdk::wapc_guest::{CallResult, register_function};
use kubewarden_policy_sdk::{
    accept_request, protocol_version_guest, reject_request, validate_settings,
};
use serde::Deserialize;

/// The prefix of the audit annotations, followed by the verdict.
const ANNOTATION: &str = "deny-names.example.com/";

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
struct Settings {
    /// The names of objects to reject.
    denied: BTreeSet<String>,
    /// The names of objects to accept with a warning.
    deprecated: BTreeSet<String>,
    /// The HTTP status code of a rejection.
    code: Option<u16>,
}

impl Validatable for Settings {
    fn validate(&self) -> Result<(), String> {
        if self.denied.is_empty() && self.deprecated.is_empty() {
            return Err("list a name in `denied` or in `deprecated`".to_owned());
        }
        if let Some(name) = self.denied.intersection(&self.deprecated).next() {
            return Err(format!("`{name}` is in `denied` and in `deprecated`"));
        }
        match self.code {
            Some(code) if !(400..600).contains(&code) => {
                Err(format!("`code` is {code}; it must be one of 400 to 599"))
            }
            _ => Ok(()),
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
    let name = request.name;
    if settings.denied.contains(&name) {
        let message = format!("the name `{name}` is not allowed");
        let annotations = annotation("denied", name);
        return reject_request(Some(message), settings.code, Some(annotations), None);
    }
    if !settings.deprecated.contains(&name) {
        return accept_request();
    }
    Ok(serde_json::to_vec(&ValidationResponse {
        accepted: true,
        message: None,
        code: None,
        mutated_object: None,
        warnings: Some(vec![format!("the name `{name}` is deprecated")]),
        audit_annotations: Some(annotation("deprecated", name)),
    })?)
}

fn annotation(verdict: &str, name: String) -> HashMap<String, String> {
    HashMap::from([(format!("{ANNOTATION}{verdict}"), name)])
}
