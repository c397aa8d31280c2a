//! The modes `opa` and `gatekeeper`: Rego, compiled by OPA.

use std::borrow::Cow;
use std::sync::Arc;

use engine::{Output, Rego};
use serde::Deserialize;
use serde_json::value::RawValue;
use wire::Members;
use wire::admission::Response;

use super::call::{Call, parse};
use crate::failure::Failure;
use crate::host_calls::Evaluation;
use crate::request::Request;
use crate::validation::Validation;

/// OPA's result set: the value of the entry point.
#[derive(Deserialize)]
struct ResultSet<T> {
    result: T,
}

/// The result of a policy for OPA.
#[derive(Deserialize)]
struct Review {
    response: Response,
}

/// An element of the result of a policy for Gatekeeper.
#[derive(Deserialize)]
struct Violation {
    #[serde(default)]
    msg: Option<String>,
}

/// Evaluates a policy for OPA, which returns an AdmissionResponse. `context` is a JSON object with
/// the objects of the cluster.
pub(super) async fn validate_opa(
    policy: &Rego,
    request: &Request,
    context: Option<&[u8]>,
    call: Call<'_>,
) -> Result<Validation, Failure> {
    let input = request.without_settings();
    let data = data(call.settings, context)?;
    let output = evaluate(policy, input, data, call).await?;
    let [set]: [ResultSet<Review>; 1] = parse(&output, "result with an AdmissionResponse")?;
    set.result.response.try_into()
}

/// Evaluates a policy for Gatekeeper, which returns violations. `context` is a JSON object with the
/// inventory of the cluster.
pub(super) async fn validate_gatekeeper(
    policy: &Rego,
    request: &Request,
    context: Option<&[u8]>,
    call: Call<'_>,
) -> Result<Validation, Failure> {
    let input = request.as_review(call.settings).ok_or_else(|| {
        Failure::response(
            "Gatekeeper policies accept Kubernetes requests only",
            String::new(),
        )
    })?;
    let inventory = context.unwrap_or(b"{}").to_vec();
    let output = evaluate(policy, input, inventory, call).await?;
    let [set]: [ResultSet<Vec<Violation>>; 1] = parse(&output, "list of violations")?;
    if set.result.is_empty() {
        return Ok(Validation::accept());
    }
    let violations = set.result.into_iter();
    let messages: Vec<String> = violations.filter_map(|violation| violation.msg).collect();
    Ok(Validation::reject(messages.join(", ")))
}

async fn evaluate(
    policy: &Rego,
    input: Vec<u8>,
    data: Vec<u8>,
    call: Call<'_>,
) -> Result<Output, Failure> {
    let builtins = Arc::new(Evaluation::new(call.deadline));
    let output = policy
        .evaluate(input, data, builtins, call.limits, call.deadline)
        .await?;
    Ok(output)
}

/// Returns the settings, with the objects of the cluster in the member `kubernetes`.
fn data(settings: &str, context: Option<&[u8]>) -> Result<Vec<u8>, Failure> {
    let Some(context) = context else {
        return Ok(settings.into());
    };
    let internal = |error: serde_json::Error| Failure::internal(error.to_string());
    let mut data: Members<'_> = serde_json::from_str(settings).map_err(internal)?;
    let context: Members<'_> = serde_json::from_slice(context).map_err(internal)?;
    if let Some(kubernetes) = context.get("kubernetes") {
        let kubernetes: Box<RawValue> = kubernetes.to_owned();
        data.set("kubernetes", Cow::Owned(kubernetes));
    }
    serde_json::to_vec(&data).map_err(internal)
}
