//! `kubewarden-wapc`: operations of a waPC guest.

use super::{Call, SettingsAnswer, read};
use crate::failure::Failure;
use crate::request::Request;
use crate::validation::{Validation, ValidationResponse};

pub(super) async fn validate(
    guest: &engine::Wapc,
    request: &Request,
    call: Call<'_>,
) -> Result<Validation, Failure> {
    let payload = request.with_settings(call.settings);
    let output = guest
        .call("validate", payload, call.host, call.limits, call.deadline)
        .await?;
    read::<ValidationResponse>(&output, "ValidationResponse").map(Validation::from)
}

pub(super) async fn validate_settings(
    guest: &engine::Wapc,
    call: Call<'_>,
) -> Result<SettingsAnswer, Failure> {
    let payload = call.settings.into();
    let output = guest
        .call(
            "validate_settings",
            payload,
            call.host,
            call.limits,
            call.deadline,
        )
        .await?;
    read(&output, "SettingsValidationResponse")
}
