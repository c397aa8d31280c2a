//! A policy that performs the actions in its settings: all kinds of responses and host calls, and
//! misbehaviour.
//!
//! ```yaml
//! settings:
//!   validate: {reject: {message: "no", code: 418}}
//!   validate_settings: endless_loop
//! ```
//!
//! Both operations default to `accept`.

mod actions;

use kubewarden_policy_sdk::protocol_version_guest;
use kubewarden_policy_sdk::response::ValidationResponse;
use kubewarden_policy_sdk::settings::SettingsValidationResponse;
use kubewarden_policy_sdk::wapc_guest::{CallResult, register_function};
use serde::Deserialize;
use serde_json::value::RawValue;

use self::actions::{Action, Outcome};

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
struct Settings {
    validate: Action,
    validate_settings: Action,
}

/// The payload. The request is kept as the bytes that the host sent.
#[derive(Deserialize)]
struct Payload<'a> {
    #[serde(borrow)]
    request: &'a RawValue,
    settings: Settings,
}

/// Registers the operations. The host calls this function first.
#[unsafe(no_mangle)]
pub extern "C" fn wapc_init() {
    register_function("validate", validate);
    register_function("validate_settings", validate_settings);
    register_function("protocol_version", protocol_version_guest);
}

fn validate(payload: &[u8]) -> CallResult {
    let Payload { request, settings } = serde_json::from_slice(payload)?;
    let response = match settings.validate.perform(request.get())? {
        Outcome::Response(response) => response,
        Outcome::Bytes(bytes) => return Ok(bytes),
    };
    Ok(serde_json::to_vec(&ValidationResponse {
        accepted: response.accepted,
        message: response.message,
        code: response.code,
        mutated_object: response.mutated_object,
        audit_annotations: None,
        warnings: None,
    })?)
}

fn validate_settings(payload: &[u8]) -> CallResult {
    let settings: Settings = serde_json::from_slice(payload)?;
    let response = match settings
        .validate_settings
        .perform(&String::from_utf8_lossy(payload))?
    {
        Outcome::Response(response) => response,
        Outcome::Bytes(bytes) => return Ok(bytes),
    };
    Ok(serde_json::to_vec(&SettingsValidationResponse {
        valid: response.accepted,
        message: response.message,
    })?)
}
