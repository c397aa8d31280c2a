//! `opa`: Rego as for Open Policy Agent; the policy writes the whole response.

use std::borrow::Cow;
use std::sync::Arc;

use serde::Deserialize;
use serde_json::value::RawValue;
use wire::Members;
use wire::admission::Response;

use super::{Call, read};
use crate::calls::Evaluation;
use crate::failure::Failure;
use crate::request::Request;
use crate::validation::Validation;

/// OPA's result set.
#[derive(Deserialize)]
struct ResultSet {
    result: Document,
}

/// What the policy's main rule gives.
#[derive(Deserialize)]
struct Document {
    response: Response,
}

pub(super) async fn validate(
    policy: &engine::Rego,
    request: &Request,
    context: Option<&[u8]>,
    call: Call<'_>,
) -> Result<Validation, Failure> {
    let input = request.alone();
    let data = data(call.settings, context)?;
    let builtins = Arc::new(Evaluation::until(call.deadline));
    let output = policy
        .evaluate(&input, &data, builtins, call.limits, call.deadline)
        .await?;
    let [answer]: [ResultSet; 1] = read(&output, "result with an AdmissionResponse")?;
    answer.result.response.try_into()
}

/// The settings, and below `kubernetes` what the policy sees of the cluster.
fn data(settings: &str, context: Option<&[u8]>) -> Result<Vec<u8>, Failure> {
    let Some(context) = context else {
        return Ok(settings.into());
    };
    let unreadable = |error: serde_json::Error| Failure::host(error.to_string());
    let mut data: Members<'_> = serde_json::from_str(settings).map_err(unreadable)?;
    let context: Members<'_> = serde_json::from_slice(context).map_err(unreadable)?;
    if let Some(kubernetes) = context.get("kubernetes") {
        let kubernetes: Box<RawValue> = kubernetes.to_owned();
        data.set("kubernetes", Cow::Owned(kubernetes));
    }
    serde_json::to_vec(&data).map_err(unreadable)
}
