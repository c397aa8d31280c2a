//! Raw reviews: a Kubewarden policy evaluates any JSON, `{"request": …}` → `{"response": …}`.

use kubewarden::Request;
use serde::{Deserialize, Serialize};
use wire::RawValue;
use wire::admission::Response;
use wire::review::ParseError;

use crate::request::EvaluateError;

/// Parses the request of a raw review.
pub(crate) fn parse_request(review: &[u8]) -> Result<Request, EvaluateError> {
    #[derive(Deserialize)]
    struct Body<'a> {
        #[serde(borrow)]
        request: &'a RawValue,
    }
    let review: Body<'_> = serde_json::from_slice(review).map_err(ParseError::from)?;
    Ok(Request::raw(review.request.get().as_bytes())?)
}

/// Serializes a raw review with a response.
pub(crate) fn write_response(response: &Response) -> Vec<u8> {
    #[derive(Serialize)]
    struct Body<'a> {
        response: &'a Response,
    }
    // Serializing strings, booleans and lists to memory cannot fail.
    serde_json::to_vec(&Body { response }).unwrap_or_default()
}
