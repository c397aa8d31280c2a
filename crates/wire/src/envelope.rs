//! The envelope between host and module: `{"request", "settings"}` in, `{"response"}` or `{"error"}` out.
//!
//! Source: `spec/module.md`, sections Input and Output.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// Puts a review and the policy's settings into the bytes that a module reads from stdin.
///
/// Both are taken as they are, without being parsed: `review` must be one JSON value. `settings` is left out when the
/// configuration has none.
#[must_use]
pub fn input(review: &[u8], settings: Option<&RawValue>) -> Vec<u8> {
    const AROUND: usize = br#"{"request":,"settings":}"#.len();
    let settings = settings.map(|settings| settings.get().as_bytes());
    let mut bytes = Vec::with_capacity(review.len() + settings.map_or(0, <[u8]>::len) + AROUND);
    bytes.extend_from_slice(br#"{"request":"#);
    bytes.extend_from_slice(review);
    if let Some(settings) = settings {
        bytes.extend_from_slice(br#","settings":"#);
        bytes.extend_from_slice(settings);
    }
    bytes.push(b'}');
    bytes
}

/// What a module reads: the review as `R`, the settings as `S`.
#[derive(Debug, Deserialize)]
pub struct Input<R, S> {
    /// The review.
    pub request: R,
    /// The policy's settings, when the configuration has some.
    #[serde(default = "Option::default")]
    pub settings: Option<S>,
}

/// What a module writes to stdout.
#[derive(Debug, Serialize, Deserialize)]
pub struct Output<R> {
    /// The answered review.
    #[serde(default = "Option::default", skip_serializing_if = "Option::is_none")]
    pub response: Option<R>,
    /// Why the module could not answer. A non-empty text wins over `response`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

impl<R> Output<R> {
    /// An answer.
    pub fn response(response: R) -> Self {
        Self {
            response: Some(response),
            error: None,
        }
    }

    /// The module could not answer.
    #[must_use]
    pub fn error(text: String) -> Self {
        Self {
            response: None,
            error: Some(text),
        }
    }
}

/// Takes the answered review out of what a module wrote.
///
/// # Errors
/// When the bytes are not the envelope, the module reported an error, or the envelope is empty.
pub fn output(bytes: &[u8]) -> Result<&RawValue, OutputError> {
    let output: Output<&RawValue> =
        serde_json::from_slice(bytes).map_err(OutputError::NotEnvelope)?;
    match (output.error, output.response) {
        (Some(text), _) if !text.is_empty() => Err(OutputError::Reported(text)),
        (_, Some(response)) => Ok(response),
        (_, None) => Err(OutputError::Empty),
    }
}

/// A module's output is no answer.
#[derive(Debug, thiserror::Error)]
pub enum OutputError {
    /// The bytes are not the envelope of the specification.
    #[error("the output is not `{{\"response\": …}}` or `{{\"error\": …}}`")]
    NotEnvelope(#[source] serde_json::Error),
    /// The module said that it failed.
    #[error("the module reported: {0}")]
    Reported(String),
    /// Neither a response nor an error.
    #[error("the output has neither `response` nor `error`")]
    Empty,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leaves_settings_out_when_there_are_none() {
        assert_eq!(input(b"{}", None), br#"{"request":{}}"#);
    }

    #[test]
    fn passes_review_and_settings_on_byte_for_byte() {
        let settings: &RawValue = serde_json::from_str(r#"{ "a": 1.0 }"#).expect("json");
        assert_eq!(
            input(br#"{"x": 1e2}"#, Some(settings)),
            br#"{"request":{"x": 1e2},"settings":{ "a": 1.0 }}"#
        );
    }

    #[test]
    fn a_reported_error_wins_over_a_response() {
        let error = output(br#"{"response":{},"error":"no database"}"#).unwrap_err();
        assert_eq!(error.to_string(), "the module reported: no database");
    }

    #[test]
    fn an_empty_error_is_no_error() {
        assert_eq!(
            output(br#"{"response":{"a":1},"error":""}"#)
                .expect("an answer")
                .get(),
            r#"{"a":1}"#
        );
        assert_eq!(
            output(br#"{"response":1,"error":null}"#)
                .expect("an answer")
                .get(),
            "1"
        );
    }

    #[test]
    fn refuses_what_is_no_envelope() {
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
