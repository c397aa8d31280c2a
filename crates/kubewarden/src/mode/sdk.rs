//! The modes `kubewarden-wapc` and `wasi`: policies written with Kubewarden's SDKs.
//!
//! Both exchange the same JSON: operations of a waPC guest, or the stdin and stdout of a program.

use engine::{CallError, CallFailure, Command, Output, Wapc};

use super::call::{Call, SettingsResponse, parse};
use crate::failure::Failure;
use crate::request::Request;
use crate::validation::{Validation, ValidationResponse};

/// The first argument of the program, as in Kubewarden.
const PROGRAM: &str = "policy.wasm";

/// Calls the operation `validate` of a waPC guest.
pub(super) async fn validate_wapc(
    guest: &Wapc,
    request: &Request,
    call: Call<'_>,
) -> Result<Validation, Failure> {
    let payload = request.with_settings(call.settings);
    let output = invoke(guest, "validate", payload, call).await?;
    parse::<ValidationResponse>(&output, "ValidationResponse").map(Validation::from)
}

/// Calls the operation `validate_settings` of a waPC guest.
pub(super) async fn validate_wapc_settings(
    guest: &Wapc,
    call: Call<'_>,
) -> Result<SettingsResponse, Failure> {
    let payload = call.settings.into();
    let output = invoke(guest, "validate_settings", payload, call).await?;
    parse(&output, "SettingsValidationResponse")
}

/// Runs a program with the argument `validate`.
pub(super) async fn validate_wasi(
    program: &Command,
    request: &Request,
    call: Call<'_>,
) -> Result<Validation, Failure> {
    let stdin = request.with_settings(call.settings);
    let output = run(program, "validate", stdin, call).await?;
    parse::<ValidationResponse>(&output, "ValidationResponse").map(Validation::from)
}

/// Runs a program with the argument `validate-settings`.
pub(super) async fn validate_wasi_settings(
    program: &Command,
    call: Call<'_>,
) -> Result<SettingsResponse, Failure> {
    let stdin = call.settings.into();
    let output = run(program, "validate-settings", stdin, call).await?;
    parse(&output, "SettingsValidationResponse")
}

async fn invoke(
    guest: &Wapc,
    operation: &str,
    payload: Vec<u8>,
    call: Call<'_>,
) -> Result<Output, Failure> {
    let output = guest
        .call(operation, payload, call.host, call.limits, call.deadline)
        .await?;
    Ok(output)
}

async fn run(
    program: &Command,
    verb: &str,
    stdin: Vec<u8>,
    call: Call<'_>,
) -> Result<Output, Failure> {
    program
        .call(
            &[PROGRAM, verb],
            stdin,
            call.host,
            call.limits,
            call.deadline,
        )
        .await
        .map_err(from_failed_program)
}

/// Takes the error of a program that exits with a code other than 0 from its stderr.
fn from_failed_program(failed: CallFailure) -> Failure {
    let message = String::from_utf8_lossy(&failed.stderr).trim().to_owned();
    match failed.error {
        CallError::Exit(_) if !message.is_empty() => Failure::reported(message, failed),
        _ => failed.into(),
    }
}
