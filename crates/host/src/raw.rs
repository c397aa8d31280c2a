//! Raw requests: a Kubewarden policy is asked about any JSON, `{"request": …}` → `{"response": …}`.

use std::time::{Duration, Instant};

use access::admission::{self, Alone};
use access::{Asked, Timing};
use kubewarden::Request;
use serde::Serialize;
use wire::RawValue;
use wire::admission::Response;
use wire::review::ParseError;

use crate::host::EvaluateError;
use crate::policy::LoadedPolicy;

#[derive(serde::Deserialize)]
struct Posted<'a> {
    #[serde(borrow)]
    request: &'a RawValue,
}

#[derive(Serialize)]
struct Answer<'a> {
    response: &'a Response,
}

/// The request in the body of a raw review.
pub(crate) fn parse(body: &[u8]) -> Result<Request, EvaluateError> {
    let posted: Posted<'_> = serde_json::from_slice(body).map_err(ParseError::from)?;
    Ok(Request::from_raw(posted.request.get().as_bytes())?)
}

/// The raw review that answers.
pub(crate) fn answer(response: &Response) -> Vec<u8> {
    // Strings, booleans and lists only: writing them to memory cannot fail.
    serde_json::to_vec(&Answer { response }).unwrap_or_default()
}

/// Asks a policy by itself, outside of its chain.
pub(crate) async fn ask(
    rules: &admission::Policy,
    policy: &LoadedPolicy,
    request: &Request,
    deadline: Instant,
) -> Alone {
    let start = Instant::now();
    let answer = policy.validate(request, deadline).await;
    let asked = Asked {
        answer: answer.map(|answer| answer.into_response(request.uid())),
        timing: Timing {
            after: Duration::ZERO,
            elapsed: start.elapsed(),
        },
    };
    admission::alone(rules, request.uid(), request.object(), asked)
}
