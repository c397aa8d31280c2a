//! Calls of a policy in any mode: their common input, and parsing of their output.

use std::sync::Arc;
use std::time::Instant;

use engine::{HostCalls, Limits, Output};
use serde::{Deserialize, Serialize};

use crate::failure::Failure;

/// The input of a call other than the request.
pub(crate) struct Call<'a> {
    /// The settings of the policy, a JSON object.
    pub(crate) settings: &'a str,
    pub(crate) host: Option<Arc<dyn HostCalls>>,
    pub(crate) limits: &'a Limits,
    pub(crate) deadline: Instant,
}

/// The result of validating a policy's settings. Source: `kubewarden-policy-sdk`, `settings.rs`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SettingsResponse {
    /// True if the policy accepts the settings.
    pub valid: bool,
    /// The reason of a rejection.
    #[serde(default)]
    pub message: Option<String>,
}

/// Parses the response of a policy, an `expected`. The parser's error quotes the response, so it is
/// a detail for the log.
pub(super) fn parse<'a, T: Deserialize<'a>>(
    output: &'a Output,
    expected: &str,
) -> Result<T, Failure> {
    if !output.stderr.is_empty() {
        tracing::debug!(log = %String::from_utf8_lossy(&output.stderr), "policy log");
    }
    serde_json::from_slice(&output.stdout).map_err(|error| {
        Failure::response(
            format!("its response is not a valid {expected}"),
            error.to_string(),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_quotes_of_an_invalid_response_out_of_the_message_for_clients() {
        let output = Output {
            stdout: br#"{"valid": "a secret"}"#.to_vec(),
            ..Output::default()
        };
        let failure = parse::<SettingsResponse>(&output, "settings response").unwrap_err();
        assert_eq!(
            failure.to_string(),
            "its response is not a valid settings response"
        );
        let Failure::Response { detail, .. } = failure else {
            panic!("not an invalid response: {failure:?}");
        };
        assert!(detail.contains("a secret"), "{detail}");
    }
}
