//! The envelope between host and module: `{"request", "settings"}` in, `{"response"}` or `{"error"}` out.
//!
//! Source: `spec/module.md`, sections Input and Output.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// Serializes the input of a module: a review and the policy's settings.
///
/// Copies both without parsing them; `review` must be one JSON value. Omits `settings` if there are
/// none.
///
/// ```
/// assert_eq!(wire::envelope::input(b"{}", None), br#"{"request":{}}"#);
/// ```
#[must_use]
pub fn input(review: &[u8], settings: Option<&RawValue>) -> Vec<u8> {
    const OVERHEAD: usize = br#"{"request":,"settings":}"#.len();
    let settings = settings.map(|settings| settings.get().as_bytes());
    let mut bytes = Vec::with_capacity(review.len() + settings.map_or(0, <[u8]>::len) + OVERHEAD);
    bytes.extend_from_slice(br#"{"request":"#);
    bytes.extend_from_slice(review);
    if let Some(settings) = settings {
        bytes.extend_from_slice(br#","settings":"#);
        bytes.extend_from_slice(settings);
    }
    bytes.push(b'}');
    bytes
}

/// The input of a module: the review as `R`, the settings as `S`.
#[derive(Debug, Deserialize)]
pub struct Input<R, S> {
    /// The review.
    pub request: R,
    /// The settings of the policy, if the configuration has any.
    #[serde(default = "Option::default")]
    pub settings: Option<S>,
}

/// The output of a module.
#[derive(Debug, Serialize, Deserialize)]
pub struct Output<R> {
    /// The review with the response.
    #[serde(default = "Option::default", skip_serializing_if = "Option::is_none")]
    pub response: Option<R>,
    /// The error of the module. A non-empty text overrides `response`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

impl<R> Output<R> {
    /// Creates the output of a successful call.
    pub fn response(response: R) -> Self {
        Self {
            response: Some(response),
            error: None,
        }
    }

    /// Creates the output of a failed call.
    #[must_use]
    pub fn error(text: String) -> Self {
        Self {
            response: None,
            error: Some(text),
        }
    }
}

/// Extracts the review from the output of a module.
///
/// # Errors
/// Fails if the bytes are not the envelope, the module reported an error, or the envelope is empty.
pub fn output(bytes: &[u8]) -> Result<&RawValue, OutputError> {
    let output: Output<&RawValue> =
        serde_json::from_slice(bytes).map_err(OutputError::NotEnvelope)?;
    match (output.error, output.response) {
        (Some(text), _) if !text.is_empty() => Err(OutputError::Reported(text)),
        (_, Some(response)) => Ok(response),
        (_, None) => Err(OutputError::Empty),
    }
}

/// The reason why the output of a module has no review.
#[derive(Debug, thiserror::Error)]
pub enum OutputError {
    /// The bytes are not the envelope of the specification.
    #[error("the output is not `{{\"response\": …}}` or `{{\"error\": …}}`")]
    NotEnvelope(#[source] serde_json::Error),
    /// The module reported an error.
    #[error("the module reported: {0}")]
    Reported(String),
    /// The envelope has neither a response nor an error.
    #[error("the output has neither `response` nor `error`")]
    Empty,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn omits_absent_settings() {
        assert_eq!(input(b"{}", None), br#"{"request":{}}"#);
    }

    #[test]
    fn copies_review_and_settings_byte_for_byte() {
        let settings: &RawValue = serde_json::from_str(r#"{ "a": 1.0 }"#).unwrap();
        assert_eq!(
            input(br#"{"x": 1e2}"#, Some(settings)),
            br#"{"request":{"x": 1e2},"settings":{ "a": 1.0 }}"#
        );
    }

    #[test]
    fn an_error_overrides_a_response() {
        let error = output(br#"{"response":{},"error":"no database"}"#).unwrap_err();
        assert_eq!(error.to_string(), "the module reported: no database");
    }

    #[test]
    fn ignores_an_empty_error() {
        assert_eq!(
            output(br#"{"response":{"a":1},"error":""}"#).unwrap().get(),
            r#"{"a":1}"#
        );
        assert_eq!(
            output(br#"{"response":1,"error":null}"#).unwrap().get(),
            "1"
        );
    }

    #[test]
    fn rejects_output_that_is_not_an_envelope() {
        for bytes in [&b""[..], b"ok", b"{\"response\":1} trailing"] {
            assert!(matches!(output(bytes), Err(OutputError::NotEnvelope(_))));
        }
        for bytes in [
            &b"{}"[..],
            b"[]",
            b"{\"response\":null}",
            b"{\"error\":\"\"}",
        ] {
            assert!(matches!(output(bytes), Err(OutputError::Empty)));
        }
    }
}
