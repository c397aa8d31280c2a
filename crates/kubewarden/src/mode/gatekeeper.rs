//! `gatekeeper`: Rego as for Gatekeeper; the policy lists violations.

use std::sync::Arc;

use serde::Deserialize;

use super::{Call, read};
use crate::calls::Evaluation;
use crate::failure::Failure;
use crate::request::Request;
use crate::validation::Validation;

/// OPA's result set.
#[derive(Deserialize)]
struct ResultSet {
    result: Vec<Violation>,
}

#[derive(Deserialize)]
struct Violation {
    #[serde(default)]
    msg: Option<String>,
}

pub(super) async fn validate(
    policy: &engine::Rego,
    request: &Request,
    context: Option<&[u8]>,
    call: Call<'_>,
) -> Result<Validation, Failure> {
    let input = request.as_review(call.settings).ok_or_else(|| {
        Failure::answer(
            "Gatekeeper policies take Kubernetes requests only",
            String::new(),
        )
    })?;
    let data = context.unwrap_or(b"{}");
    let builtins = Arc::new(Evaluation::until(call.deadline));
    let output = policy
        .evaluate(&input, data, builtins, call.limits, call.deadline)
        .await?;
    let [answer]: [ResultSet; 1] = read(&output, "list of violations")?;
    if answer.result.is_empty() {
        return Ok(Validation::accept());
    }
    let messages: Vec<String> = answer
        .result
        .into_iter()
        .filter_map(|violation| violation.msg)
        .collect();
    Ok(Validation::reject(messages.join(", ")))
}
