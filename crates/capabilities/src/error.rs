//! Errors of host calls, as guests receive them.

use std::error::Error;

/// A host call that failed.
///
/// `Display` is the text that the guest receives. Guests match on it, so it is Kubewarden's text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HostCallError {
    /// The binding of the call is not `kubewarden`.
    #[error("unknown binding: {0}")]
    UnknownBinding(String),
    /// The namespace does not exist.
    #[error("unknown namespace: {0}")]
    UnknownNamespace(String),
    /// The namespace has no such operation.
    #[error("unknown operation: {0}")]
    UnknownOperation(String),
    /// The policy's `hostCapabilities` do not list the call.
    #[error(
        "Policy has not been granted access to the '{path}' host capability. The violation has been reported."
    )]
    CapabilityNotGranted {
        /// `<namespace>/<operation>`.
        path: String,
    },
    /// The policy's `contextAwareResources` do not list the kind.
    #[error(
        "Policy has not been granted access to Kubernetes {api_version}/{kind} resources. The violation has been reported."
    )]
    ResourceNotGranted {
        /// The version in the request: `v1`, `apps/v1`.
        api_version: String,
        /// The kind in the request: `Namespace`.
        kind: String,
    },
    /// The payload is not valid for the operation.
    #[error("{0}")]
    InvalidPayload(String),
    /// The call was made, or replayed, and failed.
    #[error("Callback evaluation failure: {0}")]
    Failed(String),
    /// Host calls are not available in this process (`Capabilities::none`).
    #[error("Cannot process Wasm guest request: callback channel not provided")]
    Unavailable,
}

/// Formats an error and its causes on one line, joined by `: `.
///
/// A cause is left out if the text before it already quotes it.
///
/// ```
/// let error = capabilities::Grants::new(["oci"], []).unwrap_err();
/// assert_eq!(capabilities::error_chain(&error), error.to_string());
/// ```
pub fn error_chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        let cause = error.to_string();
        if !text.contains(&cause) {
            text.push_str(": ");
            text.push_str(&cause);
        }
        source = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("{text}")]
    struct Link {
        text: &'static str,
        source: Option<Box<Link>>,
    }

    #[test]
    fn joins_causes_and_leaves_out_those_already_quoted() {
        let link = |text, source: Option<Link>| Link {
            text,
            source: source.map(Box::new),
        };
        let quoted = link("no route", None);
        let error = link("cannot connect: no route", Some(quoted));
        let error = link("cannot list pods", Some(error));
        assert_eq!(
            error_chain(&error),
            "cannot list pods: cannot connect: no route"
        );
    }
}
