//! `wasi`: a program that reads stdin and writes stdout.

use engine::{CallError, CallFailed, Output};

use super::{Call, SettingsAnswer, read};
use crate::failure::Failure;
use crate::request::Request;
use crate::validation::{Validation, ValidationResponse};

/// The program's name for itself, as the peer calls it.
const PROGRAM: &str = "policy.wasm";

pub(super) async fn validate(
    program: &engine::Command,
    request: &Request,
    call: Call<'_>,
) -> Result<Validation, Failure> {
    let stdin = request.with_settings(call.settings);
    let output = run(program, "validate", stdin, call).await?;
    read::<ValidationResponse>(&output, "ValidationResponse").map(Validation::from)
}

pub(super) async fn validate_settings(
    program: &engine::Command,
    call: Call<'_>,
) -> Result<SettingsAnswer, Failure> {
    let stdin = call.settings.into();
    let output = run(program, "validate-settings", stdin, call).await?;
    read(&output, "SettingsValidationResponse")
}

async fn run(
    program: &engine::Command,
    verb: &str,
    stdin: Vec<u8>,
    call: Call<'_>,
) -> Result<Output, Failure> {
    let arguments = [PROGRAM, verb];
    let ended = program
        .call(&arguments, stdin, call.host, call.limits, call.deadline)
        .await;
    ended.map_err(told_on_stderr)
}

/// A program that exits with another code than 0 says why on stderr.
fn told_on_stderr(failed: CallFailed) -> Failure {
    let said = String::from_utf8_lossy(&failed.stderr).trim().to_owned();
    match failed.error {
        CallError::Exit(_) if !said.is_empty() => Failure::reported(said, failed),
        _ => failed.into(),
    }
}
